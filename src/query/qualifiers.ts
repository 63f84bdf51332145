import { ACTOR_KINDS, MAX_ACTION_CHARACTERS, MAX_TEXT_CHARACTERS, OUTCOMES } from '../entry.ts'
import { ipRange } from './ip-range.ts'
import type { IdPlace, Term } from './log-query.ts'
import { nearWords } from './near-words.ts'
import { ambiguousDate, type Clock, timeSpan } from './time-text.ts'
import type { Operator } from './tokens.ts'

/** A value behind a qualifier. */
export interface Given {
  readonly operator: Operator
  readonly value: string
  readonly clock: Clock
}

/** What a value is no condition for, and what would be understood in its place. */
export interface Misread {
  readonly message: string
  readonly near?: readonly string[]
}

export interface Qualifier {
  /** The name that chips show. */
  readonly name: string
  /** What it takes, for the help. */
  readonly takes: string
  /** Whether a time may go on behind a space. */
  readonly isTime?: true
  readonly read: (given: Given) => Term | Misread
}

/** Names of actions, and `*` for any part of one. */
const ACTION_PATTERN = /^[\p{L}\p{N}_*-]+(?:\.[\p{L}\p{N}_*-]+)*$/u
const DONE_WORDS = ['done', 'succeeded', 'success', 'ok']
const MOST_LEVELS = 8
const TIME_EXAMPLES = '-2h, yesterday, "3 May", "3 May 2026 14:05", 2026-05-03 or 2026-05-03T14:05Z'

const id = (place: IdPlace, takes: string): Qualifier => ({
  name: place,
  takes,
  read: ({ operator, value }) => {
    if (!isEqual(operator)) return onlyEquals(place)
    if (value.length > MAX_TEXT_CHARACTERS) return tooLong(MAX_TEXT_CHARACTERS)
    return { kind: 'id', place, text: value }
  },
})

const text = (
  name: string,
  column: 'requestId' | 'entityType' | 'writtenBy',
  takes: string,
): Qualifier => ({
  name,
  takes,
  read: ({ operator, value }) => {
    if (!isEqual(operator)) return onlyEquals(name)
    if (value.length > MAX_TEXT_CHARACTERS) return tooLong(MAX_TEXT_CHARACTERS)
    return { kind: 'text', column, value }
  },
})

/** Each qualifier, by the names that it is known under. */
const QUALIFIERS: Readonly<Record<string, Qualifier>> = {
  action: { name: 'action', takes: 'refund.issue, refund.*, *.update', read: readAction },
  by: id('by', 'an id or a name: the user, or who really did it'),
  user: id('user', 'an id or a name: the user alone'),
  actor: id('actor', 'an id or a name: who acted for the user'),
  on: id('on', 'an id or a name: what it was done to'),
  event: id('event', 'an id or a name: the event, tenant, project or site'),
  request: text('request', 'requestId', 'the id of a request'),
  type: text('type', 'entityType', 'the entity type of the target'),
  login: text('login', 'writtenBy', 'the database login that wrote the entry'),
  outcome: { name: 'outcome', takes: 'denied, failed, attempted, done', read: readOutcome },
  kind: { name: 'kind', takes: 'person, api_key, service, system, agent', read: readKind },
  ip: { name: 'ip', takes: '10.0.0.5, 10.0.0.0/8, 10.0.*, 2001:db8::/32', read: readIp },
  changed: {
    name: 'changed',
    takes: 'email, settings.mfa: a field that changed',
    read: readChanged,
  },
  after: { name: 'after', takes: 'a time, itself included', isTime: true, read: readTime('after') },
  before: { name: 'before', takes: 'a time', isTime: true, read: readTime('before') },
  until: { name: 'until', takes: 'a time, itself included', isTime: true, read: readTime('until') },
  date: {
    name: 'date',
    takes: 'a day, a week, a month, or a range such as 2026-05-01..2026-05-03',
    isTime: true,
    read: readDate,
  },
  seq: { name: 'seq', takes: '4711 or 4700..4800', read: readSeq },
}

const ALIASES: Readonly<Record<string, string>> = {
  ...{ who: 'by', target: 'on', tenant: 'event', project: 'event', org: 'event', site: 'event' },
  ...{ since: 'after', from: 'after', to: 'until', created: 'date', day: 'date', during: 'date' },
  ...{ requestid: 'request', request_id: 'request', result: 'outcome', entity: 'type' },
}

export const QUALIFIER_LIST: readonly Qualifier[] = Object.values(QUALIFIERS)
const KNOWN = [...Object.keys(QUALIFIERS), ...Object.keys(ALIASES)]

/** The qualifier of a name. `meta.plan` and `context.ip` are paths in the entry's JSON. */
export function qualifierNamed(given: string): Qualifier | Misread {
  const name = given.toLowerCase()
  const found = knownQualifier(name)
  if (found) return found
  const [, column, path] = /^(meta|metadata|context)\.(.+)$/is.exec(given) ?? []
  if (column !== undefined && path !== undefined) {
    return jsonQualifier(column.toLowerCase().startsWith('meta') ? 'metadata' : 'context', path)
  }
  const near = nearWords(name, KNOWN).map((known) => own(ALIASES, known) ?? known)
  const names = Object.keys(QUALIFIERS).join(', ')
  const known = near.length > 0 ? '' : ` Known: ${names}, meta.FIELD and context.FIELD.`
  return {
    message: `there is no "${given.slice(0, 40)}".${known} To look for the text itself, put it in quotes.`,
    near: [...new Set(near)],
  }
}

function knownQualifier(name: string): Qualifier | undefined {
  return own(QUALIFIERS, own(ALIASES, name) ?? name)
}

export function isTimeName(name: string): boolean {
  return knownQualifier(name.toLowerCase())?.isTime === true
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

function isEqual(operator: Operator): boolean {
  return operator === ':' || operator === '='
}

function onlyEquals(name: string): Misread {
  return { message: `write ${name}: and the value. To leave it out, put a minus in front.` }
}

function tooLong(most: number): Misread {
  return { message: `it has more than ${most} characters.` }
}

/** Whether a bare word with a `*` stands for actions. */
export function isActionPattern(value: string): boolean {
  return value.length <= MAX_ACTION_CHARACTERS && ACTION_PATTERN.test(value)
}

function readAction({ operator, value }: Given): Term | Misread {
  if (!isEqual(operator)) return onlyEquals('action')
  if (!isActionPattern(value)) {
    return { message: 'an action is refund.issue; refund.* and *.issue are several.' }
  }
  return { kind: 'action', pattern: value }
}

function readOutcome({ operator, value }: Given): Term | Misread {
  if (!isEqual(operator)) return onlyEquals('outcome')
  const word = value.toLowerCase()
  if (DONE_WORDS.includes(word)) return { kind: 'outcome', outcome: null }
  const outcome = OUTCOMES.find((one) => one === word)
  if (outcome !== undefined) return { kind: 'outcome', outcome }
  const words = [...OUTCOMES, 'done']
  return { message: `an outcome is ${words.join(', ')}.`, near: nearWords(word, words) }
}

function readKind({ operator, value }: Given): Term | Misread {
  if (!isEqual(operator)) return onlyEquals('kind')
  const word = value.toLowerCase()
  if (word === 'person') return { kind: 'actorKind', actorKind: null }
  const actorKind = ACTOR_KINDS.find((one) => one === word)
  if (actorKind !== undefined) return { kind: 'actorKind', actorKind }
  const words = ['person', ...ACTOR_KINDS]
  return { message: `a kind is ${words.join(', ')}.`, near: nearWords(word, words) }
}

function readIp({ operator, value }: Given): Term | Misread {
  if (!isEqual(operator)) return onlyEquals('ip')
  const range = ipRange(value)
  if (range) return { kind: 'ip', range }
  const begun = /^(\d{1,3}\.){1,3}\d{0,3}$/.test(value) && ipRange(`${value.replace(/\.$/, '')}.*`)
  return {
    message: 'an address is 10.0.0.5, a range is 10.0.0.0/8 or 10.0.*.',
    near: begun ? [begun.cidr] : [],
  }
}

function readChanged({ operator, value }: Given): Term | Misread {
  if (!isEqual(operator)) return onlyEquals('changed')
  if (value === '*') return { kind: 'changed', path: [] }
  const path = pathOf(value)
  return path ? { kind: 'changed', path } : badPath()
}

function pathOf(text: string): readonly string[] | undefined {
  const path = text.split('.')
  const isGood = path.length <= MOST_LEVELS && path.every((key) => key !== '' && key.length <= 128)
  return isGood ? path : undefined
}

function badPath(): Misread {
  return { message: `a field is email or settings.mfa, in at most ${MOST_LEVELS} levels.` }
}

function jsonQualifier(column: 'metadata' | 'context', path: string): Qualifier {
  const name = `${column === 'metadata' ? 'meta' : column}.${path}`
  return { name, takes: 'a value', read: (given) => readJson(column, path, given) }
}

function readJson(
  column: 'metadata' | 'context',
  text: string,
  { operator, value }: Given,
): Term | Misread {
  const path = pathOf(text)
  if (!path) return badPath()
  if (operator === '!=') return { message: 'put a minus in front of it, and write = or :.' }
  if (isEqual(operator)) {
    return { kind: 'json', column, path, test: value === '*' ? 'has' : 'is', value }
  }
  if (/^-?\d{1,15}(?:\.\d{1,6})?$/.test(value)) {
    return { kind: 'json', column, path, test: operator as '<' | '<=' | '>' | '>=', value }
  }
  return { message: 'only a number can be larger or smaller, such as 1000 or 2.5.' }
}

function misreadTime(value: string): Misread {
  return { message: ambiguousDate(value) ?? `a time is ${TIME_EXAMPLES}.` }
}

function readTime(name: 'after' | 'before' | 'until') {
  return ({ operator, value, clock }: Given): Term | Misread => {
    if (!isEqual(operator)) return onlyEquals(name)
    const span = timeSpan(value, clock)
    if (!span) return misreadTime(value)
    if (name === 'after') return { kind: 'time', fromMs: span.fromMs }
    return { kind: 'time', toMs: name === 'before' ? span.fromMs : span.toMs }
  }
}

function readDate({ operator, value, clock }: Given): Term | Misread {
  const [first = '', last, more] = value.split('..')
  if (last !== undefined && more === undefined && isEqual(operator)) {
    const [begin, end] = [first, last].map((text) => timeSpan(text, clock))
    if ((begin ?? end) === undefined || (!begin && first !== '') || (!end && last !== '')) {
      return misreadTime(begin || first === '' ? last : first)
    }
    if (begin && end && begin.fromMs >= end.toMs) {
      return { message: 'the range ends before it begins.', near: [`${last}..${first}`] }
    }
    return {
      kind: 'time',
      ...(begin ? { fromMs: begin.fromMs } : {}),
      ...(end ? { toMs: end.toMs } : {}),
    }
  }
  const span = timeSpan(value, clock)
  if (!span) return misreadTime(value)
  if (operator === '>') return { kind: 'time', fromMs: span.toMs }
  if (operator === '>=') return { kind: 'time', fromMs: span.fromMs }
  if (operator === '<') return { kind: 'time', toMs: span.fromMs }
  if (operator === '<=') return { kind: 'time', toMs: span.toMs }
  if (operator === '!=') return onlyEquals('date')
  return { kind: 'time', ...span }
}

function readSeq({ operator, value }: Given): Term | Misread {
  const [, first = '', dots, last = ''] = /^(\d{0,15})(\.\.)?(\d{0,15})$/.exec(value) ?? []
  if (!isEqual(operator) || (first === '' && last === '')) {
    return { message: 'a number is 4711, a range is 4700..4800.' }
  }
  if (dots === undefined) return { kind: 'seq', first: Number(first), last: Number(first) }
  return {
    kind: 'seq',
    ...(first === '' ? {} : { first: Number(first) }),
    ...(last === '' ? {} : { last: Number(last) }),
  }
}
