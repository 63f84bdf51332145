import { type SQL, sql } from 'drizzle-orm'
import type { LaneName } from '../../src/lanes/lane.ts'

export interface MoveOptions {
  readonly lane: LaneName
  /** Most entries to take. */
  readonly batchEntries: number
  /** How long to wait for a lock, such as another relay's on the head, in milliseconds. */
  readonly lockTimeoutMs: number
  /** Only the rows at these places in the lane; all of them, where it is left out. */
  readonly places?: readonly string[] | undefined
  /** Only rows at this place in the lane or behind it; from its start, where it is left out. */
  readonly from?: string | undefined
  /**
   * Which of several moves that are under way this is; it is the only one, where it is left out.
   */
  readonly turn?: Turn | undefined
}

/**
 * The place of a move among those of one relay that are under way at once. Each numbers its entries
 * before the one in front of it has committed, and so counts on what that one will log.
 */
export interface Turn {
  /** What the log's head has to stand at when it is this move's turn to commit. */
  readonly head: number
  /** The `head` of the move in front, whose end it waits for; none, where it is the first. */
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
  /** Where it left the head of the log; none where nothing was logged. */
  readonly head?: number | null
  /** Whether it left the work to another relay that was moving, and took nothing. */
  readonly stoodBack?: boolean
  /** Place in the lane of the last row that was claimed; none where nothing was. */
  readonly through?: string | null
}

export const NOTHING_MOVED: Moved = { claimed: 0, logged: 0, parked: 0 }

/**
 * Takes the next entries from a lane and appends them to the log. The database's function
 * `audit.move` does all of it, and its text says why each part of it is as it is.
 *
 * ONE statement in autocommit: no entry is ever in both or in neither, whatever process dies at
 * whatever moment. A transaction of the driver would not do, because when its backend dies, rows are
 * lost. The comment at its head is for operators, who see it in `pg_stat_activity`.
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
