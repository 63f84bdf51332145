import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { AuditError } from '../errors.ts'

/** Where the migrator notes what it has applied. */
export const BOOKKEEPING = { migrationsSchema: 'audit', migrationsTable: 'audit_migrations' }
/** The table that a running migration locks. No migration may touch it. */
export const LOCK_TABLE = 'audit.audit_migration_lock'
/**
 * Makes the table and revokes everybody else's rights on it. Default privileges may have given
 * another login the right to lock it.
 */
export const makeLockTable = [
  `create table if not exists ${LOCK_TABLE} ()`,
  `do $$
declare
  grantees text;
begin
  select string_agg(distinct case a.grantee when 0 then 'public' else a.grantee::regrole::text end, ', ')
  into grantees
  from pg_class as c, aclexplode(c.relacl) as a
  where c.oid = '${LOCK_TABLE}'::regclass and a.grantee <> c.relowner;
  if grantees is not null then
    execute 'revoke all on ${LOCK_TABLE} from ' || grantees;
  end if;
  -- So that no LOGGED table of ours is without one. It never holds a row.
  if (select c.relreplident from pg_class as c where c.oid = '${LOCK_TABLE}'::regclass) <> 'f' then
    execute 'alter table ${LOCK_TABLE} replica identity full';
  end if;
end
$$`,
] as const
export const migrationsFolder = fileURLToPath(new URL('./migrations', import.meta.url))

export interface Migration {
  /** The name of its file, without the ending. */
  readonly name: string
  /** When it was generated, in Unix milliseconds. The migrator sorts by it. */
  readonly createdAt: number
  /** SHA-256 of its text, in hexadecimal. */
  readonly hash: string
  readonly statements: readonly string[]
}

/** What a database's bookkeeping says about a migration. */
export type AppliedMigration = Pick<Migration, 'createdAt' | 'hash'>

/** The migrations of this package, oldest first. */
export function series(): readonly Migration[] {
  const journal = JSON.parse(readFileSync(`${migrationsFolder}/meta/_journal.json`, 'utf8')) as {
    readonly entries: readonly { readonly tag: string }[]
  }
  return readMigrationFiles({ migrationsFolder }).map(({ sql, hash, folderMillis }, at) => ({
    name: journal.entries[at]?.tag ?? '',
    createdAt: folderMillis,
    hash,
    statements: sql,
  }))
}

/** When the last of these migrations was generated, in Unix milliseconds; 0 where there is none. */
export function lastOf(migrations: readonly AppliedMigration[]): number {
  return Math.max(0, ...migrations.map(({ createdAt }) => createdAt))
}

/**
 * The migrator compares only the time of the last migration. On a database of another series it
 * would fail half-way, or leave out migrations that were not applied.
 *
 * @throws {AuditError} `AUDIT_SCHEMA_MISMATCH` where a migration was applied that is not one of
 * `known`. One that is newer than all of `known` may be a newer package's, and is accepted.
 */
export function refuseOtherSeries(
  applied: readonly AppliedMigration[],
  known: readonly Migration[],
): void {
  const last = lastOf(known)
  for (const { createdAt, hash } of applied) {
    const own = known.find((migration) => migration.createdAt === createdAt)
    if (createdAt > last || own?.hash === hash) continue
    const what = own
      ? `its migration ${own.name} has another text than that of this package`
      : `its migration of ${new Date(createdAt).toISOString()} is not one of this package's`
    throw new AuditError(
      'AUDIT_SCHEMA_MISMATCH',
      `The schema "audit" was made by a series of migrations that was never released: ${what}. ` +
        'It cannot be migrated. Dump the entries that you want to keep, drop the schema ' +
        '("drop schema audit cascade") and run "audit-relay migrate" again. Nothing was changed.',
    )
  }
}

/**
 * The SQL that migrates a database without a schema `audit`, for a DBA who runs it by hand. It is
 * one transaction. It also fills the migrator's bookkeeping, so that the next migration can follow
 * it.
 */
export function migrationSql(): string {
  const { migrationsSchema, migrationsTable } = BOOKKEEPING
  const bookkeeping = `${migrationsSchema}.${migrationsTable}`
  const migrations = series().map(({ name, createdAt, hash, statements }) => [
    `-- ${name}`,
    ...statements.map(terminated),
    `insert into ${bookkeeping} (hash, created_at) values ('${hash}', ${createdAt});\n`,
  ])
  return [
    'begin;',
    // Otherwise an operator of another schema that fits better could run with the DBA's rights.
    'set local search_path = pg_catalog, pg_temp;',
    "set local lock_timeout = '5s';",
    `create schema if not exists ${migrationsSchema};`,
    `create table ${bookkeeping} (id serial primary key, hash text not null, created_at bigint);\n`,
    ...makeLockTable.map((statement) => `${statement};\n`),
    ...migrations.flat(),
    `alter table ${LOCK_TABLE} owner to audit_owner;`,
    'commit;',
  ].join('\n')
}

/** Drizzle splits a migration without adding semicolons. psql needs one after each statement. */
function terminated(statement: string): string {
  const text = statement.trim()
  return text.endsWith(';') ? text : `${text};`
}
