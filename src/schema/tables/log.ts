import { type SQL, sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  index,
  integer,
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
    ...rareColumns(),
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
    index('audit_log_outcome').on(log.outcome, log.id).where(sql`${log.outcome} is not null`),
    index('audit_log_actor').on(log.actorId, log.id).where(sql`${log.actorId} is not null`),
    index('audit_log_kind').on(log.actorKind, log.id).where(sql`${log.actorKind} is not null`),
    // Which entries name an id among others. They are found unordered, so it is no part of
    // audit_log_target, whose readers want the newest entries of a target that has many.
    index('audit_log_more_targets')
      .using('gin', log.moreTargets)
      .where(sql`${log.moreTargets} is not null`),
    check('audit_log_action', sql`char_length(${log.action}) between 1 and 128`),
    check('audit_log_entity_type', sql`char_length(${log.entityType}) between 1 and 256`),
    check('audit_log_request_id', sql`char_length(${log.requestId}) between 1 and 256`),
    check('audit_log_outcome', sql`${log.outcome} in ('denied', 'failed', 'attempted')`),
    check(
      'audit_log_actor_kind',
      sql`${log.actorKind} in ('api_key', 'service', 'system', 'agent')`,
    ),
    check('audit_log_more_targets', sql`cardinality(${log.moreTargets}) between 1 and 100`),
    check('audit_log_metadata', sql`jsonb_typeof(${log.metadata}) = 'object'`),
    check('audit_log_context', sql`jsonb_typeof(${log.context}) = 'object'`),
  ],
)

/**
 * The SQL for the entity part of an action. It is the expression of the index `audit_log_entity`.
 */
export function entityOf(action: SQL | typeof auditLog.action): SQL<string> {
  return sql<string>`pg_catalog.split_part(${action}, '.', 1)`
}

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
  /** Whether a person began it by `audit-relay restored`. */
  isDeclared: boolean('is_declared').notNull().default(false),
})

/**
 * The catalogue of the log's partitions, DEFAULT left out: which ids and which numbers each one
 * holds. A range of `seq` becomes one of ids by it, and Postgres then locks and looks through those
 * partitions alone.
 */
export const auditPartition = auditSchema.table(
  'audit_partition',
  {
    name: text('name').primaryKey(),
    /** The smallest id in it, and the smallest id behind it. */
    fromId: uuid('from_id').notNull(),
    toId: uuid('to_id').notNull(),
    /** No entry in it has a smaller or a greater `seq`. Null: not known yet, so no bound. */
    minSeq: bigint('min_seq', { mode: 'number' }),
    maxSeq: bigint('max_seq', { mode: 'number' }),
    /** How many entries it held when it was closed. */
    rows: bigint('rows', { mode: 'number' }),
    /** When `seq` was bounded. Null while new entries come to it. */
    closedAt: instant('closed_at'),
    /**
     * Retention made it of several that were archived, each under its name, up to this number. Null: it
     * was not so.
     */
    archivedSeq: bigint('archived_seq', { mode: 'number' }),
  },
  (partition) => [
    uniqueIndex('audit_partition_from').on(partition.fromId),
    check('audit_partition_range', sql`${partition.fromId} < ${partition.toId}`),
  ],
)

/** The schema's version, which the relay compares with its own, and how the database was migrated. */
export const auditSchemaVersion = auditSchema.table(
  'audit_schema_version',
  {
    only: boolean('only').primaryKey().default(true),
    version: smallint('version').notNull(),
    minReaderVersion: smallint('min_reader_version').notNull(),
    /** The kind of ids that was chosen last, `uuid` or `text`. What holds is the columns' type. */
    ids: text('ids').notNull().default('uuid'),
    /** `off`: one login makes and uses everything, and there are no roles. */
    roles: text('roles').notNull().default('on'),
    /** Stands before the name of each role. */
    rolePrefix: text('role_prefix').notNull().default(''),
  },
  (row) => [check('audit_schema_version_only', sql`${row.only}`)],
)
