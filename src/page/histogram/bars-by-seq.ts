import { sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { idFloor } from '../../ids/uuid7.ts'
import { type IdWindow, inWindow } from '../../read/id-windows.ts'
import type { PartitionMap } from '../../read/partitions.ts'
import { readRows } from '../../read/read-rows.ts'
import { auditLog } from '../../schema/tables.ts'
import { type Bar, idList, windowsFor } from './bars.ts'
import { pairs, type TimeScale } from './time-scale.ts'

interface SeqCountRequest {
  readonly map: PartitionMap
  readonly windows: readonly IdWindow[]
  readonly countUpTo: number
}

/**
 * The bars of the whole log, by the difference of `seq` between their ends: one index look-up for
 * each edge.
 *
 * Numbers do not tell the kinds of the entries.
 *
 * @returns undefined where there are few enough entries to count them
 */
export async function barsBySeq(
  db: AuditDatabase,
  { edges }: TimeScale,
  { map, windows, countUpTo }: SeqCountRequest,
): Promise<Omit<Bar, 'kinds'>[] | undefined> {
  const ids = edges.map(idFloor)
  // Of the newest entry before an edge. Where a window has none, it is that of the window before.
  let before = windows[0]?.fromId === undefined ? 0 : await seqBefore(db, map, ids[0] ?? '')
  const seqs: number[] = []
  for (const [at, { fromId, toId }] of windows.entries()) {
    const inside = ids.filter(
      (id) => (at === 0 || id > String(fromId)) && (toId === undefined || id <= toId),
    )
    const asked = toId === undefined ? inside : [...inside, toId]
    const found = await seqsBefore(db, { fromId, toId }, asked)
    seqs.push(...inside.map((_, edge) => found[edge] ?? before))
    before = found.at(-1) ?? before
  }
  if ((seqs.at(-1) ?? 0) - (seqs[0] ?? 0) < countUpTo) return undefined
  return pairs(edges).map(([fromMs, toMs], at) => {
    const count = Math.max(0, (seqs[at + 1] ?? 0) - (seqs[at] ?? 0))
    return { fromMs, toMs, count, isEstimate: true }
  })
}

async function seqBefore(db: AuditDatabase, map: PartitionMap, id: string): Promise<number> {
  for (const window of windowsFor(map, { toId: id }).toReversed()) {
    const [seq] = await seqsBefore(db, window, [id])
    if (seq !== undefined) return seq
  }
  return 0
}

/** The `seq` of the newest entry of a window before each id. */
async function seqsBefore(
  db: AuditDatabase,
  window: IdWindow,
  ids: readonly string[],
): Promise<readonly (number | undefined)[]> {
  const isBefore = sql`${auditLog.id} operator(pg_catalog.<) edge.id`
  const rows = await readRows(
    db,
    sql`
      select (
        select ${auditLog.seq} from ${auditLog}
        where ${sql.join([isBefore, ...inWindow(window)], sql` and `)}
        order by ${auditLog.id} desc limit 1
      )::double precision as "seq"
      from pg_catalog.unnest(${idList(ids)}) with ordinality as edge (id, n) order by edge.n`,
  )
  return rows.map(({ seq }) => (seq === null ? undefined : Number(seq)))
}
