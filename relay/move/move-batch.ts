import { databaseFault } from '../../src/errors.ts'
import { isClash, isPoison } from './move-faults.ts'
import { type Moved, type MoveOptions, NOTHING_MOVED } from './move-statement.ts'
import type { Place } from './park-statement.ts'
import type { RelayStatements } from './relay-statements.ts'

type Statements = Pick<RelayStatements, 'list' | 'move' | 'park'>

/**
 * Two relays may log the same id at once. The slower one finds it in the log on its next attempt.
 */
const MAX_CLASHES = 10

/**
 * Moves the next entries of a lane. An entry that the log can never take is parked.
 *
 * @throws {AuditError} for a failure that no entry caused. The failed part changed nothing.
 */
export async function moveBatch(statements: Statements, options: MoveOptions): Promise<Moved> {
  try {
    return await moveAgainOnClash(statements, options)
  } catch (error) {
    if (!isPoison(error)) throw error
    // The move parks the entries that the log's own checks refuse. This handles the other refusals,
    // such as those of a constraint or a trigger that somebody added to the log.
    return await moveOrHalve(statements, options, await statements.list(options))
  }
}

async function moveAgainOnClash(statements: Statements, options: MoveOptions): Promise<Moved> {
  for (let clashes = 0; ; clashes += 1) {
    try {
      return await statements.move(options)
    } catch (error) {
      if (!isClash(error) || clashes === MAX_CLASHES) throw error
    }
  }
}

/** Halves the rows until each refused one is alone. Parks the refused ones and moves the others. */
async function moveOrHalve(
  statements: Statements,
  options: MoveOptions,
  rows: readonly Place[],
): Promise<Moved> {
  const [first] = rows
  if (first === undefined) return NOTHING_MOVED
  try {
    const places = rows.map(({ place }) => place)
    return await moveAgainOnClash(statements, { ...options, places })
  } catch (error) {
    if (!isPoison(error)) throw error
    if (rows.length === 1) {
      return await statements.park(options.lane, first, databaseFault(error).code)
    }
    const half = Math.ceil(rows.length / 2)
    const one = await moveOrHalve(statements, options, rows.slice(0, half))
    const other = await moveOrHalve(statements, options, rows.slice(half))
    return {
      claimed: one.claimed + other.claimed,
      logged: one.logged + other.logged,
      parked: one.parked + other.parked,
    }
  }
}
