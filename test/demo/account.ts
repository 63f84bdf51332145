import type { RecorderStats } from 'audit-outbox'
import { auditDeadLetter, auditLog, auditOutbox, auditStaging } from 'audit-outbox/schema'
import { eq, sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { collaborator, refund } from './tables.ts'

/** The counts of one run of the demo: what went into the audit log, and what came out. */
export interface Account {
  /** Accepted by `record()`, as the recorder counts it. */
  readonly recorded: number
  /** Of those: confirmed by the database, as the recorder counts it. */
  readonly staged: number
  /** Of those: in the log. */
  readonly logged: number
  /** Refused or given up by the recorder, by reason. */
  readonly dropped: Readonly<Record<string, number>>
  /** Stored, but not as given. The entry itself says what was changed. */
  readonly degraded: number
  /** Still in memory. */
  readonly buffered: number
  /** Still in a lane. */
  readonly waiting: number
  readonly deadLetters: number
  readonly gaps: number
  /** Rows of business transactions that called `recordIn` and committed. */
  readonly committed: number
  /** Of those: with their entry in the log. */
  readonly committedLogged: number
  /** Transactions that called `recordIn` and were rolled back. */
  readonly rolledBack: number
  /** Entries of rolled back transactions, in the log or in a lane. There must be none. */
  readonly rolledBackLogged: number
  /** Numbers missing in the log's `seq`, between this run's first entry and its last. */
  readonly seqHoles: number
  /** Requests that did not get the expected answer. */
  readonly failedRequests: number
  readonly secretsSent: number
  /** Entries of the run that contain one of the secrets. There must be none. */
  readonly secretsFound: number
  /** Time from `record()` to the log, in milliseconds. Null if nothing was logged. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
}

/** What is known about a run without the database. */
export interface Run {
  readonly eventId: string
  /** By the database's clock. */
  readonly startedAt: Date
  /** Request ids. */
  readonly rolledBack: readonly string[]
  readonly failedRequests: number
  readonly secrets: readonly string[]
}

/** One handle for each login: the site reads its own tables, and the owner the lanes and the log. */
export interface Ledgers {
  readonly site: NodePgDatabase
  readonly log: NodePgDatabase
}

type Counts = Pick<
  Account,
  | 'logged'
  | 'waiting'
  | 'deadLetters'
  | 'gaps'
  | 'committedLogged'
  | 'rolledBackLogged'
  | 'seqHoles'
  | 'secretsFound'
  | 'p50Ms'
  | 'p99Ms'
>

export async function readAccount(
  ledgers: Ledgers,
  run: Run,
  stats: RecorderStats,
): Promise<Account> {
  const committed = await committedIds(ledgers.site, run.eventId)
  const counts = await readCounts(ledgers.log, run, stats.recorderId, committed)
  return {
    recorded: stats.recorded,
    staged: stats.staged,
    dropped: stats.dropped,
    degraded: stats.degraded,
    buffered: stats.bufferedEntries,
    committed: committed.length,
    rolledBack: run.rolledBack.length,
    failedRequests: run.failedRequests,
    secretsSent: run.secrets.length,
    ...counts,
  }
}

/** The ids of the committed business rows. Each row must have an entry in the log. */
async function committedIds(site: NodePgDatabase, eventId: string): Promise<string[]> {
  const rows = await site
    .select({ id: collaborator.id })
    .from(collaborator)
    .where(eq(collaborator.eventId, eventId))
    .unionAll(site.select({ id: refund.id }).from(refund).where(eq(refund.eventId, eventId)))
  return rows.map(({ id }) => id)
}

/**
 * Reads everything in one statement, and so in one snapshot. The relay moves entries meanwhile, and
 * in one snapshot each entry is in exactly one place.
 */
async function readCounts(
  log: NodePgDatabase,
  { eventId, startedAt, rolledBack, secrets }: Run,
  recorderId: string | null,
  committed: readonly string[],
): Promise<Counts> {
  const since = startedAt.toISOString()
  const { rows } = await log.execute<Counts>(sql`
    with recent as materialized (
      select * from ${auditLog} where id >= audit.id_floor(${since}::timestamptz)
    ),
    ours as materialized (
      select *, recorder_id is not null as is_fast, metadata::text || context::text as body
      from recent
      where recorder_id = ${recorderId}::uuid
        or (recorder_id is null and event_id = ${eventId}::uuid)
    ),
    delay as (
      select extract(epoch from logged_at) * 1000 - ${recordedMs} as ms from ours where is_fast
    ),
    waiting as materialized (
      select request_id from ${auditStaging} where recorder_id = ${recorderId}::uuid
      union all
      select request_id from ${auditOutbox} where event_id = ${eventId}::uuid
    )
    select
      (select count(*) from ours where is_fast)::integer as logged,
      (select count(*) from waiting)::integer as waiting,
      (
        select count(*) from ${auditDeadLetter}
        where recorder_id = ${recorderId}::uuid or strpos(entry, ${eventId}) > 0
      )::integer as "deadLetters",
      (select count(*) from recent where action = 'audit.gap')::integer as gaps,
      (
        select count(distinct target_id) from ours
        where not is_fast and target_id = any(${sql.param(committed)}::uuid[])
      )::integer as "committedLogged",
      (
        select count(*)
        from (select request_id from recent union all select request_id from waiting) as r
        where request_id = any(${sql.param(rolledBack)}::text[])
      )::integer as "rolledBackLogged",
      (
        select coalesce(o.last - o.first + 1 - count(l.seq), 0)
        from (select min(seq) as first, max(seq) as last from ours) as o
        left join ${auditLog} as l on l.seq between o.first and o.last
        group by o.first, o.last
      )::integer as "seqHoles",
      (
        select count(*) from ours
        where exists (
          select from unnest(${sql.param(secrets)}::text[]) as secret
          where strpos(body, secret) > 0
        )
      )::integer as "secretsFound",
      (select percentile_cont(0.5) within group (order by ms) from delay)::float8 as "p50Ms",
      (select percentile_cont(0.99) within group (order by ms) from delay)::float8 as "p99Ms"`)
  const [counts] = rows
  if (counts === undefined) throw new TypeError('a select without FROM answers with one row')
  return counts
}

/** An entry's id is a UUIDv7: its first 48 bits are the milliseconds at which it was recorded. */
const recordedMs = sql.raw(`('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint`)
