import { sql } from 'drizzle-orm'
import type { Database } from '../src/database.ts'
import { AuditError } from '../src/errors.ts'
import type { LaneName } from '../src/lane.ts'
import { refuseMisfit } from '../src/schema-version.ts'
import {
  auditLane,
  auditOutbox,
  auditSchemaVersion,
  auditSentinel,
  auditStaging,
} from '../src/schema/tables.ts'

type Found = {
  readonly staging: boolean
  readonly outbox: boolean
  readonly wasEmptied: boolean
  readonly isReadOnly: boolean
  readonly version: number
  readonly minReaderVersion: number
}

export interface Probed {
  /** The lanes that hold anything. */
  readonly waiting: readonly LaneName[]
  /** Whether the UNLOGGED lane was emptied by a crash, and nobody has declared it yet. */
  readonly wasEmptied: boolean
}

/**
 * Asks, in one cheap statement, which lanes hold anything: all that an idle relay does. It writes
 * nothing and takes no transaction id.
 *
 * @throws {AuditError} `AUDIT_SCHEMA_MISMATCH` where this relay must not work on the schema, and
 * `AUDIT_DATABASE_FAILED` with 25006 where nothing can be written
 */
export async function probe(database: Database): Promise<Probed> {
  const [found] = await database.execute<Found>(sql`
    select
      exists (select from ${auditStaging}) as staging,
      exists (select from ${auditOutbox}) as outbox,
      (select epoch from ${auditSentinel}) is distinct from
        (select epoch from ${auditLane} where lane = 'staging') as "wasEmptied",
      current_setting('transaction_read_only') = 'on' as "isReadOnly",
      version::integer as version,
      min_reader_version::integer as "minReaderVersion"
    from ${auditSchemaVersion}`)
  if (found === undefined) {
    throw new AuditError('AUDIT_SCHEMA_MISMATCH', 'The schema has no version: run "migrate".')
  }
  if (found.isReadOnly) {
    // An idle relay only reads: a write would have told it.
    throw new AuditError('AUDIT_DATABASE_FAILED', 'The server is read-only.', { code: '25006' })
  }
  refuseMisfit(found)
  const waiting: LaneName[] = []
  if (found.staging) waiting.push('staging')
  if (found.outbox) waiting.push('outbox')
  return { waiting, wasEmptied: found.wasEmptied }
}
