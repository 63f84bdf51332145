import type { Copier } from '../copy/copier.ts'
import type { AuditEntry } from '../entry.ts'
import { cutMark, headOf } from '../engine-text.ts'
import { isTimeLike, timeOf, timeText } from './given-time.ts'

/** An entry's fields as given, of any type. */
export type GivenFields = { readonly [Name in keyof AuditEntry]?: unknown }

const FIELDS: readonly (keyof AuditEntry)[] = [
  'action',
  'userId',
  'eventId',
  'entityType',
  'targetId',
  'moreTargets',
  'outcome',
  'actorId',
  'actorKind',
  'metadata',
  'requestId',
  'context',
  'occurredAt',
]

const hasOwn = Object.prototype.hasOwnProperty
/** An id of digits alone is no card number. */
const IDS: ReadonlySet<string> = new Set([
  ...['userId', 'eventId', 'targetId', 'requestId', 'actorId', 'moreTargets'],
])
const ONLY_DIGITS = /^\d+$/

/**
 * Reads field by field, for an entry whose fields may throw or may come from `Object.prototype`.
 */
export function readEach(copier: Copier, entry: object): GivenFields {
  const fields: { [Name in keyof AuditEntry]?: unknown } = {}
  for (const name of FIELDS) {
    // Defined, not assigned, because Object.prototype may have a setter or a read-only property.
    Object.defineProperty(fields, name, { value: readOwn(copier, entry, name) })
  }
  return fields
}

/** A field's value. Undefined if reading it throws or it comes from `Object.prototype`. */
export function readOwn(copier: Copier, given: object, name: string): unknown {
  try {
    const foreign = hasOwn.call(Object.prototype, name) && !hasOwn.call(given, name)
    return foreign ? undefined : Reflect.get(given, name)
  } catch {
    copier.notes.markEntry(`${name}.throws`)
    return undefined
  }
}

/** A column's text without secrets, cut to `maxCharacters`. Undefined for null and ''. */
export function columnText(
  copier: Copier,
  name: string,
  given: unknown,
  maxCharacters: number,
): string | undefined {
  if (given === undefined || given === null) return undefined
  const text = typeof given === 'string' ? given : oddText(copier, name, given)
  const fits = text.length <= maxCharacters
  // A text longer than an id takes more memory than `ENTRY_BYTES` allows for it: one more cell for
  // each 32 characters.
  copier.countCells(Math.min(text.length, maxCharacters) >> 5)
  const { redactor } = copier
  if (fits && (!redactor.mayHold(text) || (IDS.has(name) && ONLY_DIGITS.test(text)))) {
    return text === '' ? undefined : text
  }

  // Reads past the cut, so that a secret that crosses it is recognised.
  const window = headOf(text, maxCharacters * 4)
  const clean = redactor.active ? redactor.cleanText(window, name) : window
  if (clean !== window) copier.notes.noteRedacted(name)
  const short = headOf(clean, maxCharacters)
  if (fits && short === clean) return clean === '' ? undefined : clean
  copier.notes.markEntry(`${name}.truncated`)
  return short === '' ? cutMark(text.length, undefined) : short
}

function oddText(copier: Copier, name: string, given: unknown): string {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
  const id = isObject && IDS.has(name) ? idIn(copier, given) : undefined
  copier.notes.markEntry(id === undefined ? `${name}.invalid` : `${name}.object`)
  return id === undefined ? textFrom(copier, given) : String(id)
}

/** The id of an object that stands where its id belongs, such as `request.user`. */
export function idIn(copier: Copier, given: object): string | number | bigint | undefined {
  // A library's id object has a toJSON that returns its text, and its own `id` may be bytes.
  if (typeof readOwn(copier, given, 'toJSON') === 'function') {
    if (typeof copier.copyRoot({ value: given }, 'context')['value'] === 'string') return undefined
  }
  const id = readOwn(copier, given, 'id')
  if (typeof id === 'string' && id !== '') return id
  return typeof id === 'number' || typeof id === 'bigint' ? id : undefined
}

/** A value as text: what its toJSON returns, or else its JSON. */
export function textFrom(copier: Copier, given: unknown): string {
  if (typeof given === 'number' || typeof given === 'boolean') return String(given)
  const { value } = copier.copyRoot({ value: given }, 'context')
  if (typeof value === 'string') return value
  try {
    return JSON.stringify(value) ?? `[${typeof given}]`
  } catch {
    return `[${typeof given}]` // somebody put a toJSON on Array.prototype
  }
}

/** When it happened. Undefined: as good as not given. */
export interface ReadTime {
  /** Whole milliseconds since 1970. */
  readonly ms: number | undefined
  /** What was given, where `ms` does not say all of it. */
  readonly text: string | undefined
}

/** Reads what was given for `occurredAt`, which may be anything, and marks how the time differs. */
export function readTime(copier: Copier, given: unknown, maxCharacters: number): ReadTime {
  // Another library's time, such as Temporal.Instant, has a toJSON that returns ISO text.
  const known = isTimeLike(given) ? given : textFrom(copier, given)
  const { ms, marks, isRounded } = timeOf(known)
  for (const mark of marks) copier.notes.markEntry(mark)
  if (ms !== undefined && !isRounded) return { ms, text: undefined }
  return { ms, text: columnText(copier, 'occurredAt', timeText(known), maxCharacters) }
}
