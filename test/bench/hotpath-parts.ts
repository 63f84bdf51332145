import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { pino } from 'pino'
import { createEncoder } from '../../src/encode/encoder.ts'
import { compileRedactor } from '../../src/redact/redactor.ts'
import { createCapture } from '../../src/capture/capture.ts'
import { demoEntry } from './demo-entry.ts'

// What the parts of the hot path cost beside what everybody knows. The rounds are interleaved, so
// that a machine that is slow for a while is slow for all; the median round counts. A tight loop
// flatters everything, but evenly enough to choose between alternatives.
//
// node --expose-gc --import tsx test/bench/hotpath-parts.ts

const ROUNDS = 31
const CALLS = 20_000

function pipeline(redact: undefined | false) {
  const redactor = compileRedactor(redact)
  const { captureEntry } = createCapture({ maxEntryBytes: 32_768, redactor })
  const encoder = createEncoder({ recorderId: randomUUID(), maxEntryBytes: 32_768, redactor })
  const both = (n: number) => {
    const pending = captureEntry(demoEntry(n), undefined, Date.now())
    return pending && encoder.arrayOf([encoder.rowOf(pending, n)], [pending])
  }
  return { captureEntry, both }
}

const redacting = pipeline(undefined)
const bare = pipeline(false)
const logger = pino({}, { write() {} })

let sink: unknown
const parts: Record<string, (n: number) => void> = {
  'the literal alone': (n) => {
    sink = demoEntry(n)
  },
  'pino.info': (n) => logger.info(demoEntry(n)),
  shape: (n) => {
    sink = redacting.captureEntry(demoEntry(n), undefined, Date.now())
  },
  'shape, redact: false': (n) => {
    sink = bare.captureEntry(demoEntry(n), undefined, Date.now())
  },
  'shape and encode': (n) => {
    sink = redacting.both(n)
  },
  'the same, redact: false': (n) => {
    sink = bare.both(n)
  },
  'JSON.stringify': (n) => {
    sink = JSON.stringify(demoEntry(n))
  },
  structuredClone: (n) => {
    sink = structuredClone(demoEntry(n))
  },
}

const rounds: Record<string, number[]> = {}
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, call] of Object.entries(parts)) {
    const started = performance.now()
    for (let n = 0; n < CALLS; n += 1) call(n)
    const nanoseconds = ((performance.now() - started) / CALLS) * 1e6
    rounds[name] ??= []
    if (round > 5) rounds[name].push(nanoseconds)
  }
}

const median = (values: number[]) =>
  values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0

function heapBytes(call: (n: number) => void): number {
  const samples = Array.from({ length: 9 }, () => {
    globalThis.gc?.()
    const before = process.memoryUsage().heapUsed
    for (let n = 0; n < 2_000; n += 1) call(n)
    return (process.memoryUsage().heapUsed - before) / 2_000
  })
  return median(samples)
}

const pinoNanoseconds = median(rounds['pino.info'] ?? [])
for (const [name, call] of Object.entries(parts)) {
  const nanoseconds = median(rounds[name] ?? [])
  console.log(
    name.padEnd(24),
    `${nanoseconds.toFixed(0).padStart(6)} ns`,
    `${(nanoseconds / pinoNanoseconds).toFixed(3)} of pino.info`,
    `${heapBytes(call).toFixed(0).padStart(6)} heap bytes`,
  )
}
if (sink === null) console.log()
