import { sql } from 'drizzle-orm'
import { Database, type DatabaseOptions } from '../src/database.ts'
import type { LaneName } from '../src/lane.ts'
import { type Compacted, compact } from './compact.ts'
import { type Moved, type MoveOptions, moveStatement, NOTHING_MOVED } from './move.ts'
import { listPlaces, type Place, parkStatement } from './park.ts'
import { type Probed, probe } from './probe.ts'

/** All that a relay ever says to a database. */
export interface RelayStatements {
  ensurePartitions(monthsAhead: number): Promise<void>
  probe(): Promise<Probed>
  move(options: MoveOptions): Promise<Moved>
  /** Where the next rows of a lane stand. */
  list(options: MoveOptions): Promise<readonly Place[]>
  /** Moves one row from its lane to the dead letters. */
  park(lane: LaneName, place: Place, sqlstate: string): Promise<Moved>
  /** @returns false where another relay was faster */
  declareGap(): Promise<boolean>
  compact(): Promise<Compacted>
  close(): Promise<void>
}

export type ConnectionOptions = Omit<DatabaseOptions, 'applicationName'>

/** The same on a connection of the relay's own. */
export function openRelayStatements(options: ConnectionOptions): RelayStatements {
  const database = new Database({ ...options, applicationName: 'audit-relay' })
  return {
    async ensurePartitions(monthsAhead) {
      await database.execute(sql`select audit.ensure_partitions(${monthsAhead}::integer)`)
    },
    probe: () => probe(database),
    async move(options) {
      const [moved] = await database.execute<Moved>(moveStatement(options))
      return moved ?? NOTHING_MOVED
    },
    list: (options) => database.execute<Place>(listPlaces(options)),
    async park(lane, place, sqlstate) {
      const [parked] = await database.execute<Moved>(parkStatement(lane, place, sqlstate))
      return parked ?? NOTHING_MOVED
    },
    async declareGap() {
      const [row] = await database.execute<{ declared: boolean }>(
        sql`select audit.declare_gap() as declared`,
      )
      return row?.declared === true
    },
    compact: () => compact(database),
    close: () => database.close(),
  }
}
