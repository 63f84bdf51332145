import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'

/** A session that holds the head of the log, or its place among moves in turn. */
export type Mover = {
  /** Of its backend; null where no session holds it: a prepared transaction does. */
  readonly pid: number | null
  readonly login: string | null
  readonly application: string | null
  /** Names its transaction. A relay's transaction ends with its batch. */
  readonly transaction: string
  /** Whether its login is that of a relay. */
  readonly isRelay: boolean
}

/** Behind whom a relay stands back; those that are no relay first. Empty where nobody moves now. */
export function whoMoves(database: Database): Promise<readonly Mover[]> {
  return database.execute<Mover>(sql`/* audit-relay who */
    select w.pid, w.login, w.application, w.transaction, w.is_relay as "isRelay"
    from audit.who_moves() as w`)
}
