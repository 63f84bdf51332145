import { hash } from 'node:crypto'
import { altered } from './not-proved.ts'

/**
 * The fields of an entry that may hold personal data, as the columns of the log are called. A leaf holds
 * each as a salted commitment, so that each can be erased by itself.
 */
export const COMMITTED_FIELDS = [
  'user_id',
  'actor_id',
  'target_id',
  'more_targets',
  'request_id',
  'metadata',
  'context',
] as const
export type CommittedField = (typeof COMMITTED_FIELDS)[number]

/**
 * What opens the commitments of one entry: the 16 bytes of the row's salt as hex. For an entry of
 * which something was erased, each committed field that is not null has an opening of its own: the
 * 12 bytes of its salt as hex, or the commitment of the value that was erased.
 */
export type Opening =
  | { readonly salt: string }
  | { readonly [Field in CommittedField]?: { readonly salt: string } | { readonly erased: string } }

/** What a column of the line may hold. The hash binds the bytes; this only tells what is no line. */
type Kind = 'number' | 'numberOrNull' | 'text' | 'textOrNull' | 'listOrNull' | 'object'

/** The keys of an export's line, and of a leaf after `v`, in their order. */
const LINE: readonly (readonly [key: string, kind: Kind])[] = [
  ['seq', 'number'],
  ['id', 'text'],
  ['occurred_at', 'text'],
  ['logged_at', 'text'],
  ['written_by', 'text'],
  ['event_id', 'textOrNull'],
  ['action', 'text'],
  ['entity_type', 'textOrNull'],
  ['outcome', 'textOrNull'],
  ['actor_kind', 'textOrNull'],
  ['user_id', 'textOrNull'],
  ['actor_id', 'textOrNull'],
  ['target_id', 'textOrNull'],
  ['more_targets', 'listOrNull'],
  ['request_id', 'textOrNull'],
  ['metadata', 'object'],
  ['context', 'object'],
  ['recorder_id', 'textOrNull'],
  ['recorder_seq', 'numberOrNull'],
]

const DIGITS = /^(?:0|[1-9]\d{0,18})$/
// JSON escapes every control character, so a line that holds one was not written by an export.
const CONTROL = /[^\x20-\uffff]/

/** Where a committed field's salt stands in the 64 bytes of SHA-512: twelve bytes for each number. */
const SALTS: Readonly<Record<CommittedField, { readonly rare: boolean; readonly at: number }>> = {
  user_id: { rare: false, at: 0 },
  target_id: { rare: false, at: 12 },
  request_id: { rare: false, at: 24 },
  metadata: { rare: false, at: 36 },
  context: { rare: false, at: 48 },
  actor_id: { rare: true, at: 0 },
  more_targets: { rare: true, at: 12 },
}
const FIELD_SALT_BYTES = 12

/**
 * The text of an entry's leaf, version 1: the export's line with its personal fields replaced by
 * commitments. The values are the line's own bytes, never parsed ones, because two different numbers
 * can be one double.
 *
 * @param line a line of an NDJSON export, without `seal` and without line feed
 * @throws {NotProvedError} `AUDIT_NOT_PROVED` where the line is none, an opening does not fit, or a
 * field that was erased holds a value
 */
export function leafText(line: string, opening: Opening): string {
  return readLeaf(line, opening).text
}

/** The leaf's text with the entry's number. @throws {NotProvedError} as `leafText` */
export function readLeaf(
  line: string,
  opening: Opening,
): { readonly seq: number; readonly text: string } {
  const values = valuesOf(line)
  const seq = Number(values.get('seq'))
  if (!Number.isSafeInteger(seq)) throw altered('The line has no seq that this program can count.')
  const committed = commitments(values, opening)
  let text = '{"v":1'
  for (const [key] of LINE) text += `,"${key}":${committed.get(key) ?? values.get(key)}`
  return { seq, text: `${text}}` }
}

/** The text of the leaf of a number that the log did not hold when it was to be sealed. */
export function missingText(seq: number): string {
  return `{"v":1,"seq":${seq},"missing":true}`
}

/** RFC 6962: SHA-256 of the byte 0 and the text, in 32 bytes. */
export function leafHash(text: string): Buffer {
  return hash('sha256', Buffer.from(`\0${text}`), 'buffer')
}

/**
 * The bytes of each value. A string escapes its quotes and jsonb writes a space after its commas and
 * colons, so `,"context":` occurs once in a line, and so does every other key.
 */
function valuesOf(line: string): ReadonlyMap<string, string> {
  if (CONTROL.test(line)) throw altered('The line holds a control character: it is not one line.')
  const values = new Map<string, string>()
  let at = '{"seq":'.length
  if (!line.startsWith('{"seq":')) throw altered('The line does not begin with its seq.')
  for (const [place, [key, kind]] of LINE.entries()) {
    const next = LINE[place + 1]?.[0]
    const mark = next === undefined ? '}' : `,"${next}":`
    const end = next === undefined ? line.length - 1 : line.indexOf(mark, at)
    if (end < at || !line.startsWith(mark, end)) {
      throw altered(`The line has no ${next ?? 'end'} after its ${key}.`)
    }
    const value = line.slice(at, end)
    if (!fits(value, kind)) throw altered(`The line's ${key} is not as an export writes it.`)
    values.set(key, value)
    at = end + mark.length
  }
  return values
}

function fits(value: string, kind: Kind): boolean {
  switch (kind) {
    case 'number':
      return DIGITS.test(value)
    case 'numberOrNull':
      return value === 'null' || DIGITS.test(value)
    case 'text':
      return isWrapped(value, '"', '"')
    case 'textOrNull':
      return value === 'null' || isWrapped(value, '"', '"')
    case 'listOrNull':
      return value === 'null' || isWrapped(value, '[', ']')
    case 'object':
      return isWrapped(value, '{', '}')
  }
}

function isWrapped(value: string, first: string, last: string): boolean {
  return value.length >= 2 && value.startsWith(first) && value.endsWith(last)
}

/** Each committed field as the leaf has it: a JSON string, or null. */
function commitments(
  values: ReadonlyMap<string, string>,
  opening: Opening,
): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  const open = opener(opening)
  for (const field of COMMITTED_FIELDS) {
    texts.set(field, open(field, values.get(field) ?? 'null'))
  }
  return texts
}

type Open = (field: CommittedField, value: string) => string

function opener(opening: Opening): Open {
  if ('salt' in opening) {
    if (Object.keys(opening).length === 1) return rowOpener(opening.salt)
    throw altered("The seal has both a row's salt and openings of single fields.")
  }
  for (const name of Object.keys(opening)) {
    if (!COMMITTED_FIELDS.some((field) => field === name)) {
      throw altered(`The seal opens ${name.slice(0, 40)}, which is no committed field.`)
    }
  }
  return (field, value) => openField(field, value, opening[field])
}

function rowOpener(rowSalt: string): Open {
  if (!isHex(rowSalt, 16)) throw altered("The seal's salt is not 16 bytes of hex.")
  const salt = Buffer.from(rowSalt, 'hex')
  const usual = hash('sha512', salt, 'buffer')
  let rare: Buffer | undefined
  return (field, value) => {
    if (value === 'null') return 'null'
    const { rare: isRare, at } = SALTS[field]
    if (isRare) rare ??= hash('sha512', Buffer.concat([salt, Buffer.of(1)]), 'buffer')
    const salts = isRare && rare ? rare : usual
    return `"${commitment(salts.subarray(at, at + FIELD_SALT_BYTES), field, value)}"`
  }
}

function openField(
  field: CommittedField,
  value: string,
  given: { readonly salt: string } | { readonly erased: string } | undefined,
): string {
  if (given === undefined) {
    if (value === 'null') return 'null'
    throw altered(`The seal has no salt for ${field}.`)
  }
  if ('erased' in given) {
    if (!isHex(given.erased, 32)) throw altered(`The seal's commitment of ${field} is none.`)
    const empty = field === 'metadata' || field === 'context' ? '{}' : 'null'
    if (value === empty) return `"${given.erased}"`
    throw altered(`${field} was erased, and the line holds a value there.`)
  }
  if (!isHex(given.salt, FIELD_SALT_BYTES)) {
    throw altered(`The seal's salt of ${field} is not ${FIELD_SALT_BYTES} bytes of hex.`)
  }
  if (value === 'null') throw altered(`The seal has a salt for ${field}, which is null.`)
  return `"${commitment(Buffer.from(given.salt, 'hex'), field, value)}"`
}

/** The commitment in hex: SHA-256 of the salt, the field's name, `=`, and the value's bytes. */
function commitment(salt: Buffer, field: CommittedField, value: string): string {
  return hash('sha256', Buffer.concat([salt, Buffer.from(`${field}=${value}`)]), 'hex')
}

function isHex(value: unknown, bytes: number): value is string {
  return typeof value === 'string' && value.length === 2 * bytes && /^[0-9a-f]*$/.test(value)
}
