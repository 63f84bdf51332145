import { AuditError } from '../errors.ts'
import { type DirectConnection, type DirectTransaction, pinned } from './direct-connection.ts'
import { BOOKKEEPING, LOCK_TABLE } from './series.ts'

const OLDEST_SERVER = 140_000
const MOST_NAMED = 5

/** What the catalogue says about the server and the schema `audit`. */
export interface Found {
  readonly version: number
  readonly is_standby: boolean
  readonly has_schema: boolean
  readonly is_used: boolean
  readonly is_ours: boolean
  readonly login: string
  /** The owner of the schema, where there is one, and whether one can log in as it. */
  readonly owner: string | null
  readonly is_login: boolean
  /** Objects that are in the schema, or are called from it, and that are not ours. */
  readonly strangers: readonly string[]
}

/** @param rolePrefix as the caller gives it, if he does */
export function examine(client: DirectConnection, rolePrefix = ''): Promise<Found> {
  return pinned(client, async (tx) => {
    // It reads the catalogue, because to_regclass() fails for a login that may not use the schema.
    // Every object in a schema, of any kind, has a dependency on it in pg_depend.
    const [found] = await tx<[Omit<Found, 'strangers'>]>`
      select
        current_setting('server_version_num')::integer as version,
        pg_is_in_recovery() as is_standby,
        n.oid is not null as has_schema,
        exists (
          select from pg_depend as d
          left join pg_class as c on d.classid = 'pg_class'::regclass and c.oid = d.objid
          where d.refclassid = 'pg_namespace'::regclass and d.refobjid = n.oid
            and c.relname is distinct from ${LOCK_TABLE.split('.')[1] ?? ''}
        ) as is_used,
        exists (
          select from pg_class as c
          where c.relnamespace = n.oid and c.relname = ${BOOKKEEPING.migrationsTable}
        ) as is_ours,
        current_user::text as login,
        pg_get_userbyid(n.nspowner)::text as owner,
        exists (select from pg_roles as r where r.oid = n.nspowner and r.rolcanlogin) as is_login
      from (select 1) as one left join pg_namespace as n
        on n.nspname = ${BOOKKEEPING.migrationsSchema}`
    return { ...found, strangers: await findStrangers(tx, `${rolePrefix}audit_owner`) }
  })
}

/**
 * Finds objects that would run with the rights of the login that migrates. A login that may create
 * a schema could create `audit` before the first migration, with a trigger, a rule or a default in
 * it. Objects of a superuser are accepted, because a superuser has those rights already. So are those
 * of a role that a migration with a prefix has made, where it owns the schema: nobody can log in as
 * it, and only a login that it was granted to can give it something.
 */
export async function findStrangers(
  tx: DirectTransaction,
  ownerRole: string,
): Promise<readonly string[]> {
  const rows = await tx<{ what: string }[]>`
    with schema as (
      select oid, nspowner from pg_namespace where nspname = ${BOOKKEEPING.migrationsSchema}
    ),
    trusted as (
      select oid from pg_roles where rolname in (${ownerRole}, 'audit_owner', current_user) or rolsuper
        or oid = (select nspowner from schema) and rolname ~ '^[a-z0-9_]*audit_owner$' and not rolcanlogin
    ),
    inside as (
      select d.classid, d.objid from pg_depend as d join schema as s on d.refobjid = s.oid
      where d.refclassid = 'pg_namespace'::regclass and d.deptype = 'n'
    ),
    owned as (
      select 'pg_namespace'::regclass::oid as classid, oid as objid, nspowner as owner from schema
      union all
      select i.classid, i.objid, o.refobjid from inside as i join pg_shdepend as o
        on o.classid = i.classid and o.objid = i.objid and o.deptype = 'o'
        and o.dbid = (select oid from pg_database where datname = current_database())
    ),
    -- Triggers, rules, defaults, checks, indexes and policies, by the table that they belong to.
    attached as (
      select d.classid, d.objid from pg_depend as d
      join inside as i on i.classid = 'pg_class'::regclass
        and d.refclassid = 'pg_class'::regclass and d.refobjid = i.objid
      where d.classid in (
        'pg_trigger'::regclass, 'pg_rewrite'::regclass, 'pg_attrdef'::regclass,
        'pg_constraint'::regclass, 'pg_policy'::regclass, 'pg_class'::regclass)
      union
      select classid, objid from inside
    ),
    calling as (
      select a.classid, a.objid, f.objid as function from attached as a
      join pg_depend as d on d.classid = a.classid and d.objid = a.objid
      join (
        select 'pg_proc'::regclass::oid as classid, oid as objid, pronamespace as namespace from pg_proc
        union all
        select 'pg_operator'::regclass, oid, oprnamespace from pg_operator
      ) as f on f.classid = d.refclassid and f.objid = d.refobjid
      where f.namespace <> 'pg_catalog'::regnamespace and f.namespace not in (select oid from schema)
    ),
    rules as (
      select 'pg_rewrite'::regclass::oid as classid, r.oid as objid from pg_rewrite as r
      join inside as i on i.classid = 'pg_class'::regclass and i.objid = r.ev_class
      where r.rulename <> '_RETURN'
    )
    select what from (
      select format('%s %s (owner %s)', it.type, it.identity, pg_get_userbyid(o.owner)) as what
      from owned as o, pg_identify_object(o.classid, o.objid, 0) as it
      where o.owner not in (select oid from trusted)
      union
      select format('%s %s (calls a function outside of the schema "audit")', it.type, it.identity)
      from calling as c, pg_identify_object(c.classid, c.objid, 0) as it
      union
      select format('%s %s', it.type, it.identity)
      from rules as r, pg_identify_object(r.classid, r.objid, 0) as it
    ) as strange
    order by what limit ${MOST_NAMED + 1}::integer`
  return rows.map(({ what }) => what)
}

/** @throws {AuditError} `AUDIT_SCHEMA_MISMATCH`, saying why no migration may begin */
export function refuseUnfit(found: Omit<Found, 'has_schema'>): void {
  const { version, is_standby, is_used, is_ours, login, owner, is_login, strangers } = found
  const refuse = (why: string): never => {
    throw new AuditError('AUDIT_SCHEMA_MISMATCH', `${why} Nothing was changed.`)
  }
  if (is_standby) refuse('This server is a standby. Migrate the primary.')
  if (version < OLDEST_SERVER) {
    const major = Math.floor(version / 10_000)
    refuse(`This server is PostgreSQL ${major}; ${OLDEST_SERVER / 10_000} or newer is needed.`)
  }
  if (is_used && !is_ours) {
    refuse(
      'This database has a schema "audit" that is not ours, and it is not empty. ' +
        'Use another database, or rename that schema.',
    )
  }
  if (strangers.length > 0) {
    const more = strangers.length > MOST_NAMED ? ' …' : ''
    const named = strangers.slice(0, MOST_NAMED).join(', ') + more
    const cure =
      is_ours && is_login && owner !== login
        ? `The schema belongs to the login ${owner}. Where it was migrated with roles off, or ` +
          'restored without owners, migrate as that login.'
        : 'Drop them. If you know that they are harmless, make the owner of the schema or that ' +
          'login their owner.'
    refuse(
      `The schema "audit" holds objects that are not ours: ${named}. ` +
        `A migration could run them with the rights of ${login}. ${cure}`,
    )
  }
}
