import { createCapture } from '../../src/capture/capture.ts'
import { compileRedactor } from '../../src/redact/redactor.ts'
import type { Part, PartOptions, Result } from './part.ts'
import { KIB, listOf, WORST_CALLS, type WorstCall } from './worst-contents.ts'

export interface CallCost {
  readonly name: string
  readonly recordUs: number
  readonly stringifyUs: number
  /** `record()` over its bound: 1.5 times `JSON.stringify` plus 50 µs. */
  readonly overBound: number
}

/** What a call may take beyond a multiple of `JSON.stringify`, on the machine of the results. */
export const FIXED_US = 50
export const FACTOR = 1.5

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

function usOf(run: () => unknown): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** The CPU time of a call and of `JSON.stringify` in turn: warm, the median of `rounds`. */
export function measureCall({ make, asJson }: WorstCall, rounds = 20) {
  const { captureEntry } = createCapture({
    maxEntryBytes: 32 * KIB,
    redactor: compileRedactor(undefined),
  })
  const times = { record: [] as number[], stringify: [] as number[] }
  // A content that takes little is recorded several times, because the clock counts microseconds.
  let repeats = 1
  for (let round = -5; round < rounds; round += 1) {
    const made = listOf(repeats, make)
    const record = usOf(() => {
      for (const metadata of made) captureEntry({ action: 'a.b', metadata }, undefined, 0)
    })
    const json = asJson === undefined ? made : made.map((one) => asJson(one as never))
    const stringify = usOf(() => {
      for (const content of json) JSON.stringify(content)
    })
    if (round >= 0) {
      times.record.push(record / repeats)
      times.stringify.push(stringify / repeats)
    } else {
      repeats = Math.max(repeats, Math.min(50, Math.ceil((500 * repeats) / (record + 1))))
    }
  }
  return { recordUs: median(times.record), stringifyUs: median(times.stringify) }
}

export function costOf(call: WorstCall, rounds?: number): CallCost {
  const { recordUs, stringifyUs } = measureCall(call, rounds)
  const overBound = recordUs / (FACTOR * stringifyUs + FIXED_US)
  return { name: call.name, recordUs, stringifyUs, overBound }
}

const ROUNDS = 20

async function run({ isQuick, say }: PartOptions): Promise<Result> {
  const costs = WORST_CALLS.map((call, at) => {
    if (at % 10 === 0) say(`${at} of ${WORST_CALLS.length} contents`)
    return costOf(call, isQuick ? 3 : ROUNDS)
  })
  const over = costs.filter(({ overBound }) => overBound > 1)
  return {
    tables: [
      {
        title: 'The CPU time of one call, with the defaults, by its content',
        columns: ['content', 'record() µs', 'JSON.stringify µs', 'of the bound'],
        rows: costs.map(({ name, recordUs, stringifyUs, overBound }) => [
          name,
          ...[recordUs, stringifyUs].map((us) => us.toFixed(0)),
          overBound.toFixed(2),
        ]),
        note:
          `In turn with \`JSON.stringify\` of the same content, warm, the median of ${ROUNDS}. The bound is ` +
          `${FACTOR} times \`JSON.stringify\` plus ${FIXED_US} µs: ${over.length} of ${costs.length} are over it. ` +
          'No content costs more than in proportion to what is kept of it: at most 100 values, or 600 ' +
          'places in texts, are looked at in an entry, and what comes after them is cut and marked. ' +
          'For an object of many keys the engine lists all of them first, which takes 0.15 to 0.2 ms ' +
          'for each 1,000, as it does for `JSON.stringify`.',
      },
    ],
    goals: [
      {
        name: 'contents over the bound',
        value: over.length,
        atMost: 0,
      },
      {
        name: 'the worst, of the bound',
        value: Math.max(...costs.map(({ overBound }) => overBound)),
        atMost: 1,
      },
    ],
    charts: [],
    measured: { costs },
  }
}

export const part: Part = {
  name: 'worst-calls',
  summary: 'what content costs record() most, next to JSON.stringify of it',
  run,
}
