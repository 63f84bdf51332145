import { type SQL, sql } from 'drizzle-orm'
import type { StaffPlace } from '../log-query.ts'
import { auditLog } from '../../schema/tables.ts'

export type LogColumn = keyof typeof auditLog.$inferSelect

/** What a reader sees of those columns of which they do not see all: an expression for each. */
export type SeenColumns = Readonly<Partial<Record<LogColumn, SQL>>> & {
  /** Whether staff did it, where the reader sees staff under one name. */
  readonly staff?: Readonly<Record<StaffPlace, SQL>>
}

/** For a reader who sees every column as it is. */
export const AS_STORED: SeenColumns = {}

/** What the reader sees of a column. */
export function seen(columns: SeenColumns, name: LogColumn): SQL {
  return columns[name] ?? sql`${auditLog[name]}`
}

/**
 * A condition that only what the reader sees can meet. The same on the stored column stands next to it,
 * because that one has an index. It must be one that null does not meet.
 */
export function bySeen(
  columns: SeenColumns,
  name: LogColumn,
  condition: (column: SQL) => SQL,
): SQL {
  const stored = condition(sql`${auditLog[name]}`)
  const seenOf = columns[name]
  return seenOf === undefined ? stored : sql`(${stored} and ${condition(seenOf)})`
}
