import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'

/** A session that holds the head of the log or a row of `audit_turn`. */
export type Mover = {
  /** The process id of its backend. Null where a prepared transaction holds the lock. */
  readonly pid: number | null
  readonly login: string | null
  readonly application: string | null
  /** Identifies its transaction. A relay's transaction ends with its batch. */
  readonly transaction: string
  /** Whether its login is that of a relay. */
  readonly isRelay: boolean
}

/**
 * The sessions behind which a relay stands back, those that are no relay first. Empty where nobody
 * moves.
 */
export function whoMoves(database: Database): Promise<readonly Mover[]> {
  return database.execute<Mover>(sql`/* audit-relay who */
    select w.pid, w.login, w.application, w.transaction, w.is_relay as "isRelay"
    from audit.who_moves() as w`)
}
