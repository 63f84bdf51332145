import { performance } from 'node:perf_hooks'
import type { Database } from '../../src/database/connection.ts'
import { type TimelineOptions, timeline } from '../../src/read/timeline.ts'
import { type knownIds, RARE, STEADY } from './generate.ts'

/** A log to be read, with what to look for in it. */
export interface Log {
  readonly rows: number
  readonly db: Database
  readonly endMs: number
  readonly ids: Awaited<ReturnType<typeof knownIds>>
}

/** One page of one filter in one log. */
export interface MeasuredPage {
  readonly rows: number
  readonly page: number
  readonly entries: number
  readonly p50Ms: number
  readonly p95Ms: number
}

export interface MeasuredFilter {
  readonly filter: string
  /** Whether it asks for the same answer in every log, and its pages are the same ones. */
  readonly isSteady: boolean
  readonly pages: readonly MeasuredPage[]
}

export const PAGE = 50
export const FAR_PAGE = 1_000
export const ROUNDS = 5
export const SAMPLES = 40
const WARM_UP = 10
const DAY_MS = 86_400_000

type Filters = Readonly<Record<string, TimelineOptions>>

const weekOf = (endMs: number) => ({
  from: Math.floor(endMs) - 14 * DAY_MS,
  to: Math.floor(endMs) - 7 * DAY_MS,
})

/** Every filter that is documented, for what every log has as many entries of. */
function steadyFilters({ ids, endMs }: Log): Filters {
  const { steadyEvent: eventId, steadyQuietEvent, steadyUser, steadyTarget, request } = ids
  return {
    'no filter': {},
    eventId: { eventId },
    'eventId, 26 entries': { eventId: steadyQuietEvent },
    userId: { userId: steadyUser },
    targetId: { targetId: steadyTarget },
    requestId: { requestId: request },
    action: { action: STEADY.action },
    'action, one of 26 entries of that entity': { action: STEADY.rareAction },
    'action, all of an entity': { action: STEADY.entity },
    'action, all of an entity, 26 entries': { action: STEADY.rareEntity },
    'from and to, a week': weekOf(endMs),
    'eventId and action': { eventId, action: STEADY.seldomAction },
    'eventId and a rare action': { eventId, action: STEADY.rareAction },
    'eventId, a week': { eventId, ...weekOf(endMs) },
    'targetId and entityType': { targetId: steadyTarget, entityType: 'venue' },
    'eventId and metadata': { eventId, metadata: { field: 'logo' } },
    'eventId and rare metadata': { eventId, metadata: { step: 7 } },
    'eventId and metadata that none has': { eventId, metadata: { step: -1 } },
  }
}

/** The same for what is a share of the log: common and rare, and more of it in a larger one. */
function growingFilters({ ids, endMs }: Log): Filters {
  const { busyEvent, quietEvent, user, target, targetType } = ids
  return {
    'eventId, a busy one': { eventId: busyEvent },
    'eventId, a quiet one': { eventId: quietEvent },
    userId: { userId: user },
    targetId: { targetId: target },
    'action, a common one': { action: 'branding.update' },
    'action, a rare one of a common entity': { action: RARE.action },
    'action, all of a common entity': { action: 'branding.*' },
    'action, all of a rare entity': { action: RARE.entity },
    'from and to, a week': weekOf(endMs),
    'eventId and action': { eventId: busyEvent, action: 'branding.update' },
    'eventId and a rare action': { eventId: busyEvent, action: RARE.action },
    'eventId, a week': { eventId: busyEvent, ...weekOf(endMs) },
    'targetId and entityType': { targetId: target, entityType: targetType },
    'eventId and metadata': { eventId: busyEvent, metadata: { field: 'logo' } },
    'eventId and rare metadata': { eventId: quietEvent, metadata: { step: 7 } },
    'eventId and metadata that none has': { eventId: busyEvent, metadata: { step: -1 } },
  }
}

/**
 * Page 1, and page 1,000 where there is one, else the last: of every filter, in both orders. The
 * logs take turns, so that other work of the machine slows all of them.
 */
export async function measurePages(logs: readonly Log[]): Promise<readonly MeasuredFilter[]> {
  return [
    ...(await measureFilters(logs, steadyFilters, true)),
    ...(await measureFilters(logs, growingFilters, false)),
  ]
}

async function measureFilters(
  logs: readonly Log[],
  filters: (log: Log) => Filters,
  isSteady: boolean,
): Promise<readonly MeasuredFilter[]> {
  const measured: MeasuredFilter[] = []
  const [any] = logs
  for (const name of any ? Object.keys(filters(any)) : []) {
    for (const order of ['newest', 'oldest'] as const) {
      const first: Asked[] = []
      const ways: Map<number, Asked>[] = []
      for (const log of logs) {
        const options = { ...filters(log)[name], order }
        first.push({ log, page: 1, options })
        ways.push(await wayOf(log, options))
      }
      const filter = `${name}, ${order} first`
      measured.push({ filter, isSteady, pages: await takeTurns(first) })
      const far = isSteady ? farthestOfAll(ways) : ways.flatMap((way) => farthestOf(way) ?? [])
      if (far.length > 0) measured.push({ filter, isSteady, pages: await takeTurns(far) })
      console.log(filter)
    }
  }
  return measured
}

function farthestOf(way: ReadonlyMap<number, Asked>): Asked | undefined {
  return [...way.values()].at(-1)
}

/** Of each log the same page: the last of those that all of them have. */
function farthestOfAll(ways: readonly ReadonlyMap<number, Asked>[]): readonly Asked[] {
  const pages = [...(ways[0]?.keys() ?? [])].filter((page) => ways.every((way) => way.has(page)))
  const last = pages.at(-1)
  return last === undefined ? [] : ways.flatMap((way) => way.get(last) ?? [])
}

interface Asked {
  readonly log: Log
  readonly page: number
  readonly options: TimelineOptions
}

/** Full pages up to the thousandth, by their numbers. It is ten pages a step: no measure. */
async function wayOf(log: Log, options: TimelineOptions): Promise<Map<number, Asked>> {
  const way = new Map<number, Asked>()
  let page = 1
  let cursor: string | undefined
  while (page <= FAR_PAGE) {
    const limit = Math.min(500, PAGE * Math.max(1, FAR_PAGE - page))
    const step = await timeline(log.db, { ...options, limit, cursor })
    // A page with fewer entries is less work, and no measure for a full one.
    if (step.entries.length < PAGE) break
    if (cursor !== undefined) way.set(page, { log, page, options: { ...options, cursor } })
    if (step.nextCursor === null) break
    cursor = step.nextCursor
    page += Math.floor(step.entries.length / PAGE)
  }
  return way
}

async function takeTurns(asked: readonly Asked[]): Promise<readonly MeasuredPage[]> {
  const rounds = asked.map(() => [] as { p50Ms: number; p95Ms: number }[])
  const entries = asked.map(() => 0)
  for (let round = 0; round < ROUNDS; round += 1) {
    const tookMs = asked.map(() => [] as number[])
    for (let n = 0; n < WARM_UP + SAMPLES; n += 1) {
      for (const [at, { log, options }] of asked.entries()) {
        const startMs = performance.now()
        const page = await timeline(log.db, { ...options, limit: PAGE })
        if (n >= WARM_UP) tookMs[at]?.push(performance.now() - startMs)
        entries[at] = page.entries.length
      }
    }
    for (const [at, took] of tookMs.entries()) {
      rounds[at]?.push({ p50Ms: quantile(took, 0.5), p95Ms: quantile(took, 0.95) })
    }
  }
  // The median of the rounds: one in which the machine was busy elsewhere does not count.
  return asked.map(({ log, page }, at) => {
    const of = (name: 'p50Ms' | 'p95Ms') =>
      quantile(
        (rounds[at] ?? []).map((round) => round[name]),
        0.5,
      )
    const [p50Ms, p95Ms] = [of('p50Ms'), of('p95Ms')]
    return { rows: log.rows, page, entries: entries[at] ?? 0, p50Ms, p95Ms }
  })
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2))
}
