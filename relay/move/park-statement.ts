import { type SQL, sql } from 'drizzle-orm'
import type { MovedLane } from '../../src/lanes/lane.ts'
import type { MoveOptions } from './move-statement.ts'

/**
 * A row's place in its lane, and its id. A type and not an interface, so that it fits a driver's
 * row.
 */
export type Place = {
  readonly place: string
  readonly id: string
}

export function listPlaces({ lane, batchEntries }: MoveOptions): SQL {
  return sql`/* audit-relay list */
    select l.place, l.id from audit.list_places(
      ${lane}::pg_catalog.text, ${batchEntries}::integer
    ) as l`
}

/** An entry that is a dead letter already leaves the lane, and no second letter is made. */
export function parkStatement(lane: MovedLane, { place, id }: Place, sqlstate: string): SQL {
  return sql`/* audit-relay park */
    select p.claimed, 0 as logged, p.parked from audit.park(
      ${lane}::pg_catalog.text, ${place}::pg_catalog.text, ${id}::pg_catalog.uuid,
      ${sqlstate}::pg_catalog.text
    ) as p`
}
