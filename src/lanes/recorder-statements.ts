import { sql } from 'drizzle-orm'
import { Database } from '../database/connection.ts'
import type { DropReason } from '../entry.ts'
import { type LaneState, type RecorderIdentity, readLaneState, stageBatch } from './staging.ts'

/** A recorder's own counts. */
export interface Report {
  readonly accepted: number
  readonly staged: number
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
  readonly closed: boolean
}

/** All that a recorder ever says to a database. */
export interface RecorderStatements {
  /** Writes a batch into the fast lane: all of it or none. @returns the lane's epoch */
  stage(slices: readonly string[]): Promise<string | null>
  laneState(): Promise<LaneState>
  report(report: Report): Promise<void>
  close(): Promise<void>
}

export interface StatementOptions extends RecorderIdentity {
  readonly url: string
  readonly statementTimeoutMs: number
}

/** The same on a connection of the recorder's own, which is made with the first statement. */
export function openRecorderStatements(options: StatementOptions): RecorderStatements {
  const { url, recorderId, recorderKey, statementTimeoutMs } = options
  const applicationName = `audit-outbox recorder ${recorderId}`
  const database = new Database({ url, applicationName, statementTimeoutMs })
  const startedAt = new Date().toISOString()
  return {
    stage: (slices) => stageBatch(database, options, slices),
    laneState: () => readLaneState(database, recorderId),
    async report({ accepted, staged, dropped, closed }) {
      await database.execute(sql`
        select audit.report(
          ${recorderId}::pg_catalog.uuid, ${recorderKey}::pg_catalog.text,
          ${startedAt}::timestamp with time zone, ${accepted}::bigint, ${staged}::bigint,
          ${JSON.stringify(dropped)}::pg_catalog.text::pg_catalog.jsonb, ${closed}::boolean)`)
    },
    close: () => database.close(),
  }
}
