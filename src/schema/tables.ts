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
 * All tables are in a Postgres schema of their own, so that an application's own `drizzle-kit push`
 * and `generate` leave them alone.
 */
export const auditSchema = pgSchema('audit')

type JsonObject = Record<string, unknown>

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

/** The ids of an entry, its recorder, and the number that the recorder gave it. */
const idColumns = () => ({
  userId: uuid('user_id'),
  eventId: uuid('event_id'),
  targetId: uuid('target_id'),
  recorderId: uuid('recorder_id'),
  recorderSeq: bigint('recorder_seq', { mode: 'number' }),
})

/** The database login that wrote an entry. An entry cannot set it. */
const writtenBy = () => text('written_by').notNull().default(sql`session_user`)

/** The texts of an entry. */
const textColumns = () => ({
  entityType: text('entity_type'),
  requestId: text('request_id'),
})

/**
 * The log. It is append-only and range-partitioned by `id`, a UUIDv7, so by month of recording.
 *
 * The log refuses an entry only by these checks. The function that moves a batch tests the same
 * conditions, so it parks a row that breaks one, and the other rows are not delayed.
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
    // A reader asks for one event, newest first. The index holds the id, so that nothing is sorted.
    // An entry without the column is not in its index and costs nothing there.
    index('audit_log_event').on(log.eventId, log.id).where(sql`${log.eventId} is not null`),
    index('audit_log_user').on(log.userId, log.id).where(sql`${log.userId} is not null`),
    index('audit_log_target').on(log.targetId, log.id).where(sql`${log.targetId} is not null`),
    index('audit_log_request').on(log.requestId, log.id).where(sql`${log.requestId} is not null`),
    // "branding.*" and "branding.update" need one index each. By the index on the entity a rare
    // verb would be searched for in all entries of its entity, and by the index on the action the
    // entries of an entity are not in the order of their ids.
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
 * The columns of a lane. They are typed, because typed rows move faster than one text. They have no
 * constraint, key or identity. Only functions write into a lane, and they bound what they take.
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

/** The outbox lane. It is LOGGED and written in the caller's own transaction. */
export const auditOutbox = auditSchema.table('audit_outbox', laneColumns())

/** The log's last `seq`, in one row. The lock of this row keeps the log in commit order. */
export const auditHead = auditSchema.table(
  'audit_head',
  {
    only: boolean('only').primaryKey().default(true),
    seq: bigint('seq', { mode: 'number' }).notNull().default(0),
    /** The current history: the newest row of `audit_history`. */
    history: uuid('history').notNull().default(sql`gen_random_uuid()`),
    /** The server's own, as `audit.identify` last found them. Null where the server hides them. */
    systemIdentifier: bigint('system_identifier', { mode: 'bigint' }),
    timeline: integer('timeline'),
  },
  (head) => [check('audit_head_only', sql`${head.only}`)],
)

/**
 * Rows that are locked and never changed. The relay that moves locks row 0, the session that makes
 * partitions locks row -1, and each move in turn locks the row that its number leads to.
 */
export const auditTurn = auditSchema.table('audit_turn', {
  turn: integer('turn').primaryKey(),
})

/**
 * One row for each history of the log. A restore begins a new history, because the log then gives
 * numbers again that it had given to other entries.
 */
export const auditHistory = auditSchema.table('audit_history', {
  history: uuid('history').primaryKey(),
  /** The first `seq` of this history. */
  firstSeq: bigint('first_seq', { mode: 'number' }).notNull(),
  at: instant('at').notNull().default(sql`clock_timestamp()`),
})

/**
 * Entries that a lane or the log can never take. Its index keeps an entry that was staged and refused
 * twice from becoming two letters.
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
    // A hash of the text, because an index cannot hold a long text.
    uniqueIndex('audit_dead_letter_entry')
      .on(letter.recorderId, letter.recorderSeq, sql`hashtextextended(${letter.entry}, 0)`)
      .where(sql`${letter.recorderId} is not null`),
  ],
)

/**
 * One row for each recorder that has staged or reported: its own counts, as it last reported them. The
 * application's login locks it until its transaction ends, so no move and no gap may wait for it.
 */
export const auditReport = auditSchema.table(
  'audit_report',
  {
    id: uuid('id').primaryKey(),
    startedAt: instant('started_at'),
    seenAt: instant('seen_at'),
    closedAt: instant('closed_at'),
    accepted: bigint('accepted', { mode: 'number' }).notNull().default(0),
    staged: bigint('staged', { mode: 'number' }).notNull().default(0),
    dropped: jsonb('dropped').$type<Record<string, number>>().notNull().default({}),
    /** SHA-256 of the key that came first with this id, in hexadecimal. The row belongs to the key. */
    keyHash: text('key_hash'),
  },
  (report) => [check('audit_report_dropped', sql`jsonb_typeof(${report.dropped}) = 'object'`)],
)

/** One row for each recorder of which something was logged or may be lost. Only the relay writes it. */
export const auditRecorder = auditSchema.table('audit_recorder', {
  id: uuid('id').primaryKey(),
  /** The move counts it in the statement that logs the entries. No recorder reports it. */
  logged: bigint('logged', { mode: 'number' }).notNull().default(0),
  /** The greatest number among them. No watermark, because smaller ones may not be logged yet. */
  loggedThrough: bigint('logged_through', { mode: 'number' }).notNull().default(0),
  /** How many declared gaps may have lost entries of it. */
  gaps: smallint('gaps').notNull().default(0),
})

/** One row for each lane. `epoch` changes when an UNLOGGED lane was found emptied. */
export const auditLane = auditSchema.table('audit_lane', {
  lane: text('lane').primaryKey(),
  epoch: uuid('epoch').notNull().default(sql`gen_random_uuid()`),
  epochSince: instant('epoch_since').notNull().default(sql`clock_timestamp()`),
  resets: smallint('resets').notNull().default(0),
  /** The smallest id that the lane takes: the log has no partition for a smaller one. */
  oldestId: uuid('oldest_id').notNull(),
})

/**
 * Tells whether the fast lane was emptied. It is UNLOGGED as that lane is, so a crash that empties
 * the lane empties this table, too. Until then it holds the fast lane's epoch.
 */
export const auditSentinel = auditSchema.table('audit_sentinel', {
  epoch: uuid('epoch').primaryKey(),
})

/** The schema's version, which the relay compares with its own. */
export const auditSchemaVersion = auditSchema.table(
  'audit_schema_version',
  {
    only: boolean('only').primaryKey().default(true),
    version: smallint('version').notNull(),
    minReaderVersion: smallint('min_reader_version').notNull(),
  },
  (row) => [check('audit_schema_version_only', sql`${row.only}`)],
)

/**
 * The SQL for the entity part of an action. It is the expression of the index `audit_log_entity`.
 */
export function entityOf(action: SQL | typeof auditLog.action): SQL<string> {
  return sql<string>`pg_catalog.split_part(${action}, '.', 1)`
}
