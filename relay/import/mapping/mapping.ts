import { createHash } from 'node:crypto'
import { optionInvalid } from '../../../src/errors.ts'
import { nearest } from '../../../src/options.ts'
import { isZone } from './zone.ts'

/** How a value comes out of a row. A text alone is the name of a column. */
export type Source = string | SourceSteps

/** The steps are taken in this order. */
export interface SourceSteps {
  readonly column?: string
  readonly constant?: unknown
  /** The values as one text; none where one of them is none. */
  readonly concat?: readonly Source[]
  /** A place in the column's JSON: `attributes.user.id`, or the keys as a list. */
  readonly path?: string | readonly string[]
  /** A regular expression; its first group, else all that it matches, is taken. */
  readonly match?: string
  /** `word`: `App\\Models\\BlogPost` becomes `blog_post`. `json`: a text is parsed. `lower`: as it says. */
  readonly as?: (typeof FORMS)[number]
  /** Other words for some values; `*` is any other value. Null: none. */
  readonly words?: Readonly<Record<string, string | null>>
  /** Makes a UUID of what is none, where the log's ids are UUIDs. */
  readonly uuid?: { readonly namespace: Source | { readonly constant: string } }
  /** Of a time that is a number: what it counts since 1970. */
  readonly unit?: (typeof UNITS)[number]
  /** What to take where there is no value. */
  readonly else?: Source
}

/** An object of values: that of `from`, and each field of `fields`, which wins. */
export interface ObjectSource {
  readonly from?: Source
  readonly fields?: Readonly<Record<string, Source>>
}

export interface EntrySources {
  readonly occurredAt: Source
  readonly action: Source
  readonly userId?: Source
  readonly eventId?: Source
  readonly entityType?: Source
  readonly targetId?: Source
  readonly moreTargets?: Source
  readonly requestId?: Source
  readonly outcome?: Source
  readonly actorId?: Source
  readonly actorKind?: Source
  readonly metadata?: string | ObjectSource
  readonly context?: string | ObjectSource
}

/** A mapping file. */
export interface Mapping {
  readonly format?: (typeof FILE_FORMATS)[number]
  /** Of a JSON file: where in it the list of rows is. Default: the file is the list. */
  readonly records?: string
  /** Of a CSV file. Default: a comma. */
  readonly delimiter?: string
  /** Of another database. */
  readonly query?: string
  /** The column that tells the rows apart. Default: the number of the row; of a query: `id`. */
  readonly key?: string
  /** The zone of times that name none: `Europe/Berlin`, `+02:00`, `UTC`. */
  readonly timeZone?: string
  /** As the recorder's option `redact`. */
  readonly redact?: { readonly paths?: readonly string[]; readonly except?: readonly string[] }
  readonly entry: EntrySources
}

export const FILE_FORMATS = ['ndjson', 'csv', 'json'] as const
const FORMS = ['word', 'json', 'lower'] as const
const UNITS = ['s', 'ms', 'us'] as const

const FIELDS = [
  ...(['occurredAt', 'action', 'userId', 'eventId', 'entityType', 'targetId'] as const),
  ...(['moreTargets', 'requestId', 'outcome', 'actorId', 'actorKind'] as const),
]
const OBJECTS = ['metadata', 'context'] as const
const MAPPING_KEYS = [
  ...(['format', 'records', 'delimiter', 'query', 'key', 'timeZone', 'redact', 'entry'] as const),
]
const STEPS = [
  ...(['column', 'constant', 'concat', 'path', 'match', 'as', 'words', 'uuid', 'unit'] as const),
  'else',
]
/** Keys of the context that say something about the entry. */
const OUR_KEYS = ['imported', 'recovered', 'invalid', 'degraded', 'redacted']
const MAX_DEPTH = 8

/**
 * Reads a mapping.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` with all that is wrong, a line each
 */
export function readMapping(text: string, file: string): Mapping {
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch (error) {
    throw optionInvalid(`The mapping ${file} is no JSON: ${(error as Error).message}.`)
  }
  const problems: string[] = []
  checkMapping(given, problems)
  if (problems.length === 0) return given as Mapping
  throw optionInvalid([`The mapping ${file} cannot be used:`, ...problems].join('\n'))
}

/** What of a mapping makes an entry of a row, as SHA-256. How the rows are read is not part of it. */
export function digestOf({ key, timeZone, redact, entry }: Mapping): string {
  const text = JSON.stringify(sorted({ key, timeZone, redact, entry }))
  return createHash('sha256').update(text).digest('hex')
}

/** All columns that a mapping names. */
export function columnsOf(mapping: Mapping): ReadonlySet<string> {
  const found = new Set<string>()
  if (mapping.key !== undefined) found.add(mapping.key)
  const walk = (source: unknown): void => {
    if (typeof source === 'string') found.add(source)
    if (!isObject(source)) return
    const { column, concat, uuid, else: other } = source as SourceSteps
    if (column !== undefined) found.add(column)
    for (const part of concat ?? []) walk(part)
    if (isObject(uuid?.namespace)) walk(uuid.namespace)
    if (other !== undefined) walk(other)
  }
  const { metadata, context, ...fields } = mapping.entry
  for (const source of Object.values(fields)) walk(source)
  for (const source of [metadata, context]) {
    if (typeof source === 'string') found.add(source)
    else if (source !== undefined) {
      if (source.from !== undefined) walk(source.from)
      for (const field of Object.values(source.fields ?? {})) walk(field)
    }
  }
  return found
}

function checkMapping(given: unknown, problems: string[]): void {
  if (!isObject(given)) {
    problems.push('it is no JSON object')
    return
  }
  refuseOthers('', given, MAPPING_KEYS, problems)
  const { format, delimiter, timeZone, redact, entry } = given
  if (format !== undefined) refuseOther('format', format, FILE_FORMATS, problems)
  for (const name of ['records', 'query', 'key'] as const) {
    if (given[name] !== undefined && !isText(given[name])) problems.push(`${name} must be a text`)
  }
  if (delimiter !== undefined && !(isText(delimiter) && /^[^"\r\n]$/.test(delimiter))) {
    problems.push('delimiter must be one character, and no quote or line break')
  }
  if (timeZone !== undefined && !(isText(timeZone) && isZone(timeZone))) {
    problems.push(
      `timeZone must be a zone such as "Europe/Berlin", "UTC" or "+02:00", got ${shownValue(timeZone)}`,
    )
  }
  checkRedact(redact, problems)
  if (!isObject(entry)) {
    problems.push('entry must be an object that names a source for each field')
    return
  }
  refuseOthers('entry.', entry, [...FIELDS, ...OBJECTS], problems)
  for (const name of ['occurredAt', 'action']) {
    if (entry[name] === undefined) problems.push(`entry.${name} is missing`)
  }
  for (const name of FIELDS) {
    if (entry[name] !== undefined) checkSource(`entry.${name}`, entry[name], problems)
  }
  for (const name of OBJECTS) {
    if (entry[name] !== undefined) checkObject(`entry.${name}`, entry[name], problems)
  }
}

function checkRedact(given: unknown, problems: string[]): void {
  if (given === undefined) return
  if (!isObject(given)) {
    problems.push('redact must be an object with paths, except or both')
    return
  }
  refuseOthers('redact.', given, ['paths', 'except'], problems)
  for (const name of ['paths', 'except']) {
    const list = given[name]
    if (list !== undefined && !(Array.isArray(list) && list.every(isText))) {
      problems.push(`redact.${name} must be a list of texts`)
    }
  }
}

function checkObject(at: string, given: unknown, problems: string[]): void {
  if (isText(given)) return
  if (!isObject(given)) {
    problems.push(`${at} must be a column's name, or an object with from, fields or both`)
    return
  }
  refuseOthers(`${at}.`, given, ['from', 'fields'], problems)
  if (given['from'] !== undefined) checkSource(`${at}.from`, given['from'], problems)
  if (given['fields'] === undefined) return
  if (!isObject(given['fields'])) {
    problems.push(`${at}.fields must be an object of sources`)
    return
  }
  for (const [name, source] of Object.entries(given['fields'])) {
    if (at === 'entry.context' && OUR_KEYS.includes(name)) {
      problems.push(`${at}.fields.${name}: the log itself writes "${name}"; take another name`)
    }
    checkSource(`${at}.fields.${name}`, source, problems)
  }
}

function checkSource(at: string, given: unknown, problems: string[], depth = 0): void {
  if (isText(given)) return
  if (!isObject(given)) {
    problems.push(`${at} must be a column's name or an object such as { "column": "name" }`)
    return
  }
  if (depth === MAX_DEPTH) {
    problems.push(`${at} is nested too deep`)
    return
  }
  refuseOthers(`${at}.`, given, STEPS, problems)
  const begins = ['column', 'constant', 'concat'].filter((name) => given[name] !== undefined)
  if (begins.length !== 1) problems.push(`${at} must have one of column, constant and concat`)
  const { column, concat, path, match, as: form, words, uuid, unit, else: other } = given
  if (column !== undefined && !isText(column)) problems.push(`${at}.column must be a text`)
  if (concat !== undefined) {
    if (!Array.isArray(concat) || concat.length === 0) {
      problems.push(`${at}.concat must be a list of sources`)
    } else {
      for (const [n, part] of concat.entries()) {
        checkSource(`${at}.concat[${n}]`, part, problems, depth + 1)
      }
    }
  }
  if (path !== undefined && !isText(path) && !(Array.isArray(path) && path.every(isText))) {
    problems.push(`${at}.path must be a text such as "user.id", or a list of keys`)
  }
  if (match !== undefined && !isPattern(match)) {
    problems.push(`${at}.match must be a regular expression`)
  }
  if (form !== undefined) refuseOther(`${at}.as`, form, FORMS, problems)
  if (unit !== undefined) refuseOther(`${at}.unit`, unit, UNITS, problems)
  if (unit !== undefined && at !== 'entry.occurredAt') {
    problems.push(`${at}.unit: only entry.occurredAt has a unit`)
  }
  if (
    words !== undefined &&
    !(isObject(words) && Object.values(words).every((word) => word === null || isText(word)))
  ) {
    problems.push(`${at}.words must be an object of texts and nulls`)
  }
  if (uuid !== undefined) checkNamespace(`${at}.uuid`, uuid, problems, depth)
  if (other !== undefined) checkSource(`${at}.else`, other, problems, depth + 1)
}

function checkNamespace(at: string, given: unknown, problems: string[], depth: number): void {
  if (!isObject(given) || given['namespace'] === undefined) {
    problems.push(`${at} must be an object with a namespace, such as { "namespace": "users" }`)
    return
  }
  refuseOthers(`${at}.`, given, ['namespace'], problems)
  // A text is the namespace itself, because that is what most mappings need.
  if (!isText(given['namespace'])) {
    checkSource(`${at}.namespace`, given['namespace'], problems, depth + 1)
  }
}

function refuseOthers(
  at: string,
  given: Readonly<Record<string, unknown>>,
  known: readonly string[],
  problems: string[],
): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    const like = nearest(name, known)
    problems.push(`${at}${name} is unknown. Did you mean "${like}"? Known: ${known.join(', ')}`)
  }
}

function refuseOther(
  at: string,
  given: unknown,
  known: readonly string[],
  problems: string[],
): void {
  if (known.includes(given as string)) return
  problems.push(`${at} must be one of ${known.join(', ')}, got ${shownValue(given)}`)
}

export function isObject(given: unknown): given is Readonly<Record<string, unknown>> {
  return typeof given === 'object' && given !== null && !Array.isArray(given)
}

function isText(given: unknown): given is string {
  return typeof given === 'string' && given !== ''
}

function isPattern(given: unknown): boolean {
  if (!isText(given)) return false
  try {
    new RegExp(given, 'u')
    return true
  } catch {
    return false
  }
}

function shownValue(given: unknown): string {
  const text = JSON.stringify(given) ?? String(given)
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}

/** The same value with the keys of each object in order, so that their order means nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  const pairs = Object.entries(value).map(([name, one]) => [name, sorted(one)] as const)
  return Object.fromEntries(pairs.toSorted(([one], [other]) => (one < other ? -1 : 1)))
}
