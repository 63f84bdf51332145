import { cookieHeader, isTls, readCookie } from '../http/cookies.ts'
import { redirectResponse } from '../http/responses.ts'
import { href } from '../query/address.ts'
import { type Words, wordsOf } from '../language/words.ts'
import type { Query } from '../query/query.ts'
import { UTC, type Zone, zoneNamed } from '../../query/zone.ts'
import { type Theme, THEMES } from '../view/view-state.ts'

const THEME_COOKIE = 'audit_theme'
const ZONE_COOKIE = 'audit_zone'
const A_YEAR_S = 365 * 86_400

export interface Preferences {
  readonly theme: Theme
  readonly zone: Zone
  readonly words: Words
}

/**
 * The viewer's theme and time zone. They are in cookies, because an address that is sent to a
 * colleague must not change the colleague's. An unknown value counts as none.
 */
export function readPreferences(request: Request): Preferences {
  const theme = readCookie(request, THEME_COOKIE)
  const zone = readCookie(request, ZONE_COOKIE)
  return {
    theme: THEMES.find((known) => known === theme) ?? 'auto',
    zone: (zone && zoneNamed(zone)) || UTC,
    words: wordsOf('en'),
  }
}

/**
 * The answer to a link that changes a preference: a cookie, and a redirect to the same view.
 *
 * @returns undefined where the address changes none; a message where the value is invalid
 */
export function changePreference(
  request: Request,
  parameters: URLSearchParams,
  { given }: Query,
): Response | string | undefined {
  const theme = parameters.get('theme')
  const zone = parameters.get('zone')
  if (theme === null && zone === null) return undefined
  if (theme !== null && !THEMES.some((known) => known === theme)) {
    return `theme must be one of ${THEMES.join(', ')}.`
  }
  if (zone !== null && !zoneNamed(zone)) {
    return 'zone must be the name of a time zone, such as Europe/Berlin.'
  }
  const chosen =
    theme === null ? { name: ZONE_COOKIE, value: zone ?? '' } : { name: THEME_COOKIE, value: theme }
  const cookie = cookieHeader({ ...chosen, maxAgeS: A_YEAR_S, secure: isTls(request) })
  return redirectResponse(href(given), { 'set-cookie': cookie })
}
