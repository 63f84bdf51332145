import { faultHint } from '../../../src/database/faults.ts'
import { AuditError } from '../../../src/errors.ts'
import type { DatabaseRole } from '../../../src/options.ts'
import type { Answer, Area, Examined } from './finding.ts'
import { NobodyToAsk, variableOf, type Visit } from './visit.ts'

/** One thing that `doctor` looks at. */
export interface Check {
  readonly area: Area
  readonly what: string
  /** As whom to run it where a login may not look. */
  readonly as?: DatabaseRole
  look(visit: Visit): Promise<Answer>
}

/** Makes a check. What it may not look at, or what does not answer, is said and is no failure. */
export async function examine(check: Check, visit: Visit): Promise<Examined> {
  const { area, what, as } = check
  try {
    return { area, what, ...(await check.look(visit)) }
  } catch (error) {
    return { area, what, findings: [], skipped: { why: whyNot(error, as, visit), as } }
  }
}

function whyNot(error: unknown, as: DatabaseRole | undefined, visit: Visit): string {
  const cure = as && `set ${`AUDIT_${as.toUpperCase()}_DATABASE_URL`} to a login that may`
  if (error instanceof NobodyToAsk) return `${error.message}; ${cure}`
  if (!(error instanceof AuditError)) throw error
  const { code } = error.fault ?? {}
  if (code === '42501') {
    const role = as && visit.roleName(as)
    return `not permitted; run it as a member of ${role} (${cure}; now ${as && variableOf(as, visit.environment)})`
  }
  const hint = faultHint(error)
  return hint ? `${error.message} ${hint}` : error.message
}
