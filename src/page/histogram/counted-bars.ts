import { type SQL, sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { idFloor } from '../../ids/uuid7.ts'
import { inWindow } from '../../read/id-windows.ts'
import { readRows } from '../../read/read-rows.ts'
import { auditLog } from '../../schema/tables.ts'
import { type Bar, idList, type WantedEntries } from './bars.ts'
import {
  kindColumns,
  type KindCounts,
  kindNumber,
  kindsIn,
  NOTHING,
  sum,
  totalOf,
} from './kinds.ts'
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
  { edges, fromMs, toMs }: TimeScale,
  { first, either, others, windows, columns, countUpTo }: CountRequest,
): Promise<Bar[] | undefined> {
  const matches = others.length > 0 ? sql.join([...others], sql` and `) : sql`true`
  const matched = new Map<number, KindCounts>()
  let looked = 0
  for (const window of windows) {
    const part = (condition: SQL) => {
      const conditions = [
        condition,
        sql`${auditLog.id} operator(pg_catalog.>=) ${idFloor(fromMs)}::pg_catalog.uuid`,
        sql`${auditLog.id} operator(pg_catalog.<) ${idFloor(toMs)}::pg_catalog.uuid`,
        ...inWindow(window),
      ]
      return sql`(select ${auditLog.id} as id, (${matches}) as is_match, ${kindNumber(columns)} as kind
        from ${auditLog} where ${sql.join(conditions, sql` and `)}
        order by ${auditLog.id} limit ${sql.raw(String(countUpTo + 1 - looked))})`
    }
    // An entry that meets several of the alternatives is one row of the union.
    const parts = either.length > 0 ? either.map(part) : [part(first ?? sql`true`)]
    const rows = await readRows(
      db,
      sql`
        select pg_catalog.width_bucket(taken.id, ${idList(edges.map(idFloor))}) as "bar",
          pg_catalog.count(*)::double precision as "looked", ${kindColumns}
        from (${sql.join(parts, sql` union `)}) as taken
        group by 1`,
    )
    for (const row of rows) {
      looked += Number(row['looked'])
      const bar = Number(row['bar'])
      matched.set(bar, sum(matched.get(bar) ?? NOTHING, kindsIn(row)))
    }
    if (looked > countUpTo) return undefined
  }
  return pairs(edges).map(([from, to], at) => {
    const kinds = matched.get(at + 1) ?? NOTHING
    return { fromMs: from, toMs: to, count: totalOf(kinds), kinds, isEstimate: false }
  })
}
