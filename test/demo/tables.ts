import { boolean, integer, pgSchema, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'

/** The site's own tables: what the audit entries are about. */
export const demoSchema = pgSchema('audit_demo')

export const event = demoSchema.table('event', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  primaryColor: text('primary_color').notNull(),
})

export const guest = demoSchema.table('guest', {
  id: uuid('id').primaryKey(),
  eventId: uuid('event_id').notNull(),
  name: text('name').notNull(),
  checkedInAt: timestamp('checked_in_at', { withTimezone: true }),
})

export const feature = demoSchema.table(
  'feature',
  {
    eventId: uuid('event_id').notNull(),
    flag: text('flag').notNull(),
    isOn: boolean('is_on').notNull(),
  },
  (row) => [primaryKey({ columns: [row.eventId, row.flag] })],
)

export const collaborator = demoSchema.table('collaborator', {
  id: uuid('id').primaryKey(),
  eventId: uuid('event_id').notNull(),
  email: text('email').notNull(),
  access: text('access').notNull(),
})

export const purchase = demoSchema.table('purchase', {
  id: uuid('id').primaryKey(),
  eventId: uuid('event_id').notNull(),
  paidCents: integer('paid_cents').notNull(),
})

export const refund = demoSchema.table('refund', {
  id: uuid('id').primaryKey(),
  eventId: uuid('event_id').notNull(),
  purchaseId: uuid('purchase_id').notNull(),
  amountCents: integer('amount_cents').notNull(),
})
