import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  index,
  interval,
  jsonb,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { auditSchema, type JsonObject, instant, writtenBy } from './columns.ts'

/**
 * For how long entries are kept, by their actions. A row is what somebody said; rows are only added.
 * Of the rows of a pattern that count by some time, the one that was said last holds.
 */
export const auditPolicy = auditSchema.table(
  'audit_policy',
  {
    /** The order in which they were said. */
    number: bigint('number', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** An action, `entity.*` or `*`. */
    actions: text('actions').notNull(),
    /** Null: forever. */
    keep: interval('keep'),
    /** From then on no row of these actions holds. */
    removed: boolean('removed').notNull().default(false),
    setAt: instant('set_at').notNull(),
    setBy: text('set_by').notNull().default(sql`session_user`),
    /** It counts from then on. Later than `set_at`: not before its entry was logged for as long. */
    effectiveAt: instant('effective_at').notNull(),
    /** The `audit.policy` entry that says it. */
    entry: uuid('entry').notNull(),
  },
  (policy) => [
    index('audit_policy_actions').on(policy.actions, policy.number),
    check('audit_policy_removed', sql`not ${policy.removed} or ${policy.keep} is null`),
  ],
)

/**
 * Legal holds: which entries nobody may remove. An entry is held where all conditions of a hold meet
 * it. A row is never deleted.
 */
export const auditHold = auditSchema.table(
  'audit_hold',
  {
    id: uuid('id').primaryKey(),
    reason: text('reason').notNull(),
    /** Ids as text, as the log's columns print them. */
    eventId: text('event_id'),
    /** Also as the actor. */
    userId: text('user_id'),
    /** Also among more targets. */
    targetId: text('target_id'),
    requestId: text('request_id'),
    fromAt: instant('from_at'),
    /** The first instant behind it. */
    toAt: instant('to_at'),
    placedBy: text('placed_by').notNull().default(sql`session_user`),
    placedAt: instant('placed_at').notNull().default(sql`clock_timestamp()`),
    /** Null while it is in force. */
    releasedAt: instant('released_at'),
    releasedBy: text('released_by'),
  },
  (hold) => [
    check(
      'audit_hold_condition',
      sql`num_nonnulls(${hold.eventId}, ${hold.userId}, ${hold.targetId}, ${hold.requestId}, ${hold.fromAt}, ${hold.toAt}) > 0`,
    ),
    check('audit_hold_range', sql`${hold.fromAt} < ${hold.toAt}`),
    check('audit_hold_reason', sql`char_length(${hold.reason}) between 1 and 1000`),
    check('audit_hold_release', sql`num_nulls(${hold.releasedAt}, ${hold.releasedBy}) <> 1`),
  ],
)

/** How retention works, in one row. Only the owner changes the two waits. */
export const auditRetention = auditSchema.table(
  'audit_retention',
  {
    only: boolean('only').primaryKey().default(true),
    /** After so long a policy that keeps less counts. */
    grace: interval('grace').notNull().default('7 days'),
    /** For so long what was removed can be brought back. */
    undo: interval('undo').notNull().default('7 days'),
    /** The retention line: what has a smaller id is not logged any more. Null: nothing is removed yet. */
    lineId: uuid('line_id'),
    /** When `audit-relay retention --apply` ended last, and what it found. */
    lastRunAt: instant('last_run_at'),
    lastRun: jsonb('last_run'),
  },
  (row) => [
    check('audit_retention_only', sql`${row.only}`),
    check('audit_retention_waits', sql`${row.grace} >= '0' and ${row.undo} >= '0'`),
  ],
)

/**
 * One row for each time that a partition was replaced by what stays of it: what was built, what went,
 * and the table that waits for its drop.
 */
export const auditSwap = auditSchema.table(
  'audit_swap',
  {
    swap: bigint('swap', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    partition: text('partition').notNull(),
    /** Its bounds. Of DEFAULT: from the smallest id to the end of the last month of which it loses entries. */
    fromId: uuid('from_id').notNull(),
    toId: uuid('to_id').notNull(),
    /** `built`, then `swapped`, then `dropped` or `undone`. */
    state: text('state').notNull().default('built'),
    /** A digest of the policies and holds by which it was decided what goes. */
    basis: text('basis').notNull(),
    /** The condition on a row of it by which a policy lets it go. */
    due: text('due').notNull(),
    holds: jsonb('holds').notNull().default([]),
    /** Of the partition as it was when the other one was built. */
    rows: bigint('rows', { mode: 'number' }).notNull(),
    maxSeq: bigint('max_seq', { mode: 'number' }).notNull(),
    removed: bigint('removed', { mode: 'number' }).notNull(),
    kept: bigint('kept', { mode: 'number' }).notNull(),
    /** How many of the kept entries a hold alone keeps. */
    held: bigint('held', { mode: 'number' }).notNull(),
    firstSeq: bigint('first_seq', { mode: 'number' }).notNull(),
    lastSeq: bigint('last_seq', { mode: 'number' }).notNull(),
    /** The numbers that go, as the text of an int8multirange. */
    runs: text('runs').notNull(),
    builtAt: instant('built_at').notNull().default(sql`clock_timestamp()`),
    swappedAt: instant('swapped_at'),
    endedAt: instant('ended_at'),
    /** The table that was taken out of the log. */
    detached: text('detached'),
    /** The entry `audit.retention`. */
    entryId: uuid('entry_id'),
    archive: jsonb('archive'),
    /** What the lanes' `oldest_id` was before. */
    oldestBefore: uuid('oldest_before'),
  },
  (swap) => [
    index('audit_swap_partition').on(swap.partition),
    check('audit_swap_state', sql`${swap.state} in ('built', 'swapped', 'dropped', 'undone')`),
  ],
)

/** The numbers whose entries a policy removed, as runs, and the entry that says so. */
export const auditRemoved = auditSchema.table(
  'audit_removed',
  {
    partition: text('partition').notNull(),
    firstSeq: bigint('first_seq', { mode: 'number' }).primaryKey(),
    lastSeq: bigint('last_seq', { mode: 'number' }).notNull(),
    removedAt: instant('removed_at').notNull().default(sql`clock_timestamp()`),
    byEntry: uuid('by_entry').notNull(),
  },
  (removed) => [check('audit_removed_run', sql`${removed.firstSeq} <= ${removed.lastSeq}`)],
)

/**
 * Of which entries something was erased, and what: a row stays when its entry is removed. Readers see by
 * it that an empty field was not always empty.
 */
export const auditErasure = auditSchema.table(
  'audit_erasure',
  {
    seq: bigint('seq', { mode: 'number' }).primaryKey(),
    id: uuid('id').notNull(),
    /** Columns of the entry that held something and are empty now. */
    fields: text('fields').array().notNull(),
    /**
     * What proves the entry without them: of each committed field its salt, or the commitment of what
     * was erased. Null: it was erased while the log had no seal, which the row then stands for.
     */
    opening: jsonb('opening').$type<JsonObject>(),
    /** The login that erased last. */
    erasedBy: text('erased_by').notNull().default(sql`session_user`),
    erasedAt: instant('erased_at').notNull().default(sql`clock_timestamp()`),
    /** When the tables that held it were rewritten on disk. Null: not since it was erased. */
    scrubbedAt: instant('scrubbed_at'),
    /** How often the entry came again and was dropped. */
    copies: bigint('copies', { mode: 'number' }).notNull().default(0),
  },
  (erasure) => [
    uniqueIndex('audit_erasure_id').on(erasure.id),
    index('audit_erasure_unscrubbed').on(erasure.seq).where(sql`${erasure.scrubbedAt} is null`),
    check('audit_erasure_fields', sql`cardinality(${erasure.fields}) > 0`),
  ],
)

/** How far a reader with a name has read. Retention waits for it. */
export const auditCursor = auditSchema.table(
  'audit_cursor',
  {
    name: text('name').primaryKey(),
    history: uuid('history').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    id: uuid('id'),
    seenAt: instant('seen_at').notNull().default(sql`clock_timestamp()`),
  },
  (cursor) => [check('audit_cursor_name', sql`char_length(${cursor.name}) between 1 and 128`)],
)

/**
 * One row for each archived file. Its digest was computed by this database from the entries as they
 * stood in the log, so a restore can be compared with it years later. A row without `stored_at` is
 * compared, and its file has not been read back from where it lies.
 */
export const auditArchive = auditSchema.table(
  'audit_archive',
  {
    number: bigint('number', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    partition: text('partition').notNull(),
    format: text('format').notNull(),
    rows: bigint('rows', { mode: 'number' }).notNull(),
    firstSeq: bigint('first_seq', { mode: 'number' }).notNull(),
    lastSeq: bigint('last_seq', { mode: 'number' }).notNull(),
    digest: text('digest').notNull(),
    comparedAt: instant('compared_at').notNull().default(sql`clock_timestamp()`),
    /** The login that archived it. */
    writtenBy: writtenBy(),
    url: text('url'),
    /** Of the file, and how long it is. */
    sha256: text('sha256'),
    bytes: bigint('bytes', { mode: 'number' }),
    /** Until when the store lets nobody delete the file. Null: it was not asked to. */
    lockedUntil: instant('locked_until'),
    storedAt: instant('stored_at'),
    /** Where the salts of the entries lie. Null: the log had no seal. */
    saltsUrl: text('salts_url'),
  },
  (archive) => [
    uniqueIndex('audit_archive_content').on(archive.partition, archive.digest, archive.format),
  ],
)
