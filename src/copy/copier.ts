import { types } from 'node:util'
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
import { isItemsMark, itemsMark } from './cut-marks.ts'
import { markCut, putSmall } from './cut-object.ts'
import { JsonObject } from './json-object.ts'
import { isPolluted } from './polluted.ts'
import { hideLabelled, isFlag, kindOfNext, secretNamed } from './labelled-values.ts'
import { KEY_SLOTS, type KeyRule, MAX_LOOK_UPS, type Redactor, slotOf } from '../redact/redactor.ts'
import { insideSecret, nextStep, type PathStep } from '../redact/paths.ts'
import { identifies, type SecretKind } from '../redact/secret-keys.ts'
import { hidesNumber, hidesText } from '../redact/secret-values.ts'
import { isTooShort, MIN_FORM_CHARACTERS } from '../redact/secret-texts.ts'
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
  /** The room at the beginning. */
  #given = 0
  /** One bit for each depth at which an object is about a secret: `{ field: 'password' }`. */
  #labelled = 0
  /** Whether anything was searched or censored in this entry. */
  #isSearched = false
  /** How many characters may still be hashed. */
  #hashRoom = 0
  #cells = 0
  #isAgain = false
  #isPolluted = false
  readonly notes = new CopyNotes()
  readonly redactor: Redactor
  #active: boolean
  /** The last text that may hold a secret, so that it is not looked through twice. */
  #suspect = ''
  readonly lookUps = { left: MAX_LOOK_UPS }
  readonly #labels: Uint8Array
  /** The last text under a key of each slot that is short and was seen to hold no secret. */
  readonly #clean: string[] = new Array(KEY_SLOTS).fill('')
  readonly #known: readonly string[]
  /** The containers around the current value, to detect a cycle. Emptied on the way out. */
  readonly #ancestors: unknown[] = new Array(MAX_DEPTH).fill(undefined)
  #deepest = -1

  constructor(redactor: Redactor) {
    this.redactor = redactor
    this.#active = redactor.active
    this.#known = redactor.known
    this.#labels = redactor.labels
  }

  /** Call this before each entry, with the characters of JSON that it may take. */
  begin(characters: number): void {
    this.#room = characters
    this.#given = characters
    this.#isPolluted = isPolluted()
    this.#hashRoom = MAX_HASHED_CHARACTERS
    this.#cells = 0
    if (this.#isSearched) this.#forget()
    this.notes.begin()
  }

  #forget(): void {
    this.#isSearched = false
    this.#labelled = 0
    this.lookUps.left = MAX_LOOK_UPS
    this.#suspect = ''
  }

  /** Whether every object inherits a key, so that the keys of an entry have to be looked at. */
  get isPolluted(): boolean {
    return this.#isPolluted
  }

  get room(): number {
    return this.#room
  }

  get roomAtFirst(): number {
    return this.#given
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
    const clean = this.#clean
    let cells = 2
    let left = 0
    // `for in` makes no array of the keys. If there are thousands, the engine still collects them
    // all: JavaScript has no way to list only the first ones. Measured in
    // hotpath-parts.md, "keys by for in".
    for (const key in source) {
      if (!hasOwn.call(source, key)) continue
      if (this.#room <= 0) {
        // What fills an object of many keys is those keys, and no larger value next to them.
        if (cells <= MAX_FEW_CELLS && putSmall(this, copy, key, source, depth, steps)) continue
        left += 1
        if (left === MAX_COUNTED_KEYS) break
        continue
      }
      let value: unknown
      try {
        value = source[key]
      } catch (error) {
        value = this.thrown(error)
      }
      const slot = slotOf(key)
      // Measured in hotpath-parts.md, "keys looked up in the loop".
      if (known[slot] !== key || steps !== undefined) {
        this.#room -= 1
        this.#inside(given, depth)
        if (value !== undefined) this.putUnder(copy, key, value, depth, steps)
        this.#noteLabel(key, typeof value === 'object' ? copy[key] : value, depth)
        continue
      }
      // Measured in hotpath-parts.md, "texts copied in the loop".
      if (typeof value === 'string') {
        const room = this.#room - key.length - value.length - 6
        if (room >= 0 && (clean[slot] === value || this.#isClean(key, value, depth, slot))) {
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
      if (typeof made === 'object' && this.#labels[slot] === 1) this.#noteLabel(key, made, depth)
    }
    this.#cells += cells
    if (this.#labelled !== 0) this.#hideLabelled(copy, depth)
    if (left > 0) markCut(this, copy, left, left === MAX_COUNTED_KEYS, source)
    return copy
  }

  copyArray(given: ArrayLike<unknown>, depth: number, steps: PathStep | undefined): unknown[] {
    const { length } = given
    const key = this.notes.keyAt(depth)
    let kind: SecretKind | undefined
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
      const isNextFlag = kind !== undefined && typeof value === 'string' && isFlag(value)
      copy[at] = this.item(value, at, depth, steps, isNextFlag ? undefined : kind)
      kind = typeof value === 'string' ? kindOfNext(this, value, at, length, key) : undefined
    }
    copy.length = at
    if (at < length) {
      this.notes.mark('truncated')
      const last = this.#isAgain ? given[length - 1] : undefined
      copy.push(isItemsMark(last) ? last : itemsMark(length))
    }
    return copy
  }

  item(
    value: unknown,
    at: number,
    depth: number,
    steps: PathStep | undefined,
    kind: SecretKind | undefined = steps?.within,
  ): unknown {
    this.#room -= 1
    this.#cells += 1
    const next = steps && nextStep(steps, String(at))
    const made = this.underKey(value, at, kind, depth, next)
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
    const key = cutKey(this, given, rule === 'unclean', depth)
    this.#room -= key.length + 4
    this.#cells += 1
    let kind: SecretKind | undefined
    let next = steps && nextStep(steps, given)
    if (rule === 'spared') next = SPARED
    else if (rule !== 'plain' && rule !== 'unclean') kind = rule
    else if (steps?.within !== undefined) {
      if (identifies(given)) next = next?.under
      else kind = steps.within
    }
    const kept = this.underKey(value, key, kind, depth, next)
    if (kept === undefined) return
    // Two keys can become equal when they are cut or cleaned. Neither may replace the other.
    copy[key !== given && key in copy ? `${key} #${this.#cells}` : key] = kept
  }

  underKey(
    value: unknown,
    key: string | number,
    kind: SecretKind | undefined,
    depth: number,
    next: PathStep | undefined,
  ): unknown {
    if (next?.ends) return this.#censored(value, key, depth)
    if (next?.spares) return this.#spared(value, key, depth)
    if (kind === undefined) return this.value(value, key, depth, next)
    // Null and booleans only tell whether there is a secret, so they are kept.
    switch (typeof value) {
      case 'string':
        return hidesText(kind, value)
          ? this.#censored(value, key, depth)
          : this.value(value, key, depth, next)
      case 'number':
      case 'bigint':
        return hidesNumber(kind, value)
          ? this.#censored(value, key, depth)
          : this.value(value, key, depth, next)
      case 'object':
        if (value === null || (!isArray(value) && isDate(value)))
          return this.value(value, key, depth, next)
        if (isBinary(value)) return this.#censored(value, key, depth)
        // A session or a pass is a thing with many properties. Under the other names what identifies
        // stays, and what opens is censored.
        return kind === 'session' || kind === 'maybe' || kind === 'pass'
          ? this.value(value, key, depth, next)
          : this.value(value, key, depth, insideSecret(kind, next))
      default:
        return this.value(value, key, depth, next)
    }
  }

  kindOf(key: string): SecretKind | undefined {
    const rule = this.#keyRule(key)
    return rule === 'plain' || rule === 'unclean' || rule === 'spared' ? undefined : rule
  }

  mayHide(text: string): boolean {
    if (text === this.#suspect && text !== '') return this.#active
    if (!this.#active || !this.redactor.mayHold(text)) return false
    this.#suspect = text
    this.#isSearched = true
    return true
  }

  get isActive(): boolean {
    return this.#active
  }

  /** Whether a text under a known key can be kept as it is. */
  #isClean(key: string, text: string, depth: number, slot: number): boolean {
    if (this.#labels[slot] === 1) this.#noteLabel(key, text, depth)
    else if (isTooShort(text)) {
      this.#clean[slot] = text
      return true
    }
    if (this.mayHide(text)) return false
    // A longer text could be a part of a much longer one, and keep all of it alive. A label that
    // names a secret has to be seen each time.
    if (text.length < MIN_FORM_CHARACTERS && this.#labelled === 0) this.#clean[slot] = text
    return true
  }

  #noteLabel(key: string, value: unknown, depth: number): void {
    if (secretNamed(this, key, value) === undefined) return
    this.#isSearched = true
    this.#labelled |= 1 << depth
  }

  /** Deals with the labels that were noted in the object at this depth. */
  #hideLabelled(copy: JsonObject, depth: number): void {
    const bit = 1 << depth
    if ((this.#labelled & bit) === 0) return
    this.#labelled &= ~bit
    hideLabelled(this, copy, depth)
  }

  #spared(value: unknown, key: string | number, depth: number): unknown {
    const wasActive = this.#active
    this.#active = false
    try {
      return this.value(value, key, depth, undefined)
    } finally {
      this.#active = wasActive
    }
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
      return this.underKey(value, key, steps?.within, depth - 1, undefined)
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
    this.#isSearched = true
    this.lookUps.left -= CENSORED_LOOK_UPS
    if (this.lookUps.left < 0) this.#room = Math.min(this.#room, 0)
    if (this.redactor.remove) return undefined
    return this.value(this.redactor.censor(value, path), key, depth, undefined)
  }

  #keyRule(key: string): KeyRule {
    if (!this.#active) return 'plain'
    // The end of a key decides whether it names a secret, and a key can be of any length.
    return this.redactor.keyRule(key.length > MAX_KEY_CHARACTERS ? key.slice(-64) : key)
  }
}

/** An object with more keys is itself large. */
const MAX_FEW_CELLS = 200
/** How many of the keys that are left out are counted. */
const MAX_COUNTED_KEYS = 10_000

/** A censored value counts as so many names that are looked up. */
const CENSORED_LOOK_UPS = 6
const SPARED: PathStep = { ends: false, spares: true, named: new Map(), other: undefined }

function isDate(given: object): boolean {
  return types.isDate(given)
}

function isBinary(given: object): boolean {
  return ArrayBuffer.isView(given) || types.isAnyArrayBuffer(given)
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
