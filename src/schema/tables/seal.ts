import { sql } from 'drizzle-orm'
import { bigint, check, primaryKey, smallint, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { auditSchema, bytea, instant } from './columns.ts'

/**
 * The trees of the seal: one row for each name under which the log was sealed. A restore begins a new
 * one. Rows are only added.
 */
export const auditOrigin = auditSchema.table('audit_origin', {
  origin: smallint('origin').primaryKey(),
  /** As its checkpoints say it: `name`, then `name/2` and so on. */
  name: text('name').notNull().unique('audit_origin_name'),
  /** The number of its first leaf. */
  firstSeq: bigint('first_seq', { mode: 'number' }).notNull(),
  /** The history of the log in which it is sealed. */
  history: uuid('history').notNull(),
  begunAt: instant('begun_at').notNull().default(sql`clock_timestamp()`),
})

/**
 * The hashes of a tree, 256 wide: those of level 0 are of the leaves, those of level k of full tiles
 * of level k - 1. The last tile of a level grows at its end.
 */
export const auditTile = auditSchema.table(
  'audit_tile',
  {
    origin: smallint('origin').notNull(),
    level: smallint('level').notNull(),
    n: bigint('n', { mode: 'number' }).notNull(),
    hashes: bytea('hashes').notNull(),
  },
  (tile) => [primaryKey({ columns: [tile.origin, tile.level, tile.n] })],
)

/**
 * What hides the values in a leaf from who guesses them: 16 bytes for each entry, those of `seq` at
 * place `seq` mod 256 of row `seq` / 256. Zero where the entry was erased or its partition dropped.
 */
export const auditSalt = auditSchema.table('audit_salt', {
  n: bigint('n', { mode: 'number' }).primaryKey(),
  salts: bytea('salts').notNull(),
})

/** The signed checkpoints of a tree, each on top of the one before. Rows are only added. */
export const auditCheckpoint = auditSchema.table(
  'audit_checkpoint',
  {
    origin: smallint('origin').notNull(),
    /** How many leaves the tree has. */
    size: bigint('size', { mode: 'number' }).notNull(),
    /** The size of the checkpoint before, or 0. */
    previous: bigint('previous', { mode: 'number' }).notNull(),
    root: bytea('root').notNull(),
    /** The signed note. */
    note: text('note').notNull(),
    sealedAt: instant('sealed_at').notNull().default(sql`clock_timestamp()`),
  },
  (checkpoint) => [
    primaryKey({ columns: [checkpoint.origin, checkpoint.size] }),
    uniqueIndex('audit_checkpoint_previous').on(checkpoint.origin, checkpoint.previous),
    check('audit_checkpoint_size', sql`${checkpoint.size} > ${checkpoint.previous}`),
    check('audit_checkpoint_root', sql`octet_length(${checkpoint.root}) = 32`),
    check('audit_checkpoint_note', sql`octet_length(${checkpoint.note}) <= 65536`),
  ],
)

/** What witnesses signed below a checkpoint: a line of the note for each. Rows are only added. */
export const auditCosignature = auditSchema.table(
  'audit_cosignature',
  {
    origin: smallint('origin').notNull(),
    size: bigint('size', { mode: 'number' }).notNull(),
    /** Of the witness. */
    name: text('name').notNull(),
    line: text('line').notNull(),
    at: instant('at').notNull().default(sql`clock_timestamp()`),
  },
  (cosignature) => [
    primaryKey({ columns: [cosignature.origin, cosignature.size, cosignature.name] }),
    check('audit_cosignature_line', sql`octet_length(${cosignature.line}) <= 8192`),
  ],
)
