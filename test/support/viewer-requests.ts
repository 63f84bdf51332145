import type { Viewer } from '../../src/page/index.ts'
import type { Dice } from './dice.ts'
import type { TwoTenants } from './two-tenants.ts'

/** The ways to be let in: as the application says, by a token, by a signed link, in a frame. */
export const DOORS = ['session', 'token', 'link', 'frame'] as const
export type Door = (typeof DOORS)[number]

export interface Asked {
  readonly query: string
  /** Behind that of the page, such as `/openapi.json`. */
  readonly path: string
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly viewer: Viewer
  readonly door: Door
  readonly isStream: boolean
}

/** An address with a cursor that was seen in an answer to somebody. */
export interface SeenCursor {
  readonly query: string
  readonly cursor: string
}

const FIELDS = ['user', 'event', 'target', 'actor', 'also', 'request', 'action'] as const
const ID_QUALIFIERS = ['by', 'user', 'actor', 'on', 'event', 'request', ''] as const
const TEXT_QUALIFIERS = ['', 'type', 'login', 'request', 'changed', 'action', 'ip'] as const
const PATHS = [
  ...['meta.note', 'meta.secret.code', 'meta.people.ssn', 'context.ip', 'context.agent'],
  ...['meta.deep.a', 'meta.changes.to', 'meta.from.secret.code', 'meta.before.note'],
]
const CHANGED = ['secret', 'secret.code', 'people.ssn', 'note', '*'] as const
const TIMES = ['-2h', 'yesterday', '2020-01-01', '-40d'] as const

/** A random request: of any address, for any form, with values that are seen, hidden or nowhere. */
export function requestFrom(
  dice: Dice,
  tenants: TwoTenants,
  cursors: readonly SeenCursor[] = [],
): Asked {
  const viewer = dice.of(tenants.viewers)
  const doors = DOORS.filter((door) => door !== 'link' || viewer.onlyEventId !== undefined)
  const door = dice.of(doors)
  const seen = cursors.length > 0 && dice.chance(0.1) ? dice.of(cursors) : undefined
  const parameters = seen
    ? new URLSearchParams([...new URLSearchParams(seen.query), ['cursor', seen.cursor]])
    : parametersFrom(dice, tenants, viewer)
  const isStream = seen === undefined && dice.chance(0.03)
  if (isStream) {
    parameters.set('stream', '1')
    parameters.set('after', String(dice.below(20)))
  }
  // A link is the end of its path.
  const isOpenapi = door !== 'link' && dice.chance(0.01)
  return {
    query: `?${parameters}`,
    path: isOpenapi ? '/openapi.json' : '',
    method: dice.chance(0.03) ? 'HEAD' : dice.chance(0.01) ? 'POST' : 'GET',
    headers: headersFrom(dice),
    ...{ viewer, door, isStream },
  }
}

function parametersFrom(dice: Dice, tenants: TwoTenants, viewer: Viewer): URLSearchParams {
  const parameters = new URLSearchParams()
  const id = () => dice.of(dice.chance(0.5) ? tenants.hiddenIds(viewer) : tenants.ownIds)
  const word = () => dice.of(dice.chance(0.5) ? tenants.hiddenWords(viewer) : tenants.ownWords)
  const part = () => {
    const minus = dice.chance(0.25) ? '-' : ''
    if (dice.chance(0.1)) return `${minus}changed:${dice.of(CHANGED)}`
    if (dice.chance(0.4)) {
      const name = dice.of(ID_QUALIFIERS)
      return `${minus}${name === '' ? '' : `${name}:`}${id()}`
    }
    if (dice.chance(0.3))
      return `${minus}${dice.of(PATHS)}${dice.of(['=', ':', '!=', '>'])}${word()}`
    const name = dice.of(TEXT_QUALIFIERS)
    return `${minus}${name === '' ? '' : `${name}:`}${word()}`
  }
  if (dice.chance(0.6)) {
    const parts = Array.from({ length: 1 + dice.below(3) }, part)
    parameters.set('q', parts.join(dice.chance(0.3) ? ' or ' : ' '))
  }
  if (dice.chance(0.3)) {
    const field = dice.of(FIELDS)
    parameters.set(field, field === 'request' || field === 'action' ? word() : id())
  }
  if (dice.chance(0.2)) parameters.set('range', dice.of(['-7d', '-2h', 'yesterday', '2020..']))
  if (dice.chance(0.3)) parameters.set('limit', String(dice.of([1, 2, 5, 500])))
  if (dice.chance(0.2)) parameters.set('reads', '1')
  if (dice.chance(0.1)) parameters.set('live', '1')
  if (dice.chance(0.1)) parameters.set('bars', '1')
  if (dice.chance(0.2)) parameters.set('entry', dice.of(tenants.entryIds))
  if (dice.chance(0.1)) parameters.set('lang', dice.of(['en', 'de', 'es', 'fr']))
  if (dice.chance(0.03))
    parameters.set(dice.of(['theme', 'zone']), dice.of(['dark', 'UTC', word()]))
  if (dice.chance(0.03)) parameters.set(dice.of(['save', 'forget']), word())
  const kind = dice.below(13)
  if (kind === 0) parameters.set('export', dice.of(['ndjson', 'csv']))
  if (kind === 1) parameters.set('part', 'histogram')
  if (kind === 2) parameters.set('part', 'entry')
  if (kind === 3) parameters.set('proof', dice.of(['line', 'proof']))
  if (kind === 4 && dice.chance(0.3)) parameters.set('openapi', '1')
  if (kind === 12) {
    parameters.set('history', id())
    if (dice.chance(0.3)) parameters.set('at', dice.of(TIMES))
    if (dice.chance(0.3)) parameters.set('since', dice.of(TIMES))
  }
  return parameters
}

/** Headers by which a server or a framework decides what it answers. */
function headersFrom(dice: Dice): Readonly<Record<string, string>> {
  const some = (share: number, name: string, ...values: readonly string[]) =>
    dice.chance(share) ? { [name]: dice.of(values) } : {}
  return {
    accept: dice.of(['application/json', 'text/html', '*/*', 'text/event-stream']),
    ...some(0.2, 'accept-language', 'de', 'fr-FR', 'es;q=0.9'),
    ...some(0.1, 'last-event-id', '0', '7', '49'),
    ...some(0.1, 'cookie', 'audit_zone=Europe/Berlin; audit_theme=dark', 'audit_views=x', 'a=b'),
    ...some(0.05, 'range', 'bytes=0-10', 'bytes=-100'),
    ...some(0.05, 'if-none-match', '*', '"a"'),
    ...some(0.05, 'if-modified-since', 'Sat, 28 Nov 2026 00:00:00 GMT'),
    ...some(0.05, 'x-forwarded-for', '10.0.0.9', '192.168.77.1'),
    ...some(0.05, 'x-forwarded-host', 'other.test'),
    ...some(0.05, 'x-forwarded-proto', 'https'),
    ...some(0.05, 'x-original-url', '/audit?export=ndjson'),
    ...some(0.05, 'x-http-method-override', 'POST'),
    ...some(0.05, 'origin', 'https://other.test'),
    ...some(0.05, 'accept-encoding', 'gzip', 'identity'),
    ...some(0.2, 'sec-fetch-site', 'same-origin', 'cross-site', 'none'),
  }
}
