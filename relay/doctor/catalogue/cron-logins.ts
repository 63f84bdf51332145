import type { Check } from '../visit/check.ts'
import { type Finding, well } from '../visit/finding.ts'
import { quoted } from './rights.ts'

interface CronLogin {
  readonly role: 'keeper' | 'eraser'
  readonly kind: Finding['kind']
  /** A function that the role needs for everything that it does. */
  readonly functionName: string
  /** What it may do, as in "may apply policies". */
  readonly may: string
  /** What does not happen where it may not. */
  readonly without: string
}

/** Whether the keeper's login, where its URL is set, may do what cron runs as it. */
export const keeper = cronLogin({
  role: 'keeper',
  kind: 'keeper-lacks-role',
  functionName: 'retention_candidates',
  may: 'apply policies',
  without: 'nothing is removed, held, archived or imported by it',
})

/** Whether the eraser's login, where its URL is set, may erase. */
export const eraser = cronLogin({
  role: 'eraser',
  kind: 'eraser-lacks-role',
  functionName: 'erase',
  may: 'erase',
  without: 'no request to erase is answered by it',
})

function cronLogin({ role, kind, functionName, may, without }: CronLogin): Check {
  return {
    area: 'rights',
    what: `the ${role}'s login`,
    async look(visit) {
      const connection = visit.of(role)
      if (connection?.identity === undefined) return { findings: [] }
      const { login } = connection.identity
      // By the right and not by the role, because a team without our roles grants the functions itself.
      const { lacks } = await connection.row(
        `select not (has_schema_privilege(n.oid, 'usage') and has_function_privilege(p.oid, 'execute')) as lacks
         from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
         where n.nspname = 'audit' and p.proname = $1`,
        [functionName],
      )
      if (lacks !== true) return well(`${login} may ${may}`)
      const name = visit.roleName(role)
      return {
        findings: [
          {
            kind,
            severity: 'warning',
            text: `${connection.variables.join(', ')}: ${login} may not ${may}, so ${without}.`,
            remedy:
              visit.settings.roles === 'off'
                ? { advice: 'Use the login that migrated, or grant this one the functions.' }
                : { sql: `grant ${quoted(name)} to ${quoted(login)};` },
          },
        ],
      }
    },
  }
}
