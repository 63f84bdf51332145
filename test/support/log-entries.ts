import { randomUUID } from 'node:crypto'
import type postgres from 'postgres'
import { idFloor } from '../../src/ids/uuid7.ts'

/** An entry to append to the log. Properties that are left out become null or empty. */
export interface GivenEntry {
  readonly action?: string
  /** When the entry was recorded, in Unix milliseconds: the time in its id. @default now */
  readonly ms?: number
  readonly occurredMs?: number
  readonly userId?: string | null
  readonly eventId?: string | null
  readonly targetId?: string | null
  readonly moreTargets?: readonly string[] | null
  readonly actorId?: string | null
  readonly actorKind?: string | null
  readonly outcome?: string | null
  readonly entityType?: string | null
  readonly requestId?: string | null
  readonly metadata?: unknown
  readonly context?: unknown
}

/** An id as a recorder makes it, for a time that the test chooses. */
export function idAt(ms: number): string {
  return `${idFloor(ms).slice(0, 14)}7${randomUUID().slice(15)}`
}

/** Appends entries to the log as a relay would, numbered without gaps. @returns their ids */
export async function appendToLog(
  sql: postgres.Sql,
  given: readonly GivenEntry[],
): Promise<readonly string[]> {
  const nowMs = Date.now()
  const rows = given.map(({ ms = nowMs, occurredMs = ms, ...entry }) => ({
    ...{ id: idAt(ms), action: 'thing.update', metadata: {}, context: {}, ...entry },
    occurredAt: new Date(occurredMs).toISOString(),
  }))
  await sql`
    with head as (
      update audit.audit_head set seq = seq + ${rows.length}::bigint returning seq
    )
    insert into audit.audit_log (
      id, seq, occurred_at, user_id, event_id, target_id, action, entity_type, request_id,
      metadata, context, outcome, actor_id, actor_kind, more_targets
    )
    select
      (e ->> 'id')::uuid, head.seq - ${rows.length}::bigint + n, (e ->> 'occurredAt')::timestamptz,
      (e ->> 'userId')::uuid, (e ->> 'eventId')::uuid, (e ->> 'targetId')::uuid, e ->> 'action',
      e ->> 'entityType', e ->> 'requestId', e -> 'metadata', e -> 'context',
      e ->> 'outcome', (e ->> 'actorId')::uuid, e ->> 'actorKind',
      case when jsonb_typeof(e -> 'moreTargets') = 'array'
        then array(select jsonb_array_elements_text(e -> 'moreTargets')::uuid) end
    from head, jsonb_array_elements(${JSON.stringify(rows)}::text::jsonb)
      with ordinality as given (e, n)`
  return rows.map(({ id }) => id)
}
