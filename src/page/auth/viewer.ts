import { optionInvalid } from '../../errors.ts'
import type { AuditContext } from '../../entry.ts'

/** Somebody who may read. */
export interface Viewer {
  /** Shown at the top, and written down as who has read. 1 to 128 characters. */
  readonly name: string
  /** Their id, where they are a user of yours: a UUID. */
  readonly userId?: string | undefined
  /**
   * All that they may see: this event's entries, whatever the address asks for.
   * Default: the whole log.
   */
  readonly onlyEventId?: string | undefined
  /** Added to what is written down of their reading: ip and the like. */
  readonly context?: AuditContext | undefined
}

/**
 * Says who asks. Null: nobody who may read (401). A `Response` is handed on as it is: a redirect to
 * your sign-in, for one.
 */
export type Authorize = (
  request: Request,
) => Viewer | Response | null | undefined | Promise<Viewer | Response | null | undefined>

/** A slip in somebody's `authorize` must not let anybody in, or read as somebody without a name. */
export async function askForViewer(
  authorize: Authorize,
  request: Request,
): Promise<Viewer | Response | undefined> {
  const answer = await authorize(request)
  if (answer === null || answer === undefined) return undefined
  if (answer instanceof Response) return answer
  const name: unknown = typeof answer === 'object' ? answer.name : undefined
  if (typeof name === 'string' && name !== '' && name.length <= 128) return answer
  throw optionInvalid('authorize must answer with { name }, null or a Response.')
}
