import { type SQL, sql } from 'drizzle-orm'
import { Database, type DatabaseOptions } from '../../src/database/connection.ts'
import type { FollowState } from './consumer.ts'
import { type FollowedEntry, type FollowedRow, toFollowedEntry } from './followed-entry.ts'

/** All statements that a follower sends to a database. */
export interface FollowStatements {
  /** The consumers that are on. */
  look(): Promise<readonly FollowState[]>
  /** The entries of at most 512 numbers, in the order of `seq`. */
  entries(consumer: string, fromSeq: number, toSeq: number): Promise<readonly FollowedEntry[]>
  /** @returns whether the cursor was moved and `write` was done */
  take(state: FollowState, toSeq: number, write: SQL): Promise<boolean>
  /** @returns whether the cursor was set back and `write` was done */
  rewind(state: FollowState, write: SQL): Promise<boolean>
  /** Any other statement of a consumer. */
  execute<Row extends object>(query: SQL): Promise<readonly Row[]>
  close(): Promise<void>
}

/** Sends the statements over a connection of its own, as a login that was granted `audit_relay`. */
export function openFollowStatements(
  options: Pick<DatabaseOptions, 'url' | 'statementTimeoutMs'>,
): FollowStatements {
  const database = new Database({
    ...options,
    role: 'audit_relay',
    applicationName: 'audit-relay follow',
  })
  // One expression is done after the other, and the second only if the first is true.
  const onlyIf = async (moved: SQL, write: SQL): Promise<boolean> => {
    const [row] = await database.execute<{ isDone: boolean }>(sql`/* audit-relay follow */
      select case when ${moved} then coalesce((${write})::pg_catalog.text, '') is not null
        else false end as "isDone"`)
    return row?.isDone === true
  }
  return {
    look: () =>
      database.execute<FollowState>(sql`/* audit-relay follow look */
        select s.consumer, s.history::pg_catalog.text as history,
          s.since_seq::double precision as "sinceSeq", s.seq::double precision as seq,
          s.changes::double precision as changes, s.head::double precision as head,
          s.log_history::pg_catalog.text as "logHistory",
          s.rewind_to::double precision as "rewindTo"
        from audit.follow_state() as s`),
    async entries(consumer, fromSeq, toSeq) {
      const rows = await database.execute<FollowedRow>(sql`/* audit-relay follow entries */
        select e.seq::double precision as seq, e.id::pg_catalog.text as id,
          (extract(epoch from e.logged_at) * 1000)::double precision as "loggedMs",
          e.written_by as "writtenBy", e.action, e.entity_type as "entityType",
          e.request_id as "requestId", e.outcome, e.event_id as "eventId", e.user_id as "userId",
          e.actor_id as "actorId", e.actor_kind as "actorKind", e.target_id as "targetId",
          e.more_targets as "moreTargets", e.metadata, e.context
        from audit.follow_entries(
          ${consumer}::pg_catalog.text, ${fromSeq}::bigint, ${toSeq}::bigint) as e`)
      return rows.map(toFollowedEntry).sort((one, other) => one.seq - other.seq)
    },
    take: ({ consumer, history, seq, changes }, toSeq, write) =>
      onlyIf(
        sql`audit.take_follow(${consumer}::pg_catalog.text, ${history}::pg_catalog.uuid,
          ${seq + 1}::bigint, ${toSeq}::bigint, ${changes}::bigint)`,
        write,
      ),
    rewind: ({ consumer, history, rewindTo }, write) =>
      onlyIf(
        sql`audit.rewind_follow(${consumer}::pg_catalog.text, ${history}::pg_catalog.uuid,
          ${rewindTo}::bigint)`,
        write,
      ),
    execute: (query) => database.execute(query),
    close: () => database.close(),
  }
}
