import { html, type Html } from '../http/html.ts'
import type { Zone } from '../../query/zone.ts'

/** To the second. A year outside of 0 to 9999, which no wall time has, is shown in UTC. */
export function formatTime(zone: Zone, ms: number): string {
  try {
    return zone.exact(ms).replace(/\.\d{3} /, ' ')
  } catch {
    return new Date(ms).toISOString()
  }
}

/** The attribute that marks the chosen one of several links. */
export function ariaCurrent(isCurrent: boolean): Html | '' {
  return isCurrent ? html` aria-current="true"` : ''
}

/** Each of them begins with a space. */
export function inCommas(links: readonly Html[]): Html {
  return html`${links.map((link, at) => (at === 0 ? link : html`,${link}`))}`
}
