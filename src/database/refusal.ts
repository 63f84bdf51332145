import { databaseFault } from '../errors.ts'
import { within } from '../within.ts'
import type { Role } from './roles.ts'

/** How long to look for the cause of a refusal, in milliseconds. */
const LOOK_TIMEOUT_MS = 2_000

/**
 * Whether Postgres refused a statement because the login lacks a right. Our own functions refuse
 * with the same code, for instance the key of another recorder, and no grant changes that.
 */
export function lacksRight(error: unknown): boolean {
  const { code, routine } = databaseFault(error)
  return code === '42501' && routine !== 'exec_stmt_raise'
}

/** What the catalogue, which every login may read, says about a login and a role of the schema. */
interface Look {
  readonly login: string
  /** The owner of the schema; null where there is no schema. */
  readonly owner: string | null
  /** Whether the owner is the role that migrations make, whatever its prefix. */
  readonly isOurs: boolean
  /** The role with the prefix of this database. */
  readonly role: string | null
  readonly isThere: boolean
  readonly isMember: boolean
  readonly inherits: boolean
  /** Whether a grant says if its member inherits (PostgreSQL 16). */
  readonly grantsInherit: boolean
}

/**
 * A statement as text, because it also runs on a connection without Drizzle. It answers with one
 * text, because a caller's driver may rename columns and leave other types as they come.
 */
const lookFor = (role: Role) => `
  select pg_catalog.json_build_object(
    'login', pg_catalog.quote_ident(current_user::pg_catalog.text),
    'owner', pg_catalog.quote_ident(o.rolname::pg_catalog.text),
    'isOurs', coalesce(not o.rolcanlogin and o.prefix is not null, false),
    'role', pg_catalog.quote_ident(pg_catalog.concat(o.prefix, '${role}')),
    'isThere', r.oid is not null,
    'isMember', coalesce(pg_catalog.pg_has_role(r.oid, 'member'::pg_catalog.text), false),
    'inherits', coalesce(pg_catalog.pg_has_role(r.oid, 'usage'::pg_catalog.text), false),
    'grantsInherit', pg_catalog.current_setting('server_version_num')::pg_catalog.int4
      operator(pg_catalog.>=) 160000
  )::pg_catalog.text as "look"
  from (select 1) as one
  left join pg_catalog.pg_namespace as n on n.nspname operator(pg_catalog.=) 'audit'::pg_catalog.name
  left join lateral (
    select p.rolname, p.rolcanlogin,
      pg_catalog.substring(p.rolname::pg_catalog.text, '^(.*)audit_owner$') as prefix
    from pg_catalog.pg_roles as p where p.oid operator(pg_catalog.=) n.nspowner
  ) as o on true
  left join pg_catalog.pg_roles as r
    on r.rolname::pg_catalog.text operator(pg_catalog.=) pg_catalog.concat(o.prefix, '${role}')`

/**
 * What to do about a statement that was refused: which role the login lacks, with its prefix.
 *
 * @param ask runs a statement as the same login, and resolves with its row
 * @returns undefined where the catalogue does not tell, as in a transaction that has failed
 */
export async function refusalHint(
  role: Role,
  ask: (text: string) => PromiseLike<unknown>,
): Promise<string | undefined> {
  try {
    const found = await within(LOOK_TIMEOUT_MS, Promise.resolve(ask(lookFor(role))), () => {})
    const [look] = Object.values(found ?? {})
    return look === undefined ? undefined : hintOf(role, JSON.parse(String(look)) as Look)
  } catch {
    return undefined
  }
}

const MIGRATE = 'Run "audit-relay migrate".'

function hintOf(wanted: Role, look: Look): string {
  const { login, owner, isOurs, role, isThere, isMember, inherits, grantsInherit } = look
  if (owner === null) return `The schema "audit" is missing. ${MIGRATE}`
  if (!isOurs) {
    const cure =
      wanted === 'audit_owner'
        ? 'Use that login, or make this one the owner.'
        : 'Where it was migrated with roles off, use that login; after a restore, run ' +
          '"audit-relay migrate".'
    return `The schema "audit" belongs to ${owner}, and this login is ${login}. ${cure}`
  }
  if (!isThere) return `The role ${role} is missing, as after a restore. ${MIGRATE}`
  if (!isMember) return `The login ${login} lacks the role ${role}: grant ${role} to ${login}.`
  if (!inherits) {
    const cure = grantsInherit
      ? `grant ${role} to ${login} with inherit true`
      : `alter role ${login} inherit`
    return `The login ${login} has the role ${role} and does not inherit its rights: ${cure}.`
  }
  return `The login ${login} has the role ${role}, which lacks a right, as after a restore. ${MIGRATE}`
}

/** The hint where nothing more is known. */
export function grantHint(role: Role): string {
  return (
    `The login lacks the role ${role}. Grant it, under the name that it has in this database: ` +
    '"audit-relay migrate --role-prefix" puts a prefix before it.'
  )
}
