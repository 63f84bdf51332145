import { isLanguage, type Language, LANGUAGES } from '../../actions/language.ts'
import { isForeign } from '../http/foreign.ts'
import { cookieHeader, isTls, readCookie } from '../http/cookies.ts'
import { redirectResponse } from '../http/responses.ts'
import { href } from '../query/address.ts'
import { type Words, wordsOf } from '../language/words.ts'
import type { Query } from '../query/query.ts'
import { type SavedView, viewsIn } from '../query/saved-views.ts'
import { type Zone, zoneNamed } from '../../query/zone.ts'
import { type Look, type Theme, THEMES } from '../view/look.ts'
import { VIEWS_COOKIE } from '../views/change-views.ts'

const THEME_COOKIE = 'audit_theme'
const ZONE_COOKIE = 'audit_zone'
const LANGUAGE_COOKIE = 'audit_lang'
/** Of `Accept-Language`, which anybody can make as long as they like. */
const MAX_HEADER_CHARACTERS = 500
const A_YEAR_S = 365 * 86_400

export interface Preferences {
  readonly theme: Theme
  readonly zone: Zone
  readonly savedViews: readonly SavedView[]
  readonly words: Words
}

/**
 * The viewer's theme, time zone and language. They are in cookies, because an address that is sent to a
 * colleague must not change the colleague's. An unknown value counts as none.
 */
export function readPreferences(request: Request, { defaults }: Look): Preferences {
  const theme = readCookie(request, THEME_COOKIE)
  const zone = readCookie(request, ZONE_COOKIE)
  const language = readCookie(request, LANGUAGE_COOKIE)
  const askedFor = request.headers.get('accept-language') ?? ''
  return {
    theme: THEMES.find((known) => known === theme) ?? defaults.theme,
    zone: (zone && zoneNamed(zone)) || defaults.zone,
    savedViews: viewsIn(readCookie(request, VIEWS_COOKIE)),
    words: wordsOf(isLanguage(language) ? language : (defaults.language ?? firstKnown(askedFor))),
  }
}

/** The language that a browser would rather have, of those that there are. */
function firstKnown(acceptLanguage: string): Language {
  const asked = acceptLanguage
    .slice(0, MAX_HEADER_CHARACTERS)
    .split(',')
    .map((part) => {
      const [range = '', ...parameters] = part.split(';').map((text) => text.trim())
      const weight = parameters.find((text) => /^q=/i.test(text))?.slice(2) ?? '1'
      return { language: range.split('-')[0]?.toLowerCase(), weight: Number(weight) || 0 }
    })
    .filter(({ weight }) => weight > 0)
    .sort((one, other) => other.weight - one.weight)
  return asked.map(({ language }) => language).find(isLanguage) ?? 'en'
}

/**
 * The answer to a link that changes a preference: a cookie, and a redirect to the same view. A link of
 * another site changes none, because it is not for others to say how a viewer sees the log.
 *
 * @returns undefined where the address changes none; a message where the value is invalid
 */
export function changePreference(
  request: Request,
  parameters: URLSearchParams,
  { given }: Query,
  { ancestors }: Look,
): Response | string | undefined {
  const theme = parameters.get('theme')
  const zone = parameters.get('zone')
  const language = parameters.get('lang')
  if (theme !== null && !THEMES.some((known) => known === theme)) {
    return `theme must be one of ${THEMES.join(', ')}.`
  }
  if (zone !== null && !zoneNamed(zone)) {
    return 'zone must be the name of a time zone, such as Europe/Berlin.'
  }
  if (language !== null && !isLanguage(language)) {
    return `lang must be one of ${LANGUAGES.join(', ')}.`
  }
  const chosen = [
    { name: THEME_COOKIE, value: theme },
    { name: ZONE_COOKIE, value: zone },
    { name: LANGUAGE_COOKIE, value: language },
  ].flatMap(({ name, value }) => (value === null ? [] : [{ name, value }]))
  if (chosen.length === 0) return undefined
  const response = redirectResponse(href(given))
  if (isSentByOther(request)) return response
  // A preference is no secret. Partitioned, it is another one in each site that frames the page.
  const isFramed = ancestors.length > 0
  for (const one of chosen) {
    const cookie = cookieHeader({ ...one, maxAgeS: A_YEAR_S, secure: isTls(request), isFramed })
    response.headers.append('set-cookie', cookie)
  }
  return response
}

/** Whether a link of another site was followed. Who types an address is not sent by anybody. */
function isSentByOther(request: Request): boolean {
  return isForeign(request) && request.headers.get('sec-fetch-site') !== 'none'
}
