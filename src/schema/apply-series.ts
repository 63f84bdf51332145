import type { IdKind } from '../entry.ts'
import { AuditError } from '../errors.ts'
import { type DirectConnection, pinned } from './direct-connection.ts'
import { type Found, refuseUnfit } from './examine.ts'
import { type Damage, repair } from './repair.ts'
import {
  checkRoles,
  DEFAULT_ROLES,
  type GivenRoles,
  isSame,
  rememberRoles,
  type RoleSettings,
  roleStatements,
  settleRoles,
  statementsFor,
} from '../database/role-settings.ts'
import {
  type AppliedMigration,
  BOOKKEEPING,
  lastOf,
  makeBookkeeping,
  noteApplied,
  refuseOtherSeries,
  series,
} from './series.ts'
import { agreeOnIds, findIds, makeIdsText, type TextIdOptions } from './text-ids.ts'
import { type FoundSchema, refuseMisfit } from './version.ts'

interface Connections {
  readonly client: DirectConnection
  /** Holds the lock, and is free for a look at the progress. */
  readonly lockClient: DirectConnection
}

interface Given extends GivenRoles, TextIdOptions {
  readonly ids?: IdKind | undefined
}

interface Applied {
  readonly settings: RoleSettings
  readonly applied: readonly string[]
  readonly repaired: readonly Damage[]
  readonly newerVersion?: number
  readonly hasTurnedRolesOn?: true
  readonly idsChanged?: 'text'
}

/**
 * Applies what a database lacks of the series, and repairs it. Nothing else may migrate the
 * database at the same time.
 *
 * @throws {AuditError} where the database is not ours, or remembers other roles than are given
 */
export async function applySeries(
  { client, lockClient }: Connections,
  found: Found,
  given: Given,
): Promise<Applied> {
  refuseUnfit(found)
  const known = series()
  const applied = found.is_ours ? await readApplied(client) : []
  refuseOtherSeries(applied, known)
  const before = lastOf(applied)
  const isFirst = before === 0
  const remembered = isFirst ? undefined : ((await readRoles(client)) ?? DEFAULT_ROLES)
  const settings = settleRoles(given, remembered)
  if (remembered?.roles === 'off') refuseOtherLogin(found)
  if (before > lastOf(known)) {
    const newer = await readVersion(client)
    refuseMisfit(newer)
    return { settings, applied: [], repaired: [], newerVersion: newer.version }
  }
  const plan = given.ids && (await agreeOnIds(client, given.ids, given))
  const pending = known.filter(({ createdAt }) => createdAt > before)
  const past = remembered ?? settings
  const statements = pending.flatMap((migration) => [
    ...statementsFor(migration, past),
    noteApplied(migration),
  ])
  if (isFirst) statements.unshift(makeBookkeeping)
  if (!isSame(settings, past)) statements.push(...roleStatements(known, settings))
  if (!isSame(settings, remembered ?? DEFAULT_ROLES)) statements.push(rememberRoles(settings))
  await runAll(client, statements)
  // After a first migration there is nothing to repair.
  const repaired = isFirst ? [] : await repair(client, settings)
  // A rewrite that ended half-way has made the log's ids text, and only the lanes are left.
  const wantsText = given.ids === 'text' || (await findIds(client)).log === 'text'
  const isChanged = wantsText && (await makeIdsText(client, lockClient, plan, given))
  return {
    settings,
    applied: pending.map(({ name }) => name),
    repaired,
    ...(past.roles !== settings.roles && { hasTurnedRolesOn: true as const }),
    ...(isChanged && { idsChanged: 'text' as const }),
  }
}

/**
 * Runs statements in one transaction. Drizzle's migrator would do the same, but it reads a folder,
 * which a bundle does not have.
 */
export async function runAll(
  client: DirectConnection,
  statements: readonly string[],
): Promise<void> {
  if (statements.length === 0) return
  await pinned(client, async (tx) => {
    for (const statement of statements) await tx.unsafe(statement)
  })
}

/** What another login makes would belong to that one, and the owner could not use it. */
function refuseOtherLogin({ login, owner }: Found): void {
  if (login === owner) return
  throw new AuditError(
    'AUDIT_SCHEMA_MISMATCH',
    `This database was migrated with roles off, and its schema belongs to the login ${owner}. ` +
      `Migrate as that login, not as ${login}. Nothing was changed.`,
  )
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

/** What a migrated database remembers. A restore without data remembers nothing. */
async function readRoles(client: DirectConnection): Promise<RoleSettings | undefined> {
  const [row] = await client`select roles, role_prefix as prefix from audit.audit_schema_version`
  if (row === undefined) return undefined
  const found: RoleSettings = {
    roles: row['roles'] === 'off' ? 'off' : 'on',
    rolePrefix: String(row['prefix']),
  }
  // The prefix becomes SQL. Who owns the table can write anything into it.
  try {
    checkRoles(found)
  } catch {
    throw new AuditError(
      'AUDIT_SCHEMA_MISMATCH',
      'audit.audit_schema_version holds a role_prefix that "audit-relay migrate" never writes. ' +
        'Nothing was changed.',
    )
  }
  return found
}
