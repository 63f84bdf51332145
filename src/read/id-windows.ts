import { type SQL, sql } from 'drizzle-orm'
import { idFloor } from '../ids/uuid7.ts'
import { auditLog, auditPartition } from '../schema/tables.ts'
import { isEmpty, type LogPartition, MAX_PARTITIONS, type PartitionMap } from './partitions.ts'

/** Ids from `fromId` on and before `toId`. What is left out bounds nothing. */
export interface IdRange {
  readonly fromId?: string | undefined
  readonly toId?: string | undefined
}

/** Partitions that follow each other without a gap, so that DEFAULT holds no id of them. */
export interface Run {
  readonly fromId: string
  readonly toId: string
  readonly partitions: number
}

/** What one statement reads: a range of ids without the runs that it steps over. */
export interface IdWindow extends IdRange {
  readonly stepsOver?: readonly Run[]
}

/** Partitions of the first and the second window of a page. The further ones are full. */
const FIRST = 3
const SECOND = 10
/** More partitions than this whose time has not come are stepped over. */
const MANY_AHEAD = 6
/** The lanes take no id whose time is further ahead: `ahead_ms` of `audit.bound`. */
const AHEAD_MS = 24 * 3_600_000

export interface WindowsRequest {
  /** What is asked for. Windows cover all of it, and may cover more. */
  readonly range: IdRange
  readonly isDescending: boolean
  readonly nowMs: number
  /**
   * How many entries the first window should hold, as far as the catalogue knows. It makes sense
   * where nothing but the range chooses the entries. Default: any number
   */
  readonly wantedRows?: number
  /** Whether partitions of the future may be stepped over. The reader has to ask for the proof. */
  readonly mayStepOver?: boolean
  /** Whether the first windows are full, too, because all of them will be read. */
  readonly isWhole?: boolean
}

/** Ids from the first one of a partition to that of the next, with the gap between them. */
interface Tile extends IdRange {
  readonly partition?: LogPartition
}

/**
 * Cuts a range of ids into windows in the order of reading. None touches more partitions than a
 * statement may.
 *
 * They lie next to each other and leave nothing out, gaps between partitions included, where DEFAULT
 * or a partition that the map does not know may have entries. So a map of another time, or of no
 * partition at all, cuts at other places and hides nothing.
 */
export function windowsOf(map: PartitionMap, request: WindowsRequest): readonly IdWindow[] {
  const { isDescending, nowMs, mayStepOver = false } = request
  const all = tilesOf(map)
  // A small log is asked as a whole, and in the same words each time.
  if (all.length <= MAX_PARTITIONS + 1) return [{}]
  const tiles = all.filter((tile) => overlaps(tile, request.range))
  const present = idFloor(Math.max(0, nowMs + AHEAD_MS))
  const ahead = tiles.filter(({ fromId }) => fromId !== undefined && fromId > present)
  const isMany = ahead.length > MANY_AHEAD && ahead.length < tiles.length
  const run = mayStepOver && isMany ? emptyRun(ahead) : undefined
  const kept = run ? tiles.filter((tile) => !ahead.includes(tile)) : tiles
  const behindRun = run && ahead.at(-1)
  const inOrder = isDescending ? kept.toReversed() : kept
  const sizes = sizesOf(inOrder, request, run ? 0 : ahead.length)
  const windows: IdWindow[] = []
  let at = 0
  for (const size of sizes) {
    const taken = inOrder.slice(at, at + size)
    at += size
    const [first, last] = isDescending ? [taken.at(-1), taken[0]] : [taken[0], taken.at(-1)]
    windows.push({ fromId: first?.fromId, toId: last?.toId })
  }
  if (run === undefined) return windows
  // The run lies in the newest window, which goes on behind it.
  const newest = isDescending ? 0 : windows.length - 1
  return windows.map((window, n) =>
    n === newest ? { fromId: window.fromId, toId: behindRun?.toId, stepsOver: [run] } : window,
  )
}

/** The windows of a range, each of them whole partitions: also those of a small log leave out the others. */
export function wholeWindows(map: PartitionMap, range: IdRange): readonly IdWindow[] {
  const tiles = tilesOf(map).filter((tile) => overlaps(tile, range))
  let at = 0
  return chunks(tiles.length).map((size) => {
    const [first, last] = [tiles[at], tiles[at + size - 1]]
    at += size
    return { fromId: first?.fromId, toId: last?.toId }
  })
}

function tilesOf({ partitions }: PartitionMap): readonly Tile[] {
  const [first] = partitions
  if (first === undefined) return [{}]
  return [
    { toId: first.fromId },
    ...partitions.map((partition, at) => {
      return { fromId: partition.fromId, toId: partitions[at + 1]?.fromId, partition }
    }),
  ]
}

function overlaps(tile: IdRange, range: IdRange): boolean {
  const { fromId = '', toId } = range
  return (
    (tile.toId === undefined || tile.toId > fromId) &&
    (toId === undefined || tile.fromId === undefined || tile.fromId < toId)
  )
}

/** The tiles as a run, where they follow each other, and none of them had an entry. */
function emptyRun(tiles: readonly Tile[]): Run | undefined {
  const partitions = tiles.flatMap(({ partition }) => partition ?? [])
  if (!partitions.every((one) => one.isEmpty)) return undefined
  const [run, ...others] = runsOf(partitions)
  return others.length === 0 ? run : undefined
}

/** Partitions in the order of ids as runs. */
export function runsOf(partitions: readonly LogPartition[]): readonly Run[] {
  const runs: Run[] = []
  for (const { fromId, toId } of partitions) {
    const last = runs.at(-1)
    if (last?.toId !== fromId) runs.push({ fromId, toId, partitions: 1 })
    else runs[runs.length - 1] = { ...last, toId, partitions: last.partitions + 1 }
  }
  return runs
}

/** How many tiles each window has. The one before the first partition touches DEFAULT alone. */
function sizesOf(
  tiles: readonly Tile[],
  { isDescending, wantedRows, isWhole = false }: WindowsRequest,
  ahead: number,
): readonly number[] {
  const total = tiles.length
  if (total <= MAX_PARTITIONS || isWhole) return chunks(total)
  let first = FIRST + (isDescending && ahead <= MANY_AHEAD ? ahead : 0)
  if (isDescending && ahead > MANY_AHEAD) first = Math.min(ahead + FIRST, MAX_PARTITIONS)
  if (wantedRows !== undefined) first = widened(tiles, first, wantedRows)
  // Two windows where two are enough.
  if (total - MAX_PARTITIONS > first && total - MAX_PARTITIONS <= FIRST + SECOND) {
    first = total - MAX_PARTITIONS
  }
  const rest = total - first
  const second = rest <= MAX_PARTITIONS ? rest : SECOND
  return [first, second, ...chunks(rest - second)].filter((size) => size > 0)
}

/** Goes on while all that is known says that there is too little. */
function widened(tiles: readonly Tile[], first: number, wantedRows: number): number {
  let size = first
  const rowsOf = (tile: Tile | undefined) => tile?.partition?.rows
  let rows = tiles.slice(0, first).reduce((sum, tile) => sum + (rowsOf(tile) ?? 0), 0)
  while (size < MAX_PARTITIONS && rows < wantedRows && rowsOf(tiles[size - 1]) !== undefined) {
    rows += rowsOf(tiles[size]) ?? wantedRows
    size += 1
  }
  return size
}

function chunks(total: number): readonly number[] {
  const count = Math.ceil(total / MAX_PARTITIONS)
  return Array.from({ length: count }, (_, n) =>
    Math.min(MAX_PARTITIONS, total - n * MAX_PARTITIONS),
  )
}

/**
 * The conditions of a window. The ids stand in the text, so that Postgres leaves out the other
 * partitions when it makes the plan, and locks none of them, also for a plan that it keeps.
 */
export function inWindow({ fromId, toId, stepsOver = [] }: IdWindow): readonly SQL[] {
  return [
    ...(fromId === undefined
      ? []
      : [sql`${auditLog.id} operator(pg_catalog.>=) ${idText(fromId)}`]),
    ...(toId === undefined ? [] : [sql`${auditLog.id} operator(pg_catalog.<) ${idText(toId)}`]),
    ...stepsOver.map(
      (run) => sql`(${auditLog.id} operator(pg_catalog.<) ${idText(run.fromId)}
        or ${auditLog.id} operator(pg_catalog.>=) ${idText(run.toId)})`,
    ),
  ]
}

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** An id as a part of a statement's text. */
export function idText(id: string): SQL {
  if (!ID.test(id)) throw new TypeError('a part of a statement must be an id')
  return sql.raw(`'${id}'::pg_catalog.uuid`)
}

/** What makes sure that a partition holds nothing that is asked for. Default: no entry at all */
export interface Beside {
  readonly nextSeq: number
  readonly lastSeq: number | undefined
}

/**
 * Whether what a window steps over still holds nothing that is asked for. It is a part of the
 * statement that reads the window, so it sees what that one sees.
 *
 * The catalogue has to have as many such partitions in each run as when the map was read.
 */
export function isStillBeside(runs: readonly Run[], beside?: Beside): SQL {
  const holdsNothing =
    beside === undefined
      ? isEmpty
      : sql`case
          when ${auditPartition.maxSeq} operator(pg_catalog.<) ${beside.nextSeq}::bigint then true
          ${
            beside.lastSeq === undefined
              ? sql.empty()
              : sql`when ${auditPartition.minSeq} operator(pg_catalog.>) ${beside.lastSeq}::bigint
                  then true`
          }
          when ${auditPartition.maxSeq} is null then ${isEmpty}
          else false end`
  const within = runs.map(
    ({ fromId, toId }) => sql`(
      ${auditPartition.fromId} operator(pg_catalog.>=) ${idText(fromId)}
      and ${auditPartition.fromId} operator(pg_catalog.<) ${idText(toId)})`,
  )
  const count = runs.reduce((sum, { partitions }) => sum + partitions, 0)
  return sql`(
    select (pg_catalog.count(*) filter (where ${holdsNothing}))
        operator(pg_catalog.=) ${sql.raw(String(count))}::bigint
      and pg_catalog.count(*) operator(pg_catalog.=) ${sql.raw(String(count))}::bigint
    from ${auditPartition} where ${sql.join(within, sql` or `)}
  )`
}
