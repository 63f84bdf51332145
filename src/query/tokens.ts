import type { Place } from './log-query.ts'
import { plainWord } from './word-forms.ts'

export type Operator = ':' | '=' | '!=' | '<' | '<=' | '>' | '>='

/** A word of the text, with the qualifier in front of it. */
export interface Token extends Place {
  readonly kind: 'word' | 'open' | 'close'
  /** Whether a minus stands in front of it. */
  readonly isNot: boolean
  /** The qualifier, as it was written. */
  readonly name: string | undefined
  readonly operator: Operator | undefined
  readonly value: string
  readonly isQuoted: boolean
  /** Whether it begins with a quote that has no end. */
  readonly isOpen: boolean
}

const OPENING = '"“”„«'
const CLOSING = '"“”»'
const SPACE = /\s/u
/** As other tools write attributes, an `@` may stand in front. */
const NAME = /^@?\p{L}[\p{L}\p{N}\p{M}_.$-]*$/u
/** What word processors and phones make of a minus. */
const MINUS = '-–—−!'
/** What keyboards of the East make of a colon. */
const WIDE_COLON = '：'
/** As SQL writes a text. Behind it the word has to end, because `'tis` and O'Brien are words, too. */
const SINGLE_QUOTED = /^'([^']+)'(?=[\s),]|$)/u
const MAX_SINGLE_QUOTED = 260
const MAX_GROUP = 500
/** Longest first. A comparison may stand behind a colon. */
const OPERATORS = [':>=', ':<=', ':>', ':<', '>=', '<=', '!=', '==', ':', '=', '>', '<'] as const

/** Splits a text into words, in one pass. It never throws. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    if (SPACE.test(text.charAt(at))) {
      at += 1
      continue
    }
    const from = at
    const isNot = isMinus(text, at)
    if (isNot) at += 1
    if (text.charAt(at) === '(' || text.charAt(at) === ')') {
      const kind = text.charAt(at) === '(' ? 'open' : 'close'
      at += 1
      tokens.push({ ...plain(text, from, at), kind, isNot })
      continue
    }
    const token = wordAt(text, from, at, isNot)
    tokens.push(token)
    at = token.to
  }
  return tokens
}

function wordAt(text: string, from: number, start: number, isNot: boolean): Token {
  const { name, operator, end } = qualifierAt(text, start)
  const given = (name !== undefined && groupAt(text, end)) || valueAt(text, end)
  const isBare = name === undefined && !given.isQuoted
  const value = isBare ? plainWord(given.value) : given.value
  return { kind: 'word', from, isNot, name, operator, ...given, value }
}

/** Whether a minus begins a part. `->`, `--force` and `!=` are none. */
function isMinus(text: string, at: number): boolean {
  const [sign, next] = [text.charAt(at), text.charAt(at + 1)]
  if (!MINUS.includes(sign) || !isInside(text, at + 1)) return false
  return sign === '!' ? next !== '=' : !/[-–—−>]/u.test(next)
}

function qualifierAt(text: string, start: number) {
  let end = start
  while (
    isInside(text, end) &&
    !isQuote(text, end) &&
    !`:=<>!${WIDE_COLON}`.includes(text.charAt(end))
  ) {
    end += 1
  }
  const name = text.slice(start, end)
  const wide = text.charAt(end) === WIDE_COLON ? ':' : undefined
  const found = wide ?? OPERATORS.find((one) => text.startsWith(one, end))
  if (found === undefined || !NAME.test(name)) {
    return { name: undefined, operator: undefined, end: start }
  }
  const isLonger = found.length > 1 && (found.startsWith(':') || found === '==')
  const operator = (isLonger ? found.slice(1) : found) as Operator
  return { name: name.replace('@', ''), operator, end: end + found.length }
}

function valueAt(text: string, start: number) {
  if (isQuote(text, start)) {
    return quotedAt(text, start + 1)
  }
  const single = SINGLE_QUOTED.exec(text.slice(start, start + MAX_SINGLE_QUOTED))
  if (single) {
    return { to: start + single[0].length, value: single[1] ?? '', isQuoted: true, isOpen: false }
  }
  let to = start
  let depth = 0
  while (isInside(text, to)) {
    if (text.charAt(to) === '(') depth += 1
    // One that closes nothing of the word itself closes what stands around it.
    if (text.charAt(to) === ')' && depth-- === 0) break
    to += 1
  }
  return { to, value: text.slice(start, to), isQuoted: false, isOpen: false }
}

/** Up to the next quote, and where there is another one behind it, past one with a backslash in front. */
function quotedAt(text: string, start: number) {
  const first = closingAt(text, start)
  let end = first
  while (end < text.length && text.charAt(end - 1) === '\\') end = closingAt(text, end + 1)
  if (end === text.length) end = first
  const isOpen = end === text.length
  const value = text.slice(start, end).replaceAll(/\\(["\\])/g, '$1')
  return { to: isOpen ? end : end + 1, value, isQuoted: true, isOpen }
}

function closingAt(text: string, start: number): number {
  let end = start
  while (end < text.length && !CLOSING.includes(text.charAt(end))) end += 1
  return end
}

/** `(maria or bob)` behind a qualifier. */
function groupAt(text: string, start: number) {
  if (text.charAt(start) !== '(') return undefined
  const end = text.slice(start, start + MAX_GROUP).search(/[):]/u)
  if (end < 0 || text.charAt(start + end) !== ')') return undefined
  const to = start + end + 1
  return { to, value: text.slice(start, to), isQuoted: false, isOpen: false }
}

function plain(text: string, from: number, to: number) {
  const nothing = { name: undefined, operator: undefined, isQuoted: false, isOpen: false }
  return { from, to, value: text.slice(from, to), ...nothing }
}

function isInside(text: string, at: number): boolean {
  return at < text.length && !SPACE.test(text.charAt(at))
}

function isQuote(text: string, at: number): boolean {
  return at < text.length && OPENING.includes(text.charAt(at))
}
