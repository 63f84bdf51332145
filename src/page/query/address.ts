import type { LogFilter } from '../../read/filter.ts'

/** The text fields of the filter form, each with its name in a `LogFilter`. */
export const FIELDS = {
  action: 'action',
  user: 'userId',
  event: 'eventId',
  target: 'targetId',
  request: 'requestId',
  outcome: 'outcome',
  actor: 'actorId',
  kind: 'actorKind',
  also: 'moreTargets',
} as const satisfies Record<string, keyof LogFilter>

export type FieldName = keyof typeof FIELDS
export const FIELD_NAMES = Object.keys(FIELDS) as FieldName[]

/** The parameters that say what is shown. Links keep them. */
const VIEW_PARAMETERS = [
  'q',
  ...FIELD_NAMES,
  'range',
  'from',
  'to',
  'order',
  'cursor',
  'limit',
  'entry',
  'live',
  'reads',
  'bars',
  'history',
  'at',
  'since',
] as const
/** The parameters that ask for something other than the whole page, or change a preference. */
const OTHER_PARAMETERS = [
  'export',
  'proof',
  'stream',
  'after',
  'part',
  'zone',
  'theme',
  'lang',
  'openapi',
  'save',
  'forget',
] as const
/** A request with any other parameter is refused. */
export const PARAMETERS: ReadonlySet<string> = new Set([...VIEW_PARAMETERS, ...OTHER_PARAMETERS])

export type GivenParameters = Readonly<Partial<Record<string, string>>>

/**
 * A link to this page with some values changed; null removes a value.
 *
 * Links consist of a query alone, so they work under any path that the page is mounted at, even if
 * the framework hides that path, with or without a slash at its end.
 */
export function href(
  given: GivenParameters,
  changes: Readonly<Record<string, string | null>> = {},
): string {
  const parameters = new URLSearchParams()
  for (const name of VIEW_PARAMETERS) {
    const value = name in changes ? changes[name] : given[name]
    if (value !== undefined && value !== null) parameters.set(name, value)
  }
  for (const name of OTHER_PARAMETERS) {
    const value = changes[name]
    if (value !== undefined && value !== null) parameters.set(name, value)
  }
  return `?${readable(parameters)}`
}

/** A link that changes the filter: to its first page, with no entry open. */
export function filterHref(
  given: GivenParameters,
  changes: Readonly<Record<string, string | null>>,
): string {
  return href(given, { order: null, cursor: null, entry: null, ...changes })
}

/** The parameters without the escapes that a query does not need. */
function readable(parameters: URLSearchParams): string {
  return parameters.toString().replaceAll(/%(?:3A|2C|40|2F)/g, decodeURIComponent)
}

/** A time as addresses have it: `2026-05-03T14:05Z`, with seconds where there are any. */
export function isoText(ms: number): string {
  return new Date(ms).toISOString().replace(/(:00)?\.000Z$/, 'Z')
}

/** Whether it says what is shown, so that links keep it. */
export function isViewParameter(name: string): boolean {
  return (VIEW_PARAMETERS as readonly string[]).includes(name)
}

/** What a saved view holds of an address. */
export function savedParameters(given: GivenParameters): [string, string][] {
  return VIEW_PARAMETERS.flatMap((name) => {
    const value = given[name]
    const isPassing = name === 'order' || name === 'cursor' || name === 'entry' || name === 'live'
    return value === undefined || isPassing ? [] : [[name, value] as [string, string]]
  })
}
