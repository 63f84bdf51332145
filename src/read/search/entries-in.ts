import { Column, is, SQL, sql } from 'drizzle-orm'
import { auditLog } from '../../schema/tables.ts'
import type { Group } from '../../search/open-runs.ts'

export interface EntriesIn {
  /** Where they lie: conditions that leave out partitions, and nothing of a partition. */
  readonly window: readonly SQL[]
  /** On the log's columns. An entry must meet each of them. */
  readonly conditions: readonly SQL[]
  readonly selected: SQL
}

/**
 * The entries of some groups that meet all conditions, as a FROM item `found`.
 *
 * They are read by the index on seq, one group after the other, and the conditions are put to what was read.
 * Next to each other the server may believe that a condition finds nothing, because its statistics are older
 * than the entries, and read all that it finds for each group.
 */
export function entriesIn(
  groups: readonly Group[],
  { window, conditions, selected }: EntriesIn,
): SQL {
  const members = groups.map(({ seqs }) => `"{${seqs.join(',')}}"`)
  const own = [sql`${auditLog.seq} operator(pg_catalog.=) any(looked.seqs::bigint[])`, ...window]
  return sql`(
      select ${ofRow(selected)}
      from pg_catalog.unnest(${`{${members.join(',')}}`}::pg_catalog.text::pg_catalog.text[])
        as looked (seqs)
      cross join lateral (
        select * from ${auditLog} where ${sql.join(own, sql` and `)} offset 0
      ) as entry_row
      where ${ofRow(sql.join([...conditions], sql` and `))}
    ) as found`
}

/** An expression on the log's columns as one on those of the row that was read. */
function ofRow(given: SQL): SQL {
  return sql.join(
    given.queryChunks.map((chunk) => {
      if (is(chunk, Column)) return sql`entry_row.${sql.identifier(chunk.name)}`
      return is(chunk, SQL) ? ofRow(chunk) : chunk
    }),
  )
}
