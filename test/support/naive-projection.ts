import type { Projection } from '../../src/projection/projection.ts'
import type { LoggedEntry } from '../../src/read/logged-entry.ts'

type Entry = Record<keyof LoggedEntry, unknown>

/** What a projection shows of some entries, worked out in the plainest way, without a database. */
export function projected(
  entries: readonly LoggedEntry[],
  { onlyEventId, hides = [], staffAs, staff = [], actions = [] }: Projection,
): readonly LoggedEntry[] {
  const wanted = actions.filter((pattern) => !pattern.startsWith('-'))
  return entries
    .filter(({ eventId }) => onlyEventId === undefined || eventId === onlyEventId)
    .filter(({ action }) => wanted.length === 0 || wanted.some((one) => isOf(action, one)))
    .filter(({ action }) => !actions.some((one) => one[0] === '-' && isOf(action, one.slice(1))))
    .map((entry) => {
      const shown = { ...structuredClone(entry) } as Entry
      if (staffAs !== undefined) hideStaff(shown, staffAs, staff.map(String))
      for (const field of hides) hide(shown, field)
      return shown as unknown as LoggedEntry
    })
}

function isOf(action: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll('.', '\\.'))
  if (/^[^.*]+\.\*$/.test(pattern)) return action.split('.')[0] === pattern.slice(0, -2)
  return new RegExp(`^${parts.join('.*')}$`).test(action)
}

function hideStaff(entry: Entry, name: string, staff: readonly string[]): void {
  const is = (id: unknown) => staff.includes(String(id))
  const isActor = entry.actorId !== null && (entry.actorKind === null || is(entry.actorId))
  const isUser = is(entry.userId)
  if (isActor || isUser) {
    entry.context = {}
    entry.shownAs = { ...(isUser && { userId: name }), ...(isActor && { actorId: name }) }
  }
  if (isActor) entry.actorId = null
  if (isUser) entry.userId = null
  if (is(entry.targetId)) entry.targetId = null
  if (Array.isArray(entry.moreTargets)) {
    const others = entry.moreTargets.filter((id) => !is(id))
    entry.moreTargets = others.length === 0 ? null : others
  }
}

const OF_USER = ['user', 'viewer', 'actor']
const OF_ACTOR = ['actor', 'impersonator', 'impersonatorId']

function hide(entry: Entry, field: string): void {
  const [column = '', ...path] = field.split('.')
  if (path.length > 0) {
    entry[column as 'context'] = without(entry[column as 'context'], path)
    return
  }
  if (/Id$|^moreTargets$/.test(column)) {
    const also = column === 'userId' ? OF_USER : column === 'actorId' ? OF_ACTOR : []
    const drop = ['invalid', 'degraded', ...also]
    const kept = Object.entries(Object(entry.context)).filter(([key]) => !drop.includes(key))
    entry.context = Object.fromEntries(kept)
  }
  if (column === 'recorder') Object.assign(entry, { recorderId: null, recorderSeq: null })
  else if (column === 'metadata' || column === 'context') entry[column] = {}
  else if (column === 'writtenBy') entry.writtenBy = ''
  else entry[column as 'userId'] = null
}

function without(value: unknown, [key = '', ...rest]: readonly string[], isItem = false): unknown {
  if (Array.isArray(value))
    return isItem ? [] : value.map((one) => without(one, [key, ...rest], true))
  if (typeof value !== 'object' || value === null) return value
  const others = Object.entries(value).filter(([name]) => name !== key)
  const own = Object.entries(value)
    .filter(([name]) => name === key && rest.length > 0)
    .map(([name, inner]) => [name, without(inner, rest)] as const)
  return Object.fromEntries([...others, ...own])
}
