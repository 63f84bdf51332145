import { AuditError } from '../../errors.ts'
import { checkFilter, type LogFilter, shown } from '../../read/filter.ts'
import { parseInstant } from '../../read/instant.ts'
import { FIELD_NAMES, FIELDS, type Given, PARAMETERS } from './address.ts'
import { DAY_MS, UTC, type Zone } from './zone.ts'

export const RANGES = {
  '1h': 'Last hour',
  today: 'Today',
  '7d': '7 days',
} as const
export type RangeName = keyof typeof RANGES

const MAX_QUERY_CHARACTERS = 6_000

export interface Query {
  /** The values as they came, without the empty ones: forms show them again, links repeat them. */
  readonly given: Given
  /** Ready for the timeline. Where `problems` is not empty, only its good part. */
  readonly filter: LogFilter
  readonly limit: number | undefined
  readonly cursor: string | undefined
  readonly entry: string | undefined
  readonly isLive: boolean
  /** False where the same question has a better address: `href(given)`. */
  readonly isCanonical: boolean
  /** What is wrong, by parameter; what belongs to none is under the empty name. */
  readonly problems: ReadonlyMap<string, string>
}

/** What is being read of an address. */
interface Reading {
  readonly zone: Zone
  readonly nowMs: number
  readonly given: Record<string, string>
  readonly problems: Map<string, string>
  isCanonical: boolean
}

/** What an address holds beside the filter, each with what it may be. */
const OTHERS: Readonly<Record<string, readonly [RegExp, string]>> = {
  live: [/^1$/, 'Must be 1 or left out.'],
  stream: [/^1$/, 'Must be 1 or left out.'],
  after: [/^\d{1,15}$/, 'Must be a number of the log.'],
}

/** Reads an address. Never throws: what is wrong becomes a message beside the field it is in. */
export function readQuery(
  parameters: URLSearchParams,
  zone: Zone = UTC,
  nowMs = Date.now(),
): Query {
  const reading: Reading = { zone, nowMs, given: {}, problems: new Map(), isCanonical: true }
  const { given, problems } = reading
  readGiven(parameters, reading)
  const filter: Record<string, unknown> = {}
  for (const name of FIELD_NAMES) {
    const value = given[name]
    if (value === undefined) continue
    attempt(name, problems, () => checkFilter({ [FIELDS[name].filter]: value }))
    if (!problems.has(name)) filter[FIELDS[name].filter] = value
  }
  Object.assign(filter, readPeriod(reading))
  attempt('entry', problems, () => checkFilter({ targetId: given['entry'] }))
  const limit = readLimit(given['limit'], problems)
  for (const [name, [good, message]] of Object.entries(OTHERS)) {
    const value = given[name]
    if (value !== undefined && !good.test(value)) problems.set(name, message)
  }
  const isLive = given['live'] === '1'
  const entry = problems.has('entry') ? undefined : given['entry']?.toLowerCase()
  const { isCanonical } = reading
  return { given, filter, limit, cursor: given['cursor'], entry, isLive, isCanonical, problems }
}

/** The values, each once, without surrounding blanks: ids are pasted. */
function readGiven(parameters: URLSearchParams, reading: Reading): void {
  const { given, problems } = reading
  if (parameters.toString().length > MAX_QUERY_CHARACTERS) {
    problems.set('', `The address holds more than ${MAX_QUERY_CHARACTERS} characters.`)
    return
  }
  for (const [name, value] of parameters) {
    const text = value.trim()
    if (!PARAMETERS.has(name)) problems.set('', `Nothing here is called ${shown(name)}.`)
    else if (given[name] !== undefined) problems.set(name, 'Given twice.')
    else if (text !== '') given[name] = text
    if (text === '') reading.isCanonical = false
  }
}

function readPeriod(reading: Reading): Pick<LogFilter, 'from' | 'to'> {
  const { given, problems } = reading
  if (given['from'] !== undefined && given['range'] !== undefined) {
    delete given['range'] // a beginning that was typed in is more than one that stood there
    reading.isCanonical = false
  }
  const from = readInstant('from', reading) ?? readRange(reading)
  const to = readInstant('to', reading)
  if (from !== undefined && to !== undefined && from >= to) {
    problems.set('to', 'Must be after the beginning.')
    return {}
  }
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}

function attempt(name: string, problems: Map<string, string>, check: () => void): void {
  try {
    check()
  } catch (error) {
    // The message begins with the filter's name for it; here it stands beside the field.
    const message = error instanceof AuditError ? error.message : 'Cannot be read.'
    problems.set(name, message.replace(/^\w+ must/, 'Must'))
  }
}

function readRange({ given, zone, nowMs, problems }: Reading): number | undefined {
  const value = given['range']
  if (value === undefined) return undefined
  if (value === '1h') return nowMs - 3_600_000
  if (value === 'today') return zone.startOfDay(nowMs)
  if (value === '7d') return nowMs - 7 * DAY_MS
  problems.set('range', `Must be one of ${Object.keys(RANGES).join(', ')}, got ${shown(value)}.`)
  return undefined
}

/**
 * A moment. With a zone (`…Z`, `+01:00`) it is that; without one, as a form's own field gives it,
 * it is the viewer's own time, and the address is to be rewritten: whoever gets it sent must see
 * the same entries.
 */
function readInstant(name: 'from' | 'to', reading: Reading): number | undefined {
  const { given, zone, problems } = reading
  const value = given[name]
  if (value === undefined) return undefined
  // As people paste it; and a plus sign in an address means a blank.
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
    given[name] = new Date(atMs).toISOString()
    reading.isCanonical = false
  }
  return atMs
}

function readLimit(value: string | undefined, problems: Map<string, string>): number | undefined {
  if (value === undefined) return undefined
  const limit = /^\d{1,4}$/.test(value) ? Number(value) : 0
  if (limit >= 1 && limit <= 500) return limit
  problems.set('limit', `Must be a whole number from 1 to 500, got ${shown(value)}.`)
  return undefined
}
