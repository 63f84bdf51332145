import { type SQL, sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { idFloor } from '../../ids/uuid7.ts'
import type { BoundFilter } from '../../read/filter.ts'
import { inWindow } from '../../read/id-windows.ts'
import { readRows } from '../../read/read-rows.ts'
import { candidatesWithin } from '../../read/search/candidates.ts'
import { entriesIn } from '../../read/search/entries-in.ts'
import { auditLog } from '../../schema/tables.ts'
import { type Bar, idList, type WantedEntries } from './bars.ts'
import { groupsOf, type KindCounts, kindsIn, NOTHING, sum, takenColumns, totalOf } from './kinds.ts'
import { pairs, type TimeScale } from './time-scale.ts'

/** Of a rare word most candidates are the neighbours of an entry that has it, up to 63 of them. */
const CANDIDATES = 4

/**
 * Counts the entries of each bar among those that the search leaves over.
 *
 * @returns undefined where it leaves over more than four times `countUpTo`, or does not know all of that time
 */
export async function searchedBars(
  db: AuditDatabase,
  { edges, fromMs, toMs }: TimeScale,
  bound: BoundFilter,
  { windows, columns }: Pick<WantedEntries, 'windows' | 'columns'>,
  countUpTo: number,
): Promise<Bar[] | undefined> {
  const ask = (query: SQL) => readRows(db, query)
  const most = CANDIDATES * countUpTo
  const groups = await candidatesWithin(ask, bound.needles, { fromMs, toMs }, most)
  if (groups === undefined) return undefined
  const matched = new Map<number, KindCounts>()
  const conditions = [
    sql`${auditLog.id} operator(pg_catalog.>=) ${idFloor(fromMs)}::pg_catalog.uuid`,
    sql`${auditLog.id} operator(pg_catalog.<) ${idFloor(toMs)}::pg_catalog.uuid`,
    ...bound.conditions,
  ]
  const selected = takenColumns(columns, sql`true`)
  // Selected, so that the server makes the array of its text once, and not for each entry.
  const bar = sql`pg_catalog.width_bucket(taken.id, (select ${idList(edges.map(idFloor))})) as "bar"`
  for (const window of groups.length === 0 ? [] : windows) {
    const asked = { window: inWindow(window), conditions, selected }
    const taken = sql`select * from ${entriesIn(groups, asked)}`
    const rows = await readRows(db, groupsOf(taken, bar, '1, 2, 3'))
    for (const row of rows) {
      const at = Number(row['bar'])
      matched.set(at, sum(matched.get(at) ?? NOTHING, kindsIn(row)))
    }
  }
  return pairs(edges).map(([from, to], at) => {
    const kinds = matched.get(at + 1) ?? NOTHING
    return { fromMs: from, toMs: to, count: totalOf(kinds), kinds, isEstimate: false }
  })
}
