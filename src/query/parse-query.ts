import { optionInvalid } from '../errors.ts'
import { isUuid } from '../ids/uuid.ts'
import { ipRange } from './ip-range.ts'
import type { LogQuery, QueryPart, QueryProblem, Term } from './log-query.ts'
import { phrasesIn } from './phrases.ts'
import { plainName } from './aliases.ts'
import { isActionPattern, manyStars, type Misread, readField } from './qualifier-values.ts'
import { type Qualifier, qualifierNamed } from './qualifiers.ts'
import { type Clock, timeSpan } from './time-text.ts'
import { type Token, tokensOf } from './tokens.ts'
import { isNoValue, isRange, plainLine, stemsOf } from './word-forms.ts'
import { UTC, type Zone, zoneNamed } from './zone.ts'

/** Longest query, in characters. Of a longer one nothing is used. */
export const MAX_QUERY_CHARACTERS = 2_000
/** Most parts and alternatives together. */
export const MAX_TERMS = 50

export interface QueryOptions {
  /** The zone of its times, such as `Europe/Berlin`. @default 'UTC' */
  readonly zone?: string | Zone | undefined
  /** What "now" is for `-2h` and `yesterday`. Default: now */
  readonly now?: Date | number | undefined
}

/**
 * Reads a query line. It never throws for a text: what cannot be understood is in `problems`, each
 * with its place, and the rest is used.
 *
 * ```ts
 * const query = parseQuery('action:refund.* -by:ada after:-2h', { zone: 'Europe/Berlin' })
 * const page = await timeline(db, { query })
 * ```
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` for a zone that is not known, or a time that is none
 */
export function parseQuery(text: string, options: QueryOptions = {}): LogQuery {
  const clock = clockOf(options)
  const line = plainLine(text)
  if (line.length > MAX_QUERY_CHARACTERS) {
    const message = `a query has at most ${MAX_QUERY_CHARACTERS} characters, this one ${line.length}.`
    const problem = { from: 0, to: line.length, text: line, message, near: [] }
    return { text: line, parts: [], problems: [problem] }
  }
  return new QueryReader(line, clock).read()
}

function clockOf({ zone = UTC, now = Date.now() }: QueryOptions): Clock {
  const known = typeof zone === 'string' ? zoneNamed(zone) : zone
  if (known === undefined) {
    throw optionInvalid(`zone must be a time zone such as Europe/Berlin, got "${String(zone)}".`)
  }
  const nowMs = now instanceof Date ? now.getTime() : now
  if (!Number.isFinite(nowMs) || nowMs < 0 || nowMs > 253_402_300_799_999) {
    throw optionInvalid('now must be a Date, or Unix milliseconds.')
  }
  return { zone: known, nowMs }
}

/** Some tokens that `or` joins, with what was read of each of them. */
interface Chain {
  readonly isNot: boolean
  readonly from: number
  to: number
  name: string
  qualifier: Qualifier | undefined
  readonly terms: Term[]
  readonly values: string[]
  /** Whether its terms are of several qualifiers. */
  isMixed: boolean
}

class QueryReader {
  readonly #text: string
  readonly #clock: Clock
  readonly #parts: QueryPart[] = []
  readonly #problems: QueryProblem[] = []
  #tokens: readonly Token[] = []
  /** How many words were read, as conditions or as problems. */
  #read = 0

  constructor(text: string, clock: Clock) {
    this.#text = text
    this.#clock = clock
  }

  read(): LogQuery {
    this.#tokens = phrasesIn(this.#withoutGroups(tokensOf(this.#text)), this.#clock)
    let chain: Chain | undefined
    let isJoined = false
    for (let at = 0; at < this.#tokens.length; at += 1) {
      const token = this.#tokens[at]
      if (token === undefined) break
      if (this.#read === MAX_TERMS) {
        const message = `a query has at most ${MAX_TERMS} parts.`
        this.#say(token, this.#text.length, { message })
        break
      }
      if (isWord(token, 'or', '|', '||')) {
        const next = this.#tokens[at + 1]
        isJoined = chain !== undefined && next !== undefined && !isWord(next, 'or', '|', '||')
        if (!isJoined) this.#say(token, token.to, { message: '"or" needs a part on both sides.' })
        continue
      }
      if (isWord(token, 'and', '&&')) continue
      const isNegation = isWord(token, 'not') && at + 1 < this.#tokens.length
      if (isNegation) at += 1
      const taken = this.#taken(at, isNegation ? token : undefined)
      at = taken.last
      if (!isJoined) {
        this.#finish(chain)
        chain = newChain(taken.token)
      }
      if (chain) this.#add(chain, taken.token, isJoined)
      isJoined = false
    }
    this.#finish(chain)
    return { text: this.#text, parts: this.#parts, problems: this.#problems }
  }

  /** A token with what belongs to it: the value behind a space. */
  #taken(at: number, not: Token | undefined): { readonly token: Token; readonly last: number } {
    const given = this.#tokens[at]
    if (given === undefined) throw new TypeError('there is no such token')
    const own = not ? { ...given, from: not.from, isNot: !given.isNot } : given
    // `by!=ada` is `-by:ada`.
    const first: Token = own.operator === '!=' ? { ...own, operator: '=', isNot: !own.isNot } : own
    if (first.name === undefined || first.isQuoted) return { token: first, last: at }
    const next = this.#tokens[at + 1]
    if (first.value !== '' || next === undefined || next.name !== undefined || next.isNot) {
      return { token: first, last: at }
    }
    if (isWord(next, 'or', 'and', '|', '||', '&&')) return { token: first, last: at }
    const { value, to, isQuoted, isOpen } = next
    return { token: { ...first, value, to, isQuoted, isOpen }, last: at + 1 }
  }

  #add(chain: Chain, token: Token, isJoined: boolean): void {
    chain.to = token.to
    this.#read += 1
    const read = this.#misuse(chain, token, isJoined) ?? this.#termOf(chain, token)
    if ('message' in read) {
      this.#say(token, token.to, read)
      return
    }
    chain.terms.push(read, ...alsoMeant(token, read))
    // Of `https://x.example` all is the word.
    const isWhole = token.name !== undefined && read.kind === 'word'
    chain.values.push(isWhole ? read.text : token.value)
  }

  #misuse(chain: Chain, token: Token, isJoined: boolean): Misread | undefined {
    if (token.isOpen) {
      const word = /^\S*/.exec(token.value)?.[0] ?? ''
      const head = this.#text.slice(token.from, token.to - token.value.length)
      return { message: 'the quote has no end.', near: word === '' ? [] : [`${head}${word}"`] }
    }
    if (!isJoined || !token.isNot || chain.isNot) return undefined
    const message =
      'behind "or" there is no minus. In front of the first part it is for all of them: -a or b.'
    return { message }
  }

  #termOf(chain: Chain, token: Token): Term | Misread {
    const { clock, value } = { clock: this.#clock, value: token.value.trim() }
    if (token.name === undefined) {
      const isNoAction = isUuid(value) && chain.qualifier?.name === 'action'
      const inherited = isNoAction
        ? undefined
        : chain.qualifier?.read({ operator: ':', value, clock })
      // Where a known word is near, it is a slip and no word to look for.
      if (inherited && (!('message' in inherited) || inherited.near?.length)) return inherited
      return this.#bare(chain, token)
    }
    const qualifier = qualifierNamed(token.name)
    if (!('read' in qualifier)) {
      const rest = this.#text.slice(token.from, token.to).replace(/^-?[^:=<>!]*/, '')
      const sign = token.isNot ? '-' : ''
      return { ...qualifier, near: (qualifier.near ?? []).map((name) => `${sign}${name}${rest}`) }
    }
    // `https://x.example`, `arn:aws:s3:::bucket`, `fe80::1` and `C:\x` are words of their own.
    const isOneWord = qualifier.isField && !token.isQuoted && isNoValue(token.name, value)
    if (isOneWord) {
      const whole = this.#text.slice(token.from, token.to).replace(/^[-–—−!]/, '')
      return this.#bare(chain, { ...token, value: whole })
    }
    if (value === '') return { message: `${qualifier.name}: takes ${qualifier.takes}.` }
    this.#call(chain, qualifier.name)
    chain.qualifier = qualifier
    const read = qualifier.read({ operator: token.operator ?? ':', value, clock })
    if (!('message' in read)) return read
    const sign = token.isNot ? '-' : ''
    const near = (read.near ?? []).map((one) => `${qualifier.name}:${one}`)
    const instead = [...near, ...(read.instead ?? [])].map((one) => `${sign}${one}`)
    return { message: read.message, near: instead }
  }

  /** A word without a qualifier. */
  #bare(chain: Chain, { value, isQuoted }: Token): Term | Misread {
    const text = value.trim()
    if (text === '') return { message: 'there is nothing between the quotes.' }
    const span = /^(?:today|yesterday)$/i.test(text) ? timeSpan(text, this.#clock) : undefined
    if (span && !isQuoted) {
      this.#call(chain, 'date')
      return { kind: 'time', ...span }
    }
    const range = isRange(text) ? ipRange(text) : undefined
    if (range && !isQuoted) {
      this.#call(chain, 'ip')
      return { kind: 'ip', range }
    }
    if (!isQuoted && text.includes('*') && text.includes('.') && isActionPattern(text)) {
      this.#call(chain, 'action')
      return { kind: 'action', pattern: text }
    }
    const word = isQuoted ? text : text.replace(/^[*#]+/, '').replace(/\*+$/, '')
    this.#call(chain, '')
    if (word === '') {
      if (!text.includes('*')) return { kind: 'word', text }
      return { message: 'a star stands in a word, or in an action such as *.update.' }
    }
    if (!isQuoted && word.includes('*')) {
      return manyStars(word) ?? { kind: 'word', text: word, isPattern: true }
    }
    return { kind: 'word', text: word, ...(isQuoted ? {} : stemsOf(word)) }
  }

  /** Says which qualifier the next term of a chain has. */
  #call(chain: Chain, name: string): void {
    if (chain.terms.length > 0 && chain.name !== name) chain.isMixed = true
    if (chain.terms.length === 0) chain.name = name
  }

  #finish(chain: Chain | undefined): void {
    if (chain === undefined || chain.terms.length === 0) return
    const { from, to, name, isNot, isMixed, terms, values } = chain
    const written = this.#text.slice(from, to).replace(/^-/, '')
    const shown = isMixed ? { name: '', value: written } : { name, value: values.join(' or ') }
    this.#parts.push({ from, to, ...shown, isNot, terms })
  }

  #say({ from }: { readonly from: number }, to: number, { message, near = [] }: Misread): void {
    this.#problems.push({ from, to, text: this.#text.slice(from, to), message, near })
  }

  /**
   * The words without parentheses. Around parts that "or" joins they change nothing, because it binds
   * closest. Where they would change something, nothing of what they are joined to is used.
   */
  #withoutGroups(tokens: readonly Token[]): readonly Token[] {
    const words = tokens.filter(({ kind }) => kind === 'word')
    const negated = negatedGroup(tokens)
    if (negated !== undefined) return this.#withoutGroups(negated)
    const isOr = (at: number) => {
      const token = tokens[at]
      return token !== undefined && isWord(token, 'or', '|', '||')
    }
    const isHarmless = tokens.every(({ kind, isNot }, at) =>
      kind === 'open' ? !isNot && !isOr(at - 1) : kind === 'word' || !isOr(at + 1),
    )
    if (isHarmless) return words
    let first = tokens.findIndex(({ kind }) => kind !== 'word')
    let last = tokens.findLastIndex(({ kind }) => kind !== 'word')
    while (isOr(first - 1)) first = Math.max(0, first - 2)
    while (isOr(last + 1)) last = Math.min(tokens.length - 1, last + 2)
    const { from, to } = { from: tokens[first]?.from ?? 0, to: tokens[last]?.to ?? 0 }
    const message =
      'parentheses are not understood here. All parts must hold, and "or" joins the two parts next to it.'
    this.#say({ from }, to, { message })
    return words.filter((word) => word.from < from || word.from >= to)
  }
}

/** `-(by:ada or by:linus)` as `-by:ada or by:linus`; undefined where there is no such group. */
function negatedGroup(tokens: readonly Token[]): readonly Token[] | undefined {
  const open = tokens.findIndex(({ kind, isNot }) => kind === 'open' && isNot)
  const length = tokens.slice(open + 1).findIndex(({ kind }) => kind !== 'word')
  const [group, close] = [tokens.slice(open + 1, open + 1 + length), tokens[open + 1 + length]]
  const [before, behind] = [tokens[open - 1], tokens[open + 2 + length]]
  const isOr = (token: Token | undefined) => token !== undefined && isWord(token, 'or', '|', '||')
  if (open < 0 || length < 1 || close?.kind !== 'close' || isOr(before) || isOr(behind)) {
    return undefined
  }
  const isJoined = group.every((token, at) =>
    at % 2 === 1 ? isOr(token) : !isOr(token) && !token.isNot,
  )
  const [first, ...others] = group
  if (!isJoined || first === undefined || group.length % 2 === 0) return undefined
  const from = tokens[open]?.from ?? first.from
  return [
    ...tokens.slice(0, open),
    { ...first, from, isNot: true },
    ...others,
    ...tokens.slice(open + 2 + length),
  ]
}

/** `status:failed` is the outcome, and a payment or an order may have a field of this name. */
function alsoMeant({ name, value }: Token, read: Term): readonly Term[] {
  const isStatus = name !== undefined && read.kind === 'outcome' && plainName(name) === 'status'
  const field = isStatus && read.outcome !== null && readField(name, { operator: ':', value })
  return field && !('message' in field) ? [field] : []
}

function newChain({ from, to, isNot }: Token): Chain {
  return { isNot, from, to, name: '', isMixed: false, qualifier: undefined, terms: [], values: [] }
}

/** Whether a token is one of these words, bare. */
function isWord({ name, isQuoted, isNot, kind, value }: Token, ...words: readonly string[]) {
  const isBare = kind === 'word' && name === undefined && !isQuoted && !isNot
  return isBare && words.includes(value.toLowerCase())
}
