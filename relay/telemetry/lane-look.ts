import { type SQL, sql } from 'drizzle-orm'
import { recordedMsSql } from '../../src/ids/uuid7-sql.ts'
import { LANES, type LaneName, laneTable } from '../../src/lanes/lane.ts'

/** What waits in the lanes. The cost of a look is bounded, however long they are. */
export interface LaneLook {
  /** Rows that wait. Exact up to `MAX_PAGES` of the lane's table, beyond that an estimate. */
  readonly depth: Readonly<Record<LaneName, number>>
  readonly isEstimate: Readonly<Record<LaneName, boolean>>
  /** Age of the oldest row of those looked at, in milliseconds; 0 where none waits. */
  readonly oldestAgeMs: Readonly<Record<LaneName, number>>
}

/** 4 MiB: some tens of thousands of rows, tens of milliseconds. */
const MAX_PAGES = 512

/** The CTEs that `LANE_COLUMNS` reads from. */
export const LANE_SAMPLES: SQL = sql.join(
  LANES.map((lane) => sql`${sampleName(lane)} as materialized (${sampleOf(lane)})`),
  sql`, `,
)

/** The columns that `toLaneLook` reads. */
export const LANE_COLUMNS: SQL = sql.join(
  LANES.map(
    (lane) => sql`
      (select ceil(count(*) * coalesce(max(share), 1)) from ${sampleName(lane)})::float8
        as ${sql.identifier(`${lane}_depth`)},
      ${shareOf(lane)} > 1 as ${sql.identifier(`${lane}_is_estimate`)},
      ${ageOf(lane)} as ${sql.identifier(`${lane}_age_ms`)}`,
  ),
  sql`, `,
)

export function toLaneLook(row: Readonly<Record<string, unknown>>): LaneLook {
  const byLane = <Value>(read: (lane: LaneName) => Value): Readonly<Record<LaneName, Value>> => ({
    staging: read('staging'),
    outbox: read('outbox'),
  })
  return {
    depth: byLane((lane) => Number(row[`${lane}_depth`])),
    isEstimate: byLane((lane) => row[`${lane}_is_estimate`] === true),
    oldestAgeMs: byLane((lane) => Number(row[`${lane}_age_ms`] ?? 0)),
  }
}

function sampleName(lane: LaneName): SQL {
  return sql`${sql.identifier(`${lane}_sample`)}`
}

/** How many times `MAX_PAGES` the lane's table is long; 1 where it is no longer than that. */
function shareOf(lane: LaneName): SQL {
  const blocks = sql`pg_relation_size(${`audit.audit_${lane}`}::text::regclass) /
    current_setting('block_size')::float8`
  return sql`greatest(1, ${blocks} / ${MAX_PAGES}::float8)`
}

/** The rows on about `MAX_PAGES` pages of the lane's table: as a rule, all rows. */
function sampleOf(lane: LaneName): SQL {
  return sql`
    select id, (select ${shareOf(lane)}) as share
    from ${laneTable(lane)} tablesample system ((select 100 / ${shareOf(lane)}))`
}

/**
 * By the time in the id, which is that of `record()`. An id from elsewhere may hold no time: one
 * that would be older than ten years or from the future is left out.
 */
function ageOf(lane: LaneName): SQL {
  return sql`(
    select greatest(0, extract(epoch from clock_timestamp()) * 1000
      - ${recordedMsSql(sql`id`)})
    from ${sampleName(lane)}
    where id >= (select audit.id_floor(now() - interval '10 years'))
      and id < (select audit.id_floor(now() + interval '1 day'))
    order by id limit 1
  )::float8`
}
