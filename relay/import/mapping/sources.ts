import type { IdKind } from '../../../src/entry.ts'
import { parseExact } from './exact-json.ts'
import { namespacedUuid } from './import-id.ts'
import { isObject, type ObjectSource, type Source, type SourceSteps } from './mapping.ts'

/** A row of an old log: its columns, by name. */
export type OldRow = Readonly<Record<string, unknown>>

/** Takes a value out of a row. Undefined or null: there is none. */
export type Reader = (row: OldRow) => unknown

const hasOwn = Object.prototype.hasOwnProperty

/** @param ids what the log's ids are; where they are text, each stays as it is */
export function compileSource(source: Source, ids: IdKind): Reader {
  if (typeof source === 'string') return column(source)
  const { path, match, as: form, words, uuid, else: other } = source
  let read = begin(source, ids)
  if (path !== undefined) read = at(read, typeof path === 'string' ? path.split('.') : path)
  if (match !== undefined) read = matching(read, new RegExp(match, 'u'))
  if (form !== undefined) read = inForm(read, FORMS[form])
  if (words !== undefined) read = inWords(read, words)
  if (uuid !== undefined && ids === 'uuid') read = asUuid(read, namespaceOf(uuid.namespace, ids))
  if (other === undefined) return read
  const otherwise = compileSource(other, ids)
  const first = read
  return (row) => {
    const value = first(row)
    return isNone(value) ? otherwise(row) : value
  }
}

export function compileObject(source: string | ObjectSource, ids: IdKind): Reader {
  const { from, fields } = typeof source === 'string' ? { from: source, fields: {} } : source
  const readAll = from === undefined ? () => undefined : inForm(compileSource(from, ids), parsed)
  const readers = Object.entries(fields ?? {}).map(
    ([name, field]) => [name, compileSource(field, ids)] as const,
  )
  if (readers.length === 0) return readAll
  return (row) => {
    const all = readAll(row)
    // What is no object is kept, and not spread into its characters.
    const object: Record<string, unknown> = isObject(all) ? { ...all } : {}
    if (!isNone(all) && !isObject(all)) object['value'] = all
    for (const [name, read] of readers) {
      const value = read(row)
      if (isNone(value)) continue
      // Defined, not assigned: "__proto__" is a name like others.
      Object.defineProperty(object, name, {
        value,
        ...{ enumerable: true, configurable: true, writable: true },
      })
    }
    return object
  }
}

function begin({ column: name, constant, concat }: SourceSteps, ids: IdKind): Reader {
  if (name !== undefined) return column(name)
  if (concat === undefined) return () => constant
  const parts = concat.map((part) => compileSource(part, ids))
  return (row) => {
    let text = ''
    for (const read of parts) {
      const value = read(row)
      if (isNone(value)) return undefined
      text += textOf(value)
    }
    return text
  }
}

function column(name: string): Reader {
  return (row) => (hasOwn.call(row, name) ? row[name] : undefined)
}

function at(read: Reader, keys: readonly string[]): Reader {
  return (row) => {
    let value = parsed(read(row))
    for (const key of keys) {
      if (typeof value !== 'object' || value === null || !hasOwn.call(value, key)) return undefined
      value = (value as OldRow)[key]
    }
    return value
  }
}

function matching(read: Reader, pattern: RegExp): Reader {
  return (row) => {
    const value = read(row)
    const found = isNone(value) ? null : pattern.exec(textOf(value))
    return found === null ? undefined : (found[1] ?? found[0])
  }
}

function inForm(read: Reader, form: (value: unknown) => unknown): Reader {
  return (row) => {
    const value = read(row)
    return isNone(value) ? value : form(value)
  }
}

function inWords(read: Reader, words: Readonly<Record<string, string | null>>): Reader {
  return (row) => {
    const value = read(row)
    if (isNone(value)) return value
    const text = textOf(value)
    if (hasOwn.call(words, text)) return words[text]
    return hasOwn.call(words, '*') ? words['*'] : value
  }
}

function asUuid(read: Reader, namespace: Reader): Reader {
  const uuidOf = remembered((name) => {
    const end = name.indexOf('\0')
    return namespacedUuid(name.slice(0, end), name.slice(end + 1))
  })
  return (row) => {
    const value = read(row)
    if (isNone(value)) return value
    const space = namespace(row)
    return uuidOf(`${isNone(space) ? '' : textOf(space).replaceAll('\0', '')}\0${textOf(value)}`)
  }
}

function namespaceOf(namespace: Source, ids: IdKind): Reader {
  return typeof namespace === 'string' ? () => namespace : compileSource(namespace, ids)
}

/** An old log has few classes, actions and users, and each of them many times. */
function remembered<Value>(make: (text: string) => Value): (text: string) => Value {
  const known = new Map<string, Value>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    if (known.size === MAX_REMEMBERED) known.clear()
    const value = make(text)
    known.set(text, value)
    return value
  }
}

const MAX_REMEMBERED = 50_000

const wordOf = remembered(word)
const FORMS = {
  word: (value: unknown) => wordOf(textOf(value)),
  json: parsed,
  lower: (value: unknown) => textOf(value).toLowerCase(),
} as const

/** `App\Models\BlogPost` is `blog_post`, `user logged in!` is `user_logged_in`. */
function word(value: string): string | undefined {
  const name = value.split(/[\\/:]/).at(-1) ?? ''
  const text = name
    .replaceAll(/([\p{Ll}\d])(\p{Lu})/gu, '$1_$2')
    .replaceAll(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, '$1_$2')
    .replaceAll(/[^\p{L}\p{N}]+/gu, '_')
    .replaceAll(/^_+|_+$/g, '')
    .toLowerCase()
  return text === '' ? undefined : text
}

/** A text that is JSON as what it says; another one as it is. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value
  try {
    return parseExact(value)
  } catch {
    return value
  }
}

function isNone(value: unknown): value is undefined | null | '' {
  return value === undefined || value === null || value === ''
}

export function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
