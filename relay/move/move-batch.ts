import { isClash, isPoison, moveAroundPoison } from './isolate-poison.ts'
import type { Moved, MoveOptions } from './move-statement.ts'
import type { RelayStatements } from './relay-statements.ts'

type Statements = Pick<RelayStatements, 'list' | 'move' | 'park'>

/** Two relays may meet at the same id; one of them finds it in the log when it tries again. */
const MAX_CLASHES = 10

/**
 * Moves the next entries of a lane, whatever they hold: what the log refuses for good is parked.
 *
 * @throws {AuditError} for whatever is no fault of a row's; then nothing of the failed part happened
 */
export async function moveBatch(statements: Statements, options: MoveOptions): Promise<Moved> {
  const move = (part: MoveOptions) => moveAgainOnClash(statements, part)
  try {
    return await move(options)
  } catch (error) {
    if (!isPoison(error)) throw error
    return await moveAroundPoison(statements, options, move)
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
