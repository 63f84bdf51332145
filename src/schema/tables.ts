import { type SQL, sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgSchema,
  smallint,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'

/**
 * Everything of ours lives in a Postgres schema of its own, so that an application's own
 * `drizzle-kit push` or `generate` has nothing to say about it.
 */
export const auditSchema = pgSchema('audit')

type JsonObject = Record<string, unknown>

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

/** Who and what an entry is about, and which recorder gave it which running number. */
const idColumns = () => ({
  userId: uuid('user_id'),
  eventId: uuid('event_id'),
  targetId: uuid('target_id'),
  recorderId: uuid('recorder_id'),
  recorderSeq: bigint('recorder_seq', { mode: 'number' }),
})

/** The database login that wrote an entry, whatever the entry says of itself. */
const writtenBy = () => text('written_by').notNull().default(sql`session_user`)

/** What an entry says in words. */
const textColumns = () => ({
  entityType: text('entity_type'),
  requestId: text('request_id'),
})

/**
 * The log: append-only, range-partitioned by `id` (a UUIDv7, so by month of recording).
 *
 * The checks are the whole of what the log can refuse. The function that moves a
 * batch tests the same conditions, so a row that breaks one is parked and never delays the others.
 */
export const auditLog = auditSchema.table(
  'audit_log',
  {
    id: uuid('id').primaryKey(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    occurredAt: instant('occurred_at').notNull(),
    loggedAt: instant('logged_at').notNull().default(sql`clock_timestamp()`),
    writtenBy: writtenBy(),
    ...idColumns(),
    action: text('action').notNull(),
    ...textColumns(),
    metadata: jsonb('metadata').$type<JsonObject>().notNull().default({}),
    context: jsonb('context').$type<JsonObject>().notNull().default({}),
  },
  (log) => [
    index('audit_log_seq').on(log.seq),
    // A reader asks "this event, newest first": the id is in the index, so nothing is sorted.
    // Entries without the column stay out of its index and cost nothing there.
    index('audit_log_event').on(log.eventId, log.id).where(sql`${log.eventId} is not null`),
    index('audit_log_user').on(log.userId, log.id).where(sql`${log.userId} is not null`),
    index('audit_log_target').on(log.targetId, log.id).where(sql`${log.targetId} is not null`),
    index('audit_log_request').on(log.requestId, log.id).where(sql`${log.requestId} is not null`),
    // "branding.*" and "branding.update" need one each: the first is no prefix of the second as far
    // as order goes, and a rare verb of a common entity would be looked for among all its entries.
    index('audit_log_action').on(log.action, log.id),
    index('audit_log_entity').on(sql`split_part(${log.action}, '.', 1)`, log.id),
    check('audit_log_action', sql`char_length(${log.action}) between 1 and 128`),
    check('audit_log_entity_type', sql`char_length(${log.entityType}) between 1 and 256`),
    check('audit_log_request_id', sql`char_length(${log.requestId}) between 1 and 256`),
    check('audit_log_metadata', sql`jsonb_typeof(${log.metadata}) = 'object'`),
    check('audit_log_context', sql`jsonb_typeof(${log.context}) = 'object'`),
  ],
)

/**
 * The columns of a lane. Typed, because typed rows move faster than one text body; without a
 * constraint, a key or an identity. Only functions write into a lane, and they bound what they take.
 */
const laneColumns = () => ({
  id: uuid('id').notNull(),
  occurredAt: instant('occurred_at').notNull(),
  ...idColumns(),
  action: text('action'),
  ...textColumns(),
  metadata: jsonb('metadata').$type<JsonObject>(),
  context: jsonb('context').$type<JsonObject>(),
  writtenBy: writtenBy(),
  /** Whether a function of ours made the entry: only such an entry may be called `audit.*`. */
  ours: boolean('ours').notNull().default(false),
})

/** The fast lane. UNLOGGED: `.ci/make-schema.ts` adds that, because Drizzle cannot say it. */
export const auditStaging = auditSchema.table('audit_staging', laneColumns())

/** The outbox lane: LOGGED, written inside the caller's own transaction. */
export const auditOutbox = auditSchema.table('audit_outbox', laneColumns())

/** The log's last `seq`, in one row. Its lock is what puts the log in commit order. */
export const auditHead = auditSchema.table(
  'audit_head',
  {
    only: boolean('only').primaryKey().default(true),
    seq: bigint('seq', { mode: 'number' }).notNull().default(0),
    /** Which log this is: the newest row of `audit_history`. */
    history: uuid('history').notNull().default(sql`gen_random_uuid()`),
    /** Of the server, as `audit.identify` last found it; null where it keeps them to itself. */
    systemIdentifier: bigint('system_identifier', { mode: 'bigint' }),
    timeline: integer('timeline'),
  },
  (head) => [check('audit_head_only', sql`${head.only}`)],
)

/**
 * Rows that are locked and never changed. Row 0 stands for the relay that moves, row -1 for the
 * session that makes partitions, each other row for the moves in turn whose number falls on it.
 */
export const auditTurn = auditSchema.table('audit_turn', {
  turn: integer('turn').primaryKey(),
})

/**
 * A row for each history of the log. A restore begins a new one, because numbers are given again that
 * another copy of the log has given to other entries.
 */
export const auditHistory = auditSchema.table('audit_history', {
  history: uuid('history').primaryKey(),
  /** The first number that it gave. */
  firstSeq: bigint('first_seq', { mode: 'number' }).notNull(),
  at: instant('at').notNull().default(sql`clock_timestamp()`),
})

/**
 * Entries that a lane or the log refused for good. Its index is there so that an entry that was
 * staged again, and refused again, is one letter still.
 */
export const auditDeadLetter = auditSchema.table(
  'audit_dead_letter',
  {
    number: bigint('number', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    diedAt: instant('died_at').notNull().default(sql`clock_timestamp()`),
    lane: text('lane'),
    /** How the entry came: `stage`, `record`, or `move` for a row that stood in a lane. */
    origin: text('origin'),
    /** Who wrote the entry, and whether it is ours, as its lane had it. Its text says neither. */
    writtenBy: text('written_by').default(sql`session_user`),
    ours: boolean('ours').notNull().default(false),
    sqlstate: text('sqlstate'),
    reason: text('reason'),
    id: text('id'),
    recorderId: uuid('recorder_id'),
    recorderSeq: bigint('recorder_seq', { mode: 'number' }),
    /** The entry as JSON text, as it was given or stood in its lane. Only the start of a huge one. */
    entry: text('entry'),
  },
  (letter) => [
    // Of the text a hash, because an index cannot hold a long one.
    uniqueIndex('audit_dead_letter_entry')
      .on(letter.recorderId, letter.recorderSeq, sql`hashtextextended(${letter.entry}, 0)`)
      .where(sql`${letter.recorderId} is not null`),
  ],
)

/** A row for each recorder: its own counts, as it last reported them, and what was logged of it. */
export const auditRecorder = auditSchema.table(
  'audit_recorder',
  {
    id: uuid('id').primaryKey(),
    startedAt: instant('started_at'),
    seenAt: instant('seen_at'),
    closedAt: instant('closed_at'),
    accepted: bigint('accepted', { mode: 'number' }).notNull().default(0),
    staged: bigint('staged', { mode: 'number' }).notNull().default(0),
    dropped: jsonb('dropped').$type<Record<string, number>>().notNull().default({}),
    /** Counted by the relay in the statement that moves the entries; never reported. */
    logged: bigint('logged', { mode: 'number' }).notNull().default(0),
    /** The largest running number among them. No watermark: smaller ones may still be on their way. */
    loggedThrough: bigint('logged_through', { mode: 'number' }).notNull().default(0),
    /** How many declared gaps may have taken entries of it. */
    gaps: smallint('gaps').notNull().default(0),
    /** SHA-256 of the key that came first with this id, in hexadecimal. The row belongs to the key. */
    keyHash: text('key_hash'),
  },
  (recorder) => [
    check('audit_recorder_dropped', sql`jsonb_typeof(${recorder.dropped}) = 'object'`),
  ],
)

/** A row for each lane. `epoch` changes when an UNLOGGED lane was found emptied. */
export const auditLane = auditSchema.table('audit_lane', {
  lane: text('lane').primaryKey(),
  epoch: uuid('epoch').notNull().default(sql`gen_random_uuid()`),
  epochSince: instant('epoch_since').notNull().default(sql`clock_timestamp()`),
  resets: smallint('resets').notNull().default(0),
  /** The smallest id that the lane takes: the log has no partition for a smaller one. */
  oldestId: uuid('oldest_id').notNull(),
})

/**
 * Stands and falls with the fast lane: UNLOGGED too, so whatever emptied that one emptied this
 * one. It holds the fast lane's epoch while nothing has happened.
 */
export const auditSentinel = auditSchema.table('audit_sentinel', {
  epoch: uuid('epoch').primaryKey(),
})

/** Schema version, as the relay compares it with its own. */
export const auditSchemaVersion = auditSchema.table(
  'audit_schema_version',
  {
    only: boolean('only').primaryKey().default(true),
    version: smallint('version').notNull(),
    minReaderVersion: smallint('min_reader_version').notNull(),
  },
  (row) => [check('audit_schema_version_only', sql`${row.only}`)],
)

/** The database's expression for an action's entity part, as `audit_log_entity` indexes it. */
export function entityOf(action: SQL | typeof auditLog.action): SQL<string> {
  return sql<string>`pg_catalog.split_part(${action}, '.', 1)`
}
