import type { IdKind } from '../../entry.ts'

/**
 * How a user's id is looked for in JSON, here and in the database by the same rules:
 *
 * - a text, or a name in an object, that is the id;
 * - a number of the same digits, because `record()` takes numbers as ids;
 * - a longer text that holds the id, such as the path of a request, where the id is long enough to be
 *   no part of another word: 42 is in 1420, and a UUID is in no other id.
 *
 * UUIDs are the same in capitals. Text ids are not.
 */
export const MIN_HELD_CHARACTERS = 16

const DIGITS = /^(?:0|-?[1-9]\d*)$/

/** Whether a text or the name of a property names the id. */
export function namesId(text: string, id: string, ids: IdKind): boolean {
  const given = ids === 'uuid' ? text.toLowerCase() : text
  return id.length >= MIN_HELD_CHARACTERS ? given.includes(id) : given === id
}

/** Whether a value that JSON.parse made names the id at any depth. */
export function holdsId(value: unknown, id: string, ids: IdKind): boolean {
  // No recursion, because an entry may be nested deeper than the stack is.
  const left: unknown[] = [value]
  while (left.length > 0) {
    const next = left.pop()
    if (typeof next === 'string' && namesId(next, id, ids)) return true
    if (typeof next === 'number' && DIGITS.test(id) && next === Number(id)) return true
    if (typeof next !== 'object' || next === null) continue
    for (const [name, held] of Object.entries(next)) {
      if (!Array.isArray(next) && namesId(name, id, ids)) return true
      left.push(held)
    }
  }
  return false
}

/** The same rules as an SQL/JSON path, for `jsonb_path_exists`. */
export function pathTo(id: string, ids: IdKind): string {
  const literal = JSON.stringify(id)
  // "q": the id is a text and no pattern.
  const flag = ids === 'uuid' ? 'iq' : 'q'
  const isHeld = id.length >= MIN_HELD_CHARACTERS
  const names = (what: string) =>
    isHeld ? `${what} like_regex ${literal} flag "${flag}"` : `${what} == ${literal}`
  const isNumber = DIGITS.test(id) ? `|| @ == ${id} ` : ''
  const hasName = `@.type() == "object" && exists(@.keyvalue() ? (${names('@.key')}))`
  return `$.** ? (${names('@')} ${isNumber}|| (${hasName}))`
}
