import { sql } from 'drizzle-orm'
import { bigint, check, index, primaryKey, text } from 'drizzle-orm/pg-core'
import { auditSchema } from './columns.ts'

/**
 * The names that users and actors had, as their entries say it: `context.user` and `context.actor`. A
 * name is kept for each event, so that a viewer of one event learns no name of another one.
 */
export const auditLabel = auditSchema.table(
  'audit_label',
  {
    /** The id, as the log's columns print it. */
    subject: text('subject').notNull(),
    /** Empty: of entries without an event. */
    event: text('event').notNull(),
    name: text('name').notNull(),
    /** The name for a search by the beginnings of its words. */
    words: text('words')
      .notNull()
      .generatedAlwaysAs(sql`lower(translate(' ' || "name", '-._@', '    '))`),
    /** The first and the last entry that has the name. The name goes when no entry has it any more. */
    firstSeq: bigint('first_seq', { mode: 'number' }).notNull(),
    lastSeq: bigint('last_seq', { mode: 'number' }).notNull(),
  },
  (label) => [
    primaryKey({ name: 'audit_label_pkey', columns: [label.subject, label.event, label.name] }),
    index('audit_label_event').on(label.event),
    check('audit_label_name', sql`char_length(${label.name}) between 1 and 200`),
    check('audit_label_seqs', sql`${label.firstSeq} <= ${label.lastSeq}`),
  ],
)
