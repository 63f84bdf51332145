import type { Place } from './log-query.ts'

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
const NAME = /^[A-Za-z][\w.$-]*$/
/** Longest first. A comparison may stand behind a colon. */
const OPERATORS = [':>=', ':<=', ':>', ':<', '>=', '<=', '!=', ':', '=', '>', '<'] as const

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
    const isNot = text.charAt(at) === '-' && isInside(text, at + 1)
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
  const value = valueAt(text, end)
  return { kind: 'word', from, isNot, name, operator, ...value }
}

function qualifierAt(text: string, start: number) {
  let end = start
  while (isInside(text, end) && !isQuote(text, end) && !':=<>!'.includes(text.charAt(end))) end += 1
  const name = text.slice(start, end)
  const found = OPERATORS.find((one) => text.startsWith(one, end))
  if (found === undefined || !NAME.test(name)) {
    return { name: undefined, operator: undefined, end: start }
  }
  const operator = (found.length > 1 && found.startsWith(':') ? found.slice(1) : found) as Operator
  return { name, operator, end: end + found.length }
}

function valueAt(text: string, start: number) {
  if (isQuote(text, start)) {
    let end = start + 1
    while (end < text.length && !CLOSING.includes(text.charAt(end))) end += 1
    const isOpen = end === text.length
    const to = isOpen ? end : end + 1
    return { to, value: text.slice(start + 1, end), isQuoted: true, isOpen }
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
