import { sql } from 'drizzle-orm'
import { Database, type DatabaseOptions } from '../../src/database/connection.ts'
import type { MovedLane } from '../../src/lanes/lane.ts'
import { compact } from '../maintenance/compact.ts'
import type { IdentifiedLog, IdentityStatements } from '../maintenance/log-identity.ts'
import type { LogSession } from '../maintenance/log-watch.ts'
import type { LogHolder, MadePartitions, UpkeepStatements } from '../maintenance/upkeep.ts'
import { type Moved, type MoveOptions, moveStatement, NOTHING_MOVED } from './move-statement.ts'
import { listPlaces, type Place, parkStatement } from './park-statement.ts'
import { type PeekedLanes, peekLanes } from './peek-lanes.ts'
import { type Mover, whoMoves } from './who-moves.ts'

/** All statements that a relay sends to a database. */
export interface RelayStatements extends UpkeepStatements, IdentityStatements {
  peekLanes(maxRows: number): Promise<PeekedLanes>
  /** The sessions that hold a lock of the log. Asked on the connection of the moves. */
  watchLog(): Promise<readonly LogSession[]>
  /** How large the log is on disk. */
  logBytes(): Promise<number>
  /** The sessions behind which a relay stands back. */
  whoMoves(): Promise<readonly Mover[]>
  move(options: MoveOptions): Promise<Moved>
  /** Opens the connections for parallel moves, so that each move reaches the server at once. */
  connect(): Promise<void>
  /** The places of the next rows of a lane. */
  list(options: MoveOptions): Promise<readonly Place[]>
  /** Moves one row from its lane to the dead letters. */
  park(lane: MovedLane, place: Place, sqlstate: string): Promise<Moved>
  close(): Promise<void>
}

export interface ConnectionOptions extends Omit<DatabaseOptions, 'applicationName' | 'role'> {
  /**
   * The most statements at once. A connection is opened when it is needed, and closed when idle.
   */
  readonly connections: number
}

/** One statement copies all rows of the DEFAULT partition. There may be many. */
const UPKEEP_TIMEOUT_MS = 3_600_000

/** Sends the statements over connections that belong to the relay. */
export function openRelayStatements(options: ConnectionOptions): RelayStatements {
  const { connections, ...rest } = options
  const databases = Array.from(
    { length: connections },
    () => new Database({ ...rest, role: 'audit_relay', applicationName: 'audit-relay' }),
  )
  const [database] = databases as [Database]
  // Upkeep reports its own failures, and they say nothing about the moves.
  const { onStatement: _, ...quietly } = rest
  const upkeep = new Database({
    ...quietly,
    role: 'audit_relay',
    applicationName: 'audit-relay upkeep',
    statementTimeoutMs: UPKEEP_TIMEOUT_MS,
  })
  // While one move runs at a time, it uses the connection of all other statements.
  const free = databases.toReversed()
  return {
    async ensurePartitions({ monthsAhead, width, most }) {
      const [row] = await upkeep.execute<MadePartitions>(sql`/* audit-relay partitions */
        select p.made, (
          select pg_catalog.count(*) from pg_catalog.pg_inherits as i
          where i.inhparent operator(pg_catalog.=)
              'audit.audit_log'::pg_catalog.regclass::pg_catalog.oid
            and p.made is not null
        )::integer as partitions
        from audit.ensure_partitions(
          ${monthsAhead}::integer, ${width}::pg_catalog.text, ${most}::integer) as p (made)`)
      return row ?? { made: 0, partitions: 0 }
    },
    async closePartition() {
      const [row] = await upkeep.execute<{ name: string | null }>(sql`/* audit-relay closing */
        select audit.close_partition() as name`)
      return row?.name ?? undefined
    },
    async logBytes() {
      const [row] = await upkeep.execute<{ bytes: number }>(sql`/* audit-relay size */
        select audit.log_bytes()::double precision as bytes`)
      return row?.bytes ?? 0
    },
    whoHoldsLog: () =>
      upkeep.execute<LogHolder>(sql`/* audit-relay holders */
        select h.pid, h.login, h.application from audit.who_holds_log() as h`),
    watchLog: () =>
      database.execute<LogSession>(sql`/* audit-relay watch */
        select h.pid, h.login, h.application, h.transaction, h.for_ms as "forMs"
        from audit.who_holds_log() as h`),
    peekLanes: (maxRows) => peekLanes(database, maxRows),
    whoMoves: () => whoMoves(database),
    async move(options) {
      const mover = free.pop() ?? database
      try {
        const [moved] = await mover.execute<Moved>(moveStatement(options))
        return moved ?? NOTHING_MOVED
      } finally {
        // An abandoned attempt may still use this connection. Then two attempts share it, and it
        // must not be in the list twice.
        if (!free.includes(mover)) free.push(mover)
      }
    },
    async connect() {
      // It leaves out the first one, which is busy. The driver sends a statement without parameters
      // at once, between the two halves of the statement under way, and PgBouncer then never
      // answered that statement.
      await Promise.all(
        databases.slice(1).map((each) => each.execute(sql`/* audit-relay connect */ select`)),
      )
    },
    list: (options) => database.execute<Place>(listPlaces(options)),
    async park(lane, place, sqlstate) {
      const [parked] = await database.execute<Moved>(parkStatement(lane, place, sqlstate))
      return parked ?? NOTHING_MOVED
    },
    async declareGap() {
      const [row] = await database.execute<{ declared: boolean }>(
        sql`/* audit-relay gap */ select audit.declare_gap() as declared`,
      )
      return row?.declared === true
    },
    async identify(known) {
      const [found] = await database.execute<IdentifiedLog>(sql`/* audit-relay identify */
        select state, history::pg_catalog.text as history, seq::double precision as seq,
          id::pg_catalog.text as id
        from audit.identify(
          ${known?.history ?? null}::pg_catalog.uuid, ${known?.seq ?? null}::bigint,
          ${known?.id ?? null}::pg_catalog.uuid)`)
      if (found === undefined)
        throw new TypeError('a function with OUT parameters answers with one row')
      return found
    },
    compact: () => compact(database),
    close: async () => {
      await Promise.all([...databases, upkeep].map((each) => each.close()))
    },
  }
}
