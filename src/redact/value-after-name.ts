import type { SecretKind } from './secret-keys.ts'

/** Where the value of a name stands in a text. */
export interface Value {
  readonly from: number
  readonly to: number
  /** What is written around the replacement. */
  readonly quote: string
  /** It is an object or a list in JSON. */
  readonly isBlock: boolean
}

// What may follow a name before its value: `]=`, `":`, `\":`, `%3D`, ` = `, `=>`, `: `.
const SEPARATOR =
  /((?:\\{0,4}["'`]|\]|\)|%5D|%(?:25){0,3}22)*)[ \t]{0,8}(?:%(?:25){0,3}3[AD]|=>|:=|={1,3}|:(?!\/\/|:))(?:(?:%20|[ \t]){0,8}|\+(?=Bearer))/iy
// `PASSWORD 'x'`, `identified by 'x'`, `password('x')`, `set password for ada = 'x'`, `invalid
// password "x"`, `password is "x"`.
const BEFORE_QUOTE =
  /\\{0,4}["'`]?(?:[ \t\r\n]{1,8}(?:(?:is|was|to|with|by|as|for|of|values?)[ \t]{1,4}(?:[\w@%'".-]{1,64}[ \t]{0,4}(?:=|by)[ \t]{0,4})?)?|[ \t]?\([ \t]?)N?(?=\\{0,4}["'`])/iy
const BY_WORD =
  /[ \t]{1,4}(?:with[ \t]+\S{1,64}[ \t]+)?by[ \t]{1,4}(?:password[ \t]{1,4}|values[ \t]{1,4})?/iy
const IS_WORD = /[ \t]{1,4}(?:is|was|to)[ \t:]{1,4}(?=[^\s]{0,40}\d)/iy
const LABELLED =
  /(?:\\{0,4}["'][ \t\r\n]{0,8},?[ \t\r\n]{0,8}|\r?\n[ \t]{0,40})\\{0,4}["']?(?:new_?|old_?)?(?:value|val|from|to|new|old|before|after)\\{0,4}["']?[ \t]{0,4}[:=][ \t]{0,4}/iy
const FOR = /[ \t]{1,4}for[ \t]{1,4}[^\s:=]{1,64}[ \t]{0,4}[:=][ \t]{0,4}/iy
// `password|x`, `password <x>`: only with a digit, and neither a placeholder, a rule nor an algorithm.
const PIPE =
  /\|(?!(?:sha|md|aes|rsa|utf|base|oauth|saml|b?s?crypt|argon|http)-?\d)(?=[^\s|<>:]{0,64}\d)(?=[^\s|<>:]{6})/iy
const ANGLE = /[ \t]{1,4}<(?=[^\s<>@:/]{0,64}\d)(?=[^\s<>@:/]{6,64}>)/y
const BETWEEN = /[^\s|<>]+/y
const FLAG = /[ \t]{1,8}(?=[^\s-])/y
const TAG = /(?:[ \t\r\n][^<>]{0,200})?>(?:<!\[CDATA\[)?/y
const SCHEME =
  /(?:Bearer|Basic|Token|Digest|Negotiate|ApiKey|Api-Key|APIKEY|SSWS|GenieKey|Splunk|Hawk|NTLM|OAuth|Key|bearer|basic|token)(?:[ \t]{1,8}|%20|\+)/y

function after(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : -1
}

/**
 * The value that a text gives to a secret name.
 *
 * @param start where the name begins
 * @param end where it ends
 */
export function findValue(
  text: string,
  start: number,
  end: number,
  kind: SecretKind,
): Value | undefined {
  if (
    text[start - 1] === '<' ||
    /<[\w-]{1,32}:$/.test(text.slice(Math.max(0, start - 34), start))
  ) {
    const from = after(TAG, text, end)
    if (from === -1) return undefined
    const to = text.indexOf('<', from)
    return span(from, to === -1 ? text.length : to)
  }
  SEPARATOR.lastIndex = end
  const separator = SEPARATOR.exec(text)
  if (separator !== null) return afterSeparator(text, start, separator, kind)
  const isBy = text.slice(start, end).toLowerCase() === 'identified'
  if (isBy) {
    const from = after(BY_WORD, text, end)
    return from === -1 ? undefined : (quoted(text, from) ?? word(text, from))
  }
  const labelled = after(LABELLED, text, end)
  if (labelled !== -1) return quoted(text, labelled) ?? word(text, labelled)
  if (text[start - 1] === '-') {
    const from = after(FLAG, text, end)
    if (from !== -1) return quoted(text, from) ?? spaced(text, from)
  }
  const before = after(BEFORE_QUOTE, text, end)
  if (before !== -1) {
    const value = quoted(text, before)
    if (value && value.to - value.from <= 200) return value
  }
  const between = isStrong(kind) ? Math.max(after(PIPE, text, end), after(ANGLE, text, end)) : -1
  if (between !== -1) return span(between, after(BETWEEN, text, between))
  const whose = after(FOR, text, end)
  if (whose !== -1) return colonValue(text, start, whose, kind)
  if (kind !== 'password' && kind !== 'code') return undefined
  const is = after(IS_WORD, text, end)
  return is === -1 ? undefined : spaced(text, is)
}

/** Whether a person chooses such a secret, so that it may be a word. */
const isChosen = (kind: SecretKind) =>
  kind === 'password' || kind === 'passwords' || kind === 'pass' || kind === 'code'

/** Whether its name says enough where no `=` or `:` stands between name and value. */
const isStrong = (kind: SecretKind) =>
  kind === 'password' || kind === 'passwords' || kind === 'token' || kind === 'code'

const span = (from: number, to: number, quote = ''): Value => ({ from, to, quote, isBlock: false })

function afterSeparator(
  text: string,
  start: number,
  separator: RegExpExecArray,
  kind: SecretKind,
): Value | undefined {
  let from = separator.index + separator[0].length
  const closers = separator[1] ?? ''
  const isColon = /:[ \t]*$|%3A$/i.test(separator[0])
  const first = text[from]
  if (first === '{' || first === '[') return block(text, from, closers)
  // `arn:aws:secretsmanager:eu:1:secret:db`
  if (isColon && text[start - 1] === ':' && separator[0] === ':') return undefined
  const isNational = first === 'N' && text[from + 1] === "'"
  const value = quoted(text, isNational ? from + 1 : from)
  if (value !== undefined) {
    const scheme = after(SCHEME, text, value.from)
    return scheme !== -1 && scheme < value.to ? span(scheme, value.to) : value
  }
  if (isColon && /["'`]$/.test(closers)) {
    const bare = word(text, from)
    return bare && span(bare.from, bare.to, /\\*["'`]$/.exec(closers)?.[0] ?? '"')
  }
  if (
    isColon &&
    (first === '|' || first === '>') &&
    /[|>][-+\d]*\r?\n/y.test(text.slice(from, from + 4))
  ) {
    return yamlBlock(text, from)
  }
  if (isColon && kind === 'token') {
    const scheme = after(SCHEME, text, from)
    if (scheme !== -1) return lineValue(text, scheme)
    if (text.startsWith('AWS4', from)) return undefined
  }
  const scheme = after(SCHEME, text, from)
  if (scheme !== -1) from = scheme
  if (!isColon) return word(text, from, /%(?:25)*3D$/i.test(separator[0]))
  if (kind === 'cookie') return lineValue(text, from)
  // `token:read` is a scope.
  if (
    separator[0] === ':' &&
    !isChosen(kind) &&
    /[a-z]+(?![\w=])/y.test(text.slice(from, from + 32))
  ) {
    return undefined
  }
  return colonValue(text, start, from, kind)
}

const QUOTE = /(\\{0,4})(["'`])|%(?:25){0,3}22/iy

function quoted(text: string, at: number): Value | undefined {
  QUOTE.lastIndex = at
  const quote = QUOTE.exec(text)
  if (quote === null) return undefined
  const from = QUOTE.lastIndex
  const slashes = quote[1]?.length ?? 0
  if (slashes > 0 || quote[2] === undefined) {
    const end = text.indexOf(quote[0], from)
    return span(from, end === -1 ? text.length : end)
  }
  for (let to = from; to < text.length; to += 1) {
    if (text[to] === '\\') to += 1
    else if (text[to] === quote[2]) {
      // SQL doubles a quote that is meant.
      if (text[to + 1] !== quote[2] || to === from) return span(from, to)
      to += 1
    }
  }
  return span(from, text.length)
}

const WORD = /[^\s&;,"'`)}\]<>|]+/y
const ENCODED_WORD = /(?:(?!%(?:25)*(?:26|3B|23|22|20|0A))[^\s&;,"'`)}\]<>|#])+/iy
const SPACED = /[^\s"'`|;]+/y

function word(text: string, from: number, isEncoded = false): Value | undefined {
  const to = after(isEncoded ? ENCODED_WORD : WORD, text, from)
  return to === -1 ? undefined : span(from, to)
}

function spaced(text: string, from: number): Value | undefined {
  const to = after(SPACED, text, from)
  return to === -1 ? undefined : span(from, to)
}

function lineValue(text: string, from: number): Value | undefined {
  const to = after(/[^\r\n"'`]+/y, text, from)
  return to === -1 ? undefined : span(from, to)
}

const PROSE =
  /^[a-z'’-]+(?:[ ,].*)?[ ](?:is|are|was|must|be|the|at|has|have|not|to|for|cannot|can|should|contain|by|of|and|or|with|in|a|an|your|this|that|from|on|does|did|been|too|required|invalid)\b|^(?:must|should|required|invalid|expired|missing|incorrect|wrong|too|not|is|was|has|cannot|changed|reset|updated|removed|failed|please|rotated|revoked|unchanged|mismatch|ok|accepted|rejected|valid|success|unknown|optional|string|boolean|number)\b/i

/** `password: x` in YAML, in a header, in a message. A sentence after the colon holds no secret. */
function colonValue(
  text: string,
  start: number,
  from: number,
  kind: SecretKind,
): Value | undefined {
  const end = after(/[^\r\n]+/y, text, from)
  if (end === -1) return undefined
  const line = text.slice(from, Math.min(end, from + 200))
  if (PROSE.test(line)) return undefined
  // `token: expected a number`, where `token` is not the first word.
  const isLine = /(?:^|[\r\n])[ \t]*(?:- )?$/.test(text.slice(Math.max(0, start - 40), start))
  if (!isLine && (isChosen(kind) ? /^[a-z]+ /.test(line) : /^[a-z]+(?![\w=])/.test(line)))
    return undefined
  const first = isLine && !/[,;}\]"']/.test(line) ? span(from, end) : word(text, from)
  if (first === undefined) return undefined
  const comment = isLine ? / #| \/\//.exec(text.slice(first.from, first.to)) : null
  const to = comment ? first.from + comment.index : first.to
  return span(
    first.from,
    to - (/[ \t.]*$/.exec(text.slice(Math.max(from, to - 16), to))?.[0].length ?? 0),
  )
}

function yamlBlock(text: string, from: number): Value | undefined {
  const begin = text.indexOf('\n', from) + 1
  const to = after(/(?:[ \t]+[^\r\n]*(?:\r?\n|$))+/y, text, begin)
  if (to === -1) return undefined
  const indent = /[ \t]*/.exec(text.slice(begin, begin + 64))?.[0].length ?? 0
  return span(begin + indent, text[to - 1] === '\n' ? to - 1 : to)
}

const [OPEN_BRACE, CLOSED_BRACE, OPEN_BRACKET, CLOSED_BRACKET] = [123, 125, 91, 93]

/** An object whose names are quoted is gone into; any other one, and a list, is replaced whole. */
function block(text: string, from: number, closers: string): Value {
  // Brackets inside strings are counted too. If they leave one open, the rest of the text counts.
  let open = 0
  let to = text.length
  for (let at = from; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit === OPEN_BRACE || unit === OPEN_BRACKET) open += 1
    else if (unit === CLOSED_BRACE || unit === CLOSED_BRACKET) open -= 1
    if (open === 0) {
      to = at + 1
      break
    }
  }
  const isBlock = text[from] === '{' && /^\{\s*\\*"/.test(text.slice(from, from + 16))
  const quote = /\\*["'`]$/.exec(closers)?.[0] ?? ''
  return { from, to, quote: isBlock ? '' : quote, isBlock }
}
