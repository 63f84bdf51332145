import type { IdKind } from '../../entry.ts'
import type { LogQuery } from '../../query/log-query.ts'
import { parseQuery } from '../../query/parse-query.ts'
import { checkFilter, type LogFilter } from '../../read/filter.ts'
import { shown, uuid } from '../../read/filter-values.ts'
import { parseInstant } from '../../query/instant.ts'
import { FIELD_NAMES, FIELDS, type GivenParameters, isoText, PARAMETERS } from './address.ts'
import { PARAMETER_CHECKS, wordProblem } from './parameter-checks.ts'
import { UTC, type Zone } from '../../query/zone.ts'
import { type AskedHistory, readHistory } from './history.ts'
import { check, type Parsing } from './parsing.ts'
import { type WrittenRange, writtenRange } from './range.ts'

const MAX_QUERY_LENGTH = 6_000

export interface Query {
  /** The values as they came, without the empty ones. The form shows them, links repeat them. */
  readonly given: GivenParameters
  /** Holds the valid parameters only, and of the query line what was understood. */
  readonly filter: LogFilter
  /** The query line, with what was not understood of it, which is named next to the rest. */
  readonly line: LogQuery | undefined
  readonly limit: number | undefined
  readonly cursor: string | undefined
  readonly entry: string | undefined
  readonly isLive: boolean
  /** The thing whose history is asked for. */
  readonly history: AskedHistory | undefined
  /** False: redirect to `href(given)`, which shows the same to everybody. */
  readonly isCanonical: boolean
  /** Messages by parameter. A message about no single parameter has the empty name. */
  readonly problems: ReadonlyMap<string, string>
}

/** Parameters of which nothing but their words or their pattern is checked. */
const OF_WORDS = [
  ...([
    'live',
    'reads',
    'order',
    'bars',
    'stream',
    'proof',
    'after',
    'export',
    'part',
    'openapi',
  ] as const),
] as const

/** Reads the parameters of an address. Never throws: each invalid value becomes a message. */
export function readQuery(
  parameters: URLSearchParams,
  zone: Zone = UTC,
  nowMs = Date.now(),
): Query {
  const parsing: Parsing = { zone, nowMs, given: {}, problems: new Map(), isCanonical: true }
  const { given, problems } = parsing
  readGiven(parameters, parsing)
  const filter: Record<string, unknown> = {}
  for (const name of FIELD_NAMES) {
    const value = given[name]
    if (value === undefined) continue
    check(name, problems, () => checkFilter({ [FIELDS[name]]: value }))
    if (!problems.has(name)) filter[FIELDS[name]] = value
  }
  Object.assign(filter, readPeriod(parsing))
  const { entry: openId } = given
  if (openId !== undefined) check('entry', problems, () => uuid('entry', openId))
  const limit = readLimit(given['limit'], problems)
  for (const name of OF_WORDS) {
    // Without a word, too: the whole page is no answer to a request for a part.
    const value = name === 'part' ? parameters.get(name)?.trim() : given[name]
    const problem = value === undefined ? undefined : wordProblem(name, value)
    if (problem !== undefined) problems.set(name, problem)
  }
  const isLive = given['live'] === '1'
  const history = readHistory(parsing)
  const entry = problems.has('entry') ? undefined : given['entry']?.toLowerCase()
  const { isCanonical } = parsing
  const cursor = given['cursor']
  const query = { given, filter, limit, cursor, entry, isLive, history, isCanonical, problems }
  const { q } = given
  const line = q === undefined ? undefined : parseQuery(q, { zone, now: nowMs })
  return withLine({ ...query, line: undefined }, line)
}

/** The query with another reading of its line. */
export function withLine(query: Query, line: LogQuery | undefined): Query {
  const { query: _before, ...rest } = query.filter
  const isEmpty = line === undefined || line.parts.length === 0
  return { ...query, line, filter: isEmpty ? rest : { ...rest, query: line } }
}

/** The query with a message for each id that is none in this database. */
export function withIdProblems(query: Query, ids: IdKind): Query {
  const problems = new Map(query.problems)
  for (const name of FIELD_NAMES) {
    const field = FIELDS[name]
    const value = query.filter[field]
    if (value !== undefined) check(name, problems, () => checkFilter({ [field]: value }).bind(ids))
  }
  const targetId = query.history?.targetId
  if (targetId !== undefined) check('history', problems, () => checkFilter({ targetId }).bind(ids))
  return { ...query, problems }
}

/** Reads the values and trims them, because pasted ids often have spaces around them. */
function readGiven(parameters: URLSearchParams, parsing: Parsing): void {
  const { given, problems } = parsing
  if (parameters.toString().length > MAX_QUERY_LENGTH) {
    problems.set('', `The address is longer than ${MAX_QUERY_LENGTH} characters.`)
    return
  }
  for (const [name, value] of parameters) {
    const text = value.trim()
    if (!PARAMETERS.has(name)) problems.set('', `Unknown parameter ${shown(name)}.`)
    else if (given[name] !== undefined) problems.set(name, 'Must be given only once.')
    else if (text !== '') given[name] = text
    if (text === '') parsing.isCanonical = false
  }
}

function readPeriod(parsing: Parsing): Pick<LogFilter, 'from' | 'to'> {
  const { given, problems } = parsing
  if (given['from'] !== undefined && given['range'] !== undefined) {
    delete given['range'] // no link makes both
    parsing.isCanonical = false
  }
  const range = readRange(parsing)
  const from = readInstant('from', parsing) ?? range?.fromMs
  const to = readInstant('to', parsing) ?? range?.toMs
  if (from !== undefined && to !== undefined && from >= to) {
    problems.set('to', 'Must be later than From.')
    return {}
  }
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}

/** A range that is the same tomorrow, such as a day, is rewritten, so that it is one for everybody. */
function readRange(parsing: Parsing): WrittenRange | undefined {
  const { given, zone, nowMs, problems } = parsing
  const value = given['range']
  if (value === undefined) return undefined
  const range = writtenRange(value, { zone, nowMs })
  if (typeof range === 'string') {
    problems.set('range', `${range} Got ${shown(value)}.`)
    return undefined
  }
  if (!range.moves) {
    delete given['range']
    for (const [name, ms] of [
      ['from', range.fromMs],
      ['to', range.toMs],
    ] as const) {
      if (ms !== undefined) given[name] = isoText(ms)
    }
    parsing.isCanonical = false
  }
  return range
}

/**
 * Reads a time. A time without an offset (`Z`, `+01:00`), as the form sends it, is in the viewer's
 * zone. It is then rewritten with one, so that the same address shows a colleague the same entries.
 */
function readInstant(name: 'from' | 'to', parsing: Parsing): number | undefined {
  const { given, zone, problems } = parsing
  const value = given[name]
  if (value === undefined) return undefined
  // People paste a space instead of the T, and a plus sign in a query is decoded to a space.
  const text = value
    .replace(/^(\d{4}-\d{2}-\d{2}) (?=\d)/, '$1T')
    .replace(/ (?=[Z+-])/, '')
    .replace(/ (?=\d{2}:?\d{2}$)/, '+')
  const isLocal = !/T.*(?:Z|[+-]\d{2}:?\d{2})$/.test(text)
  const whole = text.includes('T') ? text : `${text}T00:00`
  const ms = parseInstant(isLocal ? `${whole}Z` : whole)
  if (ms === undefined) {
    problems.set(name, `Must be a time such as 2026-11-22T14:05, got ${shown(value)}.`)
    return undefined
  }
  const atMs = isLocal ? Math.max(0, zone.fromWall(ms)) : ms
  if (isLocal) {
    given[name] = isoText(atMs)
    parsing.isCanonical = false
  }
  return atMs
}

function readLimit(value: string | undefined, problems: Map<string, string>): number | undefined {
  if (value === undefined) return undefined
  const { min, max } = PARAMETER_CHECKS.limit
  const limit = /^\d{1,4}$/.test(value) ? Number(value) : 0
  if (limit >= min && limit <= max) return limit
  problems.set('limit', `Must be a whole number from ${min} to ${max}, got ${shown(value)}.`)
  return undefined
}
