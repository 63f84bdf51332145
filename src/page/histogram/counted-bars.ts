import { type SQL, sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { idFloor } from '../../ids/uuid7.ts'
import { type IdWindow, inWindow } from '../../read/id-windows.ts'
import { readRows } from '../../read/read-rows.ts'
import { auditLog } from '../../schema/tables.ts'
import { type Bar, idList, type WantedEntries } from './bars.ts'
import { groupsOf, type KindCounts, kindsIn, NOTHING, sum, takenColumns, totalOf } from './kinds.ts'
import { pairs, type TimeScale } from './time-scale.ts'

interface CountRequest extends WantedEntries {
  readonly countUpTo: number
}

/**
 * Counts the entries of each bar.
 *
 * @returns undefined where more than `countUpTo` entries match the condition with the index
 */
export async function countedBars(
  db: AuditDatabase,
  scale: TimeScale,
  wanted: CountRequest,
): Promise<Bar[] | undefined> {
  const { others, windows, columns, countUpTo } = wanted
  if (await areMoreThan(db, scale, wanted, countUpTo)) return undefined
  const { edges } = scale
  const matches = others.length > 0 ? sql.join([...others], sql` and `) : sql`true`
  const matched = new Map<number, KindCounts>()
  let looked = 0
  for (const window of windows) {
    const limit = countUpTo + 1 - looked
    const taken = found(takenColumns(columns, matches), { scale, wanted, window, limit })
    // The array is selected, so that the server makes it of its text once, and not for each entry.
    const bar = sql`pg_catalog.width_bucket(taken.id, (select ${idList(edges.map(idFloor))})) as "bar"`
    for (const row of await readRows(db, groupsOf(taken, bar, '1, 2, 3'))) {
      looked += Number(row['looked'])
      const at = Number(row['bar'])
      matched.set(at, sum(matched.get(at) ?? NOTHING, kindsIn(row)))
    }
    if (looked > countUpTo) return undefined
  }
  return pairs(edges).map(([from, to], at) => {
    const kinds = matched.get(at + 1) ?? NOTHING
    return { fromMs: from, toMs: to, count: totalOf(kinds), kinds, isEstimate: false }
  })
}

/** Asked before any of them is looked at, because an index alone answers it. */
async function areMoreThan(
  db: AuditDatabase,
  scale: TimeScale,
  wanted: WantedEntries,
  most: number,
): Promise<boolean> {
  let count = 0
  for (const window of wanted.windows) {
    const limit = most + 1 - count
    const ids = found(sql`${auditLog.id} as id`, { scale, wanted, window, limit })
    const [row] = await readRows(
      db,
      sql`select pg_catalog.count(*)::double precision as "count" from (${ids}) as taken`,
    )
    count += Number(row?.['count'] ?? 0)
    if (count > most) return true
  }
  return false
}

interface Place {
  readonly scale: TimeScale
  readonly wanted: WantedEntries
  readonly window: IdWindow
  readonly limit: number
}

/** The first entries of a window that the condition with the index finds. */
function found(selected: SQL, { scale, wanted, window, limit }: Place): SQL {
  const { first, either } = wanted
  const part = (condition: SQL) => {
    const conditions = [
      condition,
      sql`${auditLog.id} operator(pg_catalog.>=) ${idFloor(scale.fromMs)}::pg_catalog.uuid`,
      sql`${auditLog.id} operator(pg_catalog.<) ${idFloor(scale.toMs)}::pg_catalog.uuid`,
      ...inWindow(window),
    ]
    return sql`(select ${selected} from ${auditLog} where ${sql.join(conditions, sql` and `)}
      order by ${auditLog.id} limit ${sql.raw(String(limit))})`
  }
  // An entry that meets several of the alternatives is one row of the union.
  const parts = either.length > 0 ? either.map(part) : [part(first ?? sql`true`)]
  return sql.join(parts, sql` union `)
}
