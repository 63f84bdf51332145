import { randomUUID } from 'node:crypto'
import { createHistogram } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { createRecorder } from '../../src/index.ts'

/** An application that only records, at a steady rate, and tells how it fares. */

export interface LoadSettings {
  readonly databaseUrl: string
  readonly entriesPerSecond: number
  readonly closeTimeoutMs: number
}

export interface LoadNews {
  readonly accepted: number
  readonly refused: number
  readonly buffered: number
  readonly staged: number
  readonly rssBytes: number
  /** Of the calls of `record()` since the last reset, in microseconds. */
  readonly p50Us: number
  readonly p999Us: number
  readonly slowestUs: number
  readonly isQuiet: boolean
}

export type LoadOrder = 'reset' | 'quiet'

const TICK_MS = 5
const TELL_EVERY_MS = 500

const settings = JSON.parse(process.env['CHAOS_LOAD'] ?? '') as LoadSettings
const recorder = createRecorder({
  databaseUrl: settings.databaseUrl,
  closeTimeoutMs: settings.closeTimeoutMs,
  logger: pino({ name: 'load' }),
})
const calls = createHistogram()
const users = Array.from({ length: 50 }, () => randomUUID())
let accepted = 0
let refused = 0
let isQuiet = false

function recordOne(): void {
  const beganNs = process.hrtime.bigint()
  const isAccepted = recorder.record({
    action: 'order.update',
    userId: users[accepted % users.length],
    entityType: 'order',
    targetId: users[(accepted * 7) % users.length],
    requestId: `r-${accepted}`,
    metadata: { total: { from: accepted, to: accepted + 1 }, note: 'a usual change of an order' },
  })
  calls.record(process.hrtime.bigint() - beganNs + 1n) // a histogram takes no 0
  if (isAccepted) accepted += 1
  else refused += 1
}

async function load(): Promise<void> {
  let dueMs = performance.now()
  while (!isQuiet) {
    const nowMs = performance.now()
    dueMs = Math.max(dueMs, nowMs - 1_000)
    for (; dueMs <= nowMs; dueMs += 1_000 / settings.entriesPerSecond) recordOne()
    await sleep(TICK_MS)
  }
}

function tell(): void {
  const { bufferedEntries, staged } = recorder.stats()
  const microseconds = (ns: number) => Math.round(ns / 100) / 10
  const news: LoadNews = {
    accepted,
    refused,
    buffered: bufferedEntries,
    staged,
    rssBytes: process.memoryUsage.rss(),
    p50Us: microseconds(calls.percentile(50)),
    p999Us: microseconds(calls.percentile(99.9)),
    slowestUs: microseconds(calls.max),
    isQuiet,
  }
  process.send?.(news)
}

process.on('message', (order: LoadOrder) => {
  if (order === 'reset') calls.reset()
  else isQuiet = true
})
process.on('SIGTERM', () => {
  isQuiet = true
  void recorder.close().then(({ flushed, dropped }) => {
    process.send?.({ flushed, dropped }, () => process.exit(0))
  })
})
process.on('disconnect', () => process.exit(9)) // the harness is gone
setInterval(tell, TELL_EVERY_MS)
void load()
