import type { ActorKind } from '../entry.ts'
import type { LoggedEntry } from '../read/logged-entry.ts'
import type { Moment } from './moments.ts'
import { inFittingOrder, isSame, type Step } from './order-steps.ts'

/** An entry that a history names, without its metadata. */
export interface NamedEntry {
  readonly id: string
  readonly seq: number
  readonly recordedAt: Date
  readonly action: string
  readonly eventId: string | null
  readonly userId: string | null
  /** Who really did it, where that is not the user. */
  readonly actorId: string | null
  readonly actorKind: ActorKind | null
  /** The name in the place of an id that the reader does not see. */
  readonly shownAs?: LoggedEntry['shownAs']
}

/** A value, and the entry that tells it. */
export interface ToldValue {
  /** Undefined: the field is not there, or nothing tells its value. */
  readonly value: unknown
  readonly entry: NamedEntry
}

/** Two entries that contradict each other about a field. */
export interface FieldDoubt {
  readonly path: string
  /**
   * `past the log`: the later entry found another value than the earlier one had left, so somebody wrote
   * without an entry. `attempted`: the later entry tried to change it, and nothing says whether it did.
   * `unreadable`: between them is an entry that cannot be read, or that was cut.
   */
  readonly why: 'past the log' | 'attempted' | 'unreadable'
  /** What the earlier entry left. */
  readonly told: ToldValue
  /** What the later entry found, tried to write, or would tell if it could be read. */
  readonly found: ToldValue
}

/** A field at a time. */
export interface FieldState {
  /** As `settings.colour`. Empty: the entry names no field. */
  readonly path: string
  /**
   * `known`: `value` is what the last entry left. `in doubt`: two entries contradict each other. `erased`:
   * an entry that may have changed it was erased. `unknown`: nothing that the log holds tells it.
   */
  readonly state: 'known' | 'in doubt' | 'erased' | 'unknown'
  /** The value that was told last. Undefined: the field is not there, or nothing tells it. */
  readonly value: unknown
  /** The entry that tells the value. */
  readonly since: NamedEntry | null
  readonly doubt?: FieldDoubt
  /** The next change after the time that was asked for: what it found. */
  readonly next?: ToldValue
}

export interface Folded {
  readonly fields: readonly FieldState[]
  /** Where entries contradict each other, the newest first. */
  readonly doubts: readonly FieldDoubt[]
  /** Whether there are more fields than are told. */
  readonly hasMoreFields: boolean
}

/** Why an entry that should be between two others is not found. */
export type Loss = 'erased' | 'removed' | 'hidden'
export type LossBetween = (told: NamedEntry, found: NamedEntry) => Loss | undefined

export const MAX_FIELDS = 1_000

/**
 * The state of each field behind the first moments of a target, by its changes up to there and the next
 * one after them.
 *
 * @param moments in the order of recording
 * @param count how many of them count; the further ones come after the time that is asked for
 */
export function foldFields(
  moments: readonly Moment[],
  count: number,
  lossBetween: LossBetween = () => undefined,
): Folded {
  const steps = new Map<string, Step[]>()
  let hasMoreFields = false
  for (const [at, moment] of moments.entries()) {
    const isAttempt = moment.kind === 'attempt'
    for (const { path, from, to } of moment.changes) {
      const own = steps.get(path)
      if (own) own.push({ at, moment, from, to, isAttempt })
      else if (steps.size < MAX_FIELDS) steps.set(path, [{ at, moment, from, to, isAttempt }])
      else hasMoreFields = true
    }
  }
  const marks = marksOf(moments)
  const fields: FieldState[] = []
  const doubts: FieldDoubt[] = []
  for (const [path, own] of [...steps].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const { state, breaks } = foldField({ path, steps: own, count, marks, lossBetween })
    if (state) fields.push(state)
    doubts.push(...breaks)
  }
  doubts.sort(
    (one, other) => Number(other.found.entry.recordedAt) - Number(one.found.entry.recordedAt),
  )
  return { fields, doubts, hasMoreFields }
}

export function named(entry: LoggedEntry, ms: number): NamedEntry {
  const { id, seq, action, eventId, userId, actorId, actorKind, shownAs } = entry
  const who = { userId, actorId, actorKind, ...(shownAs ? { shownAs } : {}) }
  return { id, seq, recordedAt: new Date(ms), action, eventId, ...who }
}

/**
 * What concerns all fields. Each list says of a place which place up to there is the last of its kind;
 * -1: none is.
 */
interface Marks {
  /** Where the thing was made. */
  readonly begins: readonly number[]
  /** Where what an entry changed cannot be read. */
  readonly blanks: readonly number[]
  /** Where an entry was erased. */
  readonly erased: readonly number[]
  /** Where an entry cannot be read, or was cut. */
  readonly cuts: readonly number[]
  readonly moments: readonly Moment[]
}

function marksOf(moments: readonly Moment[]): Marks {
  const lastOf = (isOne: (moment: Moment) => boolean) => {
    let last = -1
    return moments.map((moment, at) => {
      if (isOne(moment)) last = at
      return last
    })
  }
  return {
    begins: lastOf(({ kind }) => kind === 'begin'),
    blanks: lastOf(({ kind }) => kind === 'blank'),
    erased: lastOf(({ kind, isCut, entry }) => kind !== 'none' && isCut && isErased(entry)),
    cuts: lastOf(({ isCut }) => isCut),
    moments,
  }
}

function isErased({ erased }: LoggedEntry): boolean {
  return erased?.includes('metadata') === true
}

/** Whether the thing was made behind one place and up to the other one. */
function isParted({ begins }: Marks, one: number, other: number): boolean {
  return (begins[Math.max(one, other)] ?? -1) > Math.min(one, other)
}

interface FieldToFold {
  readonly path: string
  readonly steps: readonly Step[]
  readonly count: number
  readonly marks: Marks
  readonly lossBetween: LossBetween
}

function foldField(field: FieldToFold): {
  readonly state: FieldState | undefined
  readonly breaks: readonly FieldDoubt[]
} {
  const { path, count, marks } = field
  const isNew = (one: number, other: number) => isParted(marks, one, other)
  const steps = inFittingOrder(
    field.steps.filter(({ at }) => at < count),
    (one, other) => isNew(one, other) || (marks.cuts[other] ?? -1) >= one,
  )
  const breaks: FieldDoubt[] = []
  let last: Step | undefined
  let attempt: Step | undefined
  let doubt: FieldDoubt | undefined
  for (const step of steps) {
    if (last && isNew(last.at, step.at)) [last, attempt, doubt] = [undefined, undefined, undefined]
    if (step.isAttempt) {
      attempt = step
      continue
    }
    const broken = last && breakBetween(field, last, attempt, step)
    doubt = broken?.doubt
    if (doubt) breaks.push(doubt)
    ;[last, attempt] = [step, undefined]
  }
  const begun = marks.begins[count - 1] ?? -1
  // The thing was made again since, and what made it does not tell this field.
  if (last && last.at < begun) [last, attempt, doubt] = [undefined, undefined, undefined]
  if (attempt && attempt.at < begun) attempt = undefined
  const next = field.steps.find((step) => step.at >= count && !step.isAttempt)
  const isNextOfIt = next !== undefined && !isNew(count - 1, next.at)
  const state = stateOf(field, { last, attempt, doubt, next: isNextOfIt ? next : undefined })
  return { state: state && { path, ...state }, breaks }
}

interface FieldEnd {
  readonly last: Step | undefined
  readonly attempt: Step | undefined
  readonly doubt: FieldDoubt | undefined
  readonly next: Step | undefined
}

function stateOf(field: FieldToFold, end: FieldEnd): Omit<FieldState, 'path'> | undefined {
  const { last, attempt, next } = end
  const tail = next ? { next: found(next) } : {}
  if (last === undefined) {
    if (next === undefined && attempt === undefined) return undefined
    return { state: 'unknown', value: undefined, since: null, ...tail }
  }
  const told = { value: last.to, since: nameOf(last), ...tail }
  if (next !== undefined) {
    if (attempt && isSame(attempt.to, next.from) && !isSame(last.to, next.from)) {
      return { state: 'known', value: attempt.to, since: nameOf(attempt), ...tail }
    }
    const later = field.steps.findLast(
      ({ at, isAttempt }) => isAttempt && at >= field.count && at < next.at,
    )
    const broken = breakBetween(field, last, later ?? attempt, next)
    if (broken === undefined) return withDoubt(told, end.doubt)
    if (broken.doubt) return { state: 'in doubt', ...told, doubt: broken.doubt }
    return { state: broken.loss === 'erased' ? 'erased' : 'unknown', ...told }
  }
  const { blanks, moments } = field.marks
  const blankAt = blanks[field.count - 1] ?? -1
  const blank = blankAt > last.at ? moments[blankAt] : undefined
  if (blank && isErased(blank.entry)) return { state: 'erased', ...told }
  if (blank) {
    const entry = named(blank.entry, blank.ms)
    return withDoubt(told, doubtOf(field.path, 'unreadable', last, { value: undefined, entry }))
  }
  if (attempt) {
    const tried = { value: attempt.to, entry: nameOf(attempt) }
    return withDoubt(told, doubtOf(field.path, 'attempted', last, tried))
  }
  return withDoubt(told, end.doubt)
}

function withDoubt(
  told: Omit<FieldState, 'path' | 'state'>,
  doubt: FieldDoubt | undefined,
): Omit<FieldState, 'path'> {
  return doubt ? { state: 'in doubt', ...told, doubt } : { state: 'known', ...told }
}

/** Undefined where the later step goes on from what the earlier one left. */
function breakBetween(
  { path, marks, lossBetween }: FieldToFold,
  last: Step,
  attempt: Step | undefined,
  step: Step,
): { readonly doubt?: FieldDoubt; readonly loss?: Loss } | undefined {
  if (isSame(last.to, step.from)) return undefined
  if (attempt && isSame(attempt.to, step.from)) return undefined
  if ((marks.erased[step.at] ?? -1) >= last.at) return { loss: 'erased' }
  if ((marks.cuts[step.at] ?? -1) >= last.at) {
    return { doubt: doubtOf(path, 'unreadable', last, found(step)) }
  }
  const loss = lossBetween(nameOf(last), nameOf(step))
  if (loss !== undefined) return { loss }
  return { doubt: doubtOf(path, 'past the log', last, found(step)) }
}

function doubtOf(path: string, why: FieldDoubt['why'], last: Step, it: ToldValue): FieldDoubt {
  return { path, why, told: { value: last.to, entry: nameOf(last) }, found: it }
}

function found(step: Step): ToldValue {
  return { value: step.from, entry: nameOf(step) }
}

function nameOf({ moment }: Step): NamedEntry {
  return named(moment.entry, moment.ms)
}
