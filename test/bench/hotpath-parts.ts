import { pathToFileURL } from 'node:url'
import { Child } from './child.ts'
import type { Part, PartOptions, Result, Table } from './part.ts'
import { interleave, percentileOf, type Rounds, showNumber, spreadOf } from './rounds.ts'
import { TrickCopies } from './trick-copies.ts'
import type { TrickCosts, TrickOrder } from './trick-loop.ts'
import { TRICKS } from './tricks.ts'

// Each trick for speed is taken out of a copy of the code, and what the copy costs is compared with
// what the code costs as it is.

/** The code as it is: what the others are compared with. */
const BASE = 'as it is'
/** The same code once more: what differs here is noise. */
const AGAIN = 'nothing (the same code)'
const TIMES = ['record', 'all'] as const
/** A trick gains something where being without it costs this much more, in three rounds of four. */
const MIN_GAIN = 1.02
const ROUNDS = 11
/** Of each process in a round. */
const TURNS = 4
/** How many variants take turns with the code as it is. */
const GROUP = 4
/** What gains this much in each of the first rounds is measured in no further ones. */
const CLEAR_GAIN = 1.06
const CLEAR_ROUNDS = 3
/** So that the engine collects its garbage in the thread that made it, and not on another core. */
const TIME_FLAGS = ['--single-threaded-gc']
/** A young generation that all of what is measured fits into. */
const HEAP_FLAGS = ['--min-semi-space-size=16']

/** By variant: the URL of its loop. */
type Loops = ReadonlyMap<string, string>
/** By variant and metric: the ratio to the code as it is, round by round. */
type Ratios = ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>

async function makeLoops(copies: TrickCopies, { isQuick, say }: PartOptions): Promise<Loops> {
  const loops = new Map<string, string>()
  say('copies: the code as it is')
  const own = pathToFileURL(await copies.without()).href
  loops.set(BASE, own)
  loops.set(AGAIN, own)
  const commit = process.env['AUDIT_BENCH_AGAINST']
  if (commit) loops.set(nameOfCommit(commit), pathToFileURL(await copies.ofCommit(commit)).href)
  const tricks = isQuick ? TRICKS.slice(0, 2) : TRICKS
  for (const trick of tricks) {
    say(`copies: ${trick.name}`)
    loops.set(trick.name, pathToFileURL(await copies.without(trick)).href)
  }
  return loops
}

const nameOfCommit = (commit: string) => `the code of ${commit}`

/** Has each variant answer the order in a fresh process, one after the other. */
async function askEach<Answer>(
  loops: Loops,
  order: TrickOrder,
  flags: readonly string[],
): Promise<Map<string, Answer>> {
  const answers = new Map<string, Answer>()
  for (const [name, loop] of loops) {
    const child = await Child.start(loop, [], undefined, flags)
    try {
      answers.set(name, await child.ask<Answer>(order))
    } finally {
      await child.stop()
    }
  }
  return answers
}

/** @throws where a trick taken out changes what is stored: it is not the same code without it */
function compareRows(rows: ReadonlyMap<string, TrickCosts>): void {
  const own = JSON.stringify(rows.get(BASE))
  const others = TRICKS.filter(
    ({ name }) => rows.has(name) && JSON.stringify(rows.get(name)) !== own,
  )
  if (others.length === 0) return
  throw new Error(`other rows without: ${others.map(({ name }) => name).join(', ')}`)
}

/** In each round every variant is in a fresh process, in a group that takes turns. */
async function timeRounds(loops: Loops, { isQuick, say }: PartOptions): Promise<Ratios> {
  const ratios = new Map<string, Map<string, number[]>>()
  for (let round = 0; round < (isQuick ? 1 : ROUNDS); round += 1) {
    const open = [...loops.keys()].filter((name) => name !== BASE && !isClear(ratios.get(name)))
    say(`time: round ${round + 1}, ${open.length} variants`)
    while (open.length > 0) {
      const group = [BASE, ...open.splice(0, GROUP)]
      const processes = group.map((name) => [name, loops.get(name) ?? ''] as const)
      addRatios(ratios, await timeGroup(processes, isQuick))
    }
  }
  return ratios
}

async function timeGroup(
  group: readonly (readonly [name: string, loop: string])[],
  isQuick: boolean,
): Promise<Rounds> {
  const children = new Map<string, Child>()
  try {
    for (const [name, loop] of group) {
      children.set(name, await Child.start(loop, [], undefined, TIME_FLAGS))
    }
    const order: TrickOrder = { what: 'time', isQuick }
    const turns = [...children].map(
      ([name, child]) => [name, () => child.ask<TrickCosts>(order)] as const,
    )
    return await interleave(Object.fromEntries(turns), { rounds: isQuick ? 1 : TURNS })
  } finally {
    for (const child of children.values()) await child.stop()
  }
}

/** Whether the answer would not change: no more rounds are spent on it. */
function isClear(metrics: ReadonlyMap<string, readonly number[]> | undefined): boolean {
  return [...(metrics?.values() ?? [])].some(
    (values) => values.length >= CLEAR_ROUNDS && values.every((ratio) => ratio >= CLEAR_GAIN),
  )
}

/** Adds a round: of each variant and metric the least of its turns. */
function addRatios(ratios: Map<string, Map<string, number[]>>, turns: Rounds): void {
  const [sample = {}] = turns.toJSON()[BASE] ?? []
  for (const metric of Object.keys(sample)) {
    const own = spreadOf(turns.values(BASE, metric)).min
    for (const name of turns.names.filter((variant) => variant !== BASE)) {
      const ofVariant = ratios.get(name) ?? new Map<string, number[]>()
      ratios.set(name, ofVariant)
      const ratio = spreadOf(turns.values(name, metric)).min / own
      ofVariant.set(metric, [...(ofVariant.get(metric) ?? []), ratio])
    }
  }
}

function quartiles(values: readonly number[]) {
  const sorted = values.toSorted((one, other) => one - other)
  return { lower: percentileOf(sorted, 0.25), upper: percentileOf(sorted, 0.75) }
}

function showRatio(values: readonly number[]): string {
  const { lower, upper } = quartiles(values)
  const { median } = spreadOf(values)
  return `${median.toFixed(2)} (${lower.toFixed(2)}–${upper.toFixed(2)})`
}

function verdict(name: string, metrics: ReadonlyMap<string, readonly number[]>): string {
  const all = [...metrics.values()]
  if (trickOf(name)?.isForMemory) return 'more bytes, below'
  if (all.some((values) => quartiles(values).lower >= MIN_GAIN)) return 'slower'
  if (all.some((values) => quartiles(values).upper <= 1 / MIN_GAIN)) return 'faster'
  return 'not to be told apart'
}

const trickOf = (name: string) => TRICKS.find((trick) => trick.name === name)

function timeTable(ratios: Ratios): Table {
  const names = [...ratios.keys()]
  const kinds = kindsOf(ratios)
  const metrics = TIMES.flatMap((time) => kinds.map((kind) => `${kind} ${time}`))
  const titles = { record: '`record()`', all: 'and encode' }
  return {
    title: 'CPU time without each trick',
    columns: [
      'the trick',
      'instead of it',
      ...TIMES.flatMap((time) => kinds.map((kind) => `${titles[time]}, ${kind}`)),
      'without it',
    ],
    rows: names.map((name) => {
      const own = ratios.get(name) ?? new Map<string, number[]>()
      const cells = metrics.map((metric) => showRatio(own.get(metric) ?? []))
      return [name, trickOf(name)?.plainer ?? '', ...cells, verdict(name, own)]
    }),
    note:
      'CPU time of the process without the trick, as a ratio to the code as it is: above 1 the trick gains. ' +
      'Median of the rounds, each with fresh processes (quartiles). `plain`: three ids, a request id, three ' +
      'keys of metadata; `mixed`: an application’s entries, one in ten of them with a secret or with what no ' +
      'column takes; `foreign`: audit events of another system (`AUDIT_SAMPLE`). “Slower” or “faster”: by 2 % ' +
      'or more in three rounds of four, in one of the columns; with so many columns one or two of those come ' +
      'by chance, as the row of the same code shows. Garbage is collected in the thread that is measured.',
  }
}

function kindsOf(ratios: Ratios): string[] {
  const metrics = [...(ratios.get(AGAIN)?.keys() ?? [])]
  return metrics.flatMap((metric) => (metric.endsWith(' all') ? [metric.slice(0, -4)] : []))
}

type Costs = ReadonlyMap<string, TrickCosts>

function memoryTable(heap: Costs, kept: Costs): Table {
  const names = [...heap.keys()]
  const cells = (of: Costs, name: string, metrics: readonly string[]) =>
    metrics.map((metric) => showNumber(of.get(name)?.[metric] ?? Number.NaN))
  return {
    title: 'Bytes of the heap without each trick',
    columns: [
      ...['the trick', '`record()`, plain', '`record()`, mixed', 'and encode, plain'],
      ...['and encode, mixed', 'kept of a plain one that waits', 'of one whose text was cut'],
      'in the tables, of an action that was part of a long text',
    ],
    rows: names.map((name) => [
      name,
      ...cells(heap, name, ['plain record', 'mixed record', 'plain all', 'mixed all']),
      ...cells(kept, name, ['plain kept', 'cut kept', 'sliced kept']),
    ]),
    note:
      'Of one entry. The first row is the code as it is. What is made is told without what the caller made; ' +
      'what is kept, behind a full collection. The long texts have 200,000 characters.',
  }
}

async function run(options: PartOptions): Promise<Result> {
  const { isQuick, say } = options
  const copies = new TrickCopies()
  try {
    const loops = await makeLoops(copies, options)
    say('rows')
    compareRows(await askEach(loops, { what: 'rows', isQuick }, []))
    say('heap')
    const heap = await askEach<TrickCosts>(loops, { what: 'heap', isQuick }, HEAP_FLAGS)
    const kept = await askEach<TrickCosts>(loops, { what: 'kept', isQuick }, [])
    const ratios = await timeRounds(loops, options)
    return {
      tables: [timeTable(ratios), memoryTable(heap, kept)],
      goals: goalsOf(ratios),
      charts: [],
      measured: {
        ratios: Object.fromEntries([...ratios].map(([name, by]) => [name, Object.fromEntries(by)])),
        heap: Object.fromEntries(heap),
        kept: Object.fromEntries(kept),
      },
    }
  } finally {
    copies.close()
  }
}

/** Compared with an older commit nothing may have become dearer. */
function goalsOf(ratios: Ratios): Result['goals'] {
  const commit = process.env['AUDIT_BENCH_AGAINST']
  if (!commit) return []
  const old = ratios.get(nameOfCommit(commit))
  return TIMES.flatMap((time) =>
    ['plain', 'mixed'].map((kind) => ({
      name: `${nameOfCommit(commit)}, ${time === 'all' ? 'record and encode' : 'record()'}, ${kind}`,
      value: spreadOf(old?.get(`${kind} ${time}`) ?? []).median,
      atLeast: 0.97,
    })),
  )
}

export const part: Part = {
  name: 'hotpath-parts',
  summary: 'what each trick for speed gains, by taking it out of a copy',
  run,
}
