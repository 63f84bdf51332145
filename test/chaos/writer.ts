import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { createRecorder } from '../../src/index.ts'
import { AccountWriter } from './account.ts'
import { Orders } from './orders.ts'
import { Random } from './random.ts'

/**
 * One writer: an application with a recorder in the fast lane under load and with transactions. It
 * keeps its own exact account. The harness starts it and may kill it at any time.
 */

const TICK_MS = 10
/** After a pause of the whole process it catches up with no more than this. */
const MAX_BURST_MS = 1_000
const CLOSE_TIMEOUT_MS = 8_000
const STATS_EVERY_MS = 250

export interface WriterSettings {
  readonly name: string
  readonly databaseUrl: string
  readonly account: string
  readonly seed: number
  readonly entriesPerSecond: number
  readonly transactionsPerSecond: number
}

/** What a writer tells the harness now and then. */
export interface WriterNews {
  readonly accepted: number
  readonly staged: number
  readonly buffered: number
  readonly dropped: number
  readonly transactions: number
  /** The slowest call of `record()` so far, in milliseconds. */
  readonly slowestMs: number
  /** Whether it does nothing any more but stage what it holds. */
  readonly isQuiet: boolean
}

const settings = JSON.parse(process.env['CHAOS_WRITER'] ?? '') as WriterSettings
const recorder = createRecorder({
  databaseUrl: settings.databaseUrl,
  logger: pino({ name: settings.name }),
  statementTimeoutMs: 2_000,
  reportIntervalMs: 1_000,
})
const recorderId = recorder.stats().recorderId ?? ''
const account = new AccountWriter(settings.account, recorderId)
const orders = new Orders({ settings, recorder, account, random: new Random(settings.seed) })
const users = Array.from({ length: 20 }, () => randomUUID())
const events = Array.from({ length: 5 }, () => randomUUID())
const NOTE = 'x'.repeat(120)

let accepted = 0
let slowestMs = 0
let isQuiet = false
let isEnding = false

function recordOne(): void {
  const beganMs = performance.now()
  const isAccepted = recorder.record({
    action: 'order.update',
    userId: users[accepted % users.length],
    eventId: events[accepted % events.length],
    entityType: 'order',
    requestId: `${settings.name}-${accepted}`,
    metadata: { n: accepted + 1, note: NOTE, total: { from: accepted, to: accepted + 1 } },
  })
  slowestMs = Math.max(slowestMs, performance.now() - beganMs)
  if (isAccepted) accepted += 1
}

async function load(): Promise<void> {
  let dueMs = performance.now()
  while (!isQuiet) {
    const nowMs = performance.now()
    dueMs = Math.max(dueMs, nowMs - MAX_BURST_MS)
    for (; dueMs <= nowMs; dueMs += 1_000 / settings.entriesPerSecond) recordOne()
    account.counts(accepted, recorder.stats().staged)
    await sleep(TICK_MS)
  }
}

function tell(): void {
  const { staged, bufferedEntries, dropped } = recorder.stats()
  account.counts(accepted, staged)
  const news: WriterNews = {
    accepted,
    staged,
    buffered: bufferedEntries,
    dropped: Object.values(dropped).reduce((sum, count) => sum + count, 0),
    transactions: orders.done,
    slowestMs,
    isQuiet: isQuiet && !orders.isBusy,
  }
  process.send?.(news)
}

async function end(): Promise<void> {
  if (isEnding) return
  isEnding = true
  isQuiet = true
  const beganMs = performance.now()
  await orders.stop()
  const { flushed, dropped } = await recorder.close({ timeoutMs: CLOSE_TIMEOUT_MS })
  const { recorded, staged, dropped: droppedByReason } = recorder.stats()
  account.counts(accepted, staged)
  const tookMs = Math.round(performance.now() - beganMs)
  account.closed({ flushed, dropped, tookMs, recorded, droppedByReason })
  process.exit(0)
}

process.on('SIGTERM', () => void end())
process.on('message', () => {
  isQuiet = true
  void orders.stop()
})
process.on('disconnect', () => process.exit(9)) // the harness is gone
setInterval(tell, STATS_EVERY_MS)
void load()
void orders.run()
