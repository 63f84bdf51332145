import type { MigrateOptions, MigrateResult, RewritePlan, RewriteProgress } from './migrate.ts'

export type { MigrateOptions, MigrateResult, RewritePlan, RewriteProgress }

/**
 * Brings the schema `audit` of a database up to date. All changes commit at once.
 *
 * Any number of calls may run at the same time. The others wait for the first one, and then find
 * nothing to do. The call changes nothing in a database that a newer package has migrated, so that
 * a deployment can be rolled back, as far as the newer schema allows it.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where `roles` or `rolePrefix` is wrong, or is not what
 * the database remembers; `AUDIT_SCHEMA_MISMATCH` where the schema `audit` is not ours, was made by a
 * series of migrations that was never released, or is too new for this package, and where the
 * server is too old or a standby; `AUDIT_DEADLINE_PASSED` where another migration did not end in
 * time; `AUDIT_DATABASE_FAILED` otherwise
 */
export async function migrateDatabase(options: MigrateOptions = {}): Promise<MigrateResult> {
  // The texts of the migrations are loaded by the process that migrates, and by no other.
  const { migrateDatabase } = await import('./migrate.ts')
  return await migrateDatabase(options)
}
