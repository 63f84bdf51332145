/** Past tenses that end in no "ed", of actions that are logged often. */
const IRREGULAR: Readonly<Record<string, string>> = {
  ...{ paid: 'pay', sent: 'send', sold: 'sell', made: 'make', built: 'build', bought: 'buy' },
  ...{
    gave: 'give',
    wrote: 'write',
    withdrew: 'withdraw',
    ran: 'run',
    lost: 'lose',
    left: 'leave',
  },
}
const SHORTEST_STEM = 4

/**
 * What an action holds that is told by this form of its verb, or by its plural: "deleted" and "deletion"
 * are told of `project.delete`, "refunds" of `refund.issue`.
 *
 * @returns undefined where the word is no such form
 */
export function stemOf(word: string): string | undefined {
  const lower = word.toLowerCase()
  if (Object.hasOwn(IRREGULAR, lower)) return IRREGULAR[lower]
  const [, begin, end] = /^([a-z]{3,24}?)(ied|ed|ion|ies|s)$/.exec(lower) ?? []
  if (begin === undefined || /(?:s|u|i)$/.test(end === 's' ? begin : '')) return undefined
  const stem = end === 'ed' ? verbOf(begin) : single(begin)
  return stem.length >= SHORTEST_STEM || (end === 'ed' && stem.length === 3) ? stem : undefined
}

/** Of a letter that was doubled, one is left. */
function single(begin: string): string {
  return begin.replace(/([b-df-hj-np-tv-z])\1$/, '$1')
}

/** Of a short verb the whole is taken, because its beginning is that of other words: `move`, `call`, `add`. */
function verbOf(begin: string): string {
  const stem = single(begin)
  if (stem.length < 3 || (stem.length === 3 && /(?:ll|ss|ff|zz)$/.test(begin))) return begin
  return stem === begin && /^.[aeiou][^aeiouwxy]$/.test(begin) ? `${begin}e` : stem
}

const LOGIN = /^(?:log(?:in|on)|sign-?in|log-in)s?$/i
/** How applications call it. Nobody who asks for logins knows which. */
const LOGINS = ['login', 'log_in', 'logon', 'signin', 'sign_in', 'session.create', 'session.start']

/** "logged in" and "logged out". */
const LOGGED = ['log', 'signin', 'sign_in', 'signout', 'sign_out', 'session']

/** What an action may hold in the place of a word, as a part of a term. */
export function stemsOf(word: string): { readonly stems?: readonly string[] } {
  if (LOGIN.test(word)) return { stems: LOGINS }
  if (/^logged$/i.test(word)) return { stems: LOGGED }
  const stem = stemOf(word)
  return stem === undefined ? {} : { stems: [stem] }
}

/** Whether a word is a phone number, which is told by its digits. */
export function isPhone(word: string): boolean {
  const digits = word.replaceAll(/\D/g, '')
  const isWritten = /^(?:\+|00?[1-9])[\d ()/.-]+$/.test(word)
  return isWritten && digits.length >= 7 && digits.length <= 15
}

/** The words that a name is made of: `DeleteSecret` and `delete_secret` of the same. */
export function wordRuns(name: string): readonly string[] {
  return name.split(/(?<=[\p{Ll}\d])(?=\p{Lu})|[_.-]+/u).filter((run) => run !== '')
}

/** Marks around words that nobody sees, and that come along with what is pasted. */
const UNSEEN =
  /(?<=^|[\s"“])[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069]+|[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069]{1,20}(?=$|[\s"”])/gu

/** A line without what nobody sees. Replaced one by one, so that every place stays where it is. */
export function plainLine(text: string): string {
  return text
    .replaceAll(/\p{Cc}/gu, ' ')
    .replaceAll(/\p{Cs}/gu, '\ufffd')
    .replaceAll(UNSEEN, (marks) => ' '.repeat(marks.length))
}

/** What stands around a word in a sentence, or in the line of a mail program, and is no part of it. */
const AROUND_WORDS = /^[¿¡]+|[?!,;…]+$|(?<=\p{L}{2})\.$/gu

/** `apollo` of "apollo?", `Maria` of "Maria's", `ada@x.example` of "<ada@x.example>". */
export function plainWord(word: string): string {
  const inner = /^<([^<>]+)>[?!,;.]*$/u.exec(word)?.[1] ?? word
  const plain = inner.replace(AROUND_WORDS, '').replace(/(?<=\p{L})['’]s$/u, '')
  return plain === '' ? word : plain
}

/** Whether what stands behind a colon is no value of a field: `//x.example`, `\x` of `C:\x`. */
export function isNoValue(name: string, value: string): boolean {
  return /^\/\/|^\\|:/.test(value) || (name.length === 1 && value.startsWith('/'))
}

/** `10.0.*` */
const ADDRESSES = /^\d{1,3}(?:\.\d{1,3}){0,2}\.\*$/

/** Whether a word may be a range of addresses. */
export function isRange(text: string): boolean {
  return text.includes('/') || ADDRESSES.test(text)
}
