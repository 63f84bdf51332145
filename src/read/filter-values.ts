import { type SQL, sql } from 'drizzle-orm'
import { mendJson, plainLine } from '../encode/storable-text.ts'
import { type IdKind, MAX_TEXT_CHARACTERS } from '../entry.ts'
import { filterInvalid } from '../errors.ts'
import { digitsOf } from '../ids/digits.ts'
import { isRecordable } from '../ids/uuid7.ts'
import { isUuid } from '../ids/uuid.ts'

// The values of a filter. Each function throws `AUDIT_FILTER_INVALID` with the name of the field and
// the beginning of the value.

const MAX_METADATA_CHARACTERS = 2_000

/** An id as text. A number stands for its digits, as when it was recorded. */
export function idText(name: string, given: unknown): string {
  if (typeof given === 'number' || typeof given === 'bigint') {
    const digits = digitsOf(given)
    if (digits !== undefined && digits.length <= MAX_TEXT_CHARACTERS) return digits
    throw filterInvalid(
      `${name} must be a whole number up to 2^53 or text, got ${String(given).slice(0, 40)}.`,
    )
  }
  return text(name, given)
}

export function idValue(name: string, given: unknown, ids: IdKind): SQL {
  if (ids === 'text') return sql`${given}::pg_catalog.text`
  if (typeof given === 'string' && isUuid(given)) {
    return sql`${given.toLowerCase()}::pg_catalog.uuid`
  }
  throw filterInvalid(
    `${name} must be a UUID, got ${shown(given)}. The ids of this database are UUIDs: ` +
      '"audit-relay migrate --ids text" makes them text.',
  )
}

/** @throws {AuditError} `AUDIT_FILTER_INVALID` where it is no UUID in its usual form */
export function uuid(name: string, given: unknown): string {
  if (typeof given === 'string' && isUuid(given)) return given.toLowerCase()
  throw filterInvalid(`${name} must be a UUID, got ${shown(given)}.`)
}

export function isObject(given: unknown): given is object {
  return typeof given === 'object' && given !== null && !Array.isArray(given)
}

export function text(name: string, given: unknown, max = MAX_TEXT_CHARACTERS): string {
  const isGood = typeof given === 'string' && given !== '' && given.length <= max
  if (isGood && plainLine(given) === given) return given
  throw filterInvalid(`${name} must be 1 to ${max} characters of one line, got ${shown(given)}.`)
}

export function word(name: string, given: unknown, words: readonly string[]): string {
  const known = words.find((one) => one === given)
  if (known !== undefined) return known
  throw filterInvalid(
    `${name} must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}, got ${shown(given)}.`,
  )
}

export function jsonText(given: unknown): string {
  if (!isObject(given)) {
    throw filterInvalid(`metadata must be an object, got ${shown(given)}.`)
  }
  let json: string | undefined
  try {
    json = JSON.stringify(given)
  } catch {
    // A cycle, a BigInt or a throwing getter. The error below names it.
  }
  if (json !== undefined && json.length <= MAX_METADATA_CHARACTERS && mendJson(json) === json) {
    return json
  }
  throw filterInvalid(
    `metadata must be an object that is up to ${MAX_METADATA_CHARACTERS} characters as JSON.`,
  )
}

export function instant(name: string, given: unknown): number | undefined {
  if (given === undefined) return undefined
  const ms = given instanceof Date ? given.getTime() : given
  if (typeof ms === 'number' && isRecordable(ms)) return ms
  throw filterInvalid(`${name} must be a Date, or whole Unix milliseconds, got ${shown(given)}.`)
}

/** The beginning of a value, on one line, so that an error message can name it. */
export function shown(given: unknown): string {
  if (typeof given === 'string') {
    const head = given.slice(0, 40).replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '\ufffd')
    return given.length > 40 ? `"${head}…" (${given.length} characters)` : `"${head}"`
  }
  if (given === null || typeof given === 'number' || typeof given === 'boolean')
    return String(given)
  return Array.isArray(given) ? 'an array' : `a value of type ${typeof given}`
}
