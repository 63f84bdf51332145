import { sql } from 'drizzle-orm'
import { Database } from '../database/connection.ts'
import type { DropReason, IdKind } from '../entry.ts'
import { type LaneState, type RecorderIdentity, readLaneState, stageBatch } from './staging.ts'

/** A recorder's own counts. */
export interface Report {
  readonly accepted: number
  readonly staged: number
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
  readonly closed: boolean
}

/** Tells one database of one server from all others. */
export interface DatabaseIdentity {
  /** The number that initdb gave to the server's files. */
  readonly system: string
  /** The database's oid. */
  readonly database: string
}

/** All that a recorder ever says to a database. */
export interface RecorderStatements {
  /**
   * Writes a batch into the fast lane: all of it or none.
   *
   * @param odd slices of rows with an id that is no UUID
   * @returns the lane's epoch
   */
  stage(slices: readonly string[], odd?: readonly string[]): Promise<string | null>
  /** What the id columns held at the last `stage()`. Undefined before the first. */
  readonly ids?: IdKind | undefined
  laneState(): Promise<LaneState>
  report(report: Report): Promise<void>
  /** Null where the server keeps its number to itself. */
  identity(): Promise<DatabaseIdentity | null>
  close(): Promise<void>
}

/** A recorder as its reports name it. */
export interface ReporterIdentity extends RecorderIdentity {
  /** When the recorder was made, as ISO 8601. */
  readonly startedAt: string
}

export interface StatementOptions extends ReporterIdentity {
  readonly url: string
  readonly statementTimeoutMs: number
}

/** The same on a connection of the recorder's own, which is made with the first statement. */
export function openRecorderStatements(options: StatementOptions): RecorderStatements {
  const { url, recorderId, statementTimeoutMs } = options
  const applicationName = `audit-outbox recorder ${recorderId}`
  const database = new Database({ url, role: 'audit_app', applicationName, statementTimeoutMs })
  // On the same object, because `ids` is read again after each batch.
  return Object.assign(statementsOn(database, options), { close: () => database.close() })
}

/** The same on a connection of somebody else's, which stays open. */
export function statementsOn(
  database: Pick<Database, 'execute'>,
  identity: ReporterIdentity,
): RecorderStatements {
  let ids: IdKind | undefined
  return {
    async stage(slices, odd) {
      const answer = await stageBatch(database, identity, slices, odd)
      ids = answer.ids
      return answer.epoch
    },
    get ids() {
      return ids
    },
    laneState: () => readLaneState(database, identity.recorderId),
    report: (report) => sendReport(database, identity, report),
    identity: () => readDatabaseIdentity(database),
    close: () => Promise.resolve(),
  }
}

/** Sends a recorder's counts, which its key shows to be its own. */
export async function sendReport(
  database: Pick<Database, 'execute'>,
  { recorderId, recorderKey, startedAt }: ReporterIdentity,
  { accepted, staged, dropped, closed }: Report,
): Promise<void> {
  await database.execute(sql`
    select audit.report(
      ${recorderId}::pg_catalog.uuid, ${recorderKey}::pg_catalog.text,
      ${startedAt}::timestamp with time zone, ${accepted}::bigint, ${staged}::bigint,
      ${JSON.stringify(dropped)}::pg_catalog.text::pg_catalog.jsonb, ${closed}::boolean)`)
}

export async function readDatabaseIdentity(
  database: Pick<Database, 'execute'>,
): Promise<DatabaseIdentity | null> {
  const [row] = await database.execute<{ system: string | null; database: string }>(sql`
    select system_identifier::pg_catalog.text as system, database::pg_catalog.text as database
    from audit.database_identity()`)
  if (row === undefined || row.system === null) return null
  return { system: row.system, database: row.database }
}
