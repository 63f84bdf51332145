import { isUuid } from '../ids/uuid.ts'
import type { LogQuery, Place, Term } from './log-query.ts'

/** What one part could have meant that found nothing. */
export interface OtherReadings extends Place {
  readonly texts: readonly string[]
}

const FIELD_NAME = /^\p{L}[\p{L}\p{N}_-]{1,40}$/u

/**
 * Other readings of the parts of a query that found nothing: a word may be the name of a field, and what
 * was read as a field may stand somewhere else.
 */
export function otherReadings({ parts, text }: LogQuery): readonly OtherReadings[] {
  return parts.flatMap(({ from, to, isNot, terms }) => {
    const [term, more] = terms
    const written = text.slice(from, to)
    const isOne = !isNot && term !== undefined && more === undefined
    const texts = !isOne ? [] : term.kind === 'time' ? timeAsText(written) : readingsOf(term)
    return texts.length === 0 ? [] : [{ from, to, texts }]
  })
}

/** "week 3" may stand in a text, too. */
function timeAsText(written: string): readonly string[] {
  return /[:"=<>]/.test(written) ? [] : [`"${written}"`]
}

function readingsOf(term: Term): readonly string[] {
  if (term.kind === 'field' && term.test === 'is') return [JSON.stringify(term.value)]
  if (term.kind === 'text' && term.column === 'writtenBy')
    return [`by:${JSON.stringify(term.value)}`]
  if (term.kind === 'changed' && term.path.some((key) => key.includes('-'))) {
    return [`changed:${term.path.join('.').replaceAll('-', '_')}`]
  }
  if (term.kind !== 'word' || term.ids !== undefined) return []
  if (isUuid(term.text)) return [`id:${term.text}`]
  return FIELD_NAME.test(term.text) ? [`changed:${term.text}`, `has:${term.text}`] : []
}
