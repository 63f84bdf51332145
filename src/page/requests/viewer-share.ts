import type { AdmittedViewer } from '../auth/viewer.ts'

export interface ShareLimits {
  /** Most at once, of all viewers. */
  readonly max: number
  /** Most at once of one viewer, so that one cannot take them all. */
  readonly maxOfOne: number
}

/** Gives back what was taken; a second call does nothing. */
export type GiveBack = () => void

/** How many of something, such as live streams, are open at once, in all and for each viewer. */
export class ViewerShare {
  readonly limits: ShareLimits
  readonly #open = new Map<string, string[]>()
  #count = 0

  constructor(limits: ShareLimits) {
    this.limits = limits
  }

  /**
   * @param what names it for `holds`, for example its filter
   * @returns `all` where nobody can have another one now, `own` where only this viewer cannot
   */
  take(viewer: AdmittedViewer, what = ''): GiveBack | 'all' | 'own' {
    const key = keyOf(viewer)
    const own = this.#open.get(key) ?? []
    if (own.length >= this.limits.maxOfOne) return 'own'
    if (this.#count >= this.limits.max) return 'all'
    this.#count += 1
    this.#open.set(key, own)
    own.push(what)
    let isTaken = true
    return () => {
      if (!isTaken) return
      isTaken = false
      this.#count -= 1
      own.splice(own.indexOf(what), 1)
      if (own.length === 0) this.#open.delete(key)
    }
  }

  /** Whether this viewer has one open that was named so. */
  holds(viewer: AdmittedViewer, what: string): boolean {
    return this.#open.get(keyOf(viewer))?.includes(what) === true
  }
}

/**
 * Tells viewers apart: a name is no more than what the application, or who made a token, calls somebody.
 * So a token is another viewer than a person of its name, and than another token.
 */
function keyOf({ name, userId, tokenId, onlyEventId, seenBy }: AdmittedViewer): string {
  return JSON.stringify([
    name,
    userId ?? null,
    tokenId ?? null,
    onlyEventId ?? null,
    seenBy ?? null,
  ])
}
