import { optionInvalid } from '../../errors.ts'
import type { AuditContext } from '../../entry.ts'

/** A person who may read the log. */
export interface Viewer {
  /** Shown at the top of the page and stored in each `audit.read` entry. 1 to 128 characters. */
  readonly name: string
  /** Their UUID, if they are a user of the application. */
  readonly userId?: string | undefined
  /**
   * Limits them to the entries of this event, whatever the address asks for.
   * Default: the whole log.
   */
  readonly onlyEventId?: string | undefined
  /** Added to the context of each `audit.read` entry, for example the ip. */
  readonly context?: AuditContext | undefined
}

/**
 * Says who sends a request. Null or undefined: somebody who may not read (401). A `Response`, such
 * as a redirect to your sign-in page, is returned unchanged.
 */
export type Authorize = (
  request: Request,
) => Viewer | Response | null | undefined | Promise<Viewer | Response | null | undefined>

/**
 * Calls `authorize` and checks its answer, so that a mistake in it lets nobody in.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where the answer is of no allowed kind
 */
export async function authorizeRequest(
  authorize: Authorize,
  request: Request,
): Promise<Viewer | Response | undefined> {
  const answer = await authorize(request)
  if (answer === null || answer === undefined) return undefined
  if (answer instanceof Response) return answer
  const name: unknown = typeof answer === 'object' ? answer.name : undefined
  if (typeof name === 'string' && name !== '' && name.length <= 128) return answer
  throw optionInvalid(
    'authorize must return { name } with 1 to 128 characters, null or a Response.',
  )
}
