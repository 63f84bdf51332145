import { sql } from 'drizzle-orm'
import { bigint, customType, pgSchema, text, timestamp, uuid } from 'drizzle-orm/pg-core'

/**
 * All tables are in a Postgres schema of their own, so that an application's own `drizzle-kit push`
 * and `generate` leave them alone.
 */
export const auditSchema = pgSchema('audit')

export type JsonObject = Record<string, unknown>

/** Drizzle has no type for it. */
export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

/**
 * The ids of an entry, its recorder, and the number that the recorder gave it. `migrate --ids text`
 * makes the first three text.
 */
export const idColumns = () => ({
  userId: uuid('user_id'),
  eventId: uuid('event_id'),
  targetId: uuid('target_id'),
  recorderId: uuid('recorder_id'),
  recorderSeq: bigint('recorder_seq', { mode: 'number' }),
})

/** The database login that wrote an entry. An entry cannot set it. */
export const writtenBy = () => text('written_by').notNull().default(sql`session_user`)

/** The texts of an entry. */
export const textColumns = () => ({
  entityType: text('entity_type'),
  requestId: text('request_id'),
})

/**
 * What few entries have. They stand last, so that other rows hold a bit of each and nothing else.
 * `migrate --ids text` makes the ids among them text.
 */
export const rareColumns = () => ({
  outcome: text('outcome'),
  actorId: uuid('actor_id'),
  actorKind: text('actor_kind'),
  moreTargets: uuid('more_targets').array(),
})
