import type { Check } from '../visit/check.ts'
import type { Row } from '../visit/connection.ts'
import { answer, type Finding } from '../visit/finding.ts'
import { quoted } from './rights.ts'
import { ROLES, type Visit } from '../visit/visit.ts'

/** Roles of Postgres that give a right on every table. */
const EVERYWHERE = ['pg_write_all_data', 'pg_read_all_data'] as const

/** Who is a member of the owner's role, and who has more than one of our roles. */
export const members: Check = {
  area: 'rights',
  what: 'members of the roles',
  as: 'owner',
  async look(visit) {
    const named = ROLES.map((role) => visit.roleName(role))
    const rows = await visit.rows(
      `select l.rolname::text as login, (
         select json_agg(r.rolname order by r.rolname) from pg_roles as r
         where (r.rolname in ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text) or r.rolname in ('${EVERYWHERE.join("', '")}'))
           and r.oid <> l.oid and pg_has_role(l.oid, r.oid, 'usage')
       )::text as roles
       from pg_roles as l where l.rolcanlogin and not l.rolsuper order by 1`,
      named,
    )
    const owner = visit.roleName('owner')
    const hasOwner = (row: Row) => JSON.parse(String(row['roles'] ?? '[]')).includes(owner)
    const owners = new Set(rows.filter(hasOwner).map(({ login }) => String(login)))
    const findings = rows.flatMap((row) => [...memberOf(row, owners, visit)])
    return answer(findings, 'each login has no more than it needs')
  },
}

function* memberOf(
  { login, roles }: Row,
  owners: ReadonlySet<string>,
  visit: Visit,
): Generator<Finding> {
  const has: readonly string[] = JSON.parse(String(roles ?? '[]'))
  const name = String(login)
  const finding = (
    kind: Finding['kind'],
    role: string,
    severity: Finding['severity'],
    text: string,
  ): Finding => ({
    kind,
    severity,
    text,
    remedy: { sql: `revoke ${quoted(role)} from ${quoted(name)};` },
  })
  const [owner, app, reader] = [
    visit.roleName('owner'),
    visit.roleName('app'),
    visit.roleName('reader'),
  ]
  const isOwner = has.includes(owner) && visit.settings.roles === 'on'
  const migrating = visit.of('owner')?.identity
  const text = `${name} is a member of ${owner}, so it can disable the triggers of the log.`
  if (isOwner && migrating?.login !== name) {
    // Where no URL leads to the login that migrates, this may be the one.
    const isKnown =
      migrating !== undefined && (migrating.isSuperuser || owners.has(migrating.login))
    const serves = visit.open.some((one) => one.identity?.login === name)
    yield finding(
      'owner-member',
      owner,
      !isKnown ? 'note' : serves ? 'error' : 'warning',
      `${text} Only the login that migrates needs that.`,
    )
  }
  if (has.includes(app) && has.includes(reader) && !isOwner) {
    yield finding(
      'app-may-read',
      reader,
      'warning',
      `${name} may record and read: an application that is taken over could read the log.`,
    )
  }
  const served = [app, visit.roleName('relay')].find((role) => has.includes(role))
  for (const [role, kind, may] of [
    ['keeper', 'keeper-serves', 'remove entries by a policy'],
    ['eraser', 'eraser-serves', 'empty fields of entries'],
  ] as const) {
    const own = visit.roleName(role)
    if (!has.includes(own) || served === undefined || isOwner) continue
    yield finding(
      kind,
      own,
      'warning',
      `${name} has ${own} and ${served}: who gets hold of it may ${may}.`,
    )
  }
  if (has.includes('pg_write_all_data')) {
    yield finding(
      'grant-too-wide',
      'pg_write_all_data',
      'error',
      `${name} is a member of pg_write_all_data, so it may write into every table of the log.`,
    )
  }
  if (has.includes('pg_read_all_data') && has.includes(app) && !isOwner) {
    yield finding(
      'app-may-read',
      'pg_read_all_data',
      'warning',
      `${name} may record, and it may read every table by pg_read_all_data.`,
    )
  }
}

/** What a role's URL should not be able to do. */
export const logins: Check = {
  area: 'rights',
  what: 'logins of the URLs',
  async look(visit) {
    const wide = (['app', 'relay', 'reader', 'keeper', 'eraser'] as const).flatMap(
      (role): Finding[] => {
        const connection = visit.of(role)
        if (!connection?.identity?.isSuperuser || connection.roles.includes('owner')) return []
        return [
          {
            kind: 'superuser',
            severity: 'warning',
            text: `${connection.variables.join(', ')}: ${connection.identity.login} is a superuser, and no trigger or grant stops it.`,
            remedy: {
              sql: `create role audit_${role}_login login; grant ${visit.roleName(role)} to audit_${role}_login;`,
              advice: `Give it a password, and put it into AUDIT_${role.toUpperCase()}_DATABASE_URL.`,
            },
          },
        ]
      },
    )
    if (wide.length > 0) return { findings: wide }
    const [only, ...others] = visit.open
    const isOneForAll = only !== undefined && others.length === 0 && only.roles.length > 1
    return {
      findings: isOneForAll
        ? [
            {
              kind: 'one-login',
              severity: 'note',
              text: `One login (${only.identity?.login}) records, moves, reads and migrates, so no grant protects the log from it.`,
              remedy: {
                advice:
                  'See "The schema and its logins" in relay/deploy/README.md for a login for each role.',
              },
            },
          ]
        : [],
      said: `${visit.open.length} of them`,
    }
  },
}
