import { ACTOR_KINDS, MAX_ACTION_CHARACTERS, OUTCOMES } from '../entry.ts'
import { isUuid } from '../ids/uuid.ts'
import { ipRange } from './ip-range.ts'
import { ID_PLACES, type IdPlace, type JsonTest, type Term, type ThereColumn } from './log-query.ts'
import { nearWords } from './near-words.ts'
import { plainName } from './aliases.ts'
import { ambiguousDate, timeRange } from './time-range.ts'
import { type Clock, type TimeSpan, timeSpan } from './time-text.ts'
import type { Operator } from './tokens.ts'
import { DAY_MS } from './zone.ts'
import { stemOf, stemsOf } from './word-forms.ts'

/** A value behind a qualifier. */
export interface Given {
  readonly operator: Operator
  readonly value: string
  readonly clock: Clock
}

/** What a value is no condition for, and what would be understood in its place. */
export interface Misread {
  readonly message: string
  /** Values that could stand in its place. */
  readonly near?: readonly string[]
  /** What could stand in the place of the qualifier and its value. */
  readonly instead?: readonly string[]
}

/** Names of actions, and `*` for any part of one. */
const ACTION_PATTERN = /^[\p{L}\p{N}_*-]+(?:\.[\p{L}\p{N}_*-]+)*$/u
const DONE_WORDS = ['done', 'succeeded', 'success', 'successful', 'ok', 'allowed']
/** What people call an outcome. */
const OUTCOME_WORDS: Readonly<Record<string, string>> = {
  ...{ failure: 'failed', fail: 'failed', error: 'failed', deny: 'denied', refused: 'denied' },
  ...{ forbidden: 'denied', rejected: 'denied', blocked: 'denied', attempt: 'attempted' },
}
const KIND_WORDS: Readonly<Record<string, string>> = {
  ...{ human: 'person', people: 'person', user: 'person', api: 'api_key', apikey: 'api_key' },
  ...{ key: 'api_key', token: 'api_key', bot: 'agent', ai: 'agent', job: 'system', cron: 'system' },
}
/** Values that stand for nobody and nothing. */
const NOTHING = ['none', 'nobody', 'null', 'empty']
const MOST_LEVELS = 8
const MINUTE_MS = 60_000
const AROUND_MS = 5 * MINUTE_MS
const TIME_EXAMPLES =
  '-2h, yesterday 2pm, last week, "3 May", "3 May 2026 14:05", Q2, 2026-05-03 or 2026-05-03T14:05Z'

export function isEqual(operator: Operator): boolean {
  return operator === ':' || operator === '='
}

export function onlyEquals(name: string): Misread {
  return { message: `write ${name}: and the value. To leave it out, put a minus in front.` }
}

function ownOr(table: Readonly<Record<string, string>>, name: string): string {
  return Object.hasOwn(table, name) ? (table[name] ?? name) : name
}

export function tooLong(most: number): Misread {
  return { message: `it has more than ${most} characters.` }
}

/** Whether a bare word with a `*` stands for actions. */
export function isActionPattern(value: string): boolean {
  return value.length <= MAX_ACTION_CHARACTERS && ACTION_PATTERN.test(value)
}

export function readAction({ operator, value }: Given): Term | Misread {
  if (!isEqual(operator)) return onlyEquals('action')
  if (!isActionPattern(value)) {
    return { message: 'an action is refund.issue; refund.* and *.issue are several.' }
  }
  if (value.includes('.') || value.includes('*')) return { kind: 'action', pattern: value }
  return { kind: 'action', pattern: value, isWord: true, ...stemsOf(value) }
}

export function readOutcome({ operator, value }: Given): Term | Misread {
  if (!isEqual(operator)) return onlyEquals('outcome')
  const word = value.toLowerCase()
  if (DONE_WORDS.includes(word)) return { kind: 'outcome', outcome: null }
  const meant = ownOr(OUTCOME_WORDS, word)
  const outcome = OUTCOMES.find((one) => one === meant)
  if (outcome !== undefined) return { kind: 'outcome', outcome }
  const words = [...OUTCOMES, 'done']
  return { message: `an outcome is ${words.join(', ')}.`, near: nearWords(word, words) }
}

export function readKind({ operator, value }: Given): Term | Misread {
  if (!isEqual(operator)) return onlyEquals('kind')
  const word = value.toLowerCase()
  const meant = ownOr(KIND_WORDS, word)
  if (meant === 'person') return { kind: 'actorKind', actorKind: null }
  const actorKind = ACTOR_KINDS.find((one) => one === meant)
  if (actorKind !== undefined) return { kind: 'actorKind', actorKind }
  const words = ['person', ...ACTOR_KINDS]
  return { message: `a kind is ${words.join(', ')}.`, near: nearWords(word, words) }
}

export function readIp({ operator, value }: Given): Term | Misread {
  if (!isEqual(operator)) return onlyEquals('ip')
  const range = ipRange(value)
  if (range) return { kind: 'ip', range }
  const begun = /^(\d{1,3}\.){1,3}\d{0,3}$/.test(value) && ipRange(`${value.replace(/\.$/, '')}.*`)
  return {
    message: 'an address is 10.0.0.5, a range is 10.0.0.0/8 or 10.0.*.',
    near: begun ? [begun.cidr] : [],
  }
}

export function readChanged({ operator, value }: Given): Term | Misread {
  if (!isEqual(operator)) return onlyEquals('changed')
  if (value === '*') return { kind: 'changed', path: [] }
  const [, field, to] = /^([^=:]+)[=:](.+)$/.exec(value) ?? []
  if (field !== undefined && to !== undefined) {
    return { ...badPath(), instead: [`changed:${field} ${quoted(to)}`] }
  }
  const path = pathOf(value)
  return path ? { kind: 'changed', path } : badPath()
}

export function pathOf(text: string): readonly string[] | undefined {
  const path = text.split('.')
  const isGood = path.length <= MOST_LEVELS && path.every((key) => key !== '' && key.length <= 128)
  return isGood ? path : undefined
}

export function badPath(): Misread {
  return { message: `a field is email or settings.mfa, in at most ${MOST_LEVELS} levels.` }
}

export function readJson(
  column: 'metadata' | 'context',
  text: string,
  { operator, value }: Given,
): Term | Misread {
  const path = pathOf(text)
  if (!path) return badPath()
  const test = testOf(operator, value)
  return typeof test === 'string' ? { kind: 'json', column, path, test, value } : test
}

const NUMBER = /^-?\d{1,15}(?:\.\d{1,6})?$/
const NUMBERS = /^-?\d{1,15}(?:\.\d{1,6})?\.\.-?\d{1,15}(?:\.\d{1,6})?$/

/** Each star makes the server try more, on each text that it looks at. */
const MOST_STARS = 8

export function manyStars(value: string): Misread | undefined {
  if (value.split('*').length - 1 <= MOST_STARS) return undefined
  return { message: `a text has at most ${MOST_STARS} stars.` }
}

function testOf(operator: Operator, value: string): JsonTest | Misread {
  if (operator === '!=') return { message: 'put a minus in front of it, and write = or :.' }
  if (isEqual(operator)) {
    if (value === '*') return 'has'
    return manyStars(value) ?? (NUMBERS.test(value) ? '..' : 'is')
  }
  if (NUMBER.test(value)) return operator as '<' | '<=' | '>' | '>='
  return { message: 'only a number can be larger or smaller, such as 1000 or 2.5.' }
}

/** A field of this name anywhere in the metadata or the context. Of a path the last name counts. */
export function readField(
  name: string,
  { operator, value }: Pick<Given, 'operator' | 'value'>,
): Term | Misread {
  const key = plainName(name.split('.').at(-1) ?? name)
  if (key === '' || key.length > 64) return badPath()
  const test = testOf(operator, value)
  if (typeof test !== 'string') return test
  return { kind: 'field', name: key, test, value, isWhole: operator === '=' }
}

/** An id or a name; `*` is anybody, and `none` nobody. */
export function readId(place: IdPlace, { operator, value }: Given, max: number): Term | Misread {
  if (!isEqual(operator)) return onlyEquals(place)
  if (value.length > max) return tooLong(max)
  if (value === '*') return there(ID_PLACES[place], true)
  if (NOTHING.includes(value.toLowerCase())) return there(ID_PLACES[place], false)
  return { kind: 'id', place, text: value }
}

function there(columns: readonly ThereColumn[], isThere: boolean): Term {
  return { kind: 'there', columns, isThere }
}

/** What `has:` and `no:` can name that is a column. */
const COLUMNS: Readonly<Record<string, readonly ThereColumn[]>> = {
  ...ID_PLACES,
  request: ['requestId'],
  type: ['entityType'],
  outcome: ['outcome'],
  kind: ['actorKind'],
}

export function readHas(isThere: boolean) {
  return ({ operator, value }: Given, knownAs: (name: string) => string): Term | Misread => {
    if (!isEqual(operator)) return onlyEquals(isThere ? 'has' : 'no')
    const name = knownAs(value)
    const columns = Object.hasOwn(COLUMNS, name) ? COLUMNS[name] : undefined
    if (columns !== undefined) return there(columns, isThere)
    if (name === 'changed') return { kind: 'changed', path: [] }
    const path = value.replace(/^(?:meta|metadata|context)\./i, '')
    const field = readField(path, { operator, value: '*' })
    return 'message' in field || isThere || field.kind !== 'field'
      ? field
      : { ...field, test: 'no' }
  }
}

/** What an entry, or who acted in it, can be. */
export function readIs({ operator, value, clock }: Given): Term | Misread {
  if (!isEqual(operator)) return onlyEquals('is')
  const word = value.toLowerCase()
  if (['impersonated', 'impersonation', 'onbehalf'].includes(plainName(word))) {
    return { kind: 'impersonated' }
  }
  if (word === 'anonymous') return there(ID_PLACES.by, false)
  const given: Given = { operator: ':', value: word, clock }
  const [outcome, kind] = [readOutcome(given), readKind(given)]
  if (!('message' in outcome)) return outcome
  if (!('message' in kind)) return kind
  if (stemOf(word) !== undefined) return readAction(given)
  const words = [...OUTCOMES, 'done', 'person', ...ACTOR_KINDS, 'impersonated', 'anonymous']
  const message = `an entry is ${words.join(', ')}.`
  return { message, near: nearWords(word, words), instead: [`action:${quoted(word)}`] }
}

export function readEntryId({ operator, value }: Given): Term | Misread {
  if (!isEqual(operator)) return onlyEquals('id')
  if (isUuid(value)) return { kind: 'entry', id: value.toLowerCase() }
  const instead = /^\d{1,15}$/.test(value) ? [`seq:${value}`] : [JSON.stringify(value)]
  return { message: 'the id of an entry is a UUID. Its number is found by seq:.', instead }
}

/** Five minutes before and after a time. */
export function readAround({ operator, value, clock }: Given): Term | Misread {
  if (!isEqual(operator)) return onlyEquals('around')
  const span = timeSpan(value, clock)
  if (!span) return misreadTime(value)
  return { kind: 'time', fromMs: Math.max(0, span.fromMs - AROUND_MS), toMs: span.toMs + AROUND_MS }
}

function quoted(text: string): string {
  return /^[\p{L}\p{N}@._-]+$/u.test(text) ? text : JSON.stringify(text)
}

function misreadTime(value: string): Misread {
  return { message: ambiguousDate(value) ?? `a time is ${TIME_EXAMPLES}.` }
}

export function readTime(name: 'after' | 'before' | 'until') {
  return ({ operator, value, clock }: Given): Term | Misread => {
    if (!isEqual(operator)) return onlyEquals(name)
    // "after: 2h" and "since: 3 weeks" say what -2h says.
    const isLength = /^\d{1,5} ?\p{L}+$/u.test(value)
    const span = timeSpan(value, clock) ?? (isLength ? timeSpan(`-${value}`, clock) : undefined)
    if (!span) {
      // "from:maria" is how others ask for a person.
      return { ...misreadTime(value), instead: [`by:${quoted(value)}`] }
    }
    if (name === 'after') return { kind: 'time', fromMs: span.fromMs }
    return { kind: 'time', toMs: name === 'before' ? span.fromMs : span.toMs }
  }
}

export function readDate({ operator, value, clock }: Given): Term | Misread {
  const span = timeSpan(value, clock)
  const range = span || !isEqual(operator) ? undefined : timeRange(value, clock)
  if (range !== undefined) {
    const { sides, begin, end } = range
    const misread = sides.find((side, n) => side !== '' && (n === 0 ? begin : end) === undefined)
    if (misread !== undefined || (begin ?? end) === undefined) return misreadTime(misread ?? value)
    const toMs = end && (end.toMs - end.fromMs <= MINUTE_MS ? end.fromMs : end.toMs)
    if (begin && toMs !== undefined && begin.fromMs >= toMs) {
      return { message: 'the range ends before it begins.', near: [`${sides[1]}..${sides[0]}`] }
    }
    return {
      kind: 'time',
      ...(begin ? { fromMs: begin.fromMs } : {}),
      ...(toMs === undefined ? {} : { toMs }),
    }
  }
  if (!span) return misreadTime(value)
  if (isEqual(operator)) return { kind: 'time', ...(lastingSpan(span, value, clock) ?? span) }
  if (operator === '>') return { kind: 'time', fromMs: span.toMs }
  if (operator === '>=') return { kind: 'time', fromMs: span.fromMs }
  if (operator === '<') return { kind: 'time', toMs: span.fromMs }
  if (operator === '<=') return { kind: 'time', toMs: span.toMs }
  return onlyEquals('date')
}

/** "2 days ago" is that day, and "2 hours ago" since then, because a moment holds no entry. */
function lastingSpan({ fromMs, toMs }: TimeSpan, value: string, { zone, nowMs }: Clock) {
  if (toMs - fromMs > 1 || /\d:\d/.test(value)) return undefined
  if (nowMs - fromMs < DAY_MS) return { fromMs, toMs: Math.floor(nowMs) + 1 }
  const day = new Date(fromMs + zone.offsetMs(fromMs)).toISOString().slice(0, 10)
  return timeSpan(day, { zone, nowMs })
}

export function readSeq({ operator, value }: Given): Term | Misread {
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
