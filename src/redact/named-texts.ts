import { hidesText } from './secret-values.ts'
import { identifies, type SecretKind } from './secret-keys.ts'
import { replaceMatches, type Search } from './search.ts'
import { findValue } from './value-after-name.ts'

const STEM_LIST =
  '[Pp]ass|PASS|[Pp]wd|PWD|[Pp]w\\b|PW\\b|[Pp]sw|[Ss]ecret|SECRET|[Ss]egret|[Tt]oken|TOKEN|[Cc]red|CRED|[Aa]uth|AUTH|[Cc]ookie|COOKIE|[Kk]ey|KEY|[Pp]in\\b|PIN|[Pp]in[Cc]ode|[Pp]uk|[Oo]tp|OTP|[Cc]v[vcn]|CV[VCN]|[Cc]ode|CODE|[Jj]wt|JWT|[Jj]eton|[Bb]earer|[Ss]ess|SESS|[Ss]id\\b|SID|[Ss]ig\\b|[Ss]ignature|SAML|[Hh]mac|HMAC|[Ii]dentified|IDENTIFIED|[Gg]eheim|[Cc]ontra|[Kk]ennw|[Mm]dp|[Mm]ot|[Ss]enha|[Ww]acht|[Ll][oö]sen|[Aa]dgang|[Hh]as[lł]|[Hh]esl|[Pp]arol|[Jj]elsz|[Ss]alasana|[Ss]ifre|[Şş]ifre|[Пп]арол|密码|密碼|口令|パスワード|비밀번호|암호'

/** A part of every name that may be one of a secret. Most texts hold none. */
export const STEMS = grouped(STEM_LIST.split('|'))

/**
 * One alternative for each first letter. The engine tries every alternative at every place of a
 * text, so that this takes half of the time.
 */
function grouped(alternatives: readonly string[]): string {
  const groups = new Map<string, string[]>()
  for (const alternative of alternatives) {
    const [, first = '', rest = ''] = /^(\[[^\]]+\]|.)(.*)$/su.exec(alternative) ?? []
    groups.set(first, [...(groups.get(first) ?? []), rest])
  }
  return [...groups].map(([first, rests]) => `${first}(?:${rests.join('|')})`).join('|')
}

const MAX_NAME_CHARACTERS = 64

/**
 * Replaces the values of secret names: `token=…`, `"password": "…"`, `Password: …`, `--password …`,
 * `identified by '…'`, `<password>…`, also where they are percent-encoded or quoted in quotes. The
 * rest of the text is replaced when too many names were looked up.
 */
export function replaceNamed(text: string, search: Search): string {
  const { stems } = search
  let clean = ''
  let done = 0
  /** Where the search goes on. A censor function may record too, and move `stems.lastIndex`. */
  let next = 0
  for (;;) {
    stems.lastIndex = next
    const stem = stems.exec(text)
    if (stem === null) break
    const start = startOfName(text, stem.index, done)
    const end = endOfName(text, stems.lastIndex)
    next = Math.max(end, stem.index + 1)
    search.left -= 1
    if (search.left < 0) return clean + text.slice(done, start) + search.replace(text.slice(start))
    const name = text.slice(start, end)
    const kind = kindInText(text, start, name, search)
    if (kind === undefined) continue
    const value = findValue(text, start, end, kind)
    if (value === undefined) continue
    const given = text.slice(value.from, value.to)
    const kept = value.isBlock
      ? replaceLeaves(given, kind, search)
      : hidesText(kind, unescaped(given)) && !isOperator(given)
        ? value.quote + search.replace(given) + value.quote
        : given
    if (kept === given && value.isBlock === false) continue
    clean += text.slice(done, value.from) + kept
    done = value.to
    next = Math.max(next, done)
  }
  return clean + text.slice(done)
}

/** In the text of a URL or a statement some names are secret that are not as a key. */
function kindInText(
  text: string,
  start: number,
  name: string,
  { kindOf }: Search,
): SecretKind | undefined {
  const kind = kindOf(name)
  if (kind !== undefined) return kind
  const lower = name.toLowerCase()
  if (lower === 'identified') return 'password'
  if (/^(?:x-(?:amz|goog)-signature|sig)$/.test(lower)) return 'token'
  if (/signature$/.test(lower)) return 'maybe'
  const before = text[start - 1] ?? ''
  if (lower === 'code' && /\byour $/i.test(text.slice(Math.max(0, start - 8), start))) return 'code'
  return /^(?:code|key|session|auth|sid)$/.test(lower) && '?&;'.includes(before) && before !== ''
    ? 'maybe'
    : undefined
}

function isNamePart(unit: number): boolean {
  return (
    (unit >= 97 && unit <= 122) ||
    (unit >= 65 && unit <= 90) ||
    (unit >= 48 && unit <= 57) ||
    unit === 95 ||
    unit === 45 ||
    unit === 46 ||
    unit === 36 ||
    (unit > 127 && unit !== 0x2026 && unit !== 0xa0 && !(unit >= 0x2000 && unit <= 0x203f))
  )
}

function startOfName(text: string, from: number, floor: number): number {
  const first = Math.max(floor, from - MAX_NAME_CHARACTERS)
  let start = from
  while (start > first && isNamePart(text.charCodeAt(start - 1))) start -= 1
  // `%3Ftoken`: the name begins behind what the percent sign stands for.
  if (start > 0 && text[start - 1] === '%') {
    while (text.startsWith('25', start)) start += 2
    start = Math.min(from, start + 2)
  }
  while (start < from && (text[start] === '-' || text[start] === '.')) start += 1
  return start
}

function endOfName(text: string, from: number): number {
  const last = Math.min(text.length, from + MAX_NAME_CHARACTERS)
  let end = from
  while (end < last && isNamePart(text.charCodeAt(end))) end += 1
  while (end > from && text[end - 1] === '.') end -= 1
  return end
}

const LEAF =
  /(\\{0,4}"([^"\\]{1,64})\\{0,4}"\s{0,8}:\s{0,8})(\\{1,4}"[^"\\]*\\{1,4}"|"(?:[^"\\]|\\.)*"?|\[[^[\]]*\]|[^\s,}\]"[{\\]+)/g

/** As in `copier.ts`: under a secret name, what identifies stays. */
function replaceLeaves(json: string, kind: SecretKind, search: Search): string {
  return replaceMatches(json, LEAF, search, ([, key = '', name = '', value = '']) => {
    const own = search.kindOf(name) ?? (identifies(name) ? undefined : kind)
    const quote = /^\\*"/.exec(value)?.[0] ?? ''
    const isClosed = quote !== '' && value.length > quote.length && value.endsWith(quote)
    const bare = value.slice(quote.length, isClosed ? -quote.length : undefined)
    if (own === undefined || !hidesText(own, bare)) return undefined
    const around = quote === '' ? '"' : quote
    return key + around + search.replace(bare) + around
  })
}

function unescaped(given: string): string {
  return given.replaceAll(/^(?:%20|\s|\+)+|(?:%20|\s)+$/g, '')
}

/** Code that reads or compares a secret, or stands for one: `token = getToken()`, `${password}`, `<token>`. */
function isOperator(given: string): boolean {
  return /^(?:<[a-z][a-z_ -]*>$|[a-z][\w.]*\(|\$\{|\{\{|%s$|\?$|:\w+$|\$\d+$)/i.test(given)
}
