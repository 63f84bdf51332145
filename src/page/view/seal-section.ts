import type { SealFacts, Verification } from '../../export/sealed/seal-facts.ts'
import { html, type Html } from '../http/html.ts'
import { href } from '../query/address.ts'
import type { TextKey } from '../language/texts.ts'
import { visible } from '../sentence/plain-text.ts'
import { formatTime } from './format.ts'
import type { ViewState } from './view-state.ts'

/** What "audit-relay verify" exits with, in words. */
const OUTCOMES = {
  0: 'verdict0',
  1: 'verdict1',
  3: 'verdict3',
  5: 'verdict5',
  6: 'verdict6',
} as const satisfies Record<number, TextKey>

/** The seal of the log, and the entry's proof for download: files that are checked without the log. */
export function sealSection(
  view: ViewState,
  { id }: { readonly id: string },
  seal: SealFacts | undefined,
): Html | '' {
  if (seal === undefined) return ''
  const { query, zone, words } = view
  const { name, sinceMs, isSealed, verified } = seal
  const file = (proof: 'line' | 'proof', label: string) =>
    html`<a href="${href(query.given, { entry: id, proof })}" download>${label}</a>`
  const files = isSealed
    ? words.html('sealFiles', {
        entry: file('line', words.say('theEntry')),
        proof: file('proof', words.say('itsProof')),
      })
    : words.say('notSealed')
  return html`<section class="seal"><h3>${words.say('seal')}</h3>
<p>${words.say('sealedAs', { name: visible(name), time: formatTime(zone, sinceMs) })}
${verified ? verification(view, verified) : words.say('neverVerified')}</p>
<p>${files}</p></section>`
}

function verdictOf(code: number | undefined) {
  return code !== undefined && code in OUTCOMES
    ? OUTCOMES[code as keyof typeof OUTCOMES]
    : 'verdictUnknown'
}

function verification({ zone, words }: ViewState, { id, atMs, code }: Verification): Html {
  return words.html('verifiedAt', {
    verified: html`<a href="${href({}, { entry: id })}">${words.say('verified')}</a>`,
    time: formatTime(zone, atMs),
    outcome: words.say(verdictOf(code)),
  })
}
