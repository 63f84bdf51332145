import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import { AuditError } from '../../src/errors.ts'
import { LANES, type LaneName } from '../../src/lanes/lane.ts'
import { refuseMisfit } from '../../src/schema/version.ts'

type Found = {
  readonly staging: number
  readonly outbox: number
  readonly import: boolean
  readonly head: number | null
  readonly wasEmptied: boolean
  readonly isReadOnly: boolean
  readonly version: number
  readonly minReaderVersion: number
}

export interface PeekedLanes {
  /** The lanes that hold at least one row. */
  readonly waiting: readonly LaneName[]
  /** How many rows were seen in each lane, at most `maxRows`. */
  readonly seen: Readonly<Record<LaneName, number>>
  /** Whether the lane of an import holds rows. Default: it does not. */
  readonly importWaits?: boolean
  /** Where the head of the log stands. Null where the log has lost its head. */
  readonly head: number | null
  /** Whether a crash emptied the UNLOGGED lane and no relay has declared it yet. */
  readonly wasEmptied: boolean
}

/**
 * Asks in one cheap statement what the lanes hold. An idle relay sends no other statement. It
 * writes nothing and takes no transaction id.
 *
 * @param maxRows the most rows that are counted in each lane
 * @throws {AuditError} `AUDIT_SCHEMA_MISMATCH` where this relay must not work on the schema, and
 * `AUDIT_DATABASE_FAILED` with 25006 where the server is read-only
 */
export async function peekLanes(database: Database, maxRows: number): Promise<PeekedLanes> {
  const [found] = await database.execute<Found>(sql`/* audit-relay peek */
    select
      p.staging, p.outbox, p.import, p.head::double precision as head,
      p.was_emptied as "wasEmptied", p.is_read_only as "isReadOnly",
      p.version, p.min_reader_version as "minReaderVersion"
    from audit.peek(${maxRows}::integer) as p`)
  if (found === undefined) {
    throw new AuditError('AUDIT_SCHEMA_MISMATCH', 'The schema has no version: run "migrate".')
  }
  if (found.isReadOnly) {
    // An idle relay only reads, so no failed write would tell it.
    throw new AuditError('AUDIT_DATABASE_FAILED', 'The server is read-only.', { code: '25006' })
  }
  refuseMisfit(found)
  return {
    waiting: LANES.filter((lane) => found[lane] > 0),
    seen: { staging: found.staging, outbox: found.outbox },
    importWaits: found.import,
    head: found.head,
    wasEmptied: found.wasEmptied,
  }
}
