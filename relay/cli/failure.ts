import { AuditError } from '../../src/errors.ts'
import { commandPath } from './program.ts'

const FAILED = 1
const MISUSED = 2

export interface Failure {
  readonly exitCode: number
  /** Lines for standard error. */
  readonly text: string
}

/**
 * The text and the exit code for an `AuditError`. Undefined for any other error: it is a bug, and
 * the caller prints its stack.
 */
export async function explainFailure(
  error: unknown,
  args: readonly string[],
): Promise<Failure | undefined> {
  if (!(error instanceof AuditError)) return undefined
  const { code, message, fault } = error
  const isMisuse = code === 'AUDIT_OPTION_INVALID' || code === 'AUDIT_FILTER_INVALID'
  const lines = [message]
  if (fault) {
    const { faultHint } = await import('../../src/database/faults.ts')
    const hint = faultHint(error)
    if (hint && !message.includes(hint)) lines.push(hint)
  }
  if (isMisuse)
    lines.push(`See "${['audit-relay', commandPath(args), '--help'].filter(Boolean).join(' ')}".`)
  return { exitCode: isMisuse ? MISUSED : FAILED, text: `audit-relay: ${lines.join('\n')}\n` }
}
