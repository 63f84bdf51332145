import { performance } from 'node:perf_hooks'
import type { Database } from '../../src/database.ts'
import { type TimelineOptions, timeline } from '../../src/timeline.ts'
import { type knownIds, RARE } from './generate.ts'

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
  readonly pages: readonly MeasuredPage[]
}

export const PAGE = 50
export const FAR_PAGE = 1_000
export const ROUNDS = 5
export const SAMPLES = 40
const WARM_UP = 10
const DAY_MS = 86_400_000

/** Every filter that is documented, with values that are common and values that are rare. */
function filters({ ids, endMs }: Log): Readonly<Record<string, TimelineOptions>> {
  const { busyEvent, quietEvent, user, target, targetType, request } = ids
  const week = { from: Math.floor(endMs) - 14 * DAY_MS, to: Math.floor(endMs) - 7 * DAY_MS }
  return {
    'no filter': {},
    'eventId, a busy one': { eventId: busyEvent },
    'eventId, a quiet one': { eventId: quietEvent },
    userId: { userId: user },
    targetId: { targetId: target },
    requestId: { requestId: request },
    'action, a common one': { action: 'branding.update' },
    'action, a rare one of a common entity': { action: RARE.action },
    'action, all of a common entity': { action: 'branding.*' },
    'action, all of a rare entity': { action: RARE.entity },
    'from and to, a week': week,
    'eventId and action': { eventId: busyEvent, action: 'branding.update' },
    'eventId and a rare action': { eventId: busyEvent, action: RARE.action },
    'eventId, a week': { eventId: busyEvent, ...week },
    'targetId and entityType': { targetId: target, entityType: targetType },
    'eventId and metadata': { eventId: busyEvent, metadata: { field: 'logo' } },
    'eventId and rare metadata': { eventId: quietEvent, metadata: { step: 7 } },
    'eventId and metadata that none has': { eventId: busyEvent, metadata: { step: -1 } },
  }
}

/**
 * Page 1, and page 1,000 where there is one, else the last: of every filter, in both orders. The
 * logs take turns, so that whatever else the machine does slows all of them.
 */
export async function measurePages(logs: readonly Log[]): Promise<readonly MeasuredFilter[]> {
  const measured: MeasuredFilter[] = []
  const [any] = logs
  for (const name of any ? Object.keys(filters(any)) : []) {
    for (const order of ['newest', 'oldest'] as const) {
      const asked = (log: Log) => ({ ...filters(log)[name], order })
      const first = logs.map((log) => ({ log, page: 1, options: asked(log) }))
      const far = await Promise.all(logs.map((log) => farPage(log, asked(log))))
      const filter = `${name}, ${order} first`
      measured.push({ filter, pages: await takeTurns(first) })
      const there = far.filter((one) => one !== undefined)
      if (there.length > 0) measured.push({ filter, pages: await takeTurns(there) })
      console.log(filter)
    }
  }
  return measured
}

interface Asked {
  readonly log: Log
  readonly page: number
  readonly options: TimelineOptions
}

/** The way there is ten pages a step: it is not what is measured. */
async function farPage(log: Log, options: TimelineOptions): Promise<Asked | undefined> {
  let found: Asked | undefined
  let page = 1
  let cursor: string | undefined
  while (page < FAR_PAGE) {
    const limit = Math.min(500, PAGE * (FAR_PAGE - page))
    const step = await timeline(log.db, { ...options, limit, cursor })
    // A page with fewer entries is less work, and no measure for a full one.
    if (step.entries.length < PAGE) break
    if (cursor !== undefined) found = { log, page, options: { ...options, cursor } }
    if (step.nextCursor === null) break
    cursor = step.nextCursor
    page += Math.floor(step.entries.length / PAGE)
    if (page === FAR_PAGE) found = { log, page, options: { ...options, cursor } }
  }
  return found
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
