import { type SQL, sql } from 'drizzle-orm'
import type { IdKind } from '../../entry.ts'
import type { LogQuery } from '../../query/log-query.ts'
import { parseQuery } from '../../query/parse-query.ts'
import { isTimeRange } from '../../query/statements/query-conditions.ts'
import { checkFilter, type LogFilter } from '../../read/filter.ts'
import type { WantedEntries } from './bars.ts'

/** The condition that has an index and most likely matches the fewest entries; and the others. */
export function splitConditions(filter: LogFilter, ids: IdKind): Omit<WantedEntries, 'windows'> {
  const names = [
    ...(['moreTargets', 'actorId', 'targetId', 'userId', 'eventId'] as const),
    ...(['outcome', 'actorKind', 'action'] as const),
  ]
  const { seenBy } = filter
  const { view } = checkFilter({ seenBy }).bind(ids)
  // What the viewer may see at all counts as a part of the first condition, so that neither a bound nor a
  // sample depends on anything else.
  const own = (given: readonly SQL[]) => given.slice(view.conditions.length)
  const given = names.filter((name) => filter[name] !== undefined)
  const conditions = given.flatMap((name) =>
    own(checkFilter({ [name]: filter[name], seenBy }).bind(ids).conditions),
  )
  const query = filter.query === undefined ? undefined : withoutTimes(filter.query)
  const asked = query && checkFilter({ query, seenBy }).bind(ids)
  conditions.push(...own(asked?.indexed ?? []))
  const [best, ...others] = conditions
  const rest = (asked?.common ?? []).filter((condition) => !asked?.indexed.includes(condition))
  const either = asked?.either ?? []
  const { columns } = view
  if (best === undefined && either.length > 0) {
    const alone = either.map((one) => joined([...view.conditions, one], 'and'))
    return { columns, first: undefined, either: alone, others: rest }
  }
  const any = either.length === 0 ? [] : [joined(either, 'or')]
  const first = [...view.conditions, ...(best ? [best] : [])]
  return {
    columns,
    first: first.length === 0 ? undefined : joined(first, 'and'),
    either: [],
    others: [...others, ...rest, ...any],
  }
}

function joined(conditions: readonly SQL[], word: 'and' | 'or'): SQL {
  return sql`(${sql.join([...conditions], sql.raw(` ${word} `))})`
}

/** Whether no more than the entries of one request are asked for. */
export function isOneRequest({ query, requestId }: LogFilter): boolean {
  if (requestId !== undefined) return true
  if (typeof query !== 'object') return false
  return query.parts.some(
    ({ isNot, terms: [term, ...more] }) =>
      !isNot && more.length === 0 && term?.kind === 'text' && term.column === 'requestId',
  )
}

/** The times are those of the scale. */
function withoutTimes(given: string | LogQuery): LogQuery {
  const query = typeof given === 'string' ? parseQuery(given) : given
  return { ...query, parts: query.parts.filter((part) => !isTimeRange(part)) }
}
