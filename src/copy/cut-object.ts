import type { PathStep } from '../redact/paths.ts'
import type { Copying } from './copying.ts'
import { CUT_KEY, leftOutBefore, leftOutMark } from './cut-marks.ts'
import type { JsonObject } from './json-object.ts'

/** How many characters the small keys of a cut object may take beyond the room. */
const MAX_OVERDRAFT = 2_048
/** Longer texts are not among the small values that a cut object keeps. */
const MAX_SMALL_CHARACTERS = 256

/**
 * Copies a small value into an object that is cut, because a larger value took all the room. The
 * nearer to the top the object is, the more it may take beyond the room.
 *
 * @returns false if the value was left out
 */
export function putSmall(
  copying: Copying,
  copy: JsonObject,
  key: string,
  source: Record<string, unknown>,
  depth: number,
  steps: PathStep | undefined,
): boolean {
  const overdraft = Math.min(MAX_OVERDRAFT, copying.roomAtFirst >> 4) >> depth
  if (copying.room <= -overdraft || key.length > MAX_SMALL_CHARACTERS) return false
  let value: unknown
  try {
    value = source[key]
  } catch (error) {
    value = copying.thrown(error)
  }
  if (isBig(value)) return false
  copying.notes.mark('truncated')
  copying.spend(-overdraft)
  if (value !== undefined) copying.putUnder(copy, key, value, depth, steps)
  copying.spend(overdraft)
  return true
}

function isBig(value: unknown): boolean {
  return typeof value === 'string'
    ? value.length > MAX_SMALL_CHARACTERS
    : typeof value === 'object' && value !== null
}

/** Says in a cut object how many keys were left out. A source that was cut before says it too. */
export function markCut(
  copying: Copying,
  copy: JsonObject,
  left: number,
  hasMore: boolean,
  source?: object,
): void {
  copying.notes.mark('truncated')
  const mark = copying.isAgain && source ? Reflect.get(source, CUT_KEY) : undefined
  const earlier = leftOutBefore(mark)
  const isMarked = CUT_KEY in copy
  if (isMarked && earlier === undefined) return // the caller's own key
  // The mark itself may be among the keys that were left out now.
  const count = left + (earlier ? earlier.count - (isMarked ? 0 : 1) : 0)
  const { unit = 'key', hasMore: hadMore = false } = earlier ?? {}
  copy[CUT_KEY] = leftOutMark({ count, unit, hasMore: hasMore || hadMore })
}
