import { databaseFault } from '../../src/errors.ts'
import { faultKind } from '../../src/database/retry.ts'
import { type Moved, type MoveOptions, NOTHING_MOVED } from './move-statement.ts'
import type { Place } from './park-statement.ts'
import type { RelayStatements } from './relay-statements.ts'

type Statements = Pick<RelayStatements, 'list' | 'park'>

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
  statements: Statements,
  options: MoveOptions,
  move: (part: MoveOptions) => Promise<Moved>,
): Promise<Moved> {
  const rows = await statements.list(options)
  return moveOrHalve(statements, options, move, rows)
}

async function moveOrHalve(
  statements: Statements,
  options: MoveOptions,
  move: (part: MoveOptions) => Promise<Moved>,
  rows: readonly Place[],
): Promise<Moved> {
  const [first] = rows
  if (first === undefined) return NOTHING_MOVED
  try {
    return await move({ ...options, places: rows.map(({ place }) => place) })
  } catch (error) {
    if (!isPoison(error)) throw error
    if (rows.length === 1) {
      return await statements.park(options.lane, first, databaseFault(error).code)
    }
    const half = Math.ceil(rows.length / 2)
    const one = await moveOrHalve(statements, options, move, rows.slice(0, half))
    const other = await moveOrHalve(statements, options, move, rows.slice(half))
    return {
      claimed: one.claimed + other.claimed,
      logged: one.logged + other.logged,
      parked: one.parked + other.parked,
    }
  }
}
