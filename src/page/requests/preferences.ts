import { cookieOf, setCookie } from '../http/cookies.ts'
import { redirect } from '../http/responses.ts'
import { href } from '../query/address.ts'
import type { Query } from '../query/query.ts'
import { type Theme, THEMES } from '../view/view-state.ts'
import { UTC, type Zone, zoneNamed } from '../query/zone.ts'

const THEME_COOKIE = 'audit_theme'
const ZONE_COOKIE = 'audit_zone'
const A_YEAR_S = 365 * 86_400

export interface Preferences {
  readonly theme: Theme
  readonly zone: Zone
}

/**
 * How somebody likes to read: theirs, and so in a cookie and not in the address that they send to a
 * colleague. What is no preference of ours counts as none.
 */
export function preferencesOf(request: Request): Preferences {
  const theme = cookieOf(request, THEME_COOKIE)
  const zone = cookieOf(request, ZONE_COOKIE)
  return {
    theme: THEMES.find((known) => known === theme) ?? 'auto',
    zone: (zone && zoneNamed(zone)) || UTC,
  }
}

/**
 * The answer to a switch, which is a link and works without a script: a cookie, and back to where
 * it was.
 *
 * @returns undefined where the address sets nothing; a message where it is no preference
 */
export function choosePreference(
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
  const chosen: [string, string] =
    theme === null ? [ZONE_COOKIE, zone ?? ''] : [THEME_COOKIE, theme]
  const cookie = setCookie(request, chosen, { maxAgeS: A_YEAR_S, isHttpOnly: true })
  return redirect(href(given), { 'set-cookie': cookie })
}
