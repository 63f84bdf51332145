import { AuditError } from '../../src/errors.ts'
import type { FollowStatements } from './follow-statements.ts'
import type { FollowedEntry } from './followed-entry.ts'

/** Numbers in one statement, unless that is too much. */
const CHUNK = 512

/** Reads the entries of a range of numbers, some at a time, and fewer where they are large. */
export async function* readEntries(
  statements: Pick<FollowStatements, 'entries'>,
  consumer: string,
  { fromSeq, toSeq }: { readonly fromSeq: number; readonly toSeq: number },
): AsyncGenerator<readonly FollowedEntry[]> {
  let chunk = CHUNK
  for (let next = fromSeq; next <= toSeq; ) {
    const last = Math.min(toSeq, next + chunk - 1)
    let entries: readonly FollowedEntry[]
    try {
      entries = await statements.entries(consumer, next, last)
    } catch (error) {
      if (!isTooMuch(error) || chunk === 1) throw error
      chunk = Math.ceil(chunk / 8)
      continue
    }
    chunk = Math.min(CHUNK, chunk * 2)
    next = last + 1
    yield entries
  }
}

/** Whether fewer entries may work. */
function isTooMuch(error: unknown): boolean {
  if (!(error instanceof AuditError)) return false
  const code = error.fault?.code ?? ''
  return error.code === 'AUDIT_DEADLINE_PASSED' || /^(?:57014|54...|53200)$/.test(code)
}
