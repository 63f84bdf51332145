import { types } from 'node:util'
import type { Copying } from './copying.ts'
import { JsonObject } from './json-object.ts'
import { nextStep, type PathStep } from '../redact/paths.ts'
import { mayHoldSecret } from '../redact/secret-texts.ts'

/** Binary data up to this size is kept, as base64. */
const MAX_BINARY_BYTES = 256
/** How many entries of a Map are looked at to see whether all of its keys are strings. */
const MAX_MAP_KEYS_SEEN = 1_000

// The originals, so that a subclass or an own property cannot answer instead.
const { getTime, toISOString } = Date.prototype
const { entries: mapEntries } = Map.prototype
const { values: setValues } = Set.prototype
const typedArrayName = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get

/**
 * An object literal, as nearly all are, or a copy of ours; never with a `toJSON`. Asking for the
 * constructor costs less than asking for the prototype, and who lies about it is copied all the same.
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

/** Copies whatever is neither an array nor a plain object. May throw what the caller's code does. */
export function copyExotic(
  copying: Copying,
  given: object,
  depth: number,
  steps: PathStep | undefined,
): unknown {
  if (types.isDate(given)) return dateText(copying, given)
  // Before toJSON: some errors' own gives the stack and the request with all of its headers.
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
  // A promise, a WeakMap, a class that keeps everything private: there is nothing to be seen.
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
    return undefined // a getter: it is met again, and marked, if it is an own key
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

/** What an error says. Not its stack, which is long, nor what libraries hang on it. */
function copyError(
  copying: Copying,
  error: Error,
  depth: number,
  steps: PathStep | undefined,
): JsonObject {
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
  // A secret is one in base64 too; what is left of it after cleaning is text.
  const clean = mayHoldSecret(text) ? copying.text(text, 'text', depth) : text
  if (clean === text) copying.putUnder(copy, 'base64', buffer.toString('base64'), depth, undefined)
  else copy['text'] = clean
  return copy
}

/** An object if all keys are strings; else a list of pairs. */
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
  for (const [key, value] of mapEntries.call(map)) {
    if (copying.room <= 0) {
      copying.notes.mark('truncated')
      break
    }
    if (named) copying.putUnder(object, nameOfKey(key), value, depth, steps)
    else pairs.push(copyPair(copying, key, value, at, depth, steps))
    at += 1
  }
  return named ? object : pairs
}

/** Without calling anything of the key's own. */
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
  const secret = name !== undefined && copying.isSecretKey(name)
  const next = name === undefined || steps === undefined ? undefined : nextStep(steps, name)
  return [
    copying.item(key, at, depth, undefined),
    copying.underKey(value, name ?? at, secret, depth, next) ?? null,
  ]
}

/** Takes items until there is no room, so that one without an end ends too. */
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
      copy.push(`…[cut: ${size} items]`)
      break
    }
    copy.push(copying.item(item, copy.length, depth, steps))
  }
  return copy
}

type Pairs = Iterable<readonly [unknown, unknown]>

/** By their tag, because `Headers` and `FormData` come from several libraries. */
function isPairs(given: object): given is Pairs {
  const tag = Object.prototype.toString.call(given)
  return (
    (tag === '[object Headers]' ||
      tag === '[object URLSearchParams]' ||
      tag === '[object FormData]') &&
    Symbol.iterator in given
  )
}

/** An object; a name that comes again has its values in a list. */
function copyPairs(
  copying: Copying,
  given: Pairs,
  depth: number,
  steps: PathStep | undefined,
): JsonObject {
  const copy = new JsonObject()
  for (const [name, value] of given) {
    if (copying.room <= 0) {
      copying.notes.mark('truncated')
      break
    }
    const key = nameOfKey(name)
    const before = copy[key]
    copying.putUnder(copy, key, value, depth, steps)
    if (before !== undefined && copy[key] !== undefined) {
      copy[key] = Array.isArray(before) ? [...before, copy[key]] : [before, copy[key]]
    }
  }
  return copy
}
