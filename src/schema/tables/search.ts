import { sql } from 'drizzle-orm'
import { bigint, check, integer, primaryKey, smallint } from 'drizzle-orm/pg-core'
import { auditSchema, bytea } from './columns.ts'

/**
 * Blocks of 4,096 numbers of the log that follow each other and are searched together. What the log holds
 * from `since_seq` up to the cursor of the consumer `search` is in one of these rows each.
 */
export const auditSearchRun = auditSchema.table(
  'audit_search_run',
  {
    /** Block n begins at number 4096 n + 1. */
    firstBlock: bigint('first_block', { mode: 'number' }).primaryKey(),
    blocks: smallint('blocks').notNull(),
    /** A group has 2^log2 bits. Null: its words were taken out, and it is made again. */
    log2: smallint('log2'),
    /** When its entries were recorded, in Unix milliseconds, as their ids say. Nothing in it lies outside. */
    minMs: bigint('min_ms', { mode: 'number' }).notNull(),
    maxMs: bigint('max_ms', { mode: 'number' }).notNull(),
  },
  (run) => [check('audit_search_run_blocks', sql`${run.blocks} between 1 and 16`)],
)

/**
 * The groups of a block, 64 of them: when their entries were recorded, the first and the last moment, six bytes
 * each; and which entries they are, up to 64 of them, by two bytes each. Without a row it is not known.
 */
export const auditSearchBlock = auditSchema.table('audit_search_block', {
  block: bigint('block', { mode: 'number' }).primaryKey(),
  times: bytea('times').notNull(),
  members: bytea('members').notNull(),
})

/**
 * Slices of a run: of each bit one, which has a bit for each group. What an entry holds sets the bits of its
 * group, and cannot be read from them.
 */
export const auditSearchSlice = auditSchema.table(
  'audit_search_slice',
  {
    firstBlock: bigint('first_block', { mode: 'number' }).notNull(),
    part: integer('part').notNull(),
    slices: bytea('slices').notNull(),
  },
  (slice) => [primaryKey({ columns: [slice.firstBlock, slice.part] })],
)
