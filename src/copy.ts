import { copyExotic, isPlain } from './copy-exotic.ts'
import { type KeyRule, type Redactor, SECRET_KEY, slotOf, UNCLEAN_KEY } from './redact.ts'
import { nextStep, type PathStep } from './redact-paths.ts'
import { isCardNumber, MIN_SECRET_CHARACTERS, mayHoldSecret } from './secret-texts.ts'
import { cutMark, headOf, MAX_HASHED_CHARACTERS, ownCopy, sha256Of } from './text.ts'

/** How deep containers may stand in one another; metadata itself is the first. */
export const MAX_DEPTH = 32
/** Longer keys are cut to this. */
const MAX_KEY_CHARACTERS = 1_024
/** How many redacted paths an entry lists, and how long each may be. */
const MAX_REDACTED_PATHS = 20
const MAX_PATH_CHARACTERS = 256
/** How far past a cut is read, so that a secret that the cut would halve is seen as one. */
const LOOK_AHEAD_CHARACTERS = 1_024
/** No bigger integer is written out: its digits cost time in proportion to their square. */
const MAX_BIGINT = 10n ** 1_000n

const hasOwn = Object.prototype.hasOwnProperty

/**
 * An object of ours. It inherits nothing, so that no key of a stranger (`__proto__`,
 * `constructor`) and nothing that somebody put on `Object.prototype` can mean anything; and it is
 * a class, because `Object.create(null)` makes a hash table of three times the size.
 */
export class JsonObject {
  [key: string]: unknown
}
Object.setPrototypeOf(JsonObject.prototype, null)
// The engine takes the room that an object gets from the first ones it sees. Four keys fit most.
for (let warm = 0; warm < 8; warm += 1) {
  Object.assign(new JsonObject(), { a: 0, b: 0, c: 0, d: 0 })
}

/** Both objects' keys in a new one, `over` before `base`, without some. Undefined where none are. */
export function merge(
  base: JsonObject | undefined,
  over: JsonObject | undefined,
  except: readonly string[] = [],
): JsonObject | undefined {
  const merged = new JsonObject()
  let size = 0
  for (const from of [base, over]) {
    for (const key in from) {
      if (except.includes(key)) continue
      merged[key] = from[key]
      size += 1
    }
  }
  return size === 0 ? undefined : merged
}

export type Root = 'metadata' | 'context'

/**
 * Makes a copy that is JSON already, holds no secret and no reference to anything of the
 * caller's, and is not larger than it may be. One instance copies one thing at a time: whoever may
 * be called from within a copy (a getter that records) needs another one.
 */
export class Copier {
  /** How many characters of JSON may still be made, about. */
  left = 0
  /** Values made, for an estimate of their size in memory. */
  cells = 0
  marks: string[] | undefined
  redacted: string[] | undefined
  #root: Root = 'metadata'
  #hashLeft = MAX_HASHED_CHARACTERS
  readonly #redactor: Redactor
  readonly #active: boolean
  readonly #known: readonly string[]
  /** The containers that the copy is inside of, to know a cycle. Emptied on the way out. */
  #deepest = -1
  readonly #ancestors: unknown[] = new Array(MAX_DEPTH).fill(undefined)
  /** Under which keys they stand, for the paths of what is redacted. */
  readonly #keys: (string | number)[] = new Array(MAX_DEPTH).fill('')

  constructor(redactor: Redactor) {
    this.#redactor = redactor
    this.#active = redactor.active
    this.#known = redactor.known
  }

  /** Before each entry. */
  begin(characters: number): void {
    this.left = characters
    this.cells = 0
    this.marks = undefined
    this.redacted = undefined
    this.#hashLeft = MAX_HASHED_CHARACTERS
  }

  /** Copies what was given as `metadata` or `context`. What is no object becomes `{ value: … }`. */
  copyRoot(given: unknown, root: Root): JsonObject {
    this.#root = root
    const steps = root === 'metadata' ? this.#redactor.metadata : this.#redactor.context
    const wrap = typeof given !== 'object' || given === null || Array.isArray(given)
    if (wrap) this.mark('wrapped')
    const copy = this.#container(wrap ? { value: given } : given, root, 0, steps)
    if (copy instanceof JsonObject) return copy
    // It was a Date, a URL, something whose toJSON gives a text: only copying it has shown that.
    this.mark('wrapped')
    const wrapped = new JsonObject()
    wrapped['value'] = copy
    return wrapped
  }

  mark(what: string): void {
    this.markWhole(`${this.#root}.${what}`)
  }

  markWhole(mark: string): void {
    if (this.marks === undefined) this.marks = [mark]
    else if (!this.marks.includes(mark)) this.marks.push(mark)
  }

  note(path: string): void {
    this.redacted ??= []
    if (this.redacted.length < MAX_REDACTED_PATHS) this.redacted.push(path)
    else if (this.redacted.length === MAX_REDACTED_PATHS) this.redacted.push('…')
  }

  /** Copies own enumerable keys. */
  copyObject(given: object, depth: number, steps: PathStep | undefined): JsonObject {
    const copy = new JsonObject()
    const source = given as Record<string, unknown>
    const known = this.#known
    let cells = 2
    // `for in` because it makes no list of the keys. It has the engine collect them all the same
    // where there are thousands; no way of asking for only the first ones exists in JavaScript.
    for (const key in source) {
      if (!hasOwn.call(source, key)) continue
      if (this.left <= 0) {
        this.mark('truncated')
        break
      }
      let value: unknown
      try {
        value = source[key]
      } catch (error) {
        value = this.thrown(error)
      }
      if (known[slotOf(key)] !== key || steps !== undefined) {
        this.#inside(given, depth)
        if (value !== undefined) this.putUnder(copy, key, value, depth, steps)
        continue
      }
      if (typeof value === 'string') {
        const left = this.left - key.length - value.length - 6
        if (left >= 0 && (value.length < MIN_SECRET_CHARACTERS || !this.#mayHide(value))) {
          this.left = left
          cells += 1
          copy[key] = value
          continue
        }
      }
      this.left -= key.length + 4
      if (typeof value === 'object') this.#inside(given, depth)
      const made = this.#value(value, key, depth)
      if (made !== undefined) copy[key] = made
      cells += 1
    }
    this.cells += cells
    return copy
  }

  /** Copies the items of an array, or of whatever has a length and indexes. */
  copyArray(given: ArrayLike<unknown>, depth: number, steps: PathStep | undefined): unknown[] {
    const { length } = given
    this.cells += 2
    const copy: unknown[] = new Array(Math.max(0, Math.min(length, this.left >> 2)) || 0)
    // Somebody's toJSON on Array.prototype would otherwise be asked when this is serialised.
    if ('toJSON' in copy) Object.defineProperty(copy, 'toJSON', { value: undefined })
    let at = 0
    for (; at < length && this.left > 0; at += 1) {
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
      this.mark('truncated')
      copy.push(`…[cut: ${length} items]`)
    }
    return copy
  }

  /** One value in a list; null where a key would be left out. */
  item(value: unknown, at: number, depth: number, steps: PathStep | undefined): unknown {
    this.left -= 1
    this.cells += 1
    const next = steps && nextStep(steps, String(at))
    if (!next?.ends) return this.#value(value, at, depth, next) ?? null
    const path = this.#path(at, depth)
    this.note(path)
    return this.#redactor.remove ? null : (this.#censored(value, at, depth, path) ?? null)
  }

  /** Copies a value under a key, after asking what the key says about it. */
  putUnder(
    copy: JsonObject,
    given: string,
    value: unknown,
    depth: number,
    steps: PathStep | undefined,
  ): void {
    const rule = this.#keyRule(given)
    const key = this.#key(given, rule === UNCLEAN_KEY, depth)
    this.left -= key.length + 4
    this.cells += 1
    const next = steps && nextStep(steps, given)
    const kept = this.underKey(value, key, rule === SECRET_KEY, depth, next)
    if (kept === undefined) return
    // Two keys that were cut or cleaned can be the same; neither may replace the other.
    copy[key !== given && key in copy ? `${key} #${this.cells}` : key] = kept
  }

  /** A value whose key is known to be secret or not. Undefined where it is to be left out. */
  underKey(
    value: unknown,
    key: string | number,
    secret: boolean,
    depth: number,
    next: PathStep | undefined,
  ): unknown {
    // Null and booleans say that there is a secret, or none, and are none.
    const hides = secret && value !== null && value !== undefined && typeof value !== 'boolean'
    if (!hides && !next?.ends) return this.#value(value, key, depth, next)
    const path = this.#path(key, depth)
    this.note(path)
    return this.#redactor.remove ? undefined : this.#censored(value, key, depth, path)
  }

  isSecretKey(key: string): boolean {
    return this.#keyRule(key) === SECRET_KEY
  }

  #keyRule(key: string): KeyRule {
    // What a secret's name ends with decides, and a key may be as long as it likes.
    return this.#redactor.keyRule(key.length > MAX_KEY_CHARACTERS ? key.slice(-64) : key)
  }

  /** Strings are kept by reference, unless they are too long or hold a secret. */
  text(text: string, key: string | number, depth: number): string {
    const left = this.left - text.length - 2
    if (left < 0) return this.#cut(text, key, depth)
    this.left = left
    return this.#mayHide(text) ? this.#clean(text, key, depth) : text
  }

  #mayHide(text: string): boolean {
    return this.#active && mayHoldSecret(text)
  }

  /** What stands in the place of something that threw. Its message may quote a value. */
  thrown(error: unknown): string {
    this.mark('throws')
    return `[Throws: ${nameOf(error)}]`
  }

  #value(
    value: unknown,
    key: string | number,
    depth: number,
    steps: PathStep | undefined = undefined,
  ): unknown {
    switch (typeof value) {
      case 'string':
        return this.text(value, key, depth)
      case 'number':
        return this.#number(value, key, depth)
      case 'boolean':
        this.left -= 4
        return value
      case 'object':
        if (value !== null) return this.#container(value, key, depth + 1, steps)
        this.left -= 4
        return null
      case 'bigint':
        return this.#bigint(value, key, depth)
      case 'undefined':
        return undefined
      default:
        this.mark(typeof value)
        return undefined
    }
  }

  #container(
    given: object,
    key: string | number,
    depth: number,
    steps: PathStep | undefined,
  ): unknown {
    if (depth >= MAX_DEPTH) {
      this.mark('depth')
      this.left -= 9
      return '[Depth]'
    }
    const ancestors = this.#ancestors
    for (let up = 0; up < depth; up += 1) {
      if (ancestors[up] !== given) continue
      this.mark('circular')
      this.left -= 12
      return '[Circular]'
    }
    this.left -= 2
    if (depth > 0) this.#keys[depth] = key
    try {
      if (!Array.isArray(given) && isPlain(given)) return this.copyObject(given, depth, steps)
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

  /**
   * Remembers a container before something is copied that may be a container too. Flat objects, as
   * most are, never come here.
   */
  #inside(container: object, depth: number): void {
    this.#ancestors[depth] = container
    this.#deepest = depth
  }

  /** Copies the result of a `toJSON`, in the place of the object that it belongs to. */
  replaced(value: unknown, depth: number, steps: PathStep | undefined): unknown {
    if (typeof value !== 'object' || value === null) {
      return this.#value(value, this.#keys[depth] ?? '', depth - 1)
    }
    // Often it is the object itself, or a plain one. Any other is one level deeper, so that results
    // that have a toJSON of their own come to an end.
    if (Array.isArray(value)) return this.copyArray(value, depth, steps)
    if (value === this.#ancestors[depth] || isPlain(value)) {
      return this.copyObject(value, depth, steps)
    }
    return this.#container(value, this.#keys[depth] ?? '', depth + 1, steps)
  }

  #number(value: number, key: string | number, depth: number): number | string {
    this.left -= 6
    if ((value | 0) === value && (value !== 0 || 1 / value > 0)) return value
    this.left -= 12
    if (!Number.isFinite(value) || Object.is(value, -0)) {
      this.mark('number')
      return Object.is(value, -0) ? '-0' : String(value)
    }
    if (!Number.isInteger(value)) return value
    const digits = String(value)
    if (this.#active && isCardNumber(digits)) return this.#clean(digits, key, depth)
    if (Number.isSafeInteger(value)) return value
    // Postgres would keep what is written, and whoever reads it here would see another number.
    this.mark('number')
    return digits
  }

  #bigint(value: bigint, key: string | number, depth: number): string {
    this.mark('bigint')
    if (value < MAX_BIGINT && value > -MAX_BIGINT) return this.text(String(value), key, depth)
    this.mark('truncated')
    this.left -= 10
    return '[BigInt]'
  }

  #censored(value: unknown, key: string | number, depth: number, path: string): unknown {
    return this.#value(this.#redactor.censor(value, path), key, depth)
  }

  #clean(text: string, key: string | number, depth: number): string {
    const path = this.#path(key, depth)
    const clean = this.#redactor.cleanText(text, path)
    if (clean === text) return text
    this.note(path)
    this.left -= Math.max(0, clean.length - text.length)
    return clean
  }

  /** Half of the room that is left goes to the text, so that the keys after it have some too. */
  #cut(text: string, key: string | number, depth: number): string {
    this.mark('truncated')
    const room = Math.max(0, (this.left >> 1) - 100)
    const window = headOf(text, room + LOOK_AHEAD_CHARACTERS)
    const clean = this.#mayHide(window) ? this.#clean(window, key, depth) : window
    let sha256: string | undefined
    if (text.length <= this.#hashLeft && clean === window) {
      this.#hashLeft -= text.length
      sha256 = sha256Of(text)
    }
    const cut = headOf(clean, room) + cutMark(text.length, sha256)
    this.left -= cut.length + 2
    return cut
  }

  #key(given: string, unclean: boolean, depth: number): string {
    if (!unclean && given.length <= MAX_KEY_CHARACTERS) return given
    let key = headOf(given, MAX_KEY_CHARACTERS + LOOK_AHEAD_CHARACTERS)
    if (this.#mayHide(key)) {
      const clean = this.#redactor.cleanText(key, this.#path('', depth))
      if (clean !== key) this.note(this.#path(clean, depth))
      key = clean
    }
    if (given.length <= MAX_KEY_CHARACTERS) return key
    this.mark('truncated')
    return headOf(key, MAX_KEY_CHARACTERS) + cutMark(given.length, undefined)
  }

  #path(key: string | number, depth: number): string {
    let path = ''
    for (const part of [this.#root, ...this.#keys.slice(1, depth + 1), key]) {
      path += typeof part === 'number' ? `[${part}]` : path === '' ? part : `.${part}`
      if (path.length > MAX_PATH_CHARACTERS) return `${headOf(path, MAX_PATH_CHARACTERS)}…`
    }
    return ownCopy(path)
  }
}

/** The kind of what was thrown, if that is a name and nothing else. */
function nameOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return typeof error
    const { name } = error
    return typeof name === 'string' && /^[A-Za-z][A-Za-z0-9]{0,39}$/.test(name) ? name : 'Error'
  } catch {
    return 'unknown'
  }
}
