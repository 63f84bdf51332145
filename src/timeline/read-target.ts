import type { AuditDatabase } from '../database/callers-database.ts'
import { filterInvalid } from '../errors.ts'
import { idFloor, MAX_RECORDED_MS, recordedMs } from '../ids/uuid7.ts'
import { neighbourOf } from '../ids/uuid.ts'
import type { Projection } from '../projection/projection.ts'
import type { LogQuery, QueryPart, Term } from '../query/log-query.ts'
import { idKindOf } from '../read/bound-filter.ts'
import { decodeCursor, encodeCursor } from '../read/cursor.ts'
import { checkFilter } from '../read/filter.ts'
import { readHistory } from '../read/history.ts'
import type { LoggedEntry } from '../read/logged-entry.ts'
import {
  checkTimeline,
  timeline,
  type TimelineOptions,
  type TimelinePage,
} from '../read/timeline.ts'

export interface AskedTarget {
  readonly targetId: string
  readonly entityType: string | undefined
  readonly eventId: string | undefined
  /** The last moment that counts, in Unix milliseconds. */
  readonly atMs: number | undefined
  readonly cursor: string | undefined
  readonly seenBy: Projection | undefined
}

export interface TargetEntries {
  /** The id as the log writes it. */
  readonly targetId: string
  /** Up to the time that is asked for, in the order of recording. */
  readonly entries: readonly LoggedEntry[]
  /** The first ones after that time. */
  readonly later: readonly LoggedEntry[]
  /** Goes on with older ones than were looked at. Null: there are none. */
  readonly nextCursor: string | null
  /** The cursor of a place right before an entry. */
  readonly cursorBefore: (id: string) => string
  /** The end of the time that is asked for. Default: now */
  readonly atMs: number | undefined
}

const PAGE_ENTRIES = 500
/** Entries that are looked at up to the time that is asked for. */
export const MOST_LOOKED = 10_000
/** Of the JSON of all of them, in characters. */
const MOST_CHARACTERS = 16 * 1024 * 1024
const LOOKING_MS = 5_000

/**
 * Reads the entries of a target: the newest ones up to a time, and the first ones after it.
 *
 * @throws {AuditError} as `timeline` does
 */
export async function readTarget(db: AuditDatabase, asked: AskedTarget): Promise<TargetEntries> {
  const startMs = performance.now()
  const ids = await idKindOf(db)
  const { atMs, cursor, eventId, seenBy } = asked
  // It says what is wrong with an id; a query would leave out the part and read the whole log.
  checkFilter({ targetId: asked.targetId, eventId }).bind(ids)
  const targetId = ids === 'uuid' ? asked.targetId.toLowerCase() : asked.targetId
  const query = queryFor(targetId, asked.entityType)
  const options = { query, eventId, seenBy, limit: PAGE_ENTRIES }
  const { owner } = checkTimeline(options)
  const history = await readHistory(db)
  const place = (direction: 'next' | 'prev', id: string) =>
    encodeCursor({ direction, id, history }, owner)
  // Older entries than this one's place count.
  const end = cursor === undefined ? floorAfter(atMs) : decodeCursor(cursor, owner).id
  const entries: LoggedEntry[] = []
  let characters = 0
  let next = end === undefined ? null : place('next', end)
  do {
    const page = await timeline(db, { ...options, cursor: next ?? undefined })
    refuseHidden(page)
    next = page.nextCursor
    entries.push(...page.entries)
    for (const entry of page.entries) characters += JSON.stringify(entry).length
  } while (
    next !== null &&
    entries.length < MOST_LOOKED &&
    characters < MOST_CHARACTERS &&
    performance.now() - startMs < LOOKING_MS
  )
  return {
    targetId,
    entries: inOrder(entries),
    later: end ? await readLater(db, options, place('prev', neighbourOf(end, -1))) : [],
    nextCursor: next,
    cursorBefore: (id) => place('next', id),
    atMs: end === undefined ? undefined : recordedMs(neighbourOf(end, -1)),
  }
}

/** The smallest id of an entry that was recorded after this millisecond. */
function floorAfter(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : idFloor(Math.min(ms + 1, MAX_RECORDED_MS))
}

async function readLater(
  db: AuditDatabase,
  options: TimelineOptions,
  cursor: string,
): Promise<readonly LoggedEntry[]> {
  const page = await timeline(db, { ...options, cursor })
  refuseHidden(page)
  return inOrder(page.entries)
}

/** A part that its reader may not ask for is left out of a query, which would then find other things. */
function refuseHidden({ query }: TimelinePage): void {
  const [problem] = query?.problems ?? []
  if (problem !== undefined) throw filterInvalid(problem.message)
}

/** By the time of recording. Within a millisecond by number, because only one recorder's ids have an order there. */
function inOrder(entries: readonly LoggedEntry[]): readonly LoggedEntry[] {
  return [...entries].sort(
    (one, other) => recordedMs(one.id) - recordedMs(other.id) || one.seq - other.seq,
  )
}

/** As the query line `on:ID type:TYPE`. */
function queryFor(targetId: string, entityType: string | undefined): LogQuery {
  const part = (name: string, value: string, term: Term): QueryPart => ({
    ...{ from: 0, to: 0, name, value, isNot: false, terms: [term] },
  })
  const parts = [part('on', targetId, { kind: 'id', place: 'on', text: targetId, ids: [targetId] })]
  if (entityType !== undefined) {
    parts.push(part('type', entityType, { kind: 'text', column: 'entityType', value: entityType }))
  }
  return { text: '', parts, problems: [] }
}
