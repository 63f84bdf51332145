import { PerformanceObserver } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRecorder } from '../../src/index.ts'
import { quietLogger } from './quiet-logger.ts'
import { demoEntry } from './demo-entry.ts'
import { recorderOver } from './unsent-recorder.ts'

// One recorder in a process that does nothing else, so that each turn of its event loop is a slice
// of flushing. Argument: the URL of a database; none: nothing is sent. It answers each message with
// the slices of some flushes.

export interface FlushOrder {
  readonly flushes: number
  readonly entriesAFlush: number
}

/** In microseconds, slice by slice. */
export interface FlushSeen {
  readonly tookUs: readonly number[]
  /** Of that, how long the engine collected garbage. */
  readonly collectingUs: readonly number[]
}

interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** A shorter turn of the event loop did nothing. */
const MIN_SLICE_MS = 0.03
/** Collections are told of a little later. */
const TOLD_MS = 50

const [databaseUrl = ''] = process.argv.slice(2)
const recorder =
  databaseUrl === '' ? recorderOver() : createRecorder({ databaseUrl, logger: quietLogger })

let collections: Span[] = []
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) {
    collections.push({ fromMs: startTime, toMs: startTime + duration })
  }
}).observe({ entryTypes: ['gc'] })

/** Nothing but the clock is asked in a turn, so that looking makes hardly any garbage. */
function slicesUntil(done: Promise<unknown>): Promise<Span[]> {
  const slices: Span[] = []
  let isDone = false
  let fromMs = performance.now()
  void done.finally(() => {
    isDone = true
  })
  return new Promise((resolve) => {
    function turn(): void {
      const toMs = performance.now()
      if (toMs - fromMs > MIN_SLICE_MS) slices.push({ fromMs, toMs })
      fromMs = toMs
      if (isDone) resolve(slices)
      else setImmediate(turn)
    }
    setImmediate(turn)
  })
}

function overlapMs(slice: Span, other: Span): number {
  return Math.max(0, Math.min(slice.toMs, other.toMs) - Math.max(slice.fromMs, other.fromMs))
}

async function measure({ flushes, entriesAFlush }: FlushOrder): Promise<FlushSeen> {
  const slices: Span[] = []
  collections = []
  for (let flushed = 0; flushed < flushes; flushed += 1) {
    for (let n = 0; n < entriesAFlush; n += 1) recorder.record(demoEntry(n))
    slices.push(...(await slicesUntil(recorder.flush())))
  }
  await sleep(TOLD_MS)
  return {
    tookUs: slices.map(({ fromMs, toMs }) => (toMs - fromMs) * 1_000),
    collectingUs: slices.map(
      (slice) => collections.reduce((sum, one) => sum + overlapMs(slice, one), 0) * 1_000,
    ),
  }
}

process.on('message', async (order: FlushOrder) => process.send?.(await measure(order)))
process.on('disconnect', () => process.exit())
