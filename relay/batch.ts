import type { Database } from '../src/database.ts'
import { isClash, isPoison, moveAroundPoison } from './dead-letter.ts'
import { type Moved, type MoveOptions, moveStatement } from './move.ts'

/** Two relays may meet at the same id; one of them finds it in the log when it tries again. */
const MAX_CLASHES = 10

/**
 * Moves the next entries of a lane, whatever they hold: what the log refuses for good is parked.
 *
 * @throws {AuditError} for whatever is no fault of a row's; then nothing of the failed part happened
 */
export async function moveBatch(database: Database, options: MoveOptions): Promise<Moved> {
  const move = (part: MoveOptions) => moveAgainOnClash(database, part)
  try {
    return await move(options)
  } catch (error) {
    if (!isPoison(error)) throw error
    return await moveAroundPoison(database, options, move)
  }
}

async function moveAgainOnClash(database: Database, options: MoveOptions): Promise<Moved> {
  for (let clashes = 0; ; clashes += 1) {
    try {
      const [moved] = await database.execute<Moved>(moveStatement(options))
      return moved ?? { claimed: 0, logged: 0, parked: 0 }
    } catch (error) {
      if (!isClash(error) || clashes === MAX_CLASHES) throw error
    }
  }
}
