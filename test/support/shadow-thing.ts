import { idAt } from './log-entries.ts'
import type { LoggedEntry } from '../../src/read/logged-entry.ts'

/** Whole numbers below a bound. */
export type Below = (bound: number) => number

/** A generator of numbers that a seed repeats (mulberry32). */
export function seeded(seed: number): Below {
  let state = seed >>> 0
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}

export const PATHS = ['colour', 'size', 'settings.mfa', 'settings.zone'] as const
export type Path = (typeof PATHS)[number]
type Values = Partial<Record<Path, unknown>>

/** What happened to a thing, and what an entry told of it. */
export interface Happening {
  readonly entry: LoggedEntry
  readonly kind: 'change' | 'begin' | 'end' | 'attempt' | 'erased' | 'nothing'
  /** What the entry tells of what happened. */
  readonly told: ReadonlyMap<Path, { readonly from: unknown; readonly to: unknown }>
  /** The thing right after it. */
  readonly after: Readonly<Values>
}

const VALUES = ['red', 'blue', 3, true, null, 'a longer text'] as const
const START_MS = Date.UTC(2026, 4, 3)

/**
 * The life of a thing of four fields: changed by entries, sometimes past the log, deleted and made again.
 * Entries are written in all of the forms that a change may have.
 */
export function lifeOfThing(
  below: Below,
  targetId: string,
  mayErase: boolean,
): readonly Happening[] {
  const happenings: Happening[] = []
  const thing: Values = {}
  let ms = START_MS
  for (let left = 4 + below(12); left > 0; left -= 1) {
    ms += 1_000 + below(100_000)
    if (below(5) === 0) thing[PATHS[below(4)] ?? 'size'] = VALUES[below(6)]
    const kind = kindBelow(below, mayErase)
    const told = new Map<Path, { from: unknown; to: unknown }>()
    if (kind === 'begin' || kind === 'end') for (const path of PATHS) delete thing[path]
    const count = kind === 'end' ? 0 : 1 + below(3)
    for (let field = 0; field < count; field += 1) {
      const path = PATHS[below(4)] ?? 'size'
      const to = VALUES[below(6)]
      // Of what stays as it is a whole before and after tells nothing.
      if (told.has(path) || (kind !== 'begin' && same(thing[path], to))) continue
      told.set(path, { from: thing[path], to })
      const isDone = kind === 'attempt' ? below(2) === 0 : kind !== 'nothing'
      if (isDone) thing[path] = to
    }
    const metadata = kind === 'erased' ? {} : metadataOf(below, told, kind === 'begin')
    const entry: LoggedEntry = {
      ...{ id: idAt(ms), seq: happenings.length + 1, occurredAt: new Date(ms) },
      ...{ loggedAt: new Date(ms), writtenBy: 'app', userId: null, eventId: null, targetId },
      ...{ moreTargets: null, actorId: null, actorKind: null, action: `thing.${VERBS[kind]}` },
      ...{ entityType: null, requestId: null, metadata, context: {}, recorderId: null },
      ...{
        recorderSeq: null,
        outcome: kind === 'attempt' ? 'attempted' : deniedOrNot(below, kind),
      },
      ...(kind === 'erased' ? { erased: ['metadata'] } : {}),
    }
    if (kind === 'erased' || kind === 'nothing') told.clear()
    happenings.push({ entry, kind, told, after: { ...thing } })
  }
  return happenings
}

const VERBS = {
  ...{ change: 'update', begin: 'create', end: 'delete', attempt: 'update', erased: 'update' },
  nothing: 'update',
} as const

function kindBelow(below: Below, mayErase: boolean): Happening['kind'] {
  const dice = below(20)
  if (dice === 0) return 'begin'
  if (dice === 1) return 'end'
  if (dice === 2) return 'nothing'
  if (dice === 3) return 'attempt'
  return dice === 4 && mayErase ? 'erased' : 'change'
}

function deniedOrNot(below: Below, kind: Happening['kind']) {
  return kind === 'nothing' ? (below(2) === 0 ? 'denied' : 'failed') : null
}

/** The changes in one of the forms in which applications write them. */
function metadataOf(
  below: Below,
  told: ReadonlyMap<Path, { readonly from: unknown; readonly to: unknown }>,
  isPlain: boolean,
): Record<string, unknown> {
  const all = [...told]
  if (isPlain) return nested(all.map(([path, { to }]) => [path, to]))
  const pair = ({ from, to }: { from: unknown; to: unknown }) =>
    below(2) === 0 ? { from: from ?? null, to } : { before: from ?? null, after: to }
  const [first] = all
  const form = below(4)
  if (form === 0 && first !== undefined && all.length === 1) {
    return { field: first[0], ...pair(first[1]) }
  }
  if (form === 1) return { changes: all.map(([field, one]) => ({ field, ...pair(one) })) }
  if (form === 2) {
    const side = (name: 'from' | 'to') =>
      nested(
        all.filter(([, one]) => one[name] !== undefined).map(([path, one]) => [path, one[name]]),
      )
    return { before: side('from'), after: side('to') }
  }
  return nested(all.map(([path, one]) => [path, pair(one)]))
}

function nested(all: readonly (readonly [Path, unknown])[]): Record<string, unknown> {
  const settings = all.filter(([path]) => path.startsWith('settings.'))
  return {
    ...Object.fromEntries(all.filter(([path]) => !path.startsWith('settings.'))),
    ...(settings.length === 0
      ? {}
      : { settings: Object.fromEntries(settings.map(([path, value]) => [path.slice(9), value])) }),
  }
}

export interface Expected {
  readonly state: 'known' | 'in doubt' | 'erased' | 'unknown'
  readonly value: unknown
  /** The number of the entry that tells it. */
  readonly since: number | undefined
}

function same(one: unknown, other: unknown): boolean {
  return (one ?? null) === (other ?? null)
}

/**
 * What should be said of a field after the first happenings, in the plainest way: undefined where
 * nothing is to be said.
 */
export function expectedOf(
  all: readonly Happening[],
  count: number,
  path: Path,
): Expected | undefined {
  const begun = all.slice(0, count).findLastIndex(({ kind }) => kind === 'begin')
  const life = all.slice(Math.max(begun, 0), count)
  const nextBegin = all.slice(count).findIndex(({ kind }) => kind === 'begin')
  const rest = all.slice(count, nextBegin < 0 ? undefined : count + nextBegin)
  const next = rest.findIndex(({ kind, told }) => kind !== 'attempt' && told.has(path))
  const until = next < 0 ? life : [...life, ...rest.slice(0, next + 1)]
  let last: { at: number; value: unknown } | undefined
  let isDoubted = false
  let states: Expected | undefined
  for (const [at, { kind, told }] of until.entries()) {
    const change = told.get(path)
    if (change === undefined || kind === 'attempt') continue
    const between = last ? until.slice(last.at + 1, at) : []
    const tries = between.filter((one) => one.kind === 'attempt' && one.told.has(path))
    const tried = tries.at(-1)?.told.get(path)
    const wasTried = tried !== undefined && same(tried.to, change.from)
    const fits = last === undefined || same(last.value, change.from) || wasTried
    const isErased = between.some((one) => one.kind === 'erased')
    const broken = fits ? 'known' : isErased ? 'erased' : 'in doubt'
    if (at >= life.length) {
      const seq = last && life[last.at]?.entry.seq
      if (last === undefined) return { state: 'unknown', value: undefined, since: undefined }
      const triedInLife = life
        .slice(last.at + 1)
        .findLast((one) => one.kind === 'attempt' && one.told.has(path))
      const attempted = triedInLife?.told.get(path)
      if (
        triedInLife &&
        attempted &&
        same(attempted.to, change.from) &&
        !same(last.value, change.from)
      ) {
        return { state: 'known', value: attempted.to, since: triedInLife.entry.seq }
      }
      if (broken !== 'known') return { state: broken, value: last.value, since: seq }
      return { state: isDoubted ? 'in doubt' : 'known', value: last.value, since: seq }
    }
    isDoubted = broken === 'in doubt'
    last = { at, value: change.to }
    states = {
      state: isDoubted ? 'in doubt' : 'known',
      value: change.to,
      since: until[at]?.entry.seq,
    }
  }
  const behind = life.slice(last ? last.at + 1 : 0)
  const isTried = behind.some((one) => one.kind === 'attempt' && one.told.has(path))
  if (last === undefined) {
    return isTried ? { state: 'unknown', value: undefined, since: undefined } : undefined
  }
  if (behind.some((one) => one.kind === 'erased')) return { ...states, state: 'erased' } as Expected
  if (isTried) return { ...states, state: 'in doubt' } as Expected
  return states
}
