import type { IdKind } from '../../entry.ts'
import { ROLES } from '../../database/roles.ts'
import { optionInvalid } from '../../errors.ts'
import {
  DEFAULT_ROLES,
  isSame,
  rememberRoles,
  type RoleSettings,
  roleName,
  statementsFor,
} from '../../database/role-settings.ts'
import {
  BOOKKEEPING,
  LOCK_TABLE,
  makeBookkeeping,
  makeLockTable,
  type Migration,
  noteApplied,
  series,
} from '../series.ts'
import { TEXT_ID_STEP } from '../text-id-step.ts'
import { LAST_MIGRATIONS } from '../version.ts'

/** The migrations of a package, and the last one of each version from 1 on. */
export interface Versions {
  readonly migrations: readonly Migration[]
  readonly lastMigrations: readonly string[]
}

export interface PrintOptions extends Partial<RoleSettings> {
  /** The version that the database has; 0 where it has no schema `audit`. @default 0 */
  readonly from?: number | undefined
  /** What user, event and target ids are in a new database. @default 'uuid' */
  readonly ids?: IdKind | undefined
}

/**
 * The SQL that brings a database from one version of the schema to this package's, for a DBA or a
 * tool that runs it by hand. It is one transaction and makes no role. It also fills the migrator's
 * bookkeeping, so that the next migration can follow it. On a database of another version, or of
 * other roles, it fails and changes nothing.
 *
 * @returns only a comment where nothing is missing
 * @throws {AuditError} `AUDIT_OPTION_INVALID` for a version that this package does not know
 */
export function migrationSql(
  { from = 0, ids = 'uuid', ...given }: PrintOptions = {},
  versions: Versions = { migrations: series(), lastMigrations: LAST_MIGRATIONS },
): string {
  const settings = { ...DEFAULT_ROLES, ...given }
  const { migrations, lastMigrations } = versions
  const newest = lastMigrations.length
  if (!Number.isInteger(from) || from < 0 || from > newest) {
    throw optionInvalid(
      `from must be a version of the schema from 0 to ${newest}, the newest that this package ` +
        `knows, got ${from}. "select version from audit.audit_schema_version" shows the version.`,
    )
  }
  if (from === newest) return `-- Nothing is missing: version ${newest} is the newest.`
  const before = migrations.findIndex(({ name }) => name === lastMigrations[from - 1])
  const missing = migrations.slice(before + 1)
  const statements = [
    from === 0 ? EMPTY : atVersion(from, migrations[before]?.createdAt ?? 0, settings),
    ...(settings.roles === 'on' ? [rolesAreThere(settings)] : []),
    ...(from === 0 ? beginning() : []),
    ...missing.flatMap((migration) => [
      `-- ${migration.name}`,
      ...statementsFor(migration, settings).filter((statement) => !MAKES_ROLES.test(statement)),
      `${noteApplied(migration)};\n`,
    ]),
    ...(from === 0 && ids === 'text' ? ['-- --ids text', ...TEXT_ID_STEP] : []),
    ...(from === 0 ? ending(settings) : []),
  ]
  return [
    'begin;',
    // Otherwise an operator of another schema that fits better could run with the DBA's rights.
    'set local search_path = pg_catalog, pg_temp;',
    "set local lock_timeout = '5s';",
    ...statements.map(terminated),
    'commit;',
  ].join('\n')
}

/** Roles are made apart, by somebody who may: see `rolesSql`. */
const MAKES_ROLES = /\bcreate role\b/i

const beginning = () => [
  `create schema if not exists ${BOOKKEEPING.migrationsSchema}`,
  makeBookkeeping,
  ...makeLockTable,
]

const ending = (settings: RoleSettings) => [
  ...(isSame(settings, DEFAULT_ROLES) ? [] : [rememberRoles(settings)]),
  ...(settings.roles === 'on'
    ? [`alter table ${LOCK_TABLE} owner to ${roleName('audit_owner', settings)}`]
    : []),
]

const EMPTY = `do $$
begin
  if exists (
    select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'audit' and c.relname = 'audit_migrations'
  ) then
    raise exception 'this database has the schema "audit" already' using
      hint = 'Print what it lacks: audit-relay migrate --sql --from N, where N is the version in '
        'audit.audit_schema_version.';
  end if;
end
$$`

function atVersion(from: number, lastAt: number, { roles, rolePrefix }: RoleSettings): string {
  const given = roles === 'off' ? '--roles off' : `--role-prefix "${rolePrefix}"`
  return `do $$
declare
  found record;
begin
  select v.version, v.roles, v.role_prefix,
    (select max(m.created_at) from audit.audit_migrations as m) as last_at
  into found from audit.audit_schema_version as v;
  if found.version is distinct from ${from} or found.last_at is distinct from ${lastAt} then
    raise exception 'this SQL is for version ${from} of the schema, and this database has version %',
      found.version using
      hint = format('Print it again: audit-relay migrate --sql --from %s', found.version);
  end if;
  if found.roles <> '${roles}' or found.role_prefix <> '${rolePrefix}' then
    raise exception 'this SQL was printed with ${given}, and this database has other roles' using
      hint = format('Print it again with %s.', case found.roles when 'off' then '--roles off'
        else format('--role-prefix "%s"', found.role_prefix) end);
  end if;
end
$$`
}

const rolesAreThere = (settings: RoleSettings) => `do $$
declare
  missing text;
begin
  select string_agg(name, ', ') into missing
  from unnest(array[${ROLES.map((role) => `'${roleName(role, settings)}'`).join(', ')}]) as name
  where name not in (select rolname from pg_roles);
  if missing is not null then
    raise exception 'these roles are missing: %', missing using
      errcode = 'undefined_object',
      hint = 'A DBA makes them with the SQL that "audit-relay migrate --roles-sql" prints.';
  end if;
end
$$`

/** Drizzle splits a migration without adding semicolons. psql needs one after each statement. */
function terminated(statement: string): string {
  const text = statement.trim()
  return text.endsWith(';') || /^--.*$/.test(text) ? text : `${text};`
}
