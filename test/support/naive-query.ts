import { BlockList, isIP } from 'node:net'
import { recordedMs } from '../../src/ids/uuid7.ts'
import { ID_PLACES, type LogQuery, type Term } from '../../src/query/log-query.ts'
import type { LoggedEntry } from '../../src/read/logged-entry.ts'

/** Whether an entry answers a query, worked out in the plainest way, without a database. */
export function answers(entry: LoggedEntry, { parts }: LogQuery): boolean {
  return parts.every(({ terms, isNot }) => terms.some((term) => meets(entry, term)) !== isNot)
}

function meets(entry: LoggedEntry, term: Term): boolean {
  switch (term.kind) {
    case 'action':
      return term.isWord
        ? hasActionWord(entry.action, term.stems ?? [term.pattern])
        : isOfPattern(entry.action, term.pattern)
    case 'id': {
      const wanted = term.ids?.length ? term.ids : [term.text.toLowerCase()]
      return ID_PLACES[term.place].some((place) =>
        [entry[place]].flat().some((id) => id !== null && wanted.includes(id)),
      )
    }
    case 'text':
      return entry[term.column] === term.value
    case 'outcome':
      return entry.outcome === term.outcome
    case 'actorKind':
      return entry.actorKind === term.actorKind
    case 'ip':
      return isWithin(entry.context['ip'], term.range.cidr)
    case 'json':
      return valuesAt(entry[term.column], term.path).some((value) => compares(value, term))
    case 'field':
      return hasField(entry, term)
    case 'there':
      return term.columns.some((column) => entry[column] !== null) === term.isThere
    case 'impersonated':
      return entry.actorId !== null && entry.actorKind === null
    case 'staff':
      return false // the reader of these tests sees who staff is
    case 'entry':
      return entry.id === term.id
    case 'changed':
      return hasChange(entry.metadata, term.path)
    case 'time': {
      const ms = recordedMs(entry.id)
      return ms >= (term.fromMs ?? 0) && ms < (term.toMs ?? Number.MAX_SAFE_INTEGER)
    }
    case 'seq':
      return entry.seq >= (term.first ?? 0) && entry.seq <= (term.last ?? Number.MAX_SAFE_INTEGER)
    case 'word':
      return hasWord(entry, term)
  }
}

function isOfPattern(action: string, pattern: string): boolean {
  if (/^[^.*]+\.\*$/.test(pattern)) return action.split('.')[0] === pattern.slice(0, -2)
  const parts = pattern.split('*').map((part) => part.replaceAll('.', '\\.'))
  return new RegExp(`^${parts.join('[^]*')}$`, 'u').test(action)
}

/** Whether words in a row begin one of the others' words: `DeleteSecret` is `delete_secret`. */
function hasActionWord(action: string, words: readonly string[]): boolean {
  const begins = Array.from(
    action.matchAll(/^|[._:/ -]|(?<=[a-z0-9])(?=[A-Z])/g),
    ({ index, 0: mark }) => action.slice(index + mark.length),
  )
  return words.some((word) => {
    const runs = word.split(/(?<=[a-z\d])(?=[A-Z])|[_.-]+/)
    return begins.some((rest) => new RegExp(`^${runs.join('[_.-]?')}`, 'i').test(rest))
  })
}

function isWithin(given: unknown, cidr: string): boolean {
  if (typeof given !== 'string') return false
  const text = given.replace(/^::ffff:(?=\d+\.)/i, '')
  const [address = '', bits] = cidr.split('/')
  const version = isIP(address)
  if (isIP(text) !== version) return false
  const list = new BlockList()
  list.addSubnet(address, Number(bits), version === 4 ? 'ipv4' : 'ipv6')
  return list.check(text, version === 4 ? 'ipv4' : 'ipv6')
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The values at a path. An array stands for each of its items, one level at each step. */
function valuesAt(value: unknown, path: readonly string[]): readonly unknown[] {
  let found: unknown[] = [value]
  for (const key of path) {
    found = found
      .flatMap((one) => (Array.isArray(one) ? one : [one]))
      .flatMap((one) => (isFields(one) && Object.hasOwn(one, key) ? [one[key]] : []))
  }
  return found
}

function compares(
  value: unknown,
  { test, value: wanted }: Extract<Term, { kind: 'json' }>,
): boolean {
  if (test === 'has') return true
  // A lax path opens an array where it filters, and once more where it compares.
  return (Array.isArray(value) ? value.flat() : [value]).some((one) => {
    if (test === 'is') {
      const isWord = wanted.includes('*') && typeof one === 'string'
      if (isWord) return isLike(one, wanted)
      if (typeof one === 'number') return /^-?\d+(\.\d+)?$/.test(wanted) && one === Number(wanted)
      return typeof one === 'object' && one !== null ? false : String(one) === wanted
    }
    if (typeof one !== 'number') return false
    if (test === '..') {
      const [least = 0, most = 0] = wanted.split('..').map(Number)
      return one >= least && one <= most
    }
    const number = Number(wanted)
    if (test === '<') return one < number
    if (test === '<=') return one <= number
    return test === '>' ? one > number : one >= number
  })
}

function isLike(text: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[^\w]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^]*')}$`).test(text)
}

/** Every value in it, itself included. */
function everything(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [value]
  return [value, ...Object.values(value).flatMap(everything)]
}

function pairOf(value: unknown): readonly [unknown, unknown] | undefined {
  if (!isFields(value)) return undefined
  for (const [from, to] of [
    ['from', 'to'],
    ['before', 'after'],
  ] as const) {
    if (Object.hasOwn(value, from) && Object.hasOwn(value, to)) return [value[from], value[to]]
  }
  return undefined
}

function hasChange(metadata: unknown, path: readonly string[]): boolean {
  const all = everything(metadata)
  if (path.length === 0) return all.some((value) => pairOf(value) !== undefined)
  const name = path.join('.')
  const plain = (key: unknown) =>
    String(key)
      .toLowerCase()
      .replaceAll(/[_. -]/g, '')
  const below = [
    ...all.flatMap((value) => valuesAt(value, path)),
    ...(path.length > 1 ? [] : fieldsIn(metadata, (key) => plain(key) === plain(name))),
  ].flatMap(everything)
  if (below.some((value) => pairOf(value) !== undefined)) return true
  const isCalled = (field: unknown) => typeof field === 'string' && plain(field) === plain(name)
  const isNamed = (value: unknown) =>
    isFields(value) &&
    (value['field'] === name || (path.length === 1 && [value['field']].flat().some(isCalled)))
  if (all.some((value) => pairOf(value) !== undefined && isNamed(value))) return true
  return path.some((_, at) => {
    const inner = path.slice(at)
    const sides = at === 0 ? all : all.flatMap((value) => valuesAt(value, path.slice(0, at)))
    return sides
      .flatMap((value) => (Array.isArray(value) ? value : [value]))
      .some((value) => {
        const pair = pairOf(value)
        if (pair === undefined) return false
        const [before, after] = pair.map((side) => JSON.stringify(plainAt(side, inner)))
        return before !== after
      })
  })
}

/** The value at a path of objects, as `#>` in Postgres finds it. */
function plainAt(value: unknown, path: readonly string[]): unknown {
  let at = value
  for (const key of path) at = isFields(at) && Object.hasOwn(at, key) ? at[key] : undefined
  return at
}

function hasWord(
  entry: LoggedEntry,
  { text, ids = [], stems = [], isPattern }: Extract<Term, { kind: 'word' }>,
): boolean {
  const word = text.toLowerCase()
  const { userId, actorId, eventId, targetId, moreTargets, requestId, action, entityType } = entry
  const own = [userId, actorId, eventId, targetId, ...(moreTargets ?? [])]
  if (own.some((id) => id !== null && (id === word || ids.includes(id)))) return true
  const digits = (given: string) => given.replaceAll(/[ ()/.-]/g, '')
  const isPhone = /^(\+|00?[1-9])[\d ()/.-]{6,}$/.test(text) && /^\+?\d{7,15}$/.test(digits(text))
  const holds = (given: string): boolean => {
    const lower = given.toLowerCase()
    if (isPattern) return isLike(lower, `*${word}*`)
    return lower.includes(word) || (isPhone && digits(lower).includes(digits(word)))
  }
  if (requestId === text || entry.outcome === word) return true
  const columns = [action, entityType ?? ''].map((one) => one.toLowerCase())
  if (columns.some((one) => (isPattern ? holds(one) : one.includes(word)))) return true
  if ([action, entityType ?? ''].some((one) => hasActionWord(one, stems))) return true
  return [entry.metadata, entry.context].flatMap(everything).some((value) => {
    if (typeof value === 'string') return holds(value)
    return (
      typeof value === 'number' && /^-?\d{1,15}(\.\d{1,6})?$/.test(text) && value === Number(text)
    )
  })
}

/** The values of fields with this name, wherever they lie. */
function fieldsIn(value: unknown, isNamed: (key: string) => boolean): readonly unknown[] {
  return everything(value).flatMap((one) =>
    isFields(one) ? Object.keys(one).flatMap((key) => (isNamed(key) ? [one[key]] : [])) : [],
  )
}

function hasField(
  { metadata, context }: LoggedEntry,
  { name, test, value: wanted, isWhole }: Extract<Term, { kind: 'field' }>,
): boolean {
  const plain = (key: string) => key.toLowerCase().replaceAll(/[_. -]/g, '')
  const ends = ['', 'id', 'number', 'no', 'nr', 'code', 'key', 'name', 'ref']
  const names = new Set(ends.map((end) => plain(name) + end))
  const found = [metadata, context].flatMap((one) => fieldsIn(one, (key) => names.has(plain(key))))
  if (test === 'no') return found.length === 0
  if (test === 'has') return found.length > 0
  return found.flatMap(everything).some((value) => {
    if (test !== 'is') return compares(value, { ...AT_ONCE, test, value: wanted })
    if (typeof value !== 'string') return compares(value, { ...AT_ONCE, test, value: wanted })
    const [text, word] = [value.toLowerCase(), wanted.toLowerCase()]
    if (isWhole || word.includes('*')) return isLike(text, word)
    if (!/^\d+$/.test(word)) return text.includes(word)
    return text.split(/\D+/).includes(word)
  })
}

const AT_ONCE = { kind: 'json', column: 'metadata', path: [] } as const
