import type { Outcome } from '../../entry.ts'

const DENIED: ReadonlySet<unknown> = new Set([401, 403])

/**
 * The outcome of an attempt that did not succeed.
 *
 * @param status HTTP's; undefined where the error has none
 */
export function outcomeOf(status: unknown): Outcome {
  return DENIED.has(status) ? 'denied' : 'failed'
}
