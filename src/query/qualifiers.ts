import { MAX_TEXT_CHARACTERS } from '../entry.ts'
import { knownAs, plainName } from './aliases.ts'
import type { IdPlace, Term } from './log-query.ts'
import { nearWords } from './near-words.ts'
import {
  type Given,
  isEqual,
  type Misread,
  onlyEquals,
  readAction,
  readAround,
  readChanged,
  readDate,
  readEntryId,
  readField,
  readHas,
  readId,
  readIp,
  readIs,
  readJson,
  readKind,
  readOutcome,
  readSeq,
  readTime,
  tooLong,
} from './qualifier-values.ts'
import { timeSpan } from './time-text.ts'

export interface Qualifier {
  /** The name that chips show. */
  readonly name: string
  /** What it takes, for the help. */
  readonly takes: string
  /** Whether a time may go on behind a space. */
  readonly isTime?: true
  /** Whether `a,b` behind it are two values. */
  readonly isList?: true
  /** Whether it is none that we know, but the name of a field. */
  readonly isField?: true
  readonly read: (given: Given) => Term | Misread
}

const id = (place: IdPlace, takes: string): Qualifier => ({
  name: place,
  takes,
  isList: true,
  read: (given) => readId(place, given, MAX_TEXT_CHARACTERS),
})

const text = (
  name: string,
  column: 'requestId' | 'entityType' | 'writtenBy',
  takes: string,
): Qualifier => ({
  name,
  takes,
  isList: true,
  read: ({ operator, value }) => {
    if (!isEqual(operator)) return onlyEquals(name)
    if (value.length > MAX_TEXT_CHARACTERS) return tooLong(MAX_TEXT_CHARACTERS)
    return { kind: 'text', column, value }
  },
})

const list = (name: string, takes: string, read: Qualifier['read']): Qualifier => ({
  ...{ name, takes, isList: true, read },
})
const time = (name: string, takes: string, read: Qualifier['read']): Qualifier => ({
  ...{ name, takes, isTime: true, read },
})

/** Each qualifier, by its name. */
const QUALIFIERS: Readonly<Record<string, Qualifier>> = {
  action: list('action', 'refund.issue, refund.*, *.update, delete', readAction),
  by: id('by', 'an id or a name: the user, or who really did it'),
  user: id('user', 'an id or a name: the user alone'),
  actor: id('actor', 'an id or a name: who acted for the user'),
  on: { ...id('on', 'an id or a name: what it was done to'), read: readTarget },
  event: id('event', 'an id or a name: the event, tenant, project or site'),
  request: text('request', 'requestId', 'the id of a request'),
  type: text('type', 'entityType', 'the entity type of the target'),
  login: text('login', 'writtenBy', 'the database login that wrote the entry'),
  outcome: list('outcome', 'denied, failed, attempted, done', readOutcome),
  kind: list('kind', 'person, api_key, service, system, agent', readKind),
  is: list('is', 'failed, denied, done, person, api_key, system, impersonated, anonymous', readIs),
  has: list('has', 'actor, user, target, ip, reason: what is there', (given) =>
    readHas(true)(given, knownAs),
  ),
  no: list('no', 'actor, user, target, ip, reason: what is not there', (given) =>
    readHas(false)(given, knownAs),
  ),
  ip: list('ip', '10.0.0.5, 10.0.0.0/8, 10.0.*, 2001:db8::/32', readIp),
  changed: {
    name: 'changed',
    takes: 'email, settings.mfa: a field that changed',
    read: readChanged,
  },
  after: time('after', 'a time, itself included', readTime('after')),
  before: time('before', 'a time', readTime('before')),
  until: time('until', 'a time, itself included', readTime('until')),
  date: time('date', 'a day, a week, a month, or a range such as 2026-05-01..2026-05-03', readDate),
  around: time('around', 'a time: five minutes before and after', readAround),
  id: { name: 'id', takes: 'the id of one entry', read: readEntryId },
  seq: { name: 'seq', takes: '4711 or 4700..4800', read: readSeq },
}

export const QUALIFIER_LIST: readonly Qualifier[] = Object.values(QUALIFIERS)
/** Names that a misspelt one is compared with. Fields have names like the short ones of the others. */
const KNOWN = [
  ...Object.keys(QUALIFIERS),
  ...['author', 'target', 'tenant', 'project', 'account', 'since', 'result', 'username', 'created'],
]
/** More letters than this may have two slips. */
const SHORT_NAME = 6

/**
 * The qualifier of a name. `meta.plan` and `context.ip` are paths in the entry's JSON. A name that is no
 * qualifier, and like none, is that of a field.
 */
export function qualifierNamed(given: string): Qualifier | Misread {
  const found = knownQualifier(given)
  if (found) return found
  const [, column, path] = /^(meta|metadata|context)\.(.+)$/is.exec(given) ?? []
  if (column !== undefined && path !== undefined) {
    return jsonQualifier(column.toLowerCase().startsWith('meta') ? 'metadata' : 'context', path)
  }
  const near = nearNames(given)
  if (near.length === 0) return fieldQualifier(given)
  return {
    message: `there is no "${given.slice(0, 40)}". To look for the text itself, put it in quotes.`,
    near: [...near, `meta.${given}`],
  }
}

/** Names of fields that are like one of ours, and no slips. */
const ORDINARY = new Set(
  'product section factor hash zip rate sid pid gid rid cid kid bid buy'.split(' '),
)
for (const word of 'option auction station tip vip used gate creator ship lang isp'.split(' ')) {
  ORDINARY.add(word)
}

function nearNames(given: string): readonly string[] {
  const name = plainName(given)
  if (ORDINARY.has(name)) return []
  const near = nearWords(name, KNOWN, 3, name.length > SHORT_NAME ? 2 : 1)
  return [...new Set(near.map(knownAs))]
}

function knownQualifier(given: string): Qualifier | undefined {
  const name = knownAs(given)
  return Object.hasOwn(QUALIFIERS, name) ? QUALIFIERS[name] : undefined
}

export function isTimeName(name: string): boolean {
  return knownQualifier(name)?.isTime === true
}

/** Whether `a,b` behind it are two values. */
export function isListName(name: string): boolean {
  return knownQualifier(name)?.isList === true
}

function jsonQualifier(column: 'metadata' | 'context', path: string): Qualifier {
  const name = `${column === 'metadata' ? 'meta' : column}.${path}`
  return { name, takes: 'a value', read: (given) => readJson(column, path, given) }
}

/** What other tools let a line say about the list, and no entry has. */
const OF_LISTS = new Set(['sort', 'sortby', 'orderby', 'limit', 'groupby'])
const ORDER =
  'a line says which entries. Below the list are links to the newest and the oldest ones.'

/** `status:denied` is an outcome, and `status:paid` a field. */
function fieldQualifier(name: string): Qualifier {
  return {
    name: name.slice(0, 40),
    takes: 'a value',
    isField: true,
    read: (given) => {
      if (OF_LISTS.has(plainName(name))) return { message: ORDER }
      const outcome = plainName(name) === 'status' ? readOutcome(given) : undefined
      return outcome && !('message' in outcome) ? outcome : readField(name, given)
    },
  }
}

/** `on:` may be a day as well, because people say it so: `on:tuesday`. A number alone is an id. */
function readTarget(given: Given): Term | Misread {
  const { value, clock } = given
  const isWord = /^\d+$|^(?:january|february|march|april|may|june|july|august)$/i.test(value)
  const span = isWord || !isEqual(given.operator) ? undefined : timeSpan(value, clock)
  if (span !== undefined && span.toMs - span.fromMs > 1) return { kind: 'time', ...span }
  return readId('on', given, MAX_TEXT_CHARACTERS)
}
