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
      const told = hides.filter((field) => field.startsWith('metadata.'))
      const paths = told.map((field) => field.split('.').slice(1))
      if (paths.length > 0) shown.metadata = withoutTold(shown.metadata, paths) ?? {}
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
    entry.shownAs = {
      ...(isUser && { userId: name }),
      ...(isActor && { actorId: name }),
    }
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
  if (column === 'metadata' || column === 'context') {
    entry.context = without(entry.context, ['redacted'])
    if (column === 'metadata') entry.context = without(entry.context, ['invalid', 'metadata'])
  }
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

const SIDE =
  /^_*(?:from|to|before|after|old|new|prev|previous|original|updated|was|now|lhs|rhs)(?:[_-]?(?:values?|vals?|state|data|row|record|object|attributes|version|document|doc))?$/i
const CHANGES =
  /^[$_]*(?:[a-z]+[_-])?(?:changes|changed|changeset|diffs?|deltas?|updates|modifi(?:ed|cations)|patch|set|unset)$/i
const LABEL =
  /^(?:field|path|key|name|property|prop|column|attribute|attr|pointer|label)[_-]?(?:name|path|key)?$/i

type Path = readonly string[]

/** What is left of a value where changes tell nothing of some fields; undefined: nothing is. */
export function withoutTold(
  value: unknown,
  hidden: readonly Path[],
  names: readonly Path[] = [[]],
  { isSide = false, isOfChanges = false } = {},
): unknown {
  const where = { isSide, isOfChanges }
  const isHidden = (all: readonly Path[]) =>
    all.some((name) =>
      hidden.some((path) =>
        name.some((_, at) =>
          path.every((key, n) => name[at + n]?.toLowerCase() === key.toLowerCase()),
        ),
      ),
    )
  if (Array.isArray(value)) {
    const kept = value
      .map((item) => withoutTold(item, hidden, names, where))
      .filter((item) => item !== undefined)
    return kept.length === 0 && value.length > 0 && !isSide ? undefined : kept
  }
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const labels = entries.flatMap(([key, told]) =>
    LABEL.test(key) && (typeof told === 'string' || Array.isArray(told)) ? [key] : [],
  )
  const more = labels.length > 0 ? /^(?:value|current)$/i : /^$/
  const sides = entries.flatMap(([key]) => (SIDE.test(key) || more.test(key) ? [key] : []))
  const said = sides.length === 0 ? [] : labels.flatMap((key) => pathsIn(Reflect.get(value, key)))
  const sideNames = [...names, ...names.flatMap((name) => said.map((more) => [...name, ...more]))]
  const isTold = sides.length > 0 && isHidden(sideNames)
  if (isTold && names.some((name) => name.length > 0)) return undefined
  const kept = entries.flatMap(([key, inner]) => {
    if (isTold && [...sides, ...labels].includes(key)) return []
    if (sides.includes(key)) {
      const left = withoutTold(inner, hidden, sideNames, { isSide: true })
      return left === undefined ? [] : [[key, left] as const]
    }
    const innerNames = names.map((name) => [...name, ...key.split('.')])
    if (isHidden(innerNames)) {
      return isSide || isOfChanges || tellsChange(inner) ? [] : [[key, inner] as const]
    }
    const inside = { isSide, isOfChanges: isOfChanges || CHANGES.test(key) }
    const left = withoutTold(inner, hidden, innerNames, inside)
    return left === undefined ? [] : [[key, left] as const]
  })
  return kept.length === 0 && entries.length > 0 && !isSide ? undefined : Object.fromEntries(kept)
}

function tellsChange(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, inner]) => SIDE.test(key) || tellsChange(inner))
}

function pathsIn(label: unknown): readonly Path[] {
  const text = Array.isArray(label) ? label.join('.') : String(label)
  const plain = text.split(/[./[\]"'$]+/).filter((key) => key !== '' && !/^\d+$/.test(key))
  return [text.split('.'), plain]
}
