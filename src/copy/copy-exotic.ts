import { types } from 'node:util'
import type { Copying } from './copying.ts'
import { CUT_KEY, itemsMark, leftOutMark } from './cut-marks.ts'
import { markCut, putSmall } from './cut-object.ts'
import { hideLabelled } from './labelled-values.ts'
import { JsonObject } from './json-object.ts'
import { nextStep, type PathStep } from '../redact/paths.ts'

/** Binary data of up to this size is kept as base64. */
const MAX_BINARY_BYTES = 256
/** What an error takes from the room besides its texts. */
const ERROR_CHARACTERS = 200
/** How many keys of a Map are checked to see whether all are strings, and how many pairs are counted. */
const MAX_MAP_KEYS_SEEN = 1_000

// The built-in methods, which a subclass or an own property cannot replace.
const { getTime, toISOString } = Date.prototype
const { entries: mapEntries } = Map.prototype
const { values: setValues } = Set.prototype
const typedArrayName = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get

/**
 * Whether it is an object literal, as nearly all are, or a `JsonObject`, and has no `toJSON`.
 * Reading the constructor costs less than reading the prototype, and an object with a false one is
 * copied all the same. Measured in hotpath-parts.md, "plain objects by their constructor".
 */
export function isPlain(given: object): boolean {
  try {
    const maker: unknown = given.constructor
    if (maker !== Object && maker !== JsonObject) return false
    return typeof (given as { toJSON?: unknown }).toJSON !== 'function'
  } catch {
    return false
  }
}

/**
 * Copies an object that is neither an array nor plain.
 *
 * @throws the errors of the caller's own code
 */
export function copyExotic(
  copying: Copying,
  given: object,
  depth: number,
  steps: PathStep | undefined,
): unknown {
  if (types.isDate(given)) return dateText(copying, given)
  // Before toJSON, because that of some errors returns the stack and the request with all of its
  // headers.
  if (types.isNativeError(given) || given instanceof Error) {
    return copyError(copying, given, depth, steps)
  }
  if (ArrayBuffer.isView(given) || types.isAnyArrayBuffer(given)) {
    return copyBinary(copying, given, depth, steps)
  }
  const toJson = toJsonOf(given)
  if (toJson !== undefined) return copying.replaced(toJson.call(given, ''), depth, steps)
  if (types.isMap(given)) return copyMap(copying, given, depth, steps)
  if (types.isSet(given)) return copyList(copying, setValues.call(given), given.size, depth, steps)
  if (types.isRegExp(given))
    return copying.replaced(RegExp.prototype.toString.call(given), depth, steps)
  if (types.isBoxedPrimitive(given)) return copying.replaced(given.valueOf(), depth, steps)
  if (isPairs(given)) return copyPairs(copying, given, depth, steps)

  const copy = copying.copyObject(given, depth, steps)
  // A promise, a WeakMap or a class with only private fields shows no values.
  if (isEmpty(copy) && isInstance(given)) copying.notes.mark('opaque')
  return copy
}

function isInstance(given: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(given)
  return prototype !== null && prototype !== Object.prototype
}

type ToJson = (this: object, key: string) => unknown

function toJsonOf(given: object): ToJson | undefined {
  try {
    const { toJSON } = given as { toJSON?: unknown }
    return typeof toJSON === 'function' ? (toJSON as ToJson) : undefined
  } catch {
    return undefined // a getter that throws; an own key is read again and marked then
  }
}

function isEmpty(object: JsonObject): boolean {
  for (const _ in object) return false
  return true
}

function dateText(copying: Copying, date: Date): string {
  copying.spend(26)
  if (!Number.isNaN(getTime.call(date))) return toISOString.call(date)
  copying.notes.mark('date')
  return 'Invalid Date'
}

/**
 * Copies an error's name, message, code, cause and errors. The stack is left out because it is
 * long, and so are the properties that libraries add.
 */
function copyError(
  copying: Copying,
  error: Error,
  depth: number,
  steps: PathStep | undefined,
): JsonObject {
  // Reading an error takes much longer than its JSON.
  copying.spend(ERROR_CHARACTERS)
  const copy = new JsonObject()
  const put = (key: string, read: () => unknown, wanted: (value: unknown) => boolean) => {
    if (copying.room <= 0) return
    let value: unknown
    try {
      value = read()
    } catch (thrown) {
      value = copying.thrown(thrown)
    }
    if (wanted(value)) copying.putUnder(copy, key, value, depth, steps)
  }
  const isText = (value: unknown) => typeof value === 'string'
  const isCode = (value: unknown) => isText(value) || typeof value === 'number'
  const isGiven = (value: unknown) => value !== undefined
  const { code, errors } = { code: 'code', errors: 'errors' } as const
  put('name', () => error.name, isText)
  put('message', () => error.message, isText)
  put(code, () => Reflect.get(error, code), isCode)
  put('cause', () => error.cause, isGiven)
  put(errors, () => Reflect.get(error, errors), Array.isArray)
  return copy
}

function copyBinary(
  copying: Copying,
  given: ArrayBufferView | ArrayBufferLike,
  depth: number,
  steps: PathStep | undefined,
): unknown {
  const kind: unknown = ArrayBuffer.isView(given) ? typedArrayName?.call(given) : 'ArrayBuffer'
  const name = Buffer.isBuffer(given) ? 'Buffer' : typeof kind === 'string' ? kind : 'DataView'
  if (ArrayBuffer.isView(given) && /^(?:Big)?(?:U?int(?:16|32|64)|Float)/i.test(name)) {
    return copying.copyArray(given as unknown as ArrayLike<unknown>, depth, steps)
  }
  const bytes = ArrayBuffer.isView(given)
    ? new Uint8Array(given.buffer, given.byteOffset, given.byteLength)
    : new Uint8Array(given)
  const copy = new JsonObject()
  copy['type'] = name
  copy['byteLength'] = bytes.byteLength
  copying.spend(40)
  if (bytes.byteLength > MAX_BINARY_BYTES) {
    copying.notes.mark('binary')
    return copy
  }
  const buffer = Buffer.from(bytes)
  const text = buffer.toString('latin1')
  // A secret in base64 is still a secret, so binary data that holds one is stored as cleaned text.
  const clean = copying.mayHide(text) ? copying.text(text, 'text', depth) : text
  if (clean === text) copying.putUnder(copy, 'base64', buffer.toString('base64'), depth, undefined)
  else copy['text'] = clean
  return copy
}

/** Makes an object if all keys are strings, else a list of pairs. */
function copyMap(
  copying: Copying,
  map: Map<unknown, unknown>,
  depth: number,
  steps: PathStep | undefined,
): unknown {
  const named = hasOnlyTextKeys(map)
  const object = new JsonObject()
  const pairs: unknown[] = []
  let at = 0
  let left = 0
  for (const [key, value] of mapEntries.call(map)) {
    if (copying.room <= 0) {
      left += 1
      if (left > MAX_MAP_KEYS_SEEN) break
      const name = nameOfKey(key)
      if (named && putSmall(copying, object, name, { [name]: value }, depth, steps)) left -= 1
      continue
    }
    if (named) copying.putUnder(object, nameOfKey(key), value, depth, steps)
    else pairs.push(copyPair(copying, key, value, at, depth, steps))
    at += 1
  }
  if (named) hideLabelled(copying, object, depth)
  if (left > 0 && named) markCut(copying, object, map.size - Object.keys(object).length, false)
  else if (left > 0) {
    copying.notes.mark('truncated')
    pairs.push(itemsMark(map.size))
  }
  return named ? object : pairs
}

/** The name of a key, without a call to the key's own methods. */
function nameOfKey(key: unknown): string {
  return typeof key === 'string' ? key : typeof key === 'number' ? String(key) : `[${typeof key}]`
}

function hasOnlyTextKeys(map: Map<unknown, unknown>): boolean {
  let seen = 0
  for (const [key] of mapEntries.call(map)) {
    if (typeof key !== 'string') return false
    seen += 1
    if (seen === MAX_MAP_KEYS_SEEN) return true
  }
  return true
}

function copyPair(
  copying: Copying,
  key: unknown,
  value: unknown,
  at: number,
  depth: number,
  steps: PathStep | undefined,
): unknown[] {
  const name = typeof key === 'string' ? key : undefined
  const kind = name === undefined ? steps?.within : copying.kindOf(name)
  const next = name === undefined || steps === undefined ? undefined : nextStep(steps, name)
  return [
    copying.item(key, at, depth, undefined),
    copying.underKey(value, name ?? at, kind, depth, next) ?? null,
  ]
}

/** Takes items while there is room, so that an endless iterator ends too. */
function copyList(
  copying: Copying,
  items: Iterable<unknown>,
  size: number,
  depth: number,
  steps: PathStep | undefined,
): unknown[] {
  const copy: unknown[] = []
  for (const item of items) {
    if (copying.room <= 0) {
      copying.notes.mark('truncated')
      copy.push(itemsMark(size))
      break
    }
    copy.push(copying.item(item, copy.length, depth, steps))
  }
  return copy
}

type Pairs = Iterable<readonly [unknown, unknown]>

/** Recognised by the tag, because `Headers` and `FormData` come from several libraries. */
function isPairs(given: object): given is Pairs {
  const tag = Object.prototype.toString.call(given)
  return (
    (tag === '[object Headers]' ||
      tag === '[object URLSearchParams]' ||
      tag === '[object FormData]') &&
    Symbol.iterator in given
  )
}

/** Makes an object. A name that occurs more than once gets a list of its values. */
function copyPairs(
  copying: Copying,
  given: Pairs,
  depth: number,
  steps: PathStep | undefined,
): JsonObject {
  const copy = new JsonObject()
  /** Of the names that occur more than once. */
  const lists = new Map<string, unknown[]>()
  let left = 0
  for (const [name, value] of given) {
    if (copying.room <= 0) {
      left += 1
      if (left === MAX_MAP_KEYS_SEEN) break
      continue
    }
    const key = nameOfKey(name)
    const before = copy[key]
    copying.putUnder(copy, key, value, depth, steps)
    const made = copy[key]
    if (before === undefined || made === undefined) continue
    const list = lists.get(key)
    if (list === undefined) lists.set(key, [before, made])
    else list.push(made)
    copy[key] = lists.get(key)
  }
  hideLabelled(copying, copy, depth)
  if (left > 0) {
    copying.notes.mark('truncated')
    // Not how many keys: a name may stand for several of these values.
    copy[CUT_KEY] ??= leftOutMark({
      count: left,
      unit: 'value',
      hasMore: left === MAX_MAP_KEYS_SEEN,
    })
  }
  return copy
}
