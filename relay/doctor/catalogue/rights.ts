import { roleStatements } from '../../../src/database/role-settings.ts'
import { grantsOf } from '../../../src/schema/repair.ts'
import { series } from '../../../src/schema/series.ts'
import type { Row } from '../visit/connection.ts'
import type { Check } from '../visit/check.ts'
import { answer, type Finding } from '../visit/finding.ts'
import type { Visit } from '../visit/visit.ts'

/** Everything in the schema that has an owner: its kind, its name for SQL, its owner and its grants. */
const OBJECTS = `
  select 'schema' as kind, n.nspname::text as name, n.nspname::text as full_name,
    n.nspowner as owner, coalesce(n.nspacl, acldefault('n', n.nspowner)) as acl
  from pg_namespace as n where n.nspname = 'audit'
  union all
  select case c.relkind when 'S' then 'sequence' else 'table' end, c.relname::text,
    c.oid::regclass::text, c.relowner, c.relacl
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where n.nspname = 'audit' and c.relkind in ('r', 'p', 'S', 'v', 'm', 'f')
  union all
  select 'function', p.proname::text, p.oid::regprocedure::text, p.proowner,
    coalesce(p.proacl, acldefault('f', p.proowner))
  from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace where n.nspname = 'audit'
  union all
  select 'column', c.relname::text, c.oid::regclass::text, c.relowner, a.attacl
  from pg_attribute as a join pg_class as c on c.oid = a.attrelid
  join pg_namespace as n on n.oid = c.relnamespace where n.nspname = 'audit' and a.attacl is not null`

/** The tables that the migrator and serial columns make, which change owner on their own. */
const BOOKKEEPING: ReadonlySet<string> = new Set(['audit_migrations', 'audit_migration_lock'])

/** Whether all of the schema belongs to the owner's role. */
export const owners: Check = {
  area: 'rights',
  what: 'owners',
  as: 'owner',
  async look(visit) {
    if (visit.settings.roles === 'off') return { findings: [], said: 'roles are off' }
    const owner = visit.roleName('owner')
    const rows = await visit.rows(
      `select o.kind, o.name, o.full_name, pg_get_userbyid(o.owner)::text as owner from (${OBJECTS}) as o
       where o.kind not in ('column', 'sequence') and pg_get_userbyid(o.owner) <> $1::text order by 1, 2`,
      [owner],
    )
    const findings = rows
      .filter(({ name }) => !BOOKKEEPING.has(String(name)))
      .map(
        ({ kind, full_name, owner: found }): Finding => ({
          kind: 'owner',
          severity: 'error',
          text: `The ${kind} ${full_name} belongs to ${found}, who may change or drop it, and not to ${owner}.`,
          remedy: { command: 'audit-relay migrate' },
        }),
      )
    return answer(findings, `all of it belongs to ${owner}`)
  },
}

const WRITES: ReadonlySet<string> = new Set([
  'INSERT',
  'UPDATE',
  'DELETE',
  'TRUNCATE',
  'REFERENCES',
  'TRIGGER',
  'CREATE',
  'MAINTAIN',
])

/** Whether the roles have what they need, and nobody has more. */
export const grants: Check = {
  area: 'rights',
  what: 'grants',
  as: 'owner',
  async look(visit) {
    const expected = expectedGrants(visit)
    const rows = await visit.rows(
      `select o.kind, o.name, o.full_name, a.privilege_type as privilege,
         case a.grantee when 0 then 'PUBLIC' else pg_get_userbyid(a.grantee)::text end as grantee
       from (${OBJECTS}) as o cross join lateral aclexplode(o.acl) as a
       where a.grantee <> o.owner order by 1, 2, 4, 5`,
    )
    const found = new Set(rows.map(keyOf))
    const wide = rows
      .filter((row) => !expected.has(keyOf(row)) && isTooWide(row, visit))
      .map(tooWide)
    const lacking = [...expected].filter((key) => !found.has(key))
    return answer(
      [...wide, ...(lacking.length > 0 ? [missing(lacking)] : [])],
      'as this package gives them',
    )
  },
}

/** Without our roles a team gives its logins rights on functions and reads by itself. */
function isTooWide({ privilege, grantee }: Row, { settings }: Visit): boolean {
  return settings.roles === 'on' || grantee === 'PUBLIC' || WRITES.has(String(privilege))
}

const keyOf = ({ kind, name, privilege, grantee }: Row) =>
  `${privilege} on ${kind} ${name} to ${grantee}`

function expectedGrants({ settings }: Visit): ReadonlySet<string> {
  return new Set(
    roleStatements(series(), settings)
      .flatMap(grantsOf)
      .map(({ role, kind, object, privilege }) =>
        keyOf({
          kind: kind.toLowerCase(),
          name: /^(?:"?audit"?\.)?"?(\w+)"?/.exec(object)?.[1],
          privilege,
          grantee: role,
        }),
      ),
  )
}

function tooWide({ kind, full_name, privilege, grantee }: Row): Finding {
  const who = grantee === 'PUBLIC' ? 'everybody (PUBLIC)' : String(grantee)
  const isError = grantee === 'PUBLIC' || WRITES.has(String(privilege))
  const what = kind === 'column' ? `column of ${full_name}` : `${kind} ${full_name}`
  const on = kind === 'column' ? 'table' : kind
  return {
    kind: 'grant-too-wide',
    severity: isError ? 'error' : 'warning',
    text: `${who} has ${privilege} on the ${what}, which this package never grants.`,
    remedy: {
      sql: `revoke ${privilege} on ${on} ${full_name} from ${grantee === 'PUBLIC' ? 'public' : quoted(String(grantee))};`,
    },
  }
}

function missing(lacking: readonly string[]): Finding {
  const more = lacking.length > 1 ? ` and ${lacking.length - 1} more` : ''
  return {
    kind: 'grant-missing',
    severity: 'error',
    text: `A grant is missing: ${lacking[0]}${more}.`,
    remedy: { command: 'audit-relay migrate' },
  }
}

export function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}
