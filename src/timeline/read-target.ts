import { createHash } from 'node:crypto'
import type { AuditDatabase } from '../database/callers-database.ts'
import { AuditError } from '../errors.ts'
import { idFloor, MAX_RECORDED_MS, recordedMs } from '../ids/uuid7.ts'
import { neighbourOf } from '../ids/uuid.ts'
import type { Projection } from '../projection/projection.ts'
import { idKindOf } from '../read/bound-filter.ts'
import { decodeCursor, encodeCursor, type Position } from '../read/paging/cursor.ts'
import { readHistory } from '../read/history.ts'
import type { LoggedEntry } from '../read/logged-entry.ts'
import { checkTimeline, timeline, type TimelineOptions } from '../read/timeline.ts'

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
const MOST_LOOKED = 10_000
/** Of the JSON of all of them, in characters. */
const MOST_CHARACTERS = 16 * 1024 * 1024
const LOOKING_MS = 5_000

/** One of the two ways in which entries name a thing. Each has an index of its own. */
interface Way {
  readonly options: TimelineOptions
  readonly place: (direction: Position['direction'], id: string) => string
  /** Of a cursor of this way: the id that it stands next to. */
  readonly idIn: (cursor: string) => string
}

/**
 * Reads the entries of a target: the newest ones up to a time, and the first ones after it.
 *
 * @throws {AuditError} as `timeline` does
 */
export async function readTarget(db: AuditDatabase, asked: AskedTarget): Promise<TargetEntries> {
  const { atMs, cursor, entityType, eventId, seenBy } = asked
  const ids = await idKindOf(db)
  const targetId = ids === 'uuid' ? asked.targetId.toLowerCase() : asked.targetId
  const owner = createHash('sha256')
    .update(JSON.stringify(['history', targetId, entityType, eventId]))
    .digest()
  const history = await readHistory(db)
  const cursorBefore = (id: string) => encodeCursor({ direction: 'next', id, history }, owner)
  // Older entries than this one's place count.
  const position = cursor === undefined ? undefined : decodeCursor(cursor, owner)
  if (position !== undefined && position.history !== history) {
    throw new AuditError(
      'AUDIT_HISTORY_CHANGED',
      'The cursor is from before a restore of the log. Ask for the history without it.',
    )
  }
  const end = position === undefined ? floorAfter(atMs) : position.id
  const common = { entityType, eventId, seenBy, limit: PAGE_ENTRIES }
  const ways = [{ targetId }, { moreTargets: targetId }].map((named): Way => {
    const options = { ...common, ...named }
    const { owner: own } = checkTimeline(options)
    return {
      options,
      place: (direction, id) => encodeCursor({ direction, id, history }, own),
      idIn: (text) => decodeCursor(text, own).id,
    }
  })
  const { entries, frontier } = await readNewest(db, ways, end)
  return {
    targetId,
    entries: inOrder(entries),
    later: end === undefined ? [] : inOrder(await readLater(db, ways, end)),
    nextCursor: frontier === undefined ? null : cursorBefore(frontier),
    cursorBefore,
    atMs: end === undefined ? undefined : recordedMs(neighbourOf(end, -1)),
  }
}

/** The smallest id of an entry that was recorded after this millisecond. */
function floorAfter(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : idFloor(Math.min(ms + 1, MAX_RECORDED_MS))
}

/** How far a way was read. */
interface Reading {
  readonly way: Way
  /** Goes on. Null: this way is at its end. */
  cursor: string | null | undefined
  /** All of its entries from this id on were read. Undefined: none yet. */
  frontier: string | undefined
}

/** The newest entries before an id, by both ways, and the id from which on they are complete. */
async function readNewest(
  db: AuditDatabase,
  ways: readonly Way[],
  end: string | undefined,
): Promise<{ readonly entries: readonly LoggedEntry[]; readonly frontier: string | undefined }> {
  const startMs = performance.now()
  const found = new Map<string, LoggedEntry>()
  const readings = ways.map(
    (way): Reading => ({
      ...{ way, frontier: undefined },
      cursor: end === undefined ? undefined : way.place('next', end),
    }),
  )
  let characters = 0
  for (;;) {
    // Always the one that was read the least far, so that both end at about the same time.
    const [reading] = readings
      .filter(({ cursor }) => cursor !== null)
      .sort((one, other) => ((one.frontier ?? 'g') > (other.frontier ?? 'g') ? -1 : 1))
    const isFirst = readings.some(
      ({ frontier, cursor }) => frontier === undefined && cursor !== null,
    )
    const isEnough =
      found.size >= MOST_LOOKED ||
      characters >= MOST_CHARACTERS ||
      performance.now() - startMs >= LOOKING_MS
    if (reading === undefined || (isEnough && !isFirst)) break
    const { options, idIn } = reading.way
    const page = await timeline(db, { ...options, cursor: reading.cursor ?? undefined })
    for (const entry of page.entries) {
      found.set(entry.id, entry)
      characters += JSON.stringify(entry).length
    }
    reading.cursor = page.nextCursor
    if (page.nextCursor !== null) reading.frontier = idIn(page.nextCursor)
  }
  const frontier = readings
    .flatMap((one) => (one.cursor === null ? [] : (one.frontier ?? [])))
    .sort()
    .at(-1)
  const all = [...found.values()]
  return {
    entries: frontier === undefined ? all : all.filter(({ id }) => id >= frontier),
    frontier,
  }
}

/** The first entries from an id on, by both ways, as far as both go. */
async function readLater(
  db: AuditDatabase,
  ways: readonly Way[],
  end: string,
): Promise<readonly LoggedEntry[]> {
  const found = new Map<string, LoggedEntry>()
  let last: string | undefined
  for (const { options, place, idIn } of ways) {
    const page = await timeline(db, { ...options, cursor: place('prev', neighbourOf(end, -1)) })
    for (const entry of page.entries) found.set(entry.id, entry)
    const own = page.prevCursor === null ? undefined : idIn(page.prevCursor)
    if (own !== undefined && (last === undefined || own < last)) last = own
  }
  return [...found.values()].filter(({ id }) => last === undefined || id <= last)
}

/**
 * By the time of recording. Within a millisecond by number, because only the ids of one recorder have an
 * order there.
 */
function inOrder(entries: readonly LoggedEntry[]): readonly LoggedEntry[] {
  return [...entries].sort(
    (one, other) => recordedMs(one.id) - recordedMs(other.id) || one.seq - other.seq,
  )
}
