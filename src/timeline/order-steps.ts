import type { Moment } from './moments.ts'

/** One change of one field. */
export interface Step {
  /** Its place among the moments. */
  readonly at: number
  readonly moment: Moment
  readonly from: unknown
  readonly to: unknown
  /** Whether it may not have come about. */
  readonly isAttempt: boolean
}

/** Clocks of several servers differ by less, as a rule. */
const SKEW_MS = 1_000
/** More changes than this of one field within a second stay as they are. */
const MOST_REORDERED = 8
/** Orders that are tried of one field's changes within a second. */
const MOST_TRIES = 2_000

/** Whether two values are the same. What is not there is null to most who write changes down. */
export function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one ?? null) === JSON.stringify(other ?? null)
}

/**
 * The changes of one field in the order in which they fit each other. They come in the order of
 * recording, which clocks of several servers and two lanes can turn around within a second. So where
 * some that lie so close do not fit, and they do in another order, that order is taken. The changes
 * of one recorder keep theirs.
 *
 * @param isParted whether two places must keep their order, because something lies between them
 */
export function inFittingOrder(
  steps: readonly Step[],
  isParted: (one: number, other: number) => boolean,
): readonly Step[] {
  const ordered: Step[] = []
  for (let begin = 0; begin < steps.length; ) {
    let end = begin + 1
    while (end < steps.length && isClose(steps[end - 1], steps[end], isParted)) end += 1
    const close = steps.slice(begin, end)
    ordered.push(...(fitting(close, ordered.at(-1), steps[end]) ?? close))
    begin = end
  }
  return ordered
}

function isClose(
  one: Step | undefined,
  other: Step | undefined,
  isParted: (one: number, other: number) => boolean,
): boolean {
  if (one === undefined || other === undefined || one.isAttempt || other.isAttempt) return false
  return other.moment.ms - one.moment.ms < SKEW_MS && !isParted(one.at, other.at)
}

/** The first order without a break; one that also leads to what follows, where there is one. */
function fitting(
  close: readonly Step[],
  before: Step | undefined,
  after: Step | undefined,
): readonly Step[] | undefined {
  if (close.length < 2 || close.length > MOST_REORDERED) return undefined
  let tries = 0
  let found: readonly Step[] | undefined
  const search = (done: readonly Step[], left: readonly Step[]): readonly Step[] | undefined => {
    tries += 1
    if (tries > MOST_TRIES) return undefined
    const last = done.at(-1) ?? before
    if (left.length === 0) {
      found ??= done
      return fits(last, after) ? done : undefined
    }
    for (const next of left) {
      if (!fits(last, next) || left.some((other) => isSurelyBefore(other, next))) continue
      const whole = search(
        [...done, next],
        left.filter((other) => other !== next),
      )
      if (whole !== undefined) return whole
    }
    return undefined
  }
  return search([], close) ?? found
}

function fits(one: Step | undefined, next: Step | undefined): boolean {
  if (one === undefined || next === undefined || one.isAttempt || next.isAttempt) return true
  return isSame(one.to, next.from)
}

function isSurelyBefore({ moment: one }: Step, { moment: other }: Step): boolean {
  const { recorderId, recorderSeq } = one.entry
  if (recorderId === null || recorderId !== other.entry.recorderId) return false
  return Number(recorderSeq) < Number(other.entry.recorderSeq)
}
