import type { LogFilter } from '../../read/filter.ts'

/** What the page's own fields ask, and what each is called in a filter. */
export const FIELDS = {
  action: { filter: 'action', label: 'Action' },
  user: { filter: 'userId', label: 'User' },
  event: { filter: 'eventId', label: 'Event' },
  target: { filter: 'targetId', label: 'Target' },
  request: { filter: 'requestId', label: 'Request' },
} as const satisfies Record<string, { filter: keyof LogFilter; label: string }>

export type FieldName = keyof typeof FIELDS
export const FIELD_NAMES = Object.keys(FIELDS) as FieldName[]

/** Everything that the address says about what is shown. Anything else in it is refused. */
const VIEW_PARAMETERS = [
  ...[...FIELD_NAMES, 'range', 'from', 'to', 'cursor', 'limit', 'entry', 'live'],
] as const
/** What asks for something other than the whole page, or sets a preference. */
const OTHER_PARAMETERS = ['export', 'stream', 'after', 'part', 'zone', 'theme'] as const
export const PARAMETERS: ReadonlySet<string> = new Set([...VIEW_PARAMETERS, ...OTHER_PARAMETERS])

export type Given = Readonly<Partial<Record<string, string>>>

/**
 * A link to this page with some values changed; null takes one away.
 *
 * Links are a query and nothing else, so they hold under any path that the page is mounted at,
 * whether or not the framework shows us that path, with or without a slash at its end.
 */
export function href(given: Given, changes: Readonly<Record<string, string | null>> = {}): string {
  const parameters = new URLSearchParams()
  for (const name of VIEW_PARAMETERS) {
    const value = name in changes ? changes[name] : given[name]
    if (value !== undefined && value !== null) parameters.set(name, value)
  }
  for (const name of OTHER_PARAMETERS) {
    const value = changes[name]
    if (value !== undefined && value !== null) parameters.set(name, value)
  }
  return `?${parameters}`
}

/** Another filter starts at its first page, with no entry open. */
export function filterHref(given: Given, changes: Readonly<Record<string, string | null>>): string {
  return href(given, { cursor: null, entry: null, ...changes })
}
