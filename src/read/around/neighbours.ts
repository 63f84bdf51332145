import { type SQL, sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { auditLog } from '../../schema/tables.ts'
import { withFilter } from '../bound-filter.ts'
import { checkFilter, type LogFilter } from '../filter.ts'
import { type IdWindow, idText, inWindow, windowsOf } from '../id-windows.ts'
import { partitionsOf } from '../partitions.ts'
import { readRows } from '../read-rows.ts'

/** The entries next to one. Undefined: there is none. */
export interface Neighbours {
  readonly before: string | undefined
  readonly after: string | undefined
}

/**
 * The ids of the entries of a filter that were recorded just before and just after one: for a filter
 * whose condition has an index, two look-ups in each partition that has to be asked.
 */
export async function neighboursOf(
  db: AuditDatabase,
  filter: LogFilter,
  id: string,
): Promise<Neighbours> {
  const map = await partitionsOf(db)
  return await withFilter(db, checkFilter(filter), async ({ conditions }) => {
    const next = async (isDescending: boolean) => {
      const range = isDescending ? { toId: id } : { fromId: id }
      const windows = windowsOf(map, { range, isDescending, nowMs: Date.now() })
      for (const window of windows) {
        const found = await nextIn(db, { conditions, window, isDescending, id })
        if (found !== undefined) return found
      }
      return undefined
    }
    const [before, after] = await Promise.all([next(true), next(false)])
    return { before, after }
  })
}

interface Look {
  readonly conditions: readonly SQL[]
  readonly window: IdWindow
  readonly isDescending: boolean
  readonly id: string
}

async function nextIn(
  db: AuditDatabase,
  { conditions, window, isDescending, id }: Look,
): Promise<string | undefined> {
  const beyond = sql.raw(isDescending ? 'operator(pg_catalog.<)' : 'operator(pg_catalog.>)')
  const all = [...conditions, sql`${auditLog.id} ${beyond} ${idText(id)}`, ...inWindow(window)]
  const [row] = await readRows(
    db,
    sql`select ${auditLog.id}::pg_catalog.text as "id" from ${auditLog}
      where ${sql.join(all, sql` and `)}
      order by ${auditLog.id} ${sql.raw(isDescending ? 'desc' : 'asc')} limit 1`,
  )
  return row === undefined ? undefined : String(row['id'])
}
