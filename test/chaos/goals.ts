export interface Goal {
  readonly name: string
  readonly value: number
  readonly goal: string
  readonly isReached: boolean
}

const NONE = [
  'of recorders, unexplained',
  'of recorders, logged twice',
  'lost by recorders that lived',
  'of the outbox, lost',
  'of the outbox, twice or rolled back',
  'ids in it twice',
  'holes in seq',
  'dead letters',
  'exit code of verify',
  'uncaught exceptions',
  'ended by our own code',
] as const
const MAX_HEALING_MS = 5_000
/** From this length on a run has to have been worth something. */
const LONG_SECONDS = 600
const LONG_RUN = { 'faults that hit': 400, 'writers killed': 5, 'accepted by record()': 1_000_000 }

/** What a run has to come to. */
export function judge(figures: Readonly<Record<string, number>>, seconds: number): readonly Goal[] {
  const of = (name: string) => figures[name] ?? Number.NaN // a figure that is not there is missed
  const atMost = (name: string, most: number): Goal => {
    const goal = most === 0 ? '0' : `at most ${most}`
    return { name, value: of(name), goal, isReached: of(name) <= most }
  }
  const atLeast = ([name, least]: [string, number]): Goal => {
    return { name, value: of(name), goal: `at least ${least}`, isReached: of(name) >= least }
  }
  return [
    ...(seconds >= LONG_SECONDS ? Object.entries(LONG_RUN).map(atLeast) : []),
    ...NONE.map((name) => atMost(name, 0)),
    atMost('empty after healing, ms', MAX_HEALING_MS),
  ]
}
