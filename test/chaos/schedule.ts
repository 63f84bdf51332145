import { Random } from './random.ts'

export const WRITERS = 2
export const RELAYS = 2

/** What can be hit. `-net` is the network between that process and the database. */
export type Target = 'server' | `${'writer' | 'relay'}-${number}${'' | '-net'}`

export interface Fault {
  /** Since the start, in milliseconds. */
  readonly atMs: number
  readonly kind: FaultKind
  readonly target: Target
  /** How long it lasts; 0 for what happens in a moment. */
  readonly forMs: number
  /** Picks among what is only known then, such as the backends: from 0 up to 1. */
  readonly pick: number
}

interface Recipe {
  readonly weight: number
  readonly on: 'server' | 'writer' | 'relay' | 'writer-net' | 'relay-net' | 'net'
  /** Shortest and longest, in milliseconds. */
  readonly forMs?: readonly [number, number]
  /** How long the target is left alone after it. */
  readonly restMs?: number
}

const KINDS = {
  // The network of one process.
  rst: { weight: 9, on: 'net' },
  fin: { weight: 5, on: 'net', forMs: [0, 300] },
  'black-hole': { weight: 6, on: 'net', forMs: [200, 3_500] },
  'drop-requests': { weight: 5, on: 'net', forMs: [200, 3_000] },
  'drop-replies': { weight: 6, on: 'net', forMs: [200, 3_000] },
  refuse: { weight: 5, on: 'net', forMs: [200, 2_500] },
  'say-nothing': { weight: 4, on: 'net', forMs: [200, 3_000] },
  latency: { weight: 6, on: 'net', forMs: [500, 3_000] },
  drip: { weight: 3, on: 'relay-net', forMs: [200, 1_000] },
  'cut-staging': { weight: 6, on: 'writer-net', forMs: [300, 1_500] },
  'cut-commit': { weight: 6, on: 'writer-net', forMs: [300, 1_500] },
  'cut-move': { weight: 7, on: 'relay-net', forMs: [300, 1_500] },
  // Our processes.
  'kill-relay': { weight: 7, on: 'relay', restMs: 3_000 },
  'term-relay': { weight: 3, on: 'relay', restMs: 3_000 },
  'stop-relay': { weight: 6, on: 'relay', forMs: [300, 4_000] },
  'kill-writer': { weight: 3, on: 'writer', restMs: 8_000 },
  'term-writer': { weight: 3, on: 'writer', restMs: 8_000 },
  // The server. What empties the UNLOGGED lane: the three that crash it.
  'terminate-backend': { weight: 8, on: 'server' },
  'terminate-all': { weight: 2, on: 'server' },
  'kill-backend': { weight: 4, on: 'server', restMs: 2_500 },
  'kill-postmaster': { weight: 2, on: 'server', restMs: 3_000 },
  'restart-immediate': { weight: 2, on: 'server', restMs: 3_000 },
  'restart-fast': { weight: 2, on: 'server', restMs: 3_000 },
} as const satisfies Record<string, Recipe>

export type FaultKind = keyof typeof KINDS

/** These empty UNLOGGED tables. */
export const CRASHES: readonly FaultKind[] = [
  'kill-backend',
  'kill-postmaster',
  'restart-immediate',
]

/** How long after the start the first one comes. */
const QUIET_MS = 2_000
/** 600 s hold well over 400. */
const MEAN_WAIT_MS = 950

/**
 * Every fault of a run, in order: a pure function of the seed. On one target they do not overlap,
 * so that each is what its name says.
 */
export function planFaults(seed: number, seconds: number): readonly Fault[] {
  const random = new Random(seed)
  const recipes = (Object.keys(KINDS) as FaultKind[]).map((kind) => ({
    kind,
    ...(KINDS[kind] as Recipe),
  }))
  const freeAtMs = new Map<Target, number>()
  const faults: Fault[] = []
  let atMs = QUIET_MS
  for (;;) {
    atMs += random.between(MEAN_WAIT_MS * 0.2, MEAN_WAIT_MS * 1.8)
    if (atMs > seconds * 1_000) return faults
    const { kind, on, forMs: [shortest, longest] = [0, 0], restMs = 200 } = random.weighted(recipes)
    const target = targetOf(on, random)
    const forMs = random.between(shortest, longest)
    const pick = random.next()
    if (atMs < (freeAtMs.get(target) ?? 0)) continue
    freeAtMs.set(target, atMs + forMs + restMs)
    faults.push({ atMs: Math.round(atMs), kind, target, forMs, pick })
  }
}

function targetOf(on: Recipe['on'], random: Random): Target {
  const writer = `writer-${random.between(1, WRITERS)}` as const
  const relay = `relay-${random.between(1, RELAYS)}` as const
  const isWriter = random.chance(0.5)
  if (on === 'server') return on
  if (on === 'writer') return writer
  if (on === 'relay') return relay
  if (on === 'writer-net') return `${writer}-net`
  if (on === 'relay-net') return `${relay}-net`
  return isWriter ? `${writer}-net` : `${relay}-net`
}
