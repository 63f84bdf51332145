import { type SQL, sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import type { IdKind } from '../../entry.ts'
import { withFilter } from '../../read/bound-filter.ts'
import { checkFilter, type LogFilter } from '../../read/filter.ts'
import { type IdWindow, inWindow } from '../../read/id-windows.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { partitionsOf } from '../../read/partitions.ts'
import { readRows } from '../../read/read-rows.ts'
import { seen } from '../../query/statements/seen-columns.ts'
import { auditLog } from '../../schema/tables.ts'
import { type WantedEntries, windowsFor } from './bars.ts'
import { splitConditions } from './split-conditions.ts'

/** The most entries that are looked at, the newest ones. */
const MOST_LOOKED_AT = 5_000
/** The most groups that one window tells. */
const MOST_GROUPS = 500
const SHOWN = 4

export interface Top {
  readonly value: string
  readonly count: number
  /** Of an actor: whether it is the one who acted for the user. */
  readonly isActor: boolean
}

/** Which actions and people most entries are of. */
export interface Tops {
  readonly actions: readonly Top[]
  readonly people: readonly Top[]
  /** How many entries were counted, the newest ones. Undefined: all that the filter finds. */
  readonly newest: number | undefined
}

export interface TopsRequest {
  readonly filter: LogFilter
  /** All matching entries, where one page holds them. Then no query is needed. */
  readonly allEntries?: readonly LoggedEntry[] | undefined
}

/**
 * The most frequent actions and people of a filter, among the newest 5,000 entries that the index of its
 * first condition leads to: counting all of a big log takes as long as reading it.
 */
export async function tops(db: AuditDatabase, request: TopsRequest): Promise<Tops> {
  const { filter, allEntries } = request
  const groups = new Groups()
  if (allEntries) {
    for (const entry of allEntries) groups.addEntry(entry)
    return groups.tops(undefined)
  }
  return await withFilter(db, checkFilter(filter), ({ ids }) => count(db, filter, ids, groups))
}

async function count(
  db: AuditDatabase,
  filter: LogFilter,
  ids: IdKind,
  groups: Groups,
): Promise<Tops> {
  const { range } = checkFilter(filter)
  const windows = windowsFor(await partitionsOf(db), range).toReversed()
  const wanted = { ...splitConditions(filter, ids), windows }
  let looked = 0
  for (const window of windows) {
    const left = MOST_LOOKED_AT - looked
    const rows = await readRows(db, groupsQuery(wanted, [window, range], left))
    for (const row of rows) groups.addRow(row)
    looked += Number(rows[0]?.['looked'] ?? 0)
    if (looked >= MOST_LOOKED_AT) break
  }
  return groups.tops(looked >= MOST_LOOKED_AT ? looked : undefined)
}

/** The newest entries of a window that the first condition finds, in groups of those that match. */
function groupsQuery(
  { first, either, others, columns }: WantedEntries,
  ranges: readonly IdWindow[],
  limit: number,
): SQL {
  const matches = others.length > 0 ? sql.join([...others], sql` and `) : sql`true`
  const actor = seen(columns, 'actorId')
  const newest = sql`order by 1 desc limit ${sql.raw(String(limit))}`
  const part = (
    condition: SQL,
  ) => sql`(select ${auditLog.id} as id, ${seen(columns, 'action')} as action,
      coalesce(${actor}, ${seen(columns, 'userId')})::pg_catalog.text as who,
      ${actor} is not null as is_actor, (${matches}) as is_match
    from ${auditLog}
    where ${sql.join([condition, ...ranges.flatMap(inWindow)], sql` and `)} ${newest})`
  // An entry that meets several of the alternatives is one row of the union.
  const parts = either.length > 0 ? either.map(part) : [part(first ?? sql`true`)]
  return sql`
    with taken as (select * from (${sql.join(parts, sql` union `)}) as found ${newest}),
    groups as (
      select taken.action, taken.who, taken.is_actor, pg_catalog.count(*) as count
      from taken where taken.is_match
      group by grouping sets ((taken.action), (taken.who, taken.is_actor))
      order by 4 desc limit ${sql.raw(String(MOST_GROUPS))}
    )
    select (select pg_catalog.count(*) from taken)::double precision as "looked",
      groups.action as "action", groups.who as "who", groups.is_actor as "is_actor",
      groups.count::double precision as "count"
    from (select 1) as one left join groups on true`
}

/** Counts by action and by person. */
class Groups {
  readonly #actions = new Map<string, Top>()
  readonly #people = new Map<string, Top>()

  addRow(row: Readonly<Record<string, unknown>>): void {
    const { action, who, count: times } = row
    if (typeof action === 'string') add(this.#actions, action, Number(times), false)
    if (typeof who === 'string') add(this.#people, who, Number(times), row['is_actor'] === true)
  }

  addEntry({ action, userId, actorId }: LoggedEntry): void {
    add(this.#actions, action, 1, false)
    const who = actorId ?? userId
    if (who !== null) add(this.#people, who, 1, actorId !== null)
  }

  tops(newest: number | undefined): Tops {
    return { actions: most(this.#actions), people: most(this.#people), newest }
  }
}

function add(to: Map<string, Top>, value: string, count: number, isActor: boolean): void {
  const key = `${isActor} ${value}`
  to.set(key, { value, isActor, count: (to.get(key)?.count ?? 0) + count })
}

function most(groups: ReadonlyMap<string, Top>): readonly Top[] {
  const order = (one: Top, other: Top) =>
    other.count - one.count || (one.value < other.value ? -1 : 1)
  return [...groups.values()].sort(order).slice(0, SHOWN)
}
