import { sql } from 'drizzle-orm'
import { BLOCK_SEQS, blockOf, firstSeqOf, RUN_BLOCKS } from '../../src/search/layout.ts'
import type { FollowConsumer, FollowState } from '../follow/consumer.ts'
import type { FollowStatements } from '../follow/follow-statements.ts'
import { readEntries } from '../follow/read-entries.ts'
import { BlockBits, joined, type RunGroups, type Slices } from './block-bits.ts'
import {
  putRun,
  putSearch,
  type SearchWork,
  searchWork,
  slicesOfBlock,
} from './search-statements.ts'

export const SEARCH = 'search'

/**
 * Makes the search, a block of 4,096 numbers at a time. The newest, unfinished one is not in it: readers look
 * through its entries. Sixteen blocks become a run. What was erased, removed or brought back was taken out of
 * the search in the same transaction, and is made again here.
 */
export function searchConsumer(statements: FollowStatements): FollowConsumer {
  return {
    name: SEARCH,
    leastSeqs: BLOCK_SEQS,
    mostSeqs: BLOCK_SEQS,
    alignedTo: BLOCK_SEQS,
    begin(fromSeq, { changes }) {
      const block = blockOf(fromSeq)
      const bits = new BlockBits(block)
      return {
        add(entries) {
          for (const entry of entries) bits.add(entry)
        },
        write() {
          const { slices, groups } = bits.finish()
          return putSearch(block, slices, groups, changes)
        },
      }
    },
    drop: (fromSeq) => sql`audit.drop_search(${fromSeq}::bigint)`,
    async tend(state) {
      const work = await searchWork(statements)
      if (work === undefined) return false
      return await (work.isMade ? join : makeAgain)(statements, work, state)
    },
  }
}

/** @returns whether more may have to be done */
async function join(
  statements: FollowStatements,
  { firstBlock }: SearchWork,
  { changes }: FollowState,
): Promise<boolean> {
  const blocks: Slices[] = []
  for (let block = firstBlock; block < firstBlock + RUN_BLOCKS; block += 1) {
    const slices = await slicesOfBlock(statements, block)
    if (slices === undefined) return true
    blocks.push(slices)
  }
  await putRun(statements, firstBlock, joined(blocks), null, changes)
  return true
}

async function makeAgain(
  statements: FollowStatements,
  { firstBlock, blocks }: SearchWork,
  { changes }: FollowState,
): Promise<boolean> {
  const made: ReturnType<BlockBits['finish']>[] = []
  for (let block = firstBlock; block < firstBlock + blocks; block += 1) {
    const bits = new BlockBits(block)
    const range = { fromSeq: firstSeqOf(block), toSeq: firstSeqOf(block + 1) - 1 }
    for await (const entries of readEntries(statements, SEARCH, range)) {
      for (const entry of entries) bits.add(entry)
    }
    made.push(bits.finish())
  }
  const groups: RunGroups = {
    times: Buffer.concat(made.map(({ groups: { times } }) => times)),
    members: Buffer.concat(made.map(({ groups: { members } }) => members)),
    minMs: Math.min(...made.map(({ groups: { minMs } }) => minMs)),
    maxMs: Math.max(...made.map(({ groups: { maxMs } }) => maxMs)),
  }
  await putRun(statements, firstBlock, joined(made.map(({ slices }) => slices)), groups, changes)
  return true
}
