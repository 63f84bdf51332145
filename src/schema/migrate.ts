import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import { AuditError, databaseFault, optionInvalid } from '../errors.ts'
import { type AuditLogger, guardLogger } from '../logger.ts'
import { databaseUrlFor } from '../options.ts'
import { faultHint } from '../database/faults.ts'
import { connectDirectly, type DirectConnection, serverHint } from './direct-connection.ts'
import { examine, type Found, refuseUnfit } from './examine.ts'
import { MigrationLock } from './migration-lock.ts'
import { type Damage, repair } from './repair.ts'
import {
  type AppliedMigration,
  BOOKKEEPING,
  lastOf,
  migrationsFolder,
  refuseOtherSeries,
  series,
} from './series.ts'
import { type FoundSchema, refuseMisfit } from './version.ts'

export interface MigrateOptions {
  /**
   * The URL of a superuser, or of a login with CREATE on the database and CREATEROLE. Where the
   * roles exist already, membership of `audit_owner` replaces CREATEROLE. It leads straight to the
   * server and not through a pooler.
   * Default: `AUDIT_OWNER_DATABASE_URL`, else `DATABASE_URL`.
   */
  readonly databaseUrl?: string | undefined
  readonly logger?: AuditLogger | undefined
  /** How long to wait for another migration to end, in milliseconds. @default 60 000 */
  readonly waitTimeoutMs?: number | undefined
  /**
   * How long a statement may wait for a lock, in milliseconds. Every session that asks for the lock
   * later waits behind it.
   * @default 5 000
   */
  readonly lockTimeoutMs?: number | undefined
}

export interface MigrateResult {
  /** The names of the migrations that this call applied, in order. */
  readonly applied: readonly string[]
  /**
   * What a restore had left out, or somebody had changed, and this call repaired. It then granted
   * the roles their rights again, and revoked those of everybody else.
   */
  readonly repaired: readonly Damage[]
  /** The schema's version, where a newer package has migrated it. The call then changed nothing. */
  readonly newerVersion?: number | undefined
}

/**
 * Brings the schema `audit` of a database up to date. All changes commit at once.
 *
 * Any number of calls may run at the same time. The others wait for the first one, and then find
 * nothing to do. The call changes nothing in a database that a newer package has migrated, so that
 * a deployment can be rolled back, as far as the newer schema allows it.
 *
 * @throws {AuditError} `AUDIT_SCHEMA_MISMATCH` where the schema `audit` is not ours, was made by a
 * series of migrations that was never released, or is too new for this package, and where the
 * server is too old or a standby; `AUDIT_DEADLINE_PASSED` where another migration did not end in
 * time; `AUDIT_DATABASE_FAILED` otherwise
 */
export async function migrateDatabase(options: MigrateOptions = {}): Promise<MigrateResult> {
  const url = databaseUrlFor('owner', options.databaseUrl, process.env)
  if (url === undefined) {
    throw optionInvalid('No database: set AUDIT_OWNER_DATABASE_URL or DATABASE_URL.')
  }
  const logger = guardLogger(options.logger, 'audit-outbox')
  const client = connectDirectly(url, 'audit-relay migrate')
  const lockClient = connectDirectly(url, 'audit-relay migrate')
  try {
    // A migration that waits for a lock blocks every session behind it.
    await client`select pg_catalog.set_config(
      'lock_timeout', ${`${options.lockTimeoutMs ?? 5_000}ms`}::pg_catalog.text, false)`
    const before = await examine(client)
    refuseUnfit(before)
    const lock = new MigrationLock(lockClient)
    await lock.take(logger, options.waitTimeoutMs ?? 60_000)
    try {
      const result = await migrateAlone(client, await examine(client))
      await lock.giveToOwner()
      await lock.release()
      return result
    } catch (error) {
      // The lock's table and Drizzle's were made before the migrations' transaction, so its
      // rollback leaves them.
      if (!before.is_ours) await removeTraces(client, lock, before).catch(() => {})
      throw error
    }
  } catch (error) {
    throw explained(error)
  } finally {
    await lockClient.end({ timeout: 5 }) // also gives the lock back
    await client.end({ timeout: 5 })
  }
}

async function migrateAlone(client: DirectConnection, found: Found): Promise<MigrateResult> {
  refuseUnfit(found)
  const known = series()
  const applied = found.is_ours ? await readApplied(client) : []
  refuseOtherSeries(applied, known)
  const before = lastOf(applied)
  if (before > lastOf(known)) {
    const newer = await readVersion(client)
    refuseMisfit(newer)
    return { applied: [], repaired: [], newerVersion: newer.version }
  }
  await migrate(drizzle(client), { migrationsFolder, ...BOOKKEEPING })
  const pending = known.filter(({ createdAt }) => createdAt > before)
  // After a first migration there is nothing to repair.
  const repaired = found.is_ours ? await repair(client) : []
  return { applied: pending.map(({ name }) => name), repaired }
}

async function removeTraces(client: DirectConnection, lock: MigrationLock, { has_schema }: Found) {
  const { migrationsSchema, migrationsTable } = BOOKKEEPING
  await client`drop table if exists ${client(migrationsSchema)}.${client(migrationsTable)}`
  await lock.remove()
  await lock.release()
  if (!has_schema) await client`drop schema if exists ${client(migrationsSchema)}`
}

async function readApplied(client: DirectConnection): Promise<readonly AppliedMigration[]> {
  const { migrationsSchema, migrationsTable } = BOOKKEEPING
  const rows = await client`
    select created_at as at, hash from ${client(migrationsSchema)}.${client(migrationsTable)}`
  return rows.map(({ at, hash }) => ({ createdAt: Number(at), hash: String(hash) }))
}

async function readVersion(client: DirectConnection): Promise<FoundSchema> {
  const [row] = await client`
    select version::integer as version, min_reader_version::integer as oldest
    from audit.audit_schema_version`
  return { version: Number(row?.['version']), minReaderVersion: Number(row?.['oldest']) }
}

const HINTS: Readonly<Record<string, string>> = {
  '42501':
    'Migrating needs a superuser, or a login with CREATE on the database and CREATEROLE; where ' +
    'another login made the role audit_owner, it also needs: grant audit_owner to <login>.',
  '08P01': 'Migrating needs a connection straight to the server, not one through a pooler.',
  '55P03': 'Another session holds a lock. Try again when its transaction has ended.',
}

/** The error of a migration quotes no entry, so Postgres' own message may be shown. */
function explained(error: unknown): AuditError {
  if (error instanceof AuditError) return error
  const fault = databaseFault(error)
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error
  const words = cause instanceof Error ? cause.message : 'unknown'
  const postgresHint = serverHint(cause)
  const hint = postgresHint ?? HINTS[fault.code] ?? faultHint(fault.code)
  const message = [`The migration failed (${fault.code}): ${words}.`, hint]
    .filter(Boolean)
    .join(' ')
  return new AuditError('AUDIT_DATABASE_FAILED', message, fault)
}
