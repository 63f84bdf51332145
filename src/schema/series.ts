import { createHash } from 'node:crypto'
import { AuditError } from '../errors.ts'
import { migrationFiles } from './migration-files.ts'

/** Where the migrator notes what it has applied. */
export const BOOKKEEPING = { migrationsSchema: 'audit', migrationsTable: 'audit_migrations' }
/** Makes that table, as drizzle-kit makes it. */
export const makeBookkeeping =
  'create table if not exists audit.audit_migrations ' +
  '(id serial primary key, hash text not null, created_at bigint)'
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

export interface Migration {
  /** The name of its file, without the ending. */
  readonly name: string
  /** When it was generated, in Unix milliseconds. */
  readonly createdAt: number
  /** SHA-256 of its text, in hexadecimal. */
  readonly hash: string
  readonly statements: readonly string[]
}

/** What a database's bookkeeping says about a migration. */
export type AppliedMigration = Pick<Migration, 'createdAt' | 'hash'>

/** The migrations of this package, oldest first. */
export function series(): readonly Migration[] {
  return migrationFiles().map(({ name, createdAt, text }) => ({
    name,
    createdAt,
    hash: createHash('sha256').update(text).digest('hex'),
    statements: text.split('--> statement-breakpoint'),
  }))
}

/** SQL that notes in the bookkeeping that a migration was applied. */
export function noteApplied({ hash, createdAt }: Migration): string {
  return `insert into audit.audit_migrations (hash, created_at) values ('${hash}', ${createdAt})`
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
