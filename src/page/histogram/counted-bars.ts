import { sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { idFloor } from '../../ids/uuid7.ts'
import { inWindow } from '../../read/id-windows.ts'
import { readRows } from '../../read/read-rows.ts'
import { auditLog } from '../../schema/tables.ts'
import { type Bar, idList, type WantedEntries } from './bars.ts'
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
  { first, others, windows, countUpTo }: CountRequest,
): Promise<Bar[] | undefined> {
  const matches = others.length > 0 ? sql.join([...others], sql` and `) : sql`true`
  const matched = new Map<number, number>()
  let looked = 0
  for (const window of windows) {
    const conditions = [
      first ?? sql`true`,
      sql`${auditLog.id} operator(pg_catalog.>=) ${idFloor(fromMs)}::pg_catalog.uuid`,
      sql`${auditLog.id} operator(pg_catalog.<) ${idFloor(toMs)}::pg_catalog.uuid`,
      ...inWindow(window),
    ]
    const rows = await readRows(
      db,
      sql`
        select pg_catalog.width_bucket(taken.id, ${idList(edges.map(idFloor))}) as "bar",
          pg_catalog.count(*)::double precision as "looked",
          (pg_catalog.count(*) filter (where taken.is_match))::double precision as "matched"
        from (
          select ${auditLog.id} as id, (${matches}) as is_match from ${auditLog}
          where ${sql.join(conditions, sql` and `)}
          order by ${auditLog.id} limit ${sql.raw(String(countUpTo + 1 - looked))}
        ) as taken
        group by 1`,
    )
    for (const row of rows) {
      looked += Number(row['looked'])
      const bar = Number(row['bar'])
      matched.set(bar, (matched.get(bar) ?? 0) + Number(row['matched']))
    }
    if (looked > countUpTo) return undefined
  }
  return pairs(edges).map(([from, to], at) => {
    return { fromMs: from, toMs: to, count: matched.get(at + 1) ?? 0, isEstimate: false }
  })
}
