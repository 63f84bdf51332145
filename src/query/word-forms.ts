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
  // Of a letter that was doubled, one is left.
  const stem = begin.replace(/([b-df-hj-np-tv-z])\1$/, '$1')
  return stem.length >= SHORTEST_STEM || (end === 'ed' && stem.length === 3) ? stem : undefined
}

const LOGIN = /^(?:log(?:in|on)|sign-?in|log-in)s?$/i
/** How applications call it. Nobody who asks for logins knows which. */
const LOGINS = ['login', 'log_in', 'logon', 'signin', 'sign_in', 'session.create', 'session.start']

/** What an action may hold in the place of a word, as a part of a term. */
export function stemsOf(word: string): { readonly stems?: readonly string[] } {
  if (LOGIN.test(word)) return { stems: LOGINS }
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
