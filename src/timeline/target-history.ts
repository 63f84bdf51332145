import type { AuditDatabase } from '../database/callers-database.ts'
import { type AuditId, MAX_TEXT_CHARACTERS } from '../entry.ts'
import { AuditError, filterInvalid } from '../errors.ts'
import { refuseUnknownOptions } from '../options.ts'
import { mayLackChanges, type Projection } from '../projection/projection.ts'
import { idText, instant, isObject, shown, text } from '../read/filter-values.ts'
import type { LoggedEntry } from '../read/logged-entry.ts'
import { readRows } from '../read/read-rows.ts'
import { logBegin } from '../removed/log-begin.ts'
import type { Change } from './changes.ts'
import {
  type FieldDoubt,
  type FieldState,
  foldFields,
  type NamedEntry,
  named,
} from './fold-fields.ts'
import { lossesBetween } from './lost-between.ts'
import { type Moment, momentOf, ownEntities } from './moments.ts'
import { type AskedTarget, readTarget, type TargetEntries } from './read-target.ts'

export interface TargetOptions {
  /** The thing: entries count whose target it is, or that have it among further targets. */
  readonly targetId: AuditId
  /** Only entries of this type: 1 to 256 characters. */
  readonly entityType?: string | undefined
  /** Only entries of this event (tenant, project, site). */
  readonly eventId?: AuditId | undefined
  /** One field, as `settings.colour`, and the fields below it. Default: all */
  readonly field?: string | undefined
  /** What the reader may see. Default: everything */
  readonly seenBy?: Projection | undefined
}

export interface HistoryOptions extends TargetOptions {
  /** The moment whose state is asked for, itself included. A `Date`, or Unix milliseconds. @default now */
  readonly at?: Date | number | undefined
  /** `nextCursor` of a history of the same thing. It takes the place of `at`. */
  readonly cursor?: string | undefined
  /** Most entries in `line`, 1 to 500. @default 50 */
  readonly limit?: number | undefined
}

/** An entry of a thing, and what it changed. */
export interface TargetMoment {
  readonly entry: LoggedEntry
  /**
   * `begin`, `end`: it made the thing, or deleted it. `attempt`: its changes may not have come about.
   * `blank`: what it changed was erased or cannot be read.
   */
  readonly kind: 'change' | 'begin' | 'end' | 'attempt' | 'blank'
  readonly changes: readonly FieldChange[]
}

export interface FieldChange extends Change {
  /** Where `from` is not what the last entry had left. */
  readonly doubt?: FieldDoubt
}

export interface TargetHistory {
  readonly targetId: string
  /** The time of the state. */
  readonly at: Date
  /** Whether the thing was there, and the entry that says so. `unknown`: no entry tells of it. */
  readonly life: {
    readonly state: 'there' | 'deleted' | 'not made yet' | 'unknown'
    readonly entry: NamedEntry | null
  }
  /** Each field that an entry tells of, by its name: at most 1,000. */
  readonly fields: readonly FieldState[]
  /** The entries that changed it, the newest first. */
  readonly line: readonly TargetMoment[]
  /** Where entries contradict each other, the newest first: at most 100. */
  readonly doubts: readonly FieldDoubt[]
  /** Goes on with the older entries. Null: there are none. */
  readonly nextCursor: string | null
  readonly looked: {
    /** How many entries were looked at. Of more than 10,000, or 16 MiB, the newest ones are. */
    readonly entries: number
    /** The oldest of them. */
    readonly since: Date | null
    /** Whether the log holds no older entry of the thing. */
    readonly isAll: boolean
    /** Whether a policy removed entries of the log before this time, of this thing perhaps. */
    readonly removedBefore: Date | null
    /**
     * Whether the reader may not see all that changed it. Then nothing is called written past the log,
     * because an entry that they do not see may explain it.
     */
    readonly mayLackChanges: boolean
    /** Whether there are more fields than `fields` tells. */
    readonly hasMoreFields: boolean
  }
}

const TARGET_NAMES = ['targetId', 'entityType', 'eventId', 'field', 'seenBy'] as const
const NAMES = [...TARGET_NAMES, 'at', 'cursor', 'limit'] as const
const DEFAULT_LIMIT = 50
const MAX_LIMIT = 500
const MOST_DOUBTS = 100
const MAX_FIELD_CHARACTERS = 1_000

/**
 * The history of one thing: its changes, and its state at a time, as far as its entries tell them.
 *
 * Changes are pairs `{ from, to }` or `{ before, after }` in the metadata. Each field says from which
 * entry its value is known. Where an entry found another value than the last one had left, the field is
 * in doubt, until an entry finds what the last one left. Denied and failed entries change nothing.
 *
 * ```ts
 * const { fields } = await history(db, { targetId, at: new Date('2026-05-03') })
 * ```
 *
 * @throws {AuditError} as `timeline` does
 */
export async function history(db: AuditDatabase, options: HistoryOptions): Promise<TargetHistory> {
  const { field, limit, ...asked } = checkOptions(options)
  const read = await readTarget(db, asked)
  const own = ownEntities([...read.entries, ...read.later], read.targetId)
  const moments = [...read.entries, ...read.later].map((entry) =>
    ofField(momentOf(entry, read.targetId, own), field),
  )
  const count = read.entries.length
  let folded = foldFields(moments, count)
  const suspected = [...folded.fields.flatMap(({ doubt }) => doubt ?? []), ...folded.doubts]
  const losses = await lossesBetween(db, suspected, asked.seenBy)
  const lacks = asked.seenBy !== undefined && mayLackChanges(asked.seenBy)
  if (losses.size > 0 || (lacks && suspected.length > 0)) {
    const isHidden = lacks ? 'hidden' : undefined
    folded = foldFields(moments, count, (...both) => losses.between(...both) ?? isHidden)
  }
  const isAll = read.nextCursor === null
  const begin = isAll ? await logBegin((query) => readRows(db, query)) : undefined
  return {
    targetId: read.targetId,
    at: new Date(read.atMs ?? Date.now()),
    life: lifeOf(moments, count),
    fields: folded.fields,
    ...lineOf(moments.slice(0, count), folded.doubts, limit, read),
    doubts: folded.doubts.slice(0, MOST_DOUBTS),
    looked: {
      entries: count,
      since: moments[0] && count > 0 ? new Date(moments[0].ms) : null,
      isAll,
      removedBefore: begin ? new Date(begin.atMs) : null,
      mayLackChanges: lacks,
      hasMoreFields: folded.hasMoreFields,
    },
  }
}

function ofField(moment: Moment, field: string | undefined): Moment {
  if (field === undefined) return moment
  const changes = moment.changes.filter(
    ({ path }) => path === field || path.startsWith(`${field}.`),
  )
  return { ...moment, changes }
}

function lifeOf(moments: readonly Moment[], count: number): TargetHistory['life'] {
  const nameOf = (moment: Moment | undefined) => (moment ? named(moment.entry, moment.ms) : null)
  const before = moments.slice(0, count).filter(({ kind }) => kind !== 'none' && kind !== 'attempt')
  const end = before.findLastIndex(({ kind }) => kind === 'end')
  const after = before.slice(end + 1)
  if (after.length > 0) {
    // A change after the end says that it is there again.
    const begin = after.findLast(({ kind }) => kind === 'begin') ?? (end < 0 ? undefined : after[0])
    return { state: 'there', entry: nameOf(begin) }
  }
  if (end >= 0) return { state: 'deleted', entry: nameOf(before[end]) }
  const next = moments.slice(count).find(({ kind }) => kind !== 'none' && kind !== 'attempt')
  if (next?.kind === 'begin') return { state: 'not made yet', entry: nameOf(next) }
  return { state: 'unknown', entry: null }
}

function lineOf(
  moments: readonly Moment[],
  doubts: readonly FieldDoubt[],
  limit: number,
  { nextCursor, cursorBefore }: TargetEntries,
): Pick<TargetHistory, 'line' | 'nextCursor'> {
  const doubtAt = new Map(doubts.map((doubt) => [`${doubt.found.entry.id} ${doubt.path}`, doubt]))
  const told: TargetMoment[] = []
  for (const { entry, kind, changes } of moments) {
    if (kind === 'none' || (changes.length === 0 && kind === 'change')) continue
    if (changes.length === 0 && kind === 'attempt') continue
    const marked = changes.map((change): FieldChange => {
      const doubt = doubtAt.get(`${entry.id} ${change.path}`)
      return doubt ? { ...change, doubt } : change
    })
    told.push({ entry, kind, changes: marked })
  }
  // By id, as cursors are.
  told.sort((one, other) => (one.entry.id < other.entry.id ? 1 : -1))
  const line = told.slice(0, limit)
  const last = line.at(-1)
  const isCut = told.length > limit && last !== undefined
  return { line, nextCursor: isCut ? cursorBefore(last.entry.id) : nextCursor }
}

interface CheckedHistory extends AskedTarget {
  readonly field: string | undefined
  readonly limit: number
}

/** @throws {AuditError} `AUDIT_FILTER_INVALID` */
function checkOptions(options: HistoryOptions): CheckedHistory {
  if (!isObject(options)) throw filterInvalid('A history needs an object with a targetId.')
  try {
    refuseUnknownOptions(options, NAMES)
  } catch (error) {
    throw filterInvalid(error instanceof AuditError ? error.message : 'The options cannot be read.')
  }
  const { targetId, entityType, eventId, field, seenBy } = options
  const { at, cursor, limit = DEFAULT_LIMIT } = options
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw filterInvalid(`limit must be a whole number from 1 to ${MAX_LIMIT}, got ${shown(limit)}.`)
  }
  if (at !== undefined && cursor !== undefined) {
    throw filterInvalid('Give at or cursor, because a cursor is a time, too.')
  }
  return {
    targetId: idText('targetId', targetId),
    entityType:
      entityType === undefined ? undefined : text('entityType', entityType, MAX_TEXT_CHARACTERS),
    eventId: eventId === undefined ? undefined : idText('eventId', eventId),
    field: field === undefined ? undefined : text('field', field, MAX_FIELD_CHARACTERS),
    seenBy,
    atMs: instant('at', at),
    cursor,
    limit,
  }
}
