import { replaceMatches, type Search } from './search.ts'

const MIN_RUN_CHARACTERS = 16

/**
 * Whether 16 letters, digits, `_` or `-` stand in a row, as in every token with a known beginning.
 * Any such run covers one of every 16 positions, so only those are checked.
 */
export function hasLongRun(text: string): boolean {
  if (text.length < MIN_RUN_CHARACTERS || isUuidLike(text)) return false
  for (let at = MIN_RUN_CHARACTERS - 1; at < text.length; at += MIN_RUN_CHARACTERS) {
    let left = at
    while (left > at - MIN_RUN_CHARACTERS && isRunPart(text.charCodeAt(left))) left -= 1
    if (left === at) continue
    let right = at + 1
    const end = left + 1 + MIN_RUN_CHARACTERS
    while (right < end && isRunPart(text.charCodeAt(right))) right += 1
    if (right >= end) return true
  }
  return false
}

function isUuidLike(text: string): boolean {
  return (
    text.length === 36 &&
    text.charCodeAt(8) === DASH &&
    text.charCodeAt(13) === DASH &&
    text.charCodeAt(18) === DASH &&
    text.charCodeAt(23) === DASH
  )
}

const DASH = 45

function isRunPart(unit: number): boolean {
  return (
    (unit >= 97 && unit <= 122) ||
    (unit >= 48 && unit <= 57) ||
    (unit >= 65 && unit <= 90) ||
    unit === 95 ||
    unit === DASH
  )
}

/** Whether the text may hold a token with a known beginning. */
export function mayHoldToken(text: string): boolean {
  if (!hasLongRun(text)) return false
  return BEGINNING.test(text) || OTHER_BEGINNINGS.some((beginning) => text.includes(beginning))
}

const KNOWN = [
  // Version control, registries, builds.
  'gh[pousr]_\\w{20,}|github_pat_\\w{20,}|gl[a-z]{2,6}-[\\w.-]{16,}|npm_\\w{20,}|pypi-[\\w-]{16,}',
  'rubygems_\\w{20,}|dckr_[a-z]{3}_[\\w-]{16,}|oy2[a-z\\d]{40,}|AKCp[A-Za-z\\d]{20,}|sgp_\\w{20,}',
  'CCIPAT_\\w{16,}|bkua_\\w{16,}|ATBB[A-Za-z\\d]{16,}|AT[AC]TT3[\\w=-]{20,}|BBDC-[\\w+/-]{16,}',
  // Chat and mail.
  'xox[a-z](?:-|\\.[a-z]{3,5}-)[\\w-]{10,}|xapp-\\d-[\\w-]{10,}|SG\\.[\\w-]{10,}\\.[\\w-]{10,}',
  'key-[\\da-f]{32}|\\d{8,10}:AA[\\w-]{30,}|[MNO][\\w-]{23,26}\\.[\\w-]{6}\\.[\\w-]{27,}|xkeysib-[\\w-]{16,}',
  'SK[\\da-f]{32}(?=:)|re_[A-Za-z\\d]{6,}_[A-Za-z\\d]{12,}|[\\da-f]{32}-us\\d{1,2}|md-[\\w-]{20,}',
  // Payment.
  '(?:sk|rk)_(?:live|test|prod)_\\w{8,}|whsec_[\\w+/=]{8,}|(?:pi|seti|cs)_\\w{4,64}_secret_\\w{8,}',
  'sq0[a-z]{3}-[\\w-]{16,}|EAAA[\\w-]{40,}|access_token\\$\\w+\\$\\w{10,}\\$\\w{16,}|FLWSECK[\\w-]{12,}',
  // Clouds.
  'AIza[\\w-]{20,}|GOCSPX-[\\w-]{16,}|ya29\\.[\\w-]{16,}|1//0[\\w-]{16,}|4/0A[\\w-]{20,}',
  'AGE-SECRET-KEY-(?:PQ-)?1[A-Z\\d]{16,}|hv[sbr]\\.[\\w-]{16,}|do[opr]_v1_\\w{16,}|dp\\.(?:pt|st|ct|sa|scim|audit)\\.[\\w.-]{16,}',
  'dapi[\\da-f]{32}|dt0[a-z]\\d\\d\\.\\w{16,}\\.\\w{16,}|NR(?:AK|II|JS)-[\\w-]{16,}|ops_eyJ[\\w-]{16,}|tskey-[\\w-]{10,}',
  'pscale_(?:pw|tkn|oauth)_[\\w.-]{16,}|sbp_\\w{20,}|sb_secret_\\w{12,}|nfp_\\w{20,}|FlyV1 [\\w,+/=-]{16,}|fo1_[\\w-]{16,}',
  '[\\w~.-]{3}8Q~[\\w~.-]{31,}|v1\\.0-[\\da-f]{24}-[\\da-f]{64,}|amzn\\.mws\\.[\\da-f-]{30,}|vercel_[a-z]+_\\w{16,}',
  // Models.
  'sk-(?:[a-z]+\\d*-)*[\\w-]*[A-Za-z\\d]{16,}[\\w-]*|hf_[A-Za-z\\d]{20,}|gsk_\\w{20,}|r8_\\w{20,}|xai-\\w{20,}|pplx-\\w{20,}|nvapi-[\\w-]{20,}',
  // Other services.
  'shp(?:at|ca|pa|ss|tka)_\\w{16,}|lin_(?:api|oauth)_\\w{16,}|fig[a-z]_[\\w-]{16,}|ntn_\\w{20,}|secret_[A-Za-z\\d]{30,}',
  'PMAK-[\\w-]{20,}|pul-[\\da-f]{30,}|glc_[\\w+/=-]{16,}|CFPAT-[\\w-]{20,}|sntry[a-z]_[\\w+/=-]{16,}|pat-[a-z]{2}\\d-[\\da-f-]{30,}',
  'EAA[A-Za-z\\d]{60,}|AC[A-Za-z\\d]{32}_secret|duffel_(?:live|test)_[\\w-]{16,}|rdme_\\w{20,}|EZ[AT]K[A-Za-z\\d]{30,}|phx_\\w{20,}|glsa_\\w{20,}|atlasv1\\.[\\w-]{16,}|pat[A-Za-z\\d]{14}\\.[\\da-f]{40,}',
  // A name that says what follows it: `acme_pat_…`, `my_secret_…`.
  '(?!pk_)[a-z][a-z\\d]{1,9}_(?:pat|token|secret|apikey|api_key|sk|api)_(?:live_|test_)?[A-Za-z\\d]{16,}',
]
// Without a look behind and with no other alternative the engine takes half of the time for most texts.
const BEGINNING = new RegExp(`(?:^|[^A-Za-z\\d])(?:${KNOWN.join('|')})`)
const OTHER_BEGINNINGS = ['eyJ', 'AKIA', 'ASIA', 'ABIA']
const TOKEN = new RegExp(`(?<![A-Za-z\\d])(?:${KNOWN.join('|')})`, 'g')

/** The secret key of AWS, which has 40 characters, or one of its kind, next to the id of the key. The id stays. */
const AWS_PAIR =
  /((?:AKIA|ASIA|ABIA)[A-Z\d]{12,20}\b[^A-Za-z\d]{1,4}(?:[\w -]{0,32}[=:]\s?)?["']?)([A-Za-z\d/+]{38,48})(?![A-Za-z\d/+=])/g

/** Replaces tokens with a known beginning. */
export function replaceTokens(text: string, search: Search): string {
  if (!mayHoldToken(text)) return text
  const clean = replaceMatches(text, TOKEN, search, ([token]) =>
    looksMade(token) ? search.replace(token) : undefined,
  )
  if (!/A[KSB]IA/.test(clean)) return clean
  return replaceMatches(
    clean,
    AWS_PAIR,
    search,
    ([, before = '', secret = '']) => before + search.replace(secret),
  )
}

/** `sk-learn-and-other-libraries` begins like a token and is none. */
function looksMade(token: string): boolean {
  return /\d/.test(token) || /[a-z][A-Z]/.test(token) || /[a-z]{16}/.test(token)
}

// Matches the whole run, so that `eyJeyJeyJ…` is read once and not again from each `eyJ`.
const JWT = /eyJ[\w-]*(?:\.[\w-]*)*/g
const MIN_JWT_CHARACTERS = 20

export function replaceJwts(text: string, search: Search): string {
  if (!text.includes('eyJ')) return text
  return replaceMatches(text, JWT, search, ([token]) =>
    token.length >= MIN_JWT_CHARACTERS && token.includes('.') ? search.replace(token) : undefined,
  )
}

/** Addresses to which anybody may post who knows them. The host stays. */
const HOOK =
  /(\/\/(?:hooks\.[\w.-]{1,64}|[\w.-]{1,64}\.webhook\.office\.com|outlook\.office(?:365)?\.com\/webhook|(?:ptb\.|canary\.)?discord(?:app)?\.com\/api\/(?:v\d+\/)?webhooks\/\d+|open\.(?:feishu\.cn|larksuite\.com)\/open-apis\/bot\/v2\/hook|api\.telegram\.org\/bot(?=\d)|maker\.ifttt\.com\/trigger\/[\w-]{1,64}\/(?:json\/)?with\/key|[\w.-]{1,64}\.logic\.azure\.com))(\/?)([^\s"'<>?#]{8,})/g

export function replaceHooks(text: string, search: Search): string {
  if (!text.includes('//')) return text
  return replaceMatches(
    text,
    HOOK,
    search,
    ([, host = '', slash = '', secret = '']) => host + slash + search.replace(secret),
  )
}
