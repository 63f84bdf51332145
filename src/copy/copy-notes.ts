import { headOf, ownCopy } from '../engine-text.ts'

export type Root = 'metadata' | 'context'

/** How many redacted paths an entry lists, and the longest part of each that is kept. */
const MAX_REDACTED_PATHS = 20
const MAX_PATH_CHARACTERS = 256

/**
 * Collects how the copy of an entry differs from the original, and the paths that were redacted.
 */
export class CopyNotes {
  #marks: string[] | undefined
  #redacted: string[] | undefined
  #root: Root = 'metadata'
  /** The key of each container around the current value. The first one is the root. */
  readonly #keys: (string | number)[] = []

  /** Call this before each entry. */
  begin(): void {
    this.#marks = undefined
    this.#redacted = undefined
  }

  /** Call this before each of an entry's objects. */
  beginRoot(root: Root): void {
    this.#root = root
  }

  /** The marks so far, each once. Undefined for nearly every entry: none. */
  get marks(): readonly string[] | undefined {
    return this.#marks
  }

  /** The paths redacted so far. Undefined: none. */
  get redacted(): readonly string[] | undefined {
    return this.#redacted
  }

  /** Marks the object that is being copied: `circular` becomes `metadata.circular`. */
  mark(what: string): void {
    this.markEntry(`${this.#root}.${what}`)
  }

  markEntry(mark: string): void {
    if (this.#marks === undefined) this.#marks = [mark]
    else if (!this.#marks.includes(mark)) this.#marks.push(mark)
  }

  noteRedacted(path: string): void {
    this.#redacted ??= []
    if (this.#redacted.length < MAX_REDACTED_PATHS) this.#redacted.push(path)
    else if (this.#redacted.length === MAX_REDACTED_PATHS) this.#redacted.push('…')
  }

  /** Call this when the copy enters a container, with its depth and the key that leads to it. */
  enter(depth: number, key: string | number): void {
    this.#keys[depth] = key
  }

  /** The key of the container at this depth; undefined for the root. */
  keyAt(depth: number): string | number | undefined {
    return this.#keys[depth]
  }

  /** The path of a key in the container at this depth: `metadata.users[0].ssn`. */
  pathOf(key: string | number, depth: number): string {
    let path: string = this.#root
    for (const part of [...this.#keys.slice(1, depth + 1), key]) {
      path += typeof part === 'number' ? `[${part}]` : `.${part}`
      if (path.length > MAX_PATH_CHARACTERS) return `${headOf(path, MAX_PATH_CHARACTERS)}…`
    }
    return ownCopy(path)
  }
}
