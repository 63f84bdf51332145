import { faultHint } from '../../../src/database/faults.ts'
import { lacksRight } from '../../../src/database/refusal.ts'
import { AuditError } from '../../../src/errors.ts'

const REFUSED = 4

/**
 * Runs what only a login with a role of its own may do, such as the keeper's.
 *
 * @returns what the work returns, or 4 where the login lacks the role, which it says on standard error
 */
export async function unlessRefused(work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    const isOurs = error instanceof AuditError && error.code === 'AUDIT_DATABASE_FAILED'
    if (!isOurs || !lacksRight(error)) throw error
    process.stderr.write(`audit-relay: ${faultHint(error) ?? error.message}\n`)
    return REFUSED
  }
}
