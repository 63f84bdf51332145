import type { AuditDatabase } from '../database/callers-database.ts'
import { filterInvalid } from '../errors.ts'
import { instant, isObject } from '../read/filter-values.ts'
import type { FieldState } from './fold-fields.ts'
import { isSame } from './order-steps.ts'
import { history, type TargetHistory, type TargetOptions } from './target-history.ts'

export interface CompareOptions extends TargetOptions {
  /** The earlier time. A `Date`, or Unix milliseconds. */
  readonly from: Date | number
  /** The later one. @default now */
  readonly to?: Date | number | undefined
}

/** A field at two times. */
export interface ComparedField {
  readonly path: string
  /** Undefined: no entry tells of it. */
  readonly from: FieldState | undefined
  readonly to: FieldState | undefined
  /**
   * `same` and `different` where both times are known. `unsure` where one of them is in doubt, erased or
   * unknown.
   */
  readonly is: 'same' | 'different' | 'unsure'
}

export interface TargetComparison {
  readonly from: TargetHistory
  readonly to: TargetHistory
  readonly fields: readonly ComparedField[]
}

/**
 * The state of one thing at two times.
 *
 * @throws {AuditError} as `timeline` does
 */
export async function compareTimes(
  db: AuditDatabase,
  options: CompareOptions,
): Promise<TargetComparison> {
  if (!isObject(options)) throw filterInvalid('A comparison needs an object with a targetId.')
  const { from, to = Date.now(), ...target } = options
  const [fromMs, toMs] = [instant('from', from), instant('to', to)]
  if (fromMs === undefined || toMs === undefined || fromMs >= toMs) {
    throw filterInvalid('from must be before to.')
  }
  const before = await history(db, { ...target, at: fromMs })
  const after = await history(db, { ...target, at: toMs })
  return { from: before, to: after, fields: comparedFields(before.fields, after.fields) }
}

function comparedFields(
  before: readonly FieldState[],
  after: readonly FieldState[],
): readonly ComparedField[] {
  const byPath = (fields: readonly FieldState[]) => new Map(fields.map((one) => [one.path, one]))
  const [one, other] = [byPath(before), byPath(after)]
  return [...new Set([...one.keys(), ...other.keys()])].sort().map((path) => {
    const [from, to] = [one.get(path), other.get(path)]
    return { path, from, to, is: compared(from, to) }
  })
}

function compared(from: FieldState | undefined, to: FieldState | undefined): ComparedField['is'] {
  if (from?.state !== 'known' || to?.state !== 'known') return 'unsure'
  return isSame(from.value, to.value) ? 'same' : 'different'
}
