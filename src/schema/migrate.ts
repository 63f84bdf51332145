import type { IdKind } from '../entry.ts'
import { optionInvalid } from '../errors.ts'
import { type AuditLogger, guardLogger } from '../logger.ts'
import { databaseUrlFor } from '../options.ts'
import { connectDirectly, type DirectConnection, reach } from './direct-connection.ts'
import { examine, type Found, refuseUnfit } from './examine.ts'
import { MigrationLock } from './migration-lock.ts'
import type { Damage } from './repair.ts'
import { explainMigration } from './migration-fault.ts'
import { applySeries } from './apply-series.ts'
import { checkRoles, roleName, type RoleSettings } from '../database/role-settings.ts'
import { BOOKKEEPING } from './series.ts'
import type { TextIdOptions } from './text-ids.ts'

export type { RewritePlan, RewriteProgress } from './text-ids.ts'

export interface MigrateOptions extends TextIdOptions {
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
  /**
   * What user, event and target ids are. The database remembers it. `text` changes a log without
   * entries at once, and any other only with `rewrite`. Text ids cannot become `uuid` again.
   * Default: what the database has, and `uuid` in a new one.
   */
  readonly ids?: IdKind | undefined
  /**
   * `off`: one login migrates, records, relays and reads. No role is made or needed, and the schema
   * belongs to that login. `on` also turns the roles on in a database where they were off. The
   * database remembers it. Default: as the database has it, `on` in a new one.
   */
  readonly roles?: RoleSettings['roles'] | undefined
  /**
   * Stands before the name of each role, so that two databases of one server share none: with
   * `shop_` they are `shop_audit_owner`, `shop_audit_app` and so on. Lower-case letters, digits and
   * `_`, at most 51. The database remembers it. Default: as the database has it, none in a new one.
   */
  readonly rolePrefix?: string | undefined
}

export interface MigrateResult {
  /** The names of the migrations that this call applied, in order. */
  readonly applied: readonly string[]
  /**
   * What a restore had left out, or somebody had changed, and this call repaired. It then granted
   * the roles their rights again, and revoked those of everybody else.
   */
  readonly repaired: readonly Damage[]
  /** The kind of ids that the call changed the database to. */
  readonly idsChanged?: 'text' | undefined
  /** The schema's version, where a newer package has migrated it. The call then changed nothing. */
  readonly newerVersion?: number | undefined
  /** Whether roles were off in this database, and this call has made and granted them. */
  readonly hasTurnedRolesOn?: true | undefined
}

/** As the package exports it, which loads this file with the first call. */
export async function migrateDatabase(options: MigrateOptions = {}): Promise<MigrateResult> {
  const url = databaseUrlFor('owner', options.databaseUrl, process.env)
  if (url === undefined) {
    throw optionInvalid('No database: set AUDIT_OWNER_DATABASE_URL or DATABASE_URL.')
  }
  checkRoles(options)
  const logger = guardLogger(options.logger, 'audit-outbox')
  const client = connectDirectly(url, 'audit-relay migrate')
  const lockClient = connectDirectly(url, 'audit-relay migrate')
  try {
    await reach(client)
    // A migration that waits for a lock blocks every session behind it.
    await client`select pg_catalog.set_config(
      'lock_timeout', ${`${options.lockTimeoutMs ?? 5_000}ms`}::pg_catalog.text, false)`
    const before = await examine(client, options.rolePrefix)
    refuseUnfit(before)
    const lock = new MigrationLock(lockClient)
    await lock.take(logger, options.waitTimeoutMs ?? 60_000)
    try {
      const found = await examine(client, options.rolePrefix)
      const { settings, ...result } = await applySeries({ client, lockClient }, found, options)
      if (settings.roles === 'on') await lock.giveTo(roleName('audit_owner', settings))
      await lock.release()
      return result
    } catch (error) {
      // The lock's table was made before the migrations' transaction, so its rollback leaves it.
      if (!before.is_ours) await removeTraces(client, lock, before).catch(() => {})
      throw error
    }
  } catch (error) {
    throw await explainMigration(error, { client, url, given: options })
  } finally {
    await lockClient.end({ timeout: 5 }) // also gives the lock back
    await client.end({ timeout: 5 })
  }
}

async function removeTraces(client: DirectConnection, lock: MigrationLock, { has_schema }: Found) {
  await lock.remove()
  await lock.release()
  if (!has_schema) await client`drop schema if exists ${client(BOOKKEEPING.migrationsSchema)}`
}
