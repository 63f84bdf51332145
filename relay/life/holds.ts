import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'

/** What a hold is about. An entry is held where it meets all that is given. Times are Unix ms. */
export interface HoldConditions {
  readonly user?: string | undefined
  readonly event?: string | undefined
  readonly target?: string | undefined
  readonly request?: string | undefined
  readonly from?: number | undefined
  /** The first instant behind it. */
  readonly to?: number | undefined
}

/** A legal hold. Times are ISO 8601, in UTC. */
export interface Hold {
  readonly id: string
  readonly reason: string
  readonly userId: string | null
  readonly eventId: string | null
  readonly targetId: string | null
  readonly requestId: string | null
  readonly from: string | null
  readonly to: string | null
  readonly placedBy: string
  readonly placedAt: string
  /** Null while it is in force. */
  readonly releasedBy: string | null
  readonly releasedAt: string | null
}

/** @returns the hold's id */
export async function placeHold(
  database: Database,
  reason: string,
  { user, event, target, request, from, to }: HoldConditions,
): Promise<string> {
  const text = (given: string | undefined) => sql`${given ?? null}::pg_catalog.text`
  const time = (ms: number | undefined) => {
    const iso = ms === undefined ? null : new Date(ms).toISOString()
    return sql`${iso}::pg_catalog.text::pg_catalog.timestamptz`
  }
  const [row] = await database.execute<{ id: string }>(sql`
    select audit.place_hold(${text(reason)}, ${text(user)}, ${text(event)}, ${text(target)},
      ${text(request)}, ${time(from)}, ${time(to)}) as id`)
  return row?.id ?? ''
}

/** @returns whether such a hold was in force */
export async function releaseHold(database: Database, id: string): Promise<boolean> {
  const [row] = await database.execute<{ released: boolean }>(sql`
    select audit.release_hold(${id}::pg_catalog.text::pg_catalog.uuid) as released`)
  return row?.released === true
}

/** Those in force, oldest first. @param released also those that are not any more */
export function listHolds(database: Database, released: boolean): Promise<readonly Hold[]> {
  return database.execute<Hold>(sql`
    select h.id, h.reason, h.user_id as "userId", h.event_id as "eventId",
      h.target_id as "targetId", h.request_id as "requestId", h.from_at as "from", h.to_at as "to",
      h.placed_by as "placedBy", h.placed_at as "placedAt", h.released_by as "releasedBy",
      h.released_at as "releasedAt"
    from audit.list_holds(${released}::pg_catalog.bool) as h`)
}
