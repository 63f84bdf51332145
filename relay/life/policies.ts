import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'

/** A policy that holds, or something that was said about it and does not count yet. */
export interface Policy {
  /** An action, `entity.*` or `*`. */
  readonly actions: string
  /** As Postgres prints an interval: `30 days`. Null: forever. */
  readonly keep: string | null
  /** Whether what was said is that there is no such policy any more. */
  readonly removed: boolean
  /** Whether it holds now. */
  readonly inForce: boolean
  /** Since when it counts, or from when on: ISO 8601, in UTC. Null: its entry is not logged yet. */
  readonly countsAt: string | null
  readonly setAt: string
  /** The database login that said it. */
  readonly setBy: string
}

/** What came of a change. */
export interface PolicyChange {
  /** From when on it counts: ISO 8601, in UTC. */
  readonly effectiveAt: string
  readonly countsNow: boolean
  /** False where the same was said already. */
  readonly isNew: boolean
}

interface ChangeRow {
  readonly epoch: number | null
  readonly countsNow: boolean
  readonly isNew: boolean
}

/** @param keep such as `30 days`; null: forever */
export async function setPolicy(
  database: Database,
  actions: string,
  keep: string | null,
): Promise<PolicyChange | undefined> {
  return changeOf(
    await database.execute<ChangeRow>(sql`
    select ${CHANGE} from audit.set_policy(
      ${actions}::pg_catalog.text, ${keep}::pg_catalog.text::pg_catalog.interval) as c`),
  )
}

/** @returns undefined where these actions have no policy of their own, and none that is to come */
export async function removePolicy(
  database: Database,
  actions: string,
): Promise<PolicyChange | undefined> {
  return changeOf(
    await database.execute<ChangeRow>(sql`
    select ${CHANGE} from audit.remove_policy(${actions}::pg_catalog.text) as c`),
  )
}

const CHANGE = sql`
  pg_catalog.date_part('epoch'::pg_catalog.text, c.effective_at) as epoch,
  pg_catalog.timestamptz_le(c.effective_at, pg_catalog.clock_timestamp()) as "countsNow",
  c.is_new as "isNew"`

function changeOf([row]: readonly ChangeRow[]): PolicyChange | undefined {
  if (row === undefined || row.epoch === null) return undefined
  const { epoch, countsNow, isNew } = row
  return { effectiveAt: new Date(epoch * 1000).toISOString(), countsNow, isNew }
}

export function listPolicies(database: Database): Promise<readonly Policy[]> {
  return database.execute<Policy>(sql`
    select p.actions, p.keep, p.removed, p.in_force as "inForce", p.counts_at as "countsAt",
      p.set_at as "setAt", p.set_by as "setBy"
    from audit.list_policies() as p`)
}
