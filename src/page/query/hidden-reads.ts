import type { LogQuery, QueryPart } from '../../query/log-query.ts'
import type { LogFilter } from '../../read/filter.ts'
import type { Query } from './query.ts'

const READ = 'audit.read'
const NOT_READ: QueryPart = {
  ...{ from: 0, to: 0, name: 'action', value: READ, isNot: true },
  terms: [{ kind: 'action', pattern: READ }],
}

/**
 * Whether the list leaves out who has read the log. As a rule it does, because each look at the page is
 * such an entry. It does not where somebody asks for them, for an action, or for one request.
 */
export function hidesReads({ given, filter, line }: Query): boolean {
  if (given['reads'] === '1' || filter.action !== undefined || filter.requestId !== undefined) {
    return false
  }
  return !(line?.parts ?? []).some(({ isNot, terms }) => !isNot && terms.some(isAboutActions))
}

/** Or about one request. */
function isAboutActions(term: QueryPart['terms'][number]): boolean {
  if (term.kind === 'text') return term.column === 'requestId'
  return term.kind === 'action' || (term.kind === 'word' && term.text.startsWith('audit.'))
}

/** The filter of the list, which may leave out reads. An export has all that the filter finds. */
export function listFilter(query: Query): LogFilter {
  const { filter, line } = query
  if (!hidesReads(query)) return filter
  const shown: LogQuery = {
    text: line?.text ?? '',
    parts: [...(line?.parts ?? []), NOT_READ],
    problems: [],
  }
  return { ...filter, query: shown }
}
