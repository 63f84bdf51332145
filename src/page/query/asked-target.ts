import { ID_PLACES } from '../../query/log-query.ts'
import type { Query } from './query.ts'

/** The one thing that a filter asks for, as `on:ID` or in the older field; undefined where it is not one. */
export function askedTarget({ given, line }: Pick<Query, 'given' | 'line'>): string | undefined {
  const terms = (line?.parts ?? [])
    .filter(({ isNot, terms: all }) => !isNot && all.length === 1)
    .flatMap(({ terms: all }) => all)
  const ids = terms.flatMap((term) =>
    term.kind === 'id' && ID_PLACES[term.place] === ID_PLACES.on ? (term.ids ?? [term.text]) : [],
  )
  const all = [...ids, ...(given['target'] === undefined ? [] : [given['target']])]
  return all.length === 1 ? all[0] : undefined
}
