import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { AuditError, databaseFault } from './errors.ts'
import { type AuditLogger, guardLogger } from './logger.ts'
import { databaseUrlFor } from './options.ts'
import { faultHint } from './retry.ts'

export interface MigrateOptions {
  /**
   * A URL of a superuser, or of a login with CREATEROLE and CREATE on the database; a direct one,
   * not through a pooler. Default: `AUDIT_OWNER_DATABASE_URL`, else `DATABASE_URL`.
   */
  readonly databaseUrl?: string | undefined
  readonly logger?: AuditLogger | undefined
  /** How long to wait for another migration to end, in milliseconds. @default 60 000 */
  readonly waitTimeoutMs?: number | undefined
}

export interface MigrateResult {
  /** The names of the migrations that this call applied, in order. */
  readonly applied: readonly string[]
}

const OLDEST_SERVER = 140_000
/** Any number will do, as long as it is always the same. */
const ADVISORY_LOCK = 7_205_619_234
const BOOKKEEPING = { migrationsSchema: 'audit', migrationsTable: 'audit_migrations' }
const migrationsFolder = fileURLToPath(new URL('./schema/migrations', import.meta.url))

interface Journal {
  readonly entries: readonly { readonly tag: string; readonly when: number }[]
}

/**
 * Brings the schema `audit` of a database up to date, or does nothing. All of it commits at once.
 *
 * Any number of calls may run at the same time: the others wait for the first one, and then find
 * nothing to do.
 *
 * @throws {AuditError} `AUDIT_SCHEMA_MISMATCH` where a schema `audit` of somebody else's stands,
 * or the server is too old; `AUDIT_DATABASE_FAILED` otherwise
 */
export async function migrateDatabase(options: MigrateOptions = {}): Promise<MigrateResult> {
  const url = databaseUrlFor('owner', options.databaseUrl, process.env)
  if (url === undefined) {
    throw new AuditError(
      'AUDIT_OPTION_INVALID',
      'No database: set AUDIT_OWNER_DATABASE_URL or DATABASE_URL.',
    )
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
    await waitForTurn(client, logger, options.waitTimeoutMs ?? 60_000)
    await refuseUnfitDatabase(client)
    const before = await lastApplied(client)
    // A migration that waits for a lock blocks everyone behind it.
    await client`select set_config('lock_timeout', '5s', false)`
    await migrate(drizzle(client), { migrationsFolder, ...BOOKKEEPING })
    return {
      applied: journal()
        .entries.filter(({ when }) => when > before)
        .map(({ tag }) => tag),
    }
  } catch (error) {
    throw explained(error)
  } finally {
    await client.end({ timeout: 5 }) // also gives the advisory lock back
  }
}

/** The migrations' SQL, for reading, or for a DBA who runs it by hand. */
export function migrationSql(): string {
  return readMigrationFiles({ migrationsFolder })
    .map(({ sql }, at) => `-- ${journal().entries[at]?.tag}\n${sql.map(terminated).join('\n')}`)
    .join('\n\n')
}

/** Drizzle hands out statements as they were cut; psql wants each of them ended. */
function terminated(statement: string): string {
  const text = statement.trim()
  return text.endsWith(';') ? text : `${text};`
}

function journal(): Journal {
  return JSON.parse(readFileSync(`${migrationsFolder}/meta/_journal.json`, 'utf8')) as Journal
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

async function refuseUnfitDatabase(client: postgres.Sql): Promise<void> {
  const [found] = await client`
    select
      current_setting('server_version_num')::integer as version,
      pg_is_in_recovery() as is_standby,
      to_regclass('audit.audit_migrations') is not null as is_ours,
      exists (
        select from pg_catalog.pg_class as c where c.relnamespace = n.oid
        union all select from pg_catalog.pg_proc as p where p.pronamespace = n.oid
      ) as is_used
    from (select 1) as one left join pg_catalog.pg_namespace as n on n.nspname = 'audit'`
  if (found?.['is_standby'] === true) {
    throw new AuditError('AUDIT_SCHEMA_MISMATCH', 'This server is a standby: migrate the primary.')
  }
  if (Number(found?.['version']) < OLDEST_SERVER) {
    throw new AuditError('AUDIT_SCHEMA_MISMATCH', 'PostgreSQL 14 or newer is needed.')
  }
  if (found?.['is_used'] === true && found['is_ours'] !== true) {
    throw new AuditError(
      'AUDIT_SCHEMA_MISMATCH',
      'This database has a schema "audit" that is not ours, and it is not empty. ' +
        'Nothing was changed. Use another database, or rename that schema.',
    )
  }
}

async function lastApplied(client: postgres.Sql): Promise<number> {
  const [found] = await client`select to_regclass('audit.audit_migrations') is not null as exists`
  if (found?.['exists'] !== true) return 0
  const [row] = await client`select max(created_at)::bigint as last from audit.audit_migrations`
  return Number(row?.['last'] ?? 0)
}

/** A migration quotes no entry, so here Postgres' own words may be shown. */
function explained(error: unknown): AuditError {
  if (error instanceof AuditError) return error
  const fault = databaseFault(error)
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error
  const words = cause instanceof Error ? cause.message : 'unknown'
  const hint =
    fault.code === '42501'
      ? 'Migrating needs a superuser, or a login with CREATEROLE and CREATE on the database.'
      : fault.code === '55P03'
        ? 'Another session holds a lock for long: try again when it has ended.'
        : faultHint(fault.code)
  const message = [`The migration failed (${fault.code}): ${words}.`, hint]
    .filter(Boolean)
    .join(' ')
  return new AuditError('AUDIT_DATABASE_FAILED', message, fault)
}
