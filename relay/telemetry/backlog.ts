import { sql } from 'drizzle-orm'
import { Database } from '../../src/database/connection.ts'
import { type LaneName, laneTable } from '../../src/lanes/lane.ts'
import { type AuditLogger, guardLogger } from '../../src/logger.ts'
import { Outage } from '../../src/database/outage.ts'
import { auditDeadLetter, auditHead, auditLane, auditRecorder } from '../../src/schema/tables.ts'

export interface Backlog {
  /** Rows that wait. Exact up to `MAX_PAGES` of the lane's table, beyond that an estimate. */
  readonly depth: Readonly<Record<LaneName, number>>
  /** Age of the oldest of them, in milliseconds; 0 where none waits. */
  readonly oldestAgeMs: Readonly<Record<LaneName, number>>
  readonly lastSeq: number
  /** Dead letters that nobody has retried or dropped; counted up to `MAX_DEAD_LETTERS`. */
  readonly deadLetters: number
  /** Times that the fast lane was found emptied, by whichever relay. */
  readonly gaps: number
  /** What recorders have reported, of all of them, by reason. */
  readonly dropped: Readonly<Record<string, number>>
}

type Row = {
  readonly staging: number
  readonly stagingAgeMs: number | null
  readonly outbox: number
  readonly outboxAgeMs: number | null
} & Pick<Backlog, 'lastSeq' | 'deadLetters' | 'gaps' | 'dropped'>

/** 4 MiB: some tens of thousands of rows, tens of milliseconds, whatever a lane holds. */
const MAX_PAGES = 512
const MAX_DEAD_LETTERS = 10_000
const DEADLINE_MS = 1_000
/** Health checks and scrapes that come together share one look. */
export const FRESH_MS = 500

/**
 * What waits, as the database knows it, read on a connection of its own: the relay's never waits for
 * a scrape. One statement with a deadline, whose cost is bounded whatever waits.
 */
export class BacklogReader {
  readonly #database: Database
  readonly #outage: Outage
  #reading: Promise<Backlog | undefined> | undefined
  #readMs = Number.NEGATIVE_INFINITY
  #latest: Backlog | undefined

  /** @param logger default: pino's own */
  constructor(url: string, logger?: AuditLogger) {
    this.#outage = new Outage(guardLogger(logger, 'audit-relay'), {
      begins: 'audit relay cannot read what waits: depth and lag are unknown',
      goesOn: 'audit relay still cannot read what waits',
      ends: 'audit relay reads what waits again',
    })
    this.#database = new Database({
      url,
      applicationName: 'audit-relay metrics',
      statementTimeoutMs: DEADLINE_MS,
      isReader: true,
    })
  }

  /** Undefined where the database did not answer in time. Never rejects. */
  read(): Promise<Backlog | undefined> {
    const isFresh = performance.now() - this.#readMs < FRESH_MS
    if (!this.#reading || !isFresh) {
      this.#readMs = performance.now()
      this.#reading = this.#read().then(
        (backlog) => {
          this.#outage.recovered()
          return backlog
        },
        (error: unknown) => {
          this.#outage.failed(error)
          return undefined
        },
      )
    }
    return this.#reading
  }

  /** What was read last, however long ago. */
  get latest(): Backlog | undefined {
    return this.#latest
  }

  /** The newest that is there after at most this long. */
  async readWithin(waitMs: number): Promise<Backlog | undefined> {
    let timer: NodeJS.Timeout | undefined
    const bound = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, waitMs)
    })
    await Promise.race([this.read(), bound])
    clearTimeout(timer)
    return this.#latest
  }

  async close(): Promise<void> {
    await this.#database.close()
  }

  async #read(): Promise<Backlog | undefined> {
    const [row] = await this.#database.execute<Row>(sql`
      with staging as materialized (${sampleOf('staging')}),
      outbox as materialized (${sampleOf('outbox')})
      select
        (select ceil(count(*) * coalesce(max(share), 1)) from staging)::float8 as staging,
        ${ageOf('staging')} as "stagingAgeMs",
        (select ceil(count(*) * coalesce(max(share), 1)) from outbox)::float8 as outbox,
        ${ageOf('outbox')} as "outboxAgeMs",
        (select seq from ${auditHead})::float8 as "lastSeq",
        (
          select count(*) from (select from ${auditDeadLetter} limit ${MAX_DEAD_LETTERS}::integer) as d
        )::float8 as "deadLetters",
        (select sum(resets) from ${auditLane})::float8 as gaps,
        (
          select coalesce(json_object_agg(reason, total), '{}')
          from (
            select reason, sum(count::float8) as total
            from ${auditRecorder} as r, jsonb_each_text(r.dropped) as d (reason, count)
            where r.dropped <> '{}'
            group by reason
          ) as by_reason
        ) as dropped`)
    if (row === undefined) return undefined
    const { staging, outbox, stagingAgeMs, outboxAgeMs, ...rest } = row
    this.#latest = {
      ...rest,
      depth: { staging, outbox },
      oldestAgeMs: { staging: stagingAgeMs ?? 0, outbox: outboxAgeMs ?? 0 },
    }
    return this.#latest
  }
}

/** How many times `MAX_PAGES` a lane's table takes: 1 where it is no longer. */
function shareOf(lane: LaneName) {
  const blocks = sql`pg_relation_size(${`audit.audit_${lane}`}::text::regclass) /
    current_setting('block_size')::float8`
  return sql`greatest(1, ${blocks} / ${MAX_PAGES}::float8)`
}

/** The rows of a lane that lie on about `MAX_PAGES` of its pages: all of them, as a rule. */
function sampleOf(lane: LaneName) {
  return sql`
    select id, (select ${shareOf(lane)}) as share
    from ${laneTable(lane)} tablesample system ((select 100 / ${shareOf(lane)}))`
}

/**
 * By the time in the id, which is that of `record()`. An id from elsewhere holds no time: outside
 * these bounds it is none of ours.
 */
function ageOf(lane: LaneName) {
  return sql`(
    select greatest(0, extract(epoch from clock_timestamp()) * 1000
      - ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint)
    from ${sql.raw(lane)}
    where id >= (select audit.id_floor(now() - interval '10 years'))
      and id < (select audit.id_floor(now() + interval '1 day'))
    order by id limit 1
  )::float8`
}
