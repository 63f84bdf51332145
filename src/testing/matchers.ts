import { AssertionError } from 'node:assert'
import {
  entriesOf,
  type ExpectedEntry,
  judge,
  type Recorded,
  type RecordedEntry,
  type RecordedLater,
} from './recorded.ts'

/** What `expect(audit)` can do once `expect.extend(auditMatchers)` was called. */
export interface AuditMatchers<Result> {
  /**
   * An entry of this action was recorded, with these values. Metadata and context may hold more
   * than is expected. Values may be asymmetric matchers, regular expressions and functions that
   * return true. Of a PGlite log it has to be awaited.
   */
  toHaveRecorded(action: string, expected?: ExpectedEntry): Result
}

interface MatcherResult {
  readonly pass: boolean
  readonly message: () => string
}

/**
 * Matchers for Vitest and Jest.
 *
 * @example
 * ```ts
 * expect.extend(auditMatchers) // once, in a file of `setupFiles`
 * expect(audit).toHaveRecorded('guest.check_in', { targetId })
 * ```
 */
export const auditMatchers = {
  toHaveRecorded(
    received: unknown,
    action: string,
    expected?: ExpectedEntry,
  ): MatcherResult | Promise<MatcherResult> {
    const entries = entriesOf(received)
    return 'then' in entries
      ? entries.then((found) => resultOf(found, action, expected))
      : resultOf(entries, action, expected)
  },
}

function resultOf(
  entries: readonly RecordedEntry[],
  action: string,
  expected: ExpectedEntry | undefined,
): MatcherResult {
  const { isRecorded, message } = judge(entries, action, expected)
  return { pass: isRecorded, message: () => message }
}

/**
 * The same for `node:test`: fails unless an entry of this action was recorded, with these values.
 *
 * @returns the entry
 * @throws {AssertionError} which shows the nearest entry
 */
export function assertRecorded(
  recorded: Recorded,
  action: string,
  expected?: ExpectedEntry,
): RecordedEntry
export function assertRecorded(
  recorded: RecordedLater,
  action: string,
  expected?: ExpectedEntry,
): Promise<RecordedEntry>
export function assertRecorded(
  recorded: Recorded | RecordedLater,
  action: string,
  expected?: ExpectedEntry,
): RecordedEntry | Promise<RecordedEntry> {
  const check = (found: readonly RecordedEntry[]): RecordedEntry => {
    const { isRecorded, entry, message } = judge(found, action, expected)
    if (isRecorded && entry) return entry
    throw new AssertionError({ message, actual: found, expected: { action, ...expected } })
  }
  const entries = entriesOf(recorded)
  return 'then' in entries ? entries.then(check) : check(entries)
}

/**
 * Fails if an entry of this action was recorded, with these values.
 *
 * @throws {AssertionError} which shows that entry
 */
export function assertNotRecorded(
  recorded: Recorded,
  action: string,
  expected?: ExpectedEntry,
): void
export function assertNotRecorded(
  recorded: RecordedLater,
  action: string,
  expected?: ExpectedEntry,
): Promise<void>
export function assertNotRecorded(
  recorded: Recorded | RecordedLater,
  action: string,
  expected?: ExpectedEntry,
): void | Promise<void> {
  const check = (found: readonly RecordedEntry[]): void => {
    const { isRecorded, entry, message } = judge(found, action, expected)
    if (isRecorded) throw new AssertionError({ message, actual: entry })
  }
  const entries = entriesOf(recorded)
  return 'then' in entries ? entries.then(check) : check(entries)
}
