import { checkFilter } from '../../read/filter.ts'
import { shown } from '../../read/filter-values.ts'
import { isoText } from './address.ts'
import { check, type Parsing } from './parsing.ts'
import { type WrittenRange, writtenRange } from './range.ts'

const MINUTE_MS = 60_000

/** The history of one thing, as an address asks for it. Times are Unix milliseconds. */
export interface AskedHistory {
  readonly targetId: string
  /** The last moment that counts. Default: now */
  readonly atMs: number | undefined
  /** An earlier moment that it is compared with. */
  readonly sinceMs: number | undefined
}

/** Reads the parameters `history`, `at` and `since`. Undefined where none is asked for. */
export function readHistory(parsing: Parsing): AskedHistory | undefined {
  const { given, problems } = parsing
  const targetId = given['history']
  for (const name of ['at', 'since'] as const) {
    if (given[name] !== undefined && targetId === undefined) {
      problems.set(name, 'Must come with history.')
    }
  }
  if (targetId === undefined) return undefined
  check('history', problems, () => checkFilter({ targetId }))
  const [atMs, sinceMs] = [readMoment('at', parsing), readMoment('since', parsing)]
  if (sinceMs !== undefined && sinceMs >= (atMs ?? parsing.nowMs)) {
    problems.set('since', 'Must be earlier than the other time.')
  }
  return { targetId, atMs, sinceMs }
}

/** Reads a time as people write it. A day or a month is its end, so that all of it counts. */
function readMoment(name: 'at' | 'since', parsing: Parsing): number | undefined {
  const { given, zone, nowMs, problems } = parsing
  const value = given[name]
  if (value === undefined) return undefined
  const range = writtenRange(value, { zone, nowMs })
  const ms = typeof range === 'string' ? undefined : momentOf(range)
  if (typeof range === 'string' || ms === undefined) {
    problems.set(name, `Must be a time such as 3 May, -2h or yesterday 14:05, got ${shown(value)}.`)
    return undefined
  }
  if (!range.moves && value !== isoText(ms)) {
    given[name] = isoText(ms)
    parsing.isCanonical = false
  }
  return ms
}

function momentOf({ fromMs, toMs }: WrittenRange): number | undefined {
  if (fromMs === undefined || toMs === undefined) return fromMs
  return toMs - fromMs <= MINUTE_MS ? fromMs : toMs - 1
}
