import type { SealFacts, Verification } from '../../export/sealed/seal-facts.ts'
import { html, type Html } from '../http/html.ts'
import { href } from '../query/address.ts'
import { visible } from '../sentence/plain-text.ts'
import { formatTime } from './format.ts'
import type { ViewState } from './view-state.ts'

/** What "audit-relay verify" exits with, in words. */
const OUTCOMES: Readonly<Record<number, string>> = {
  0: 'the log was what had been sealed',
  1: 'it could not be finished',
  3: 'entries were sealed too late',
  5: 'the log was not what had been sealed',
  6: 'there was nothing to prove it by',
}

/** The seal of the log, and the entry's proof for download: files that are checked without the log. */
export function sealSection(
  { query, zone }: ViewState,
  { id }: { readonly id: string },
  seal: SealFacts | undefined,
): Html | '' {
  if (seal === undefined) return ''
  const { name, sinceMs, isSealed, verified } = seal
  const address = (proof: string) => href(query.given, { entry: id, proof })
  const files = isSealed
    ? html`<p>For somebody who has the log’s policy: <a href="${address('line')}" download>the entry</a>
and <a href="${address('proof')}" download>its proof</a>.</p>`
    : html`<p>This entry is not sealed yet.</p>`
  return html`<section class="seal"><h3>Seal</h3>
<p>Sealed as ${visible(name)} since ${formatTime(zone, sinceMs)}.
${verified ? verification(zone, verified) : 'It was never verified.'}</p>
${files}</section>`
}

function verification(zone: ViewState['zone'], { id, atMs, code }: Verification): Html {
  const outcome = OUTCOMES[code ?? Number.NaN] ?? 'the outcome is unknown'
  return html`<a href="${href({}, { entry: id })}">Verified</a> ${formatTime(zone, atMs)}: ${outcome}.`
}
