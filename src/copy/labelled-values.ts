import { isLabelled, MAX_LABEL_CHARACTERS, nameIn } from '../redact/labels.ts'
import type { SecretKind } from '../redact/secret-keys.ts'
import type { Copying } from './copying.ts'
import type { JsonObject } from './json-object.ts'

const DASH = 45

/** The name of a secret that other keys of the object hold, if the value is one. */
export function secretNamed(copying: Copying, key: string, value: unknown): string | undefined {
  if (!copying.isActive) return undefined
  // First, because it costs least, and most values under `id` are no names.
  const name = nameIn(key, value)
  const isName = name !== undefined && copying.redactor.isLabel(key)
  return isName && copying.redactor.namedKind(name) !== undefined ? name : undefined
}

/** Censors the values in a copy whose name is the value of another key: `{ field: 'pin', to }`. */
export function hideLabelled(copying: Copying, copy: JsonObject, depth: number): void {
  const names = Object.keys(copy)
    .map((key) => secretNamed(copying, key, copy[key]))
    .filter((name) => name !== undefined)
  for (const name of names) {
    const kind = copying.redactor.namedKind(name)
    for (const key in copy) {
      const value = copy[key]
      if (!isLabelled(key, name) || (typeof value === 'string' && saysNone(value))) continue
      const kept = copying.underKey(value, key, kind, depth, undefined)
      if (kept === undefined) delete copy[key]
      else copy[key] = kept
    }
  }
}

/** `{ path: ['pin'], expected: 'string' }` */
const TYPE = /^(?:string|number|integer|boolean|object|array|date)$/

/** People write types and sentences about a secret, and hardly a secret of three words. */
function saysNone(text: string): boolean {
  if (TYPE.test(text)) return true
  return text.length > 8 && /\p{L}+ \p{L}+ \p{L}+/u.test(text)
}

/** Whether an item is an option of a command line. */
export function isFlag(text: string): boolean {
  return text.charCodeAt(0) === DASH
}

/**
 * What an item says about the next one: `['password', '…']`, `--token`, `['X-Api-Key', '…']`.
 *
 * @param list the key of the list
 */
export function kindOfNext(
  { isActive, redactor }: Copying,
  text: string,
  at: number,
  length: number,
  list: string | number | undefined,
): SecretKind | undefined {
  if (!isActive || text.length > MAX_LABEL_CHARACTERS) return undefined
  if (isFlag(text)) {
    return text.includes('=') ? undefined : redactor.namedKind(text.replace(/^-+/, ''))
  }
  const isPair = length === 2 && at === 0 && typeof list === 'number'
  const isHeader = at % 2 === 0 && typeof list === 'string' && /headers$/i.test(list)
  return isPair || isHeader ? redactor.namedKind(text) : undefined
}
