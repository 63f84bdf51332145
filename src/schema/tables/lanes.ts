import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  jsonb,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import {
  auditSchema,
  type JsonObject,
  instant,
  idColumns,
  writtenBy,
  textColumns,
  rareColumns,
} from './columns.ts'

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
  ...rareColumns(),
  writtenBy: writtenBy(),
  /** Whether a function of ours made the entry: only such an entry may be called `audit.*`. */
  ours: boolean('ours').notNull().default(false),
})

/** The fast lane. UNLOGGED: `.ci/make-schema.ts` adds that, because Drizzle cannot say it. */
export const auditStaging = auditSchema.table('audit_staging', laneColumns())

/** The outbox lane. It is LOGGED and written in the caller's own transaction. */
export const auditOutbox = auditSchema.table('audit_outbox', laneColumns())

/**
 * The lane of an import. UNLOGGED as the fast lane: what a crash empties is read from its source
 * again. A relay moves it while the other two are empty.
 */
export const auditImport = auditSchema.table('audit_import', laneColumns())

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

/** Tells whether the lane of an import was emptied, as `audit_sentinel` does for the fast lane. */
export const auditImportSentinel = auditSchema.table('audit_import_sentinel', {
  epoch: uuid('epoch').primaryKey(),
})

/** One row for each old log that was brought in: how far that is. */
export const auditImportRun = auditSchema.table('audit_import_run', {
  name: text('name').primaryKey(),
  /** Where the old log was read from when the import began. */
  source: text('source').notNull(),
  /** SHA-256 of the mapping, in hexadecimal. Another one would make other entries of the same rows. */
  mapping: text('mapping').notNull(),
  /** The `recorder_id` of its entries. */
  recorderId: uuid('recorder_id').notNull(),
  begunAt: instant('begun_at').notNull().default(sql`clock_timestamp()`),
  /** The key of the last row of which is known that the log has it, or that it was refused. */
  lastKey: text('last_key'),
  /** How many rows of the source were read up to that key, and how many of them were refused. */
  read: bigint('read', { mode: 'number' }).notNull().default(0),
  refused: bigint('refused', { mode: 'number' }).notNull().default(0),
  /** How many entries are new in the log. */
  logged: bigint('logged', { mode: 'number' }).notNull().default(0),
  /** When all of the source had been read. Null while it is under way. */
  doneAt: instant('done_at'),
})

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
