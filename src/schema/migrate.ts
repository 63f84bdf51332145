import { setTimeout as sleep } from 'node:timers/promises'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { AuditError, databaseFault, optionInvalid } from '../errors.ts'
import { type AuditLogger, guardLogger } from '../logger.ts'
import { databaseUrlFor } from '../options.ts'
import { faultHint } from '../database/faults.ts'
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
   * A URL of a superuser, or of a login with CREATE on the database and either CREATEROLE or, where
   * the roles are there already, membership of `audit_owner`; a direct one, not through a pooler.
   * Default: `AUDIT_OWNER_DATABASE_URL`, else `DATABASE_URL`.
   */
  readonly databaseUrl?: string | undefined
  readonly logger?: AuditLogger | undefined
  /** How long to wait for another migration to end, in milliseconds. @default 60 000 */
  readonly waitTimeoutMs?: number | undefined
  /**
   * How long a statement may wait for a lock, in milliseconds: whoever comes after it waits too.
   * @default 5 000
   */
  readonly lockTimeoutMs?: number | undefined
}

export interface MigrateResult {
  /** The names of the migrations that this call applied, in order. */
  readonly applied: readonly string[]
  /** The schema's version, where a newer package has migrated it: then nothing was changed. */
  readonly newerVersion?: number | undefined
}

const OLDEST_SERVER = 140_000
/** Any number will do, as long as it is always the same. */
const ADVISORY_LOCK = 7_205_619_234

/**
 * Brings the schema `audit` of a database up to date, or does nothing. All of it commits at once.
 *
 * Any number of calls may run at the same time: the others wait for the first one, and then find
 * nothing to do. A database that a newer package has migrated is left as it is: so a deployment can
 * be rolled back, as far as the newer schema allows it.
 *
 * @throws {AuditError} `AUDIT_SCHEMA_MISMATCH` where a schema `audit` of somebody else's stands, a
 * series of migrations that was never released made it, it is too new for this package, or the
 * server is too old or a standby;
 * `AUDIT_DATABASE_FAILED` otherwise
 */
export async function migrateDatabase(options: MigrateOptions = {}): Promise<MigrateResult> {
  const url = databaseUrlFor('owner', options.databaseUrl, process.env)
  if (url === undefined) {
    throw optionInvalid('No database: set AUDIT_OWNER_DATABASE_URL or DATABASE_URL.')
  }
  const logger = guardLogger(options.logger, 'audit-outbox')
  // The one place where the driver's own transaction is used: Drizzle's migrator cannot do without,
  // and a migration that dies half-way has moved no rows.
  const client = postgres(url, {
    max: 1,
    prepare: false,
    onnotice: () => {},
    connect_timeout: 10,
    connection: { application_name: 'audit-relay migrate' },
  })
  try {
    // A migration that waits for a lock blocks everyone behind it.
    await client`select set_config('lock_timeout', ${`${options.lockTimeoutMs ?? 5_000}ms`}, false)`
    await waitForTurn(client, logger, options.waitTimeoutMs ?? 60_000)
    const found = await examine(client)
    refuseUnfit(found)
    const known = series()
    const applied = found.is_ours ? await readApplied(client) : []
    refuseOtherSeries(applied, known)
    const before = lastOf(applied)
    if (before > lastOf(known)) {
      const newer = await readVersion(client)
      refuseMisfit(newer)
      return { applied: [], newerVersion: newer.version }
    }
    try {
      await migrate(drizzle(client), { migrationsFolder, ...BOOKKEEPING })
    } catch (error) {
      // Drizzle makes its bookkeeping before the transaction, which has rolled back without it.
      if (!found.is_ours) await removeBookkeeping(client, found).catch(() => {})
      throw error
    }
    const pending = known.filter(({ createdAt }) => createdAt > before)
    return { applied: pending.map(({ name }) => name) }
  } catch (error) {
    throw explained(error)
  } finally {
    await client.end({ timeout: 5 }) // also gives the advisory lock back
  }
}

/** Drizzle's migrator takes no lock, and three at once fail. */
async function waitForTurn(client: postgres.Sql, logger: AuditLogger, timeoutMs: number) {
  const deadlineMs = performance.now() + timeoutMs
  for (let attempt = 0; ; attempt += 1) {
    const [row] = await client`select pg_try_advisory_lock(${ADVISORY_LOCK}::bigint) as locked`
    if (row?.['locked'] === true) return
    if (attempt === 5) logger.info({}, 'waiting for another migration to end')
    if (performance.now() > deadlineMs) {
      throw new AuditError(
        'AUDIT_DEADLINE_PASSED',
        `Another migration of this database has not ended within ${timeoutMs} ms.`,
      )
    }
    await sleep(200)
  }
}

/** What the catalogue says of the server and of the schema `audit`. */
interface Found {
  readonly version: number
  readonly is_standby: boolean
  readonly has_schema: boolean
  readonly is_used: boolean
  readonly is_ours: boolean
}

async function examine(client: postgres.Sql): Promise<Found> {
  // The catalogue, because to_regclass() fails for a login that may not use the schema. Whatever
  // lies in a schema, of whatever kind, depends on it.
  const [found] = await client<[Found]>`
    select
      current_setting('server_version_num')::integer as version,
      pg_is_in_recovery() as is_standby,
      n.oid is not null as has_schema,
      exists (
        select from pg_catalog.pg_depend as d
        where d.refclassid = 'pg_catalog.pg_namespace'::regclass and d.refobjid = n.oid
      ) as is_used,
      exists (
        select from pg_catalog.pg_class as c
        where c.relnamespace = n.oid and c.relname = ${BOOKKEEPING.migrationsTable}
      ) as is_ours
    from (select 1) as one left join pg_catalog.pg_namespace as n
      on n.nspname = ${BOOKKEEPING.migrationsSchema}`
  return found
}

/** @throws {AuditError} `AUDIT_SCHEMA_MISMATCH`; then nothing was changed */
export function refuseUnfit({ version, is_standby, is_used, is_ours }: Omit<Found, 'has_schema'>) {
  const refuse = (why: string): never => {
    throw new AuditError('AUDIT_SCHEMA_MISMATCH', `${why} Nothing was changed.`)
  }
  if (is_standby) refuse('This server is a standby: migrate the primary.')
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
}

async function removeBookkeeping(client: postgres.Sql, { has_schema }: Found): Promise<void> {
  const { migrationsSchema, migrationsTable } = BOOKKEEPING
  await client`drop table if exists ${client(migrationsSchema)}.${client(migrationsTable)}`
  if (!has_schema) await client`drop schema if exists ${client(migrationsSchema)}`
}

async function readApplied(client: postgres.Sql): Promise<readonly AppliedMigration[]> {
  const { migrationsSchema, migrationsTable } = BOOKKEEPING
  const rows = await client`
    select created_at as at, hash from ${client(migrationsSchema)}.${client(migrationsTable)}`
  return rows.map(({ at, hash }) => ({ createdAt: Number(at), hash: String(hash) }))
}

async function readVersion(client: postgres.Sql): Promise<FoundSchema> {
  const [row] = await client`
    select version::integer as version, min_reader_version::integer as oldest
    from audit.audit_schema_version`
  return { version: Number(row?.['version']), minReaderVersion: Number(row?.['oldest']) }
}

const HINTS: Readonly<Record<string, string>> = {
  '42501':
    'Migrating needs a superuser, or a login with CREATE on the database and CREATEROLE; where ' +
    'another login made the role audit_owner, it also needs: grant audit_owner to <login>.',
  '55P03': 'Another session holds a lock for long: try again when it has ended.',
}

/** A migration quotes no entry, so here Postgres' own words may be shown. */
function explained(error: unknown): AuditError {
  if (error instanceof AuditError) return error
  const fault = databaseFault(error)
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error
  const words = cause instanceof Error ? cause.message : 'unknown'
  const postgresHint = cause instanceof postgres.PostgresError ? cause.hint : undefined
  const hint = postgresHint ?? HINTS[fault.code] ?? faultHint(fault.code)
  const message = [`The migration failed (${fault.code}): ${words}.`, hint]
    .filter(Boolean)
    .join(' ')
  return new AuditError('AUDIT_DATABASE_FAILED', message, fault)
}
