import { sql } from 'drizzle-orm'
import { check, jsonb, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { auditSchema, type JsonObject, instant } from './columns.ts'

/**
 * Views of the page that those share who see the same event, or every event: a name for what is asked
 * for. Nothing of an entry is in them.
 */
export const auditView = auditSchema.table(
  'audit_view',
  {
    id: uuid('id').primaryKey(),
    /** The only event that its viewers see, as the log's columns print it. Empty: they see every event. */
    event: text('event').notNull(),
    name: text('name').notNull(),
    /** Parameters of the page's address, each with its text. */
    asked: jsonb('asked').$type<JsonObject>().notNull(),
    /** What was hidden from the person who saved it, as a hash of the page's. Empty: nothing. */
    seenBy: text('seen_by').notNull(),
    /** Who saved it. Both are null once that was erased. */
    userId: text('user_id'),
    madeBy: text('made_by'),
    madeAt: instant('made_at').notNull().default(sql`clock_timestamp()`),
    /** The entry that says that it was saved. Who saved it is erased together with it. */
    entry: uuid('entry').notNull(),
  },
  (view) => [
    uniqueIndex('audit_view_name').on(view.event, view.name),
    check(
      'audit_view_name_text',
      sql`char_length(${view.name}) between 1 and 60 and ${view.name} !~ '[\\u0001-\\u001f\\u007f-\\u009f]'`,
    ),
    check(
      'audit_view_asked',
      sql`jsonb_typeof(${view.asked}) = 'object' and octet_length(${view.asked}::text) <= 8192`,
    ),
    check('audit_view_seen_by', sql`${view.seenBy} = '' or ${view.seenBy} ~ '^[0-9a-f]{64}$'`),
  ],
)
