import { copyExotic, isPlain } from './copy-exotic.ts'
import type { Copying } from './copying.ts'
import { CopyNotes, type Root } from './copy-notes.ts'
import {
  cleanText,
  copyBigint,
  copyOddNumber,
  cutKey,
  cutText,
  MAX_KEY_CHARACTERS,
} from './copy-text.ts'
import { JsonObject } from './json-object.ts'
import { type KeyRule, type Redactor, SECRET_KEY, slotOf, UNCLEAN_KEY } from '../redact/redactor.ts'
import { nextStep, type PathStep } from '../redact/paths.ts'
import { MIN_SECRET_CHARACTERS, mayHoldSecret } from '../redact/secret-texts.ts'
import { errorName } from '../errors.ts'
import { MAX_HASHED_CHARACTERS } from '../engine-text.ts'

/** How deep containers may be nested. Metadata itself is the first level. */
export const MAX_DEPTH = 32

const hasOwn = Object.prototype.hasOwnProperty

/**
 * Copies a value into plain JSON data that holds no secret, refers to none of the caller's objects
 * and is not larger than allowed. One instance makes one copy at a time. Code that runs inside a
 * copy and copies too (a getter that records) needs another instance.
 */
export class Copier implements Copying {
  #room = 0
  /** How many characters may still be hashed. */
  #hashRoom = 0
  #cells = 0
  #isAgain = false
  readonly notes = new CopyNotes()
  readonly redactor: Redactor
  readonly #active: boolean
  readonly #known: readonly string[]
  /** The containers around the current value, to detect a cycle. Emptied on the way out. */
  readonly #ancestors: unknown[] = new Array(MAX_DEPTH).fill(undefined)
  #deepest = -1

  constructor(redactor: Redactor) {
    this.redactor = redactor
    this.#active = redactor.active
    this.#known = redactor.known
  }

  /** Call this before each entry, with the characters of JSON that it may take. */
  begin(characters: number): void {
    this.#room = characters
    this.#hashRoom = MAX_HASHED_CHARACTERS
    this.#cells = 0
    this.notes.begin()
  }

  get room(): number {
    return this.#room
  }

  /** The number of values made, for the estimate of the entry's size in memory. */
  get cells(): number {
    return this.#cells
  }

  get isAgain(): boolean {
    return this.#isAgain
  }

  spend(characters: number): void {
    this.#room -= characters
  }

  spendHash(characters: number): boolean {
    if (characters > this.#hashRoom) return false
    this.#hashRoom -= characters
    return true
  }

  /** Adds the cells of a value that this copier did not copy. */
  countCells(cells: number): void {
    this.#cells += cells
  }

  /**
   * Copies an entry's `metadata` or `context`. A value that is not an object is wrapped in one,
   * under the key `value`.
   */
  copyRoot(given: unknown, root: Root): JsonObject {
    this.notes.beginRoot(root)
    const steps = root === 'metadata' ? this.redactor.metadata : this.redactor.context
    const wrap = typeof given !== 'object' || given === null || isArray(given)
    if (wrap) this.notes.mark('wrapped')
    const copy = this.container(wrap ? { value: given } : given, root, 0, steps)
    if (copy instanceof JsonObject) return copy
    // It was a Date, a URL or another object whose toJSON returns text. Only the copy shows that.
    this.notes.mark('wrapped')
    const wrapped = new JsonObject()
    wrapped['value'] = copy
    return wrapped
  }

  /** Like `copyRoot`, but the copy may take at most this many characters of the room. */
  copyRootWithin(characters: number, given: unknown, root: Root): JsonObject {
    const rest = Math.max(0, this.#room - characters)
    this.#room -= rest
    const copy = this.copyRoot(given, root)
    this.#room += rest
    return copy
  }

  /**
   * Copies a copy to make it shorter. A text that was cut before keeps the mark of its first cut.
   */
  copyAgain(copy: JsonObject): JsonObject {
    this.#isAgain = true
    const shorter = this.copyRoot(copy, 'metadata')
    this.#isAgain = false
    return shorter
  }

  copyObject(given: object, depth: number, steps: PathStep | undefined): JsonObject {
    const copy = new JsonObject()
    const source = given as Record<string, unknown>
    const known = this.#known
    let cells = 2
    // `for in` makes no array of the keys. If there are thousands, the engine still collects them
    // all: JavaScript has no way to list only the first ones. Measured in
    // hotpath-parts.md, "keys by for in".
    for (const key in source) {
      if (!hasOwn.call(source, key)) continue
      if (this.#room <= 0) {
        this.notes.mark('truncated')
        break
      }
      let value: unknown
      try {
        value = source[key]
      } catch (error) {
        value = this.thrown(error)
      }
      // Measured in hotpath-parts.md, "keys looked up in the loop".
      if (known[slotOf(key)] !== key || steps !== undefined) {
        this.#room -= 1
        this.#inside(given, depth)
        if (value !== undefined) this.putUnder(copy, key, value, depth, steps)
        continue
      }
      // Measured in hotpath-parts.md, "texts copied in the loop".
      if (typeof value === 'string') {
        const room = this.#room - key.length - value.length - 6
        if (room >= 0 && (value.length < MIN_SECRET_CHARACTERS || !this.mayHide(value))) {
          this.#room = room
          cells += 1
          copy[key] = value
          continue
        }
      }
      this.#room -= key.length + 4
      cells += 1
      if (typeof value === 'object') this.#inside(given, depth)
      const made = this.value(value, key, depth, undefined)
      if (made !== undefined) copy[key] = made
    }
    this.#cells += cells
    return copy
  }

  copyArray(given: ArrayLike<unknown>, depth: number, steps: PathStep | undefined): unknown[] {
    const { length } = given
    const copy: unknown[] = new Array(Math.max(0, Math.min(length, this.#room >> 2)) || 0)
    // Otherwise JSON.stringify would call a toJSON that somebody put on Array.prototype.
    if ('toJSON' in copy) Object.defineProperty(copy, 'toJSON', { value: undefined })
    this.#cells += 2
    let at = 0
    for (; at < length && this.#room > 0; at += 1) {
      let value: unknown
      try {
        value = given[at]
      } catch (error) {
        value = this.thrown(error)
      }
      copy[at] = this.item(value, at, depth, steps)
    }
    copy.length = at
    if (at < length) {
      this.notes.mark('truncated')
      copy.push(`…[cut: ${length} items]`)
    }
    return copy
  }

  item(value: unknown, at: number, depth: number, steps: PathStep | undefined): unknown {
    this.#room -= 1
    this.#cells += 1
    const next = steps && nextStep(steps, String(at))
    const made = this.underKey(value, at, false, depth, next)
    if (made !== undefined) return made
    this.#room -= 4
    return null
  }

  putUnder(
    copy: JsonObject,
    given: string,
    value: unknown,
    depth: number,
    steps: PathStep | undefined,
  ): void {
    const rule = this.#keyRule(given)
    const key = cutKey(this, given, rule === UNCLEAN_KEY, depth)
    this.#room -= key.length + 4
    this.#cells += 1
    const next = steps && nextStep(steps, given)
    const kept = this.underKey(value, key, rule === SECRET_KEY, depth, next)
    if (kept === undefined) return
    // Two keys can become equal when they are cut or cleaned. Neither may replace the other.
    copy[key !== given && key in copy ? `${key} #${this.#cells}` : key] = kept
  }

  underKey(
    value: unknown,
    key: string | number,
    secret: boolean,
    depth: number,
    next: PathStep | undefined,
  ): unknown {
    // Null and booleans only tell whether there is a secret, so they are kept.
    const hides = secret && value !== null && value !== undefined && typeof value !== 'boolean'
    return hides || next?.ends
      ? this.#censored(value, key, depth)
      : this.value(value, key, depth, next)
  }

  isSecretKey(key: string): boolean {
    return this.#keyRule(key) === SECRET_KEY
  }

  mayHide(text: string): boolean {
    return this.#active && mayHoldSecret(text)
  }

  text(text: string, key: string | number, depth: number): string {
    const room = this.#room - text.length - 2
    if (room < 0) return cutText(this, text, key, depth)
    this.#room = room
    return this.mayHide(text) ? cleanText(this, text, key, depth) : text
  }

  thrown(error: unknown): string {
    this.notes.mark('throws')
    return `[Throws: ${errorName(error)}]`
  }

  value(value: unknown, key: string | number, depth: number, steps: PathStep | undefined): unknown {
    switch (typeof value) {
      case 'string':
        return this.text(value, key, depth)
      case 'number':
        this.#room -= 6
        // A small integer, and not -0.
        if ((value | 0) === value && (value !== 0 || 1 / value > 0)) return value
        return copyOddNumber(this, value, key, depth)
      case 'boolean':
        this.#room -= 4
        return value
      case 'object':
        if (value !== null) return this.container(value, key, depth + 1, steps)
        this.#room -= 4
        return null
      case 'bigint':
        return copyBigint(this, value, key, depth)
      case 'undefined':
        return undefined
      default:
        this.notes.mark(typeof value)
        return undefined
    }
  }

  container(
    given: object,
    key: string | number,
    depth: number,
    steps: PathStep | undefined,
  ): unknown {
    if (depth >= MAX_DEPTH) return this.#instead('depth', '[Depth]')
    const ancestors = this.#ancestors
    for (let up = 0; up < depth; up += 1) {
      if (ancestors[up] === given) return this.#instead('circular', '[Circular]')
    }
    this.#room -= 2
    if (depth > 0) this.notes.enter(depth, key)
    try {
      if (!isArray(given) && isPlain(given)) return this.copyObject(given, depth, steps)
      this.#inside(given, depth)
      if (Array.isArray(given)) return this.copyArray(given, depth, steps)
      return copyExotic(this, given, depth, steps)
    } catch (error) {
      return this.thrown(error)
    } finally {
      if (depth === this.#deepest) {
        ancestors[depth] = undefined
        this.#deepest -= 1
      }
    }
  }

  replaced(value: unknown, depth: number, steps: PathStep | undefined): unknown {
    const key = depth === 0 ? 'value' : (this.notes.keyAt(depth) ?? '')
    if (typeof value !== 'object' || value === null) {
      return this.value(value, key, depth - 1, undefined)
    }
    // The result is often the object itself or a plain object. Any other object counts as one level
    // deeper, so that a chain of toJSON results ends.
    if (Array.isArray(value)) return this.copyArray(value, depth, steps)
    if (value === this.#ancestors[depth] || isPlain(value)) {
      return this.copyObject(value, depth, steps)
    }
    return this.container(value, key, depth + 1, steps)
  }

  /**
   * Remembers a container before a value is copied that may be a container too. Most objects are
   * flat and never need this. Measured in hotpath-parts.md, "containers remembered late".
   */
  #inside(container: object, depth: number): void {
    this.#ancestors[depth] = container
    this.#deepest = depth
  }

  #instead(mark: string, text: string): string {
    this.notes.mark(mark)
    this.#room -= text.length + 2
    return text
  }

  /** The replacement of a secret value. Undefined if the option `redact.remove` is on. */
  #censored(value: unknown, key: string | number, depth: number): unknown {
    const path = this.notes.pathOf(key, depth)
    this.notes.noteRedacted(path)
    if (this.redactor.remove) return undefined
    return this.value(this.redactor.censor(value, path), key, depth, undefined)
  }

  #keyRule(key: string): KeyRule {
    // The end of a key decides whether it names a secret, and a key can be of any length.
    return this.redactor.keyRule(key.length > MAX_KEY_CHARACTERS ? key.slice(-64) : key)
  }
}

/**
 * False for a revoked proxy, for which Array.isArray throws. The next access to it throws again and
 * is caught there.
 */
function isArray(given: unknown): boolean {
  try {
    return Array.isArray(given)
  } catch {
    return false
  }
}
