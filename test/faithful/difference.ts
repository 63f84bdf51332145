import { createHash } from 'node:crypto'
import type { Notes } from './notes.ts'

// The oracle compares what was given with what a reader shows, leaf by leaf. It shares no code with
// the library. A value may differ only in the way that a note of the entry says.

const CENSORED = '[Redacted]'
const CUT_TEXT = /…\[cut: (\d+) characters(?:, sha256 ([0-9a-f]{64}))?\]$/
const CUT_LIST = /^…\[cut: (\d+) items\]$/
const CUT_KEYS = /^\[cut: (\d+) keys?\]$/
const CUT_KEY = '…'

export interface Account {
  /** Leaves that were compared: texts, numbers, booleans, nulls, empty objects and lists. */
  values: number
  /** How many of them differ as a note says. */
  declared: number
  /** The paths of values that differ, and no note says so. */
  readonly unmarked: string[]
}

type Json = Readonly<Record<string, unknown>>
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Compares a document. `root` is the name that its notes begin with. */
export function compareDocument(
  given: Json,
  kept: unknown,
  { root, notes, account }: { root: 'metadata' | 'context'; notes: Notes; account: Account },
): void {
  const isCut = notes.marks.has(`${root}.truncated`)
  const differs = (path: string, isDeclared: boolean) => {
    if (isDeclared) account.declared += 1
    else account.unmarked.push(path)
  }

  function compare(value: unknown, other: unknown, path: string): void {
    if (other === CENSORED && value !== CENSORED && notes.isRedacted(path)) {
      account.values += leavesOf(value)
      account.declared += leavesOf(value)
    } else if (isObject(value) && isObject(other)) compareObjects(value, other, path)
    else if (Array.isArray(value) && Array.isArray(other)) compareLists(value, other, path)
    else {
      account.values += leavesOf(value)
      if (!Object.is(value, other)) differs(path, isDeclared(value, other, path))
    }
  }

  function compareObjects(value: Json, other: Json, path: string): void {
    if (Object.keys(value).length === 0) account.values += 1
    const keys = Object.keys(value).filter((key) => value[key] !== undefined)
    const missing = keys.filter((key) => !Object.hasOwn(other, key))
    if (missing.length > 0) {
      const count = CUT_KEYS.exec(String(other[CUT_KEY]))?.[1]
      const isSaid = isCut && Number(count) === missing.length
      for (const key of missing) {
        account.values += leavesOf(value[key])
        differs(`${path}.${key}`, isSaid)
      }
    }
    for (const key of Object.keys(other)) {
      if (Object.hasOwn(value, key) || (key === CUT_KEY && isCut)) continue
      account.unmarked.push(`${path}.${key} was not given`)
    }
    for (const key of keys) {
      if (Object.hasOwn(other, key)) compare(value[key], other[key], `${path}.${key}`)
    }
  }

  function compareLists(value: readonly unknown[], other: readonly unknown[], path: string): void {
    if (value.length === 0) account.values += 1
    const last = other.at(-1)
    const total = typeof last === 'string' && isCut ? CUT_LIST.exec(last)?.[1] : undefined
    const isSaid = Number(total) === value.length && value.at(other.length - 1) !== last
    const kept = isSaid ? other.length - 1 : other.length
    for (let at = 0; at < Math.max(value.length, kept); at += 1) {
      const inner = `${path}[${at}]`
      if (at >= value.length) account.unmarked.push(`${inner} was not given`)
      else if (at < kept) compare(value[at], other[at], inner)
      else {
        account.values += leavesOf(value[at])
        differs(inner, isSaid)
      }
    }
  }

  function isDeclared(value: unknown, other: unknown, path: string): boolean {
    if (typeof value === 'number') {
      const isExact = typeof other === 'string' && Number(other) === value
      return isExact && notes.marks.has(`${root}.number`)
    }
    if (typeof value !== 'string' || typeof other !== 'string') return false
    if (isCut && isHead(value, other)) return true
    if (notes.marks.has(`${root}.characters`) && mended(value) === other) return true
    return notes.isRedacted(path) && isCensored(value, other)
  }

  compare(given, kept, root)
}

/** Whether the text is the beginning of the given one, with a mark that says the truth about it. */
export function isHead(given: string, kept: string): boolean {
  const found = CUT_TEXT.exec(kept)
  if (found === null) return false
  const [mark, length, sha256] = found
  const isTrue = Number(length) === given.length && given.startsWith(kept.slice(0, -mark.length))
  return isTrue && (sha256 === undefined || sha256 === hashOf(given))
}

/** Whether only parts of the text were replaced, and the rest of it stands in its order. */
export function isCensored(given: string, kept: string): boolean {
  const parts = kept.split(CENSORED)
  if (parts.length < 2) return false
  const [first = '', ...others] = parts
  const last = others.pop() ?? ''
  if (!given.startsWith(first) || !given.endsWith(last)) return false
  let at = first.length
  for (const part of others) {
    const found = given.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at + last.length <= given.length
}

/** Postgres holds no NUL and no half of a surrogate pair. */
const mended = (text: string) => text.replace(/\0|\p{Surrogate}/gu, '\ufffd')

function leavesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Math.max(
    1,
    Object.values(value).reduce((sum: number, one) => sum + leavesOf(one), 0),
  )
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')
