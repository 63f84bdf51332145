import type { AuditDatabase } from '../../../database/callers-database.ts'
import { readRows } from '../../../read/read-rows.ts'
import { type LogBegin, logBegin } from '../../../removed/log-begin.ts'
import type { Query } from '../../query/query.ts'

/**
 * Where the log begins, for the end of a list: undefined where nothing was removed, and where the filter
 * does not go back so far or asks for entries that no policy removes. The list is shown without it where
 * the database does not say.
 */
export async function beginOf(db: AuditDatabase, { filter }: Query): Promise<LogBegin | undefined> {
  if (isKeptForEver(filter.action)) return undefined
  const begin = await logBegin((ask) => readRows(db, ask)).catch(() => undefined)
  const from = filter.from === undefined ? Number.NEGATIVE_INFINITY : Number(filter.from)
  return begin !== undefined && from < begin.atMs ? begin : undefined
}

/** The log's own entries, of which a policy may remove those about reads alone. */
function isKeptForEver(action = ''): boolean {
  return action.startsWith('audit.') && action !== 'audit.read'
}
