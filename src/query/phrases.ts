import { isListName, isTimeName } from './qualifiers.ts'
import { timeRange } from './time-range.ts'
import { type Clock, timeSpan } from './time-text.ts'
import { inEnglish } from './time-words.ts'
import { type Operator, type Token, tokensOf } from './tokens.ts'

// What people write as they say it, as the words and qualifiers that are read: `amount > 1000`, `by maria`,
// `since 3 May`, `last week`, `who deleted apollo`.

/** Words that may belong to one time, at most. */
const MOST_TIME_WORDS = 8
/** Of a line with more parts than are used, the rest stays as it is. */
const MOST_READ = 60
/** Words in front of a time, with the qualifier that they stand for. */
const IN_FRONT_OF_TIMES: Readonly<Record<string, string>> = {
  ...{ after: 'after', since: 'after', from: 'after', between: 'date', around: 'around' },
  ...{ before: 'before', until: 'until', till: 'until', on: 'date', in: 'date', during: 'date' },
  ...{ at: 'date', for: 'date', within: 'date', seit: 'after', ab: 'after', nach: 'after' },
  ...{ vor: 'before', bis: 'until', am: 'date', im: 'date', desde: 'after', hasta: 'until' },
  ...{ antes: 'before', depuis: 'after', avant: 'before', jusque: 'until' },
}
/** Times of one word that are hardly meant as text. */
const SURE =
  /^(?:today|yesterday|gestern|heute|vorgestern|ayer|hoy|monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|october|november|december|tonight|\d{4}-\d\d-\d\d.*|\d{4}-?[qw]\d{1,2}|q[1-4]|w\d{1,2}|\d{1,2}(?::\d\d)?[ap]m)$/i
const OPERATOR = /^(>=|<=|!=|==|=|>|<)((?![<>=]).*)$/
/** How SCIM and SQL call operators. */
const OPERATOR_WORDS: Readonly<Record<string, Operator>> = {
  ...{ eq: '=', ne: '!=', gt: '>', ge: '>=', lt: '<', le: '<=', co: ':', sw: ':', like: ':' },
  contains: ':',
}
/** What else stands behind such a word than a text in quotes. */
const VALUE = /^(?:-?\d+(?:\.\d+)?|true|false|null)$/i
const NAME = /^\p{L}[\p{L}\p{N}_.-]*$/u
/** Words of a question that no entry is told by. In quotes they are looked for. */
const SAID = new Set('who what when which why how did does was were has have the an'.split(' '))
for (const word of 'of behalf happened everything anything please for from on in at to with as by is are'.split(
  ' ',
)) {
  SAID.add(word)
}
/** Between words it joins or ends them: `1042 - refund`, `draft -> published`, `R & D`. */
const MARKS = /^[-–—−→=>?!.,;:&]+$/u
const ASKING = /^(?:show|find|list|get|give|search)$/i

/** The words of a line, with phrases read together. */
export function phrasesIn(given: readonly Token[], clock: Clock): readonly Token[] {
  const tokens = given.flatMap(listed)
  const read: Token[] = []
  for (let at = 0; at < tokens.length; ) {
    if (read.length === MOST_READ) return [...read, ...tokens.slice(at)]
    const found =
      comparison(tokens, at, clock) ??
      longTime(tokens, at, clock) ??
      time(tokens, at, clock) ??
      named(tokens, at, clock)
    const token = tokens[at]
    if (token === undefined) break
    read.push(found?.token ?? token)
    at += found?.count ?? 1
  }
  return withoutTalk(read)
}

interface Phrase {
  readonly token: Token
  readonly count: number
}

function isBare(token: Token | undefined): token is Token {
  return token?.kind === 'word' && token.name === undefined && !token.isQuoted && !token.isNot
}

/**
 * `amount > 1000`, `amount >1000` and `amount gt 1000`. `le`, `like` and `contains` are words of sentences,
 * too, and in "Settings > Users" nothing is compared.
 */
function comparison(tokens: readonly Token[], at: number, clock: Clock): Phrase | undefined {
  const [first, second, third] = tokens.slice(at, at + 3)
  if (first === undefined || first.isQuoted || first.name !== undefined) return undefined
  if (!NAME.test(first.value) || !isBare(second)) return undefined
  const word = second.value.toLowerCase()
  const named = Object.hasOwn(OPERATOR_WORDS, word) ? OPERATOR_WORDS[word] : undefined
  const [, sign, rest] = OPERATOR.exec(second.value) ?? []
  const operator = named ?? ((sign === '==' ? '=' : sign) as Operator | undefined)
  if (operator === undefined) return undefined
  const isOrder = named === undefined && (operator.startsWith('<') || operator.startsWith('>'))
  if (isOrder && !isTimeName(first.value) && !/^[-+]?\.?\d/.test(rest || (third?.value ?? ''))) {
    return undefined
  }
  const qualified = { ...first, name: first.value, operator }
  if (rest) {
    return { token: { ...qualified, value: rest, to: second.to }, count: 2 }
  }
  if (third?.kind !== 'word' || third.name !== undefined || third.isNot) return undefined
  const isPattern = word === 'like' && /[%*]/.test(third.value)
  const isValue = named === undefined || third.isQuoted || VALUE.test(third.value) || isPattern
  const begun = named !== undefined && time(tokens, at + 2, clock)
  if (!isValue || (begun && begun.count > 1)) return undefined
  const { to, isQuoted, isOpen } = third
  const value = word === 'like' ? third.value.replaceAll('%', '*') : third.value
  return { token: { ...qualified, value, to, isQuoted, isOpen }, count: 3 }
}

/** The further words of a time: `after:3 May 2026 14:05`. */
function longTime(tokens: readonly Token[], at: number, clock: Clock): Phrase | undefined {
  const first = tokens[at]
  if (first?.name === undefined || first.isQuoted || !isTimeName(first.name)) return undefined
  for (let more = MOST_TIME_WORDS - 1; more > 0; more -= 1) {
    const words = tokens.slice(at + 1, at + 1 + more)
    if (words.length < more || !words.every(isBare)) continue
    const value = [first.value, ...words.map((one) => one.value)].join(' ').trim()
    const isTime = timeSpan(value, clock) ?? (more === 1 && timeSpan(`-${value}`, clock))
    const range = isTime ? undefined : rangeOf(value, true, clock)
    if (!isTime && range === undefined) continue
    const { to } = words.at(-1) ?? first
    return { token: { ...first, value: range ?? value, to, isQuoted: true }, count: more + 1 }
  }
  return undefined
}

/** `since 3 May`, `last week`, `1 May..5 May`, `between 2pm and 4pm`, `-2h`. */
function time(tokens: readonly Token[], at: number, clock: Clock): Phrase | undefined {
  const first = tokens[at]
  if (first?.kind !== 'word' || first.name !== undefined || first.isQuoted) return undefined
  if (first.isNot) {
    const isBack = /^\d{1,5}(?:s|m|h|d|w|mo|y)$/i.test(first.value)
    if (isBack) return phrase([first], 'after', `-${first.value}`)
    const meant = time([{ ...first, isNot: false }, ...tokens.slice(at + 1)], 0, clock)
    return meant && { ...meant, token: { ...meant.token, isNot: true } }
  }
  const word = first.value.toLowerCase()
  const name = Object.hasOwn(IN_FRONT_OF_TIMES, word) ? IN_FRONT_OF_TIMES[word] : undefined
  const begin = name === undefined ? at : at + 1
  for (let count = MOST_TIME_WORDS; count > 0; count -= 1) {
    const words = tokens.slice(begin, begin + count)
    if (words.length < count || !words.every(isBare)) continue
    const value = words.map((one) => one.value).join(' ')
    const range = rangeOf(value, name !== undefined, clock)
    if (range !== undefined) return phrase(tokens.slice(at, begin + count), 'date', range)
    // "the march" and "march of" are one word, too.
    const isSure = name !== undefined || inEnglish(value.toLowerCase()).includes(' ')
    if (!isSure && !SURE.test(value)) continue
    if (!timeSpan(value, clock)) continue
    // "from last week" is of that week, and "from 3 May" since then.
    const isOfIt = word === 'from' && /^(?:last|this|today|yesterday)\b/i.test(value)
    return phrase(tokens.slice(at, begin + count), isOfIt ? 'date' : (name ?? 'date'), value)
  }
  return undefined
}

const SIDES = / (?:and|to|until|und|bis|y|a|et) /
/** Between two times they stand for nothing else: `3 May to 5 May`. */
const SURE_SIDES = / (?:to|until|till|bis|hasta) /i
/** `2pm..4pm yesterday`. */
const HOURS_OF_DAY =
  /^(\d{1,2}(?::\d\d)?(?: ?[ap]m)?\.\.\d{1,2}(?::\d\d(?: ?[ap]m)?| ?[ap]m)) (?:on )?(.+)$/i

/**
 * A range, written with `..`, or with `to` between two times. Behind `from` and `between` the word `and`
 * stands for it, too, and between figures `-` does.
 */
function rangeOf(value: string, isLed: boolean, clock: Clock): string | undefined {
  const led = value.replace(/(?:^| )(?:from|between) /i, ' ').trim()
  const isRange = isLed || led.length < value.length || /^\d[^ ]*(?: [ap]m)? to \d/i.test(led)
  const text = led
    .replace(isRange ? SIDES : SURE_SIDES, '..')
    .replace(/^(\d{1,2})-(?=\d{1,2}(?: \p{L}|[ap]m))/iu, '$1..')
    .replace(HOURS_OF_DAY, '$2 $1')
  if (!text.includes('..')) return undefined
  const range = timeRange(text, clock)
  const isWhole = range?.sides.every(
    (side, n) => side === '' || (n === 0 ? range.begin : range.end),
  )
  return isWhole && (range?.begin ?? range?.end) ? text : undefined
}

/** "changed from 10 to 20" names no field. */
const NO_NAME = /^(?:or|and|by|in|on|at|from|to|into|since|before|after|until|for|with|of|as|\|+)$/i

/** `by maria`, `by "Maria Santos"`, `changed the price`. */
function named(tokens: readonly Token[], at: number, clock: Clock): Phrase | undefined {
  const first = tokens[at]
  const name = isBare(first) ? first.value.toLowerCase() : ''
  if (first === undefined || (name !== 'by' && name !== 'changed')) return undefined
  const isAsked = isBare(tokens[at - 1]) && tokens[at - 1]?.value.toLowerCase() === 'what'
  const begun = time(tokens, at + 1, clock)
  // "what changed yesterday"
  if (name === 'changed' && isAsked && (begun || at + 1 === tokens.length)) {
    return { token: { ...first, name, operator: ':', value: '*' }, count: 1 }
  }
  if (begun) return undefined
  const isArticle =
    isBare(tokens[at + 1]) && /^(?:the|his|her|their|my|our)$/i.test(tokens[at + 1]?.value ?? '')
  const second = tokens[at + (isArticle ? 2 : 1)]
  if (second?.kind !== 'word' || second.name !== undefined || second.isNot) return undefined
  if (isBare(second) && NO_NAME.test(second.value)) return undefined
  const { value, to, isQuoted, isOpen } = second
  const token = { ...first, name, operator: ':' as const, value, to, isQuoted, isOpen }
  return { token, count: isArticle ? 3 : 2 }
}

function phrase(tokens: readonly Token[], name: string, value: string): Phrase | undefined {
  const [first, last] = [tokens[0], tokens.at(-1)]
  if (first === undefined || last === undefined) return undefined
  const read = { ...first, isNot: false, name, operator: ':' as const, value, to: last.to }
  return { token: { ...read, isQuoted: true }, count: tokens.length }
}

/** Ids of users that hold a `|`, as Auth0 gives them: `auth0|5f7c8ec7`. */
const SIGNED_IN_BY =
  /^(?:auth0|google-[a-z0-9-]+|github|facebook|apple|windowslive|twitter|linkedin|samlp|waad|adfs|oauth2|oidc|okta|email|sms|ad)\|[^,]+$/i

/** `by:maria,bob`, `by:maria|bob` and `by:(maria or bob)` as `by:maria or bob`. */
function listed(token: Token): readonly Token[] {
  const { name, isQuoted } = token
  if (name === undefined || isQuoted || !isListName(name)) return [token]
  const value = token.value.replace(/(?<=[^,;])[,;]+$/, '')
  const to = token.to - (token.value.length - value.length)
  if (SIGNED_IN_BY.test(value)) return [token]
  const isGroup = value.startsWith('(') && value.endsWith(')')
  if (!isGroup && !/^[^,|()]+(?:[,|][^,|()]+)+$/.test(value)) return [{ ...token, value }]
  const begin = to - value.length + (isGroup ? 1 : 0)
  const inner = isGroup ? value.slice(1, -1) : value
  const words = tokensOf(inner.replaceAll(/[,|]/g, ' ')).filter(
    (one) => !(isBare(one) && one.value.toLowerCase() === 'or'),
  )
  if (words.length === 0 || !words.every((one) => one.name === undefined && !one.isNot))
    return [token]
  return words.flatMap((one, n): Token[] => {
    const place = { from: n === 0 ? token.from : begin + one.from, to: begin + one.to }
    const isLast = n === words.length - 1
    const own = { ...token, ...place, value: one.value, isQuoted: one.isQuoted }
    const or = { ...one, ...place, name: undefined, operator: undefined, value: 'or' }
    const end = isLast ? { ...own, to } : own
    return n === 0 ? [end] : [{ ...or, isQuoted: false, isNot: false }, end]
  })
}

/** Without what only makes it a question, where something is left to look for. */
function withoutTalk(tokens: readonly Token[]): readonly Token[] {
  const [first, second] = tokens
  const isAsked =
    isBare(first) &&
    ASKING.test(first.value) &&
    isBare(second) &&
    /^(?:me|all|every)$/i.test(second.value)
  const isTalk = (token: Token, at: number): boolean => {
    if (!isBare(token)) return false
    const word = token.value.toLowerCase()
    if (isAsked && (at < 2 || (at === 2 && word === 'all'))) return true
    // "what did maria do"
    if (word === 'do') return tokens.some((one) => isBare(one) && /^(?:did|does)$/i.test(one.value))
    return SAID.has(word) || MARKS.test(word)
  }
  const left = tokens.filter((token, at) => !isTalk(token, at))
  return left.length === 0 ? tokens : left
}
