import { recordedMs } from '../ids/uuid7.ts'
import type { LoggedEntry } from '../read/logged-entry.ts'
import { type Change, changesOf, type Fields, isFields, isPartOfChange } from './changes.ts'

/** What the fold needs of an entry of a target. */
export interface Moment {
  readonly entry: LoggedEntry
  readonly ms: number
  /**
   * `begin` and `end`: the thing was made, or deleted. `attempt`: what it changes may not have come about.
   * `blank`: what it changed cannot be read. `none`: it did not happen, or it is about another thing.
   */
  readonly kind: 'change' | 'begin' | 'end' | 'attempt' | 'blank' | 'none'
  /** Its changes, each of one value: an object is the fields in it. */
  readonly changes: readonly Change[]
  /** Whether some of what it changed is not in `changes`, because it was cut when it was recorded. */
  readonly isCut: boolean
}

/** Of one entry. One that changes more counts as cut. */
const MAX_CHANGES = 2_000
/** As deep as changes are read. */
const MAX_DEPTH = 6
const BEGINS = new Set(['create', 'created', 'insert', 'inserted', 'register', 'registered'])
const ENDS = new Set(['delete', 'deleted', 'destroy', 'destroyed', 'purge', 'purged'])
/** Verbs of entries that change nothing, so that nothing is lost where they cannot be read. */
const READS = new Set(['read', 'view', 'get', 'list', 'show', 'export', 'download', 'search'])

/**
 * Reads what an entry says of a target. An entry that names it among other targets tells of it only if
 * it is of the same entity as those that name it first, because it may tell the changes of another one.
 */
export function momentOf(entry: LoggedEntry, targetId: string, own: ReadonlySet<string>): Moment {
  const ms = recordedMs(entry.id)
  const isAbout = entry.targetId === targetId || own.size === 0 || own.has(entityOf(entry))
  const didNotHappen = entry.outcome === 'denied' || entry.outcome === 'failed'
  if (!isAbout || didNotHappen) return { entry, ms, kind: 'none', changes: [], isCut: false }
  const isBlank = entry.unreadable === true || entry.erased?.includes('metadata') === true
  const given = entry.outcome === 'attempted' ? 'attempt' : verbKind(entry)
  const kind = isBlank && given === 'change' ? (isReading(entry) ? 'none' : 'blank') : given
  if (kind === 'none') return { entry, ms, kind, changes: [], isCut: false }
  const { changes, isCut } = changesIn(entry, given)
  return { entry, ms, kind, changes, isCut: isCut || isBlank }
}

/** The entities of the entries whose first target it is. */
export function ownEntities(entries: readonly LoggedEntry[], targetId: string): Set<string> {
  return new Set(entries.filter((entry) => entry.targetId === targetId).map(entityOf))
}

function entityOf({ action }: LoggedEntry): string {
  return action.split('.')[0] ?? ''
}

function verbOf({ action }: LoggedEntry): string {
  return action.slice(action.lastIndexOf('.') + 1).toLowerCase()
}

/** `comment.create` on a post makes a comment, so the entity must not be another one than the target's. */
function verbKind(entry: LoggedEntry): 'change' | 'begin' | 'end' {
  const { entityType } = entry
  const plain = (name: string) => name.replaceAll(/[^\p{L}\p{N}]/gu, '').toLowerCase()
  if (entityType !== null && plain(entityType) !== plain(entityOf(entry))) return 'change'
  const verb = verbOf(entry)
  return BEGINS.has(verb) ? 'begin' : ENDS.has(verb) ? 'end' : 'change'
}

function isReading(entry: LoggedEntry): boolean {
  return READS.has(verbOf(entry))
}

function changesIn(entry: LoggedEntry, kind: Moment['kind']): Pick<Moment, 'changes' | 'isCut'> {
  const { metadata } = entry
  const given = changesOf(metadata, MAX_CHANGES)
  const changes: Change[] = []
  for (const { path, from, to } of given) {
    const [before, after] = [new Map<string, unknown>(), new Map<string, unknown>()]
    leaves(path, from, before, 0)
    leaves(path, to, after, 0)
    for (const leaf of new Set([...before.keys(), ...after.keys()])) {
      // Of a whole that was not there the page says "null"; there is no field of that name.
      const isWhole = leaf === '' && (isFields(from) || isFields(to))
      if (!isWhole) changes.push({ path: leaf, from: before.get(leaf), to: after.get(leaf) })
    }
  }
  if (kind === 'begin') changes.push(...plainValues(metadata, changes))
  const isFull = given.length >= MAX_CHANGES || changes.length > MAX_CHANGES
  return { changes: changes.slice(0, MAX_CHANGES), isCut: isFull || isMarkedCut(entry) }
}

/** What an entry that begins a thing tells of it without a pair is its first state. */
function plainValues(metadata: Fields, changes: readonly Change[]): Change[] {
  const values = new Map<string, unknown>()
  for (const [key, value] of Object.entries(metadata)) {
    const holdsChanges = changesOf({ [key]: value }, 1).length > 0
    if (!holdsChanges && !isPartOfChange(key, value, metadata)) leaves(key, value, values, 0)
  }
  for (const { path } of changes) values.delete(path)
  return Array.from(values, ([path, to]) => ({ path, from: undefined, to }))
}

/** The values in a value: those of an object's fields, at any depth. */
function leaves(path: string, value: unknown, into: Map<string, unknown>, depth: number): void {
  if (value === undefined || into.size > MAX_CHANGES) return
  if (!isFields(value) || depth >= MAX_DEPTH) {
    into.set(path, value)
    return
  }
  for (const [key, inner] of Object.entries(value)) {
    leaves(path === '' ? key : `${path}.${key}`, inner, into, depth + 1)
  }
}

function isMarkedCut({ context }: LoggedEntry): boolean {
  const marks = context['degraded']
  if (!Array.isArray(marks)) return false
  return marks.includes('metadata.truncated') || marks.includes('entry.truncated')
}
