import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../src/database.ts'
import { databaseFault } from '../src/errors.ts'
import { type LaneName, laneColumns, laneTable } from '../src/lane.ts'
import { faultKind } from '../src/retry.ts'
import { auditDeadLetter } from '../src/schema/tables.ts'
import type { Moved, MoveOptions } from './move.ts'

interface Place extends Record<string, unknown> {
  readonly place: string
  readonly id: string
}

/** What stands beside the log in the same statement, and fails for no fault of a row's. */
const BOOKKEEPING = ['audit_head', 'audit_recorder', 'audit_dead_letter']

/** Of the log's own key and its partitions'. */
const LOG_KEY = /^audit_log(_.*)?_pkey$/

/**
 * Whether another relay was in the way. Nothing of ours happened, and the next snapshot sees what it
 * did: of a duplicate id, that it is in the log.
 */
export function isClash(error: unknown): boolean {
  const { code, constraint_name } = databaseFault(error)
  if (code === '40P01' || code === '40001') return true
  return code === '23505' && (constraint_name === undefined || LOG_KEY.test(constraint_name))
}

/** Whether some row of the batch is at fault, and moving the others would work. */
export function isPoison(error: unknown): boolean {
  if (faultKind(error) !== 'entry' || isClash(error)) return false
  const { table_name, column_name } = databaseFault(error)
  if (table_name !== undefined && BOOKKEEPING.includes(table_name)) return false
  return column_name !== 'seq' // the log's head gave no number
}

/**
 * Moves a batch that the database refuses as a whole, because of some row in it.
 *
 * What the log itself refuses never comes here: the move parks that on its own. This is for what
 * we cannot foresee, such as a constraint or a trigger that somebody put on the log. Halving finds
 * the row, the others are moved on the way, and the row is parked with the SQLSTATE.
 */
export async function moveAroundPoison(
  database: Database,
  options: MoveOptions,
  move: (part: MoveOptions) => Promise<Moved>,
): Promise<Moved> {
  const rows = await database.execute<Place>(listPlaces(options))
  return moveOrHalve(database, options, move, rows)
}

async function moveOrHalve(
  database: Database,
  options: MoveOptions,
  move: (part: MoveOptions) => Promise<Moved>,
  rows: readonly Place[],
): Promise<Moved> {
  const [first] = rows
  if (first === undefined) return { claimed: 0, logged: 0, parked: 0 }
  try {
    return await move({ ...options, places: rows.map(({ place }) => place) })
  } catch (error) {
    if (!isPoison(error)) throw error
    if (rows.length === 1) {
      const { code } = databaseFault(error)
      const [parked] = await database.execute<Moved>(parkStatement(options.lane, first, code))
      return parked ?? { claimed: 0, logged: 0, parked: 0 }
    }
    const half = Math.ceil(rows.length / 2)
    const one = await moveOrHalve(database, options, move, rows.slice(0, half))
    const other = await moveOrHalve(database, options, move, rows.slice(half))
    return {
      claimed: one.claimed + other.claimed,
      logged: one.logged + other.logged,
      parked: one.parked + other.parked,
    }
  }
}

function listPlaces({ lane, batchEntries }: MoveOptions): SQL {
  return sql`
    select l.ctid::text as place, l.id::text as id
    from ${laneTable(lane)} as l limit ${batchEntries}::integer for update of l skip locked`
}

/** By place and by id: another relay may have moved the row, and the place be another row's now. */
function parkStatement(lane: LaneName, { place, id }: Place, sqlstate: string): SQL {
  return sql`
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
      returning 1
    )
    select count(*)::integer as claimed, 0 as logged, count(*)::integer as parked from parked`
}
