import { type SQL, sql } from 'drizzle-orm'
import { type LaneName, laneColumns, laneTable } from '../../src/lanes/lane.ts'
import { auditDeadLetter } from '../../src/schema/tables.ts'
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
    select l.ctid::text as place, l.id::text as id
    from ${laneTable(lane)} as l limit ${batchEntries}::integer for update of l skip locked`
}

/**
 * Finds the row by place and by id: another relay may have moved it, and its place may hold another
 * row now. An entry that is a dead letter already leaves the lane and makes no second one.
 */
export function parkStatement(lane: LaneName, { place, id }: Place, sqlstate: string): SQL {
  return sql`/* audit-relay park */
    with moved as (
      delete from ${laneTable(lane)} where ctid = ${place}::text::tid and id = ${id}::uuid
      returning ${laneColumns}
    ),
    parked as (
      insert into ${auditDeadLetter} (lane, sqlstate, reason, id, recorder_id, recorder_seq, entry)
      select
        ${lane}::text, ${sqlstate}::text, 'the database refused to log it',
        m.id::text, m.recorder_id, m.recorder_seq, row_to_json(m)::text
      from moved as m
      on conflict do nothing
      returning 1
    )
    select
      (select count(*) from moved)::integer as claimed, 0 as logged,
      (select count(*) from parked)::integer as parked`
}
