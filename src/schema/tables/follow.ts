import { sql } from 'drizzle-orm'
import { bigint, check, text, uuid } from 'drizzle-orm/pg-core'
import { auditSchema, instant } from './columns.ts'

/**
 * What reads the log behind the move, a row for each consumer that is on. It has taken every entry from
 * `since_seq` up to `seq`, and what it wrote was written in the transaction that moved `seq`.
 */
export const auditFollow = auditSchema.table(
  'audit_follow',
  {
    consumer: text('consumer').primaryKey(),
    /** The history of the log in which it read. */
    history: uuid('history').notNull(),
    sinceSeq: bigint('since_seq', { mode: 'number' }).notNull(),
    /** No entry with a smaller number than `since_seq` has a greater id. Null: there is none. */
    beforeId: uuid('before_id'),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    /**
     * How often entries were emptied, removed or brought back. Who read them before takes nothing of
     * what it read.
     */
    changes: bigint('changes', { mode: 'number' }).notNull().default(0),
    begunAt: instant('begun_at').notNull().default(sql`clock_timestamp()`),
    movedAt: instant('moved_at'),
  },
  (row) => [
    check('audit_follow_consumer', sql`char_length(${row.consumer}) between 1 and 64`),
    check('audit_follow_seq', sql`${row.sinceSeq} > 0 and ${row.seq} >= ${row.sinceSeq} - 1`),
  ],
)
