import type { IdKind } from '../entry.ts'
import { isUuid } from '../ids/uuid.ts'
import { within } from '../within.ts'
import {
  type LogQuery,
  type QueryPart,
  type QueryProblem,
  STAFF_PLACES,
  type Term,
} from './log-query.ts'

/** The application's function that finds the ids of a name, or of a part of one. */
export type FindIds = (text: string) => Promise<readonly string[]>

/** More ids than this for one text are too many to be meant. */
export const MOST_FOUND = 20
const LONGEST_ID = 256
const FIND_TIMEOUT_MS = 1_000
/** Shorter words stand for too many names. */
const SHORTEST_NAME = 2

/**
 * Looks up the names of a query. A text that is found stands for its ids from then on; one that is not
 * stays as it is. A lookup that fails, or takes more than a second, finds nothing.
 */
export async function findNames(query: LogQuery, find: FindIds): Promise<LogQuery> {
  const texts = new Set(query.parts.flatMap(({ terms }) => terms.flatMap(nameIn)))
  const found = new Map<string, readonly string[]>()
  const look = async (text: string) => {
    const ids = await within(FIND_TIMEOUT_MS, find(text), () => []).catch(() => [])
    if (Array.isArray(ids)) found.set(text, [...new Set(ids.filter(isId))])
  }
  await Promise.all([...texts].map(look))
  const problems: QueryProblem[] = [...query.problems]
  const parts = query.parts.flatMap((part) => {
    const names = isWordPart(part) ? [] : part.terms.flatMap(nameIn)
    const crowd = names.find((text) => (found.get(text) ?? []).length > MOST_FOUND)
    if (crowd !== undefined) {
      problems.push({ ...placeOf(part, query), message: crowdText(crowd), near: [] })
      return []
    }
    return [{ ...part, terms: part.terms.map((term) => withIds(term, found)) }]
  })
  return { ...query, parts, problems }
}

function crowdText(text: string): string {
  return `more than ${MOST_FOUND} are called ${JSON.stringify(text)}: write more of the name.`
}

function isWordPart({ terms }: QueryPart): boolean {
  return terms.every(({ kind }) => kind === 'word')
}

function isId(given: unknown): given is string {
  return typeof given === 'string' && given !== '' && given.length <= LONGEST_ID
}

function nameIn(term: Term): readonly string[] {
  if (term.kind !== 'id' && term.kind !== 'word') return []
  return isUuid(term.text) || term.text.length < SHORTEST_NAME ? [] : [term.text]
}

function withIds(term: Term, found: ReadonlyMap<string, readonly string[]>): Term {
  if (term.kind !== 'id' && term.kind !== 'word') return term
  const ids = found.get(term.text)
  return ids === undefined || ids.length === 0 ? term : { ...term, ids: ids.slice(0, MOST_FOUND) }
}

function placeOf({ from, to }: QueryPart, { text }: LogQuery) {
  return { from, to, text: text.slice(from, to) }
}

/**
 * The query for a database of this kind of ids. A part that asks for an id that cannot be one there,
 * and is no name that was found, becomes a problem.
 */
export function withoutMisfits(query: LogQuery, ids: IdKind): LogQuery {
  if (ids === 'text') return query
  const problems: QueryProblem[] = [...query.problems]
  const parts = query.parts.flatMap((part) => {
    const terms = part.terms.filter((term) => {
      if (term.kind !== 'id' || isUuid(term.text) || term.ids?.some(isUuid)) return true
      const message =
        `${JSON.stringify(term.text.slice(0, 60))} is no id of this log, which are UUIDs, and no name ` +
        'that the application finds.'
      problems.push({ ...placeOf(part, query), message, near: [JSON.stringify(term.text)] })
      return false
    })
    return terms.length === 0 ? [] : [{ ...part, terms }]
  })
  return { ...query, parts, problems }
}

/** The query for a reader who sees staff under one name: it finds what staff did. */
export function withStaff(query: LogQuery, staffAs: string | undefined): LogQuery {
  const name = staffAs?.toLowerCase()
  if (name === undefined) return query
  const staffOf = (term: Term): readonly Term[] => {
    if ((term.kind !== 'id' && term.kind !== 'word') || term.text.toLowerCase() !== name)
      return [term]
    if (term.kind === 'word') return [term, { kind: 'staff', place: 'by' }]
    const place = STAFF_PLACES.find((one) => one === term.place)
    return place === undefined ? [term] : [{ kind: 'staff', place }]
  }
  const parts = query.parts.map((part) => ({ ...part, terms: part.terms.flatMap(staffOf) }))
  return { ...query, parts }
}

/** Whether a query's conditions depend on what the ids of the database are. */
export function hasIds({ parts }: LogQuery): boolean {
  return parts.some(({ terms }) => terms.some(({ kind }) => kind === 'id' || kind === 'word'))
}
