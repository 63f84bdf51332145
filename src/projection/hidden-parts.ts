import { ID_PLACES, type LogQuery, type QueryProblem, type Term } from '../query/log-query.ts'

const MESSAGE = 'it asks for what you may not see, so there is nothing that it could find.'

/**
 * The query with a problem for each part that asks for nothing but what the reader may not see. The part
 * stays, and finds nothing. What is said depends on the projection alone, and on nothing in the log.
 */
export function withHiddenParts(query: LogQuery, given: readonly string[] | undefined): LogQuery {
  if (!Array.isArray(given)) return query
  const hides: ReadonlySet<string> = new Set(given)
  if (hides.size === 0) return query
  const problems: QueryProblem[] = query.parts
    .filter(({ terms }) => terms.every((term) => asksForHidden(term, hides)))
    .map(({ from, to }): QueryProblem => {
      const text = query.text.slice(from, to)
      return { from, to, text, message: MESSAGE, near: [], isUsed: true }
    })
  return { ...query, problems: [...query.problems, ...problems] }
}

/** Whether it asks for nothing but what is hidden. */
export function asksForHidden(term: Term, hides: ReadonlySet<string>): boolean {
  switch (term.kind) {
    case 'id':
      return ID_PLACES[term.place].every((column) => hides.has(column))
    case 'text':
      return hides.has(term.column)
    case 'actorKind':
      return hides.has('actorKind')
    case 'ip':
      return isHidden(['context', 'ip'], hides)
    case 'json':
      return isHidden([term.column, ...term.path], hides)
    case 'changed':
      return isHidden(['metadata', ...term.path], hides)
    default:
      return false
  }
}

/** Whether the field is hidden, or what it lies in. */
function isHidden(path: readonly string[], hides: ReadonlySet<string>): boolean {
  return path.some((_, at) => hides.has(path.slice(0, at + 1).join('.')))
}
