import { type SQL, sql } from 'drizzle-orm'
import type { MovedLane } from '../../src/lanes/lane.ts'

export interface MoveOptions {
  readonly lane: MovedLane
  /** Most entries to take. */
  readonly batchEntries: number
  /** How long to wait for a lock, such as another relay's on the head, in milliseconds. */
  readonly lockTimeoutMs: number
  /** Only the rows at these places in the lane. Default: all rows. */
  readonly places?: readonly string[] | undefined
  /** Only the rows at this place in the lane or behind it. Default: from its start. */
  readonly from?: string | undefined
  /**
   * Its place among the moves that are under way at once. Default: it is the only one.
   */
  readonly turn?: Turn | undefined
}

/**
 * The place of a move among those of one relay that are under way at once. Each numbers its entries
 * before the one in front of it has committed, and so counts on what that one will log.
 */
export interface Turn {
  /** The number at which the log's head has to stand when this move commits. */
  readonly head: number
  /** The `head` of the move in front, whose end it waits for. Undefined for the first move. */
  readonly after: number | undefined
}

/** What one move did. A type and not an interface, so that it fits a driver's row. */
export type Moved = {
  /** Rows that left the lane. */
  readonly claimed: number
  /** Entries that are new in the log. Fewer than claimed where some were staged twice. */
  readonly logged: number
  /** Entries that the log can never take, now among the dead letters. */
  readonly parked: number
  /** Where it left the head of the log. None where nothing was logged. */
  readonly head?: number | null
  /** Whether it took nothing because another relay was moving. */
  readonly stoodBack?: boolean
  /** The place in the lane of the last row that was claimed. None where no row was. */
  readonly through?: string | null
}

export const NOTHING_MOVED: Moved = { claimed: 0, logged: 0, parked: 0 }

/**
 * Takes the next entries from a lane and appends them to the log. The database's function
 * `audit.move` does all of it, and its text gives the reason for each part.
 *
 * It is ONE statement in autocommit, so no entry is ever in both tables or in neither, even if a
 * process dies. A transaction of the driver could lose rows when its backend dies. The comment in
 * the statement is for operators, who see it in `pg_stat_activity`.
 */
export function moveStatement(options: MoveOptions): SQL {
  const { lane, batchEntries, lockTimeoutMs, from, places, turn } = options
  const array = places && `{${places.map((at) => `"${at}"`).join(',')}}`
  return sql`/* audit-relay move */
    select
      m.claimed, m.logged, m.parked, m.head::double precision as head,
      m.stood_back as "stoodBack", m.through
    from audit.move(
      ${lane}::pg_catalog.text, ${batchEntries}::integer, ${lockTimeoutMs}::integer,
      ${from ?? null}::pg_catalog.text, ${array ?? null}::pg_catalog.text,
      ${turn?.head ?? null}::bigint, ${turn?.after ?? null}::bigint
    ) as m`
}
