// How the search lies in its tables. A block is 4,096 numbers of the log, and up to 64 of its entries are a
// group: as far as possible entries of one action, because who looks for a word looks for an action next to
// it. Of each group there is a row of 2^log2 bits. They are stored the other way round: a slice has one bit of
// each group of a run of blocks, so that who looks for some bits reads those slices alone.

export const BLOCK_SEQS = 4_096
export const GROUP_ENTRIES = 64
export const BLOCK_GROUPS = BLOCK_SEQS / GROUP_ENTRIES
/** Blocks that are joined to one run, once all of them are there. */
export const RUN_BLOCKS = 16
/** Bytes of a slice for each block. */
export const SLICE_BYTES = BLOCK_GROUPS / 8
/** The first and the last moment of a group, six bytes each. Where it has no entry the first is the greater one. */
export const TIMES_BYTES = 12
/** Which entries are in a group: two bytes for each, its place in the block. */
export const MEMBERS_BYTES = 2 * GROUP_ENTRIES
/** Stands where a group has no further entry. */
export const NO_MEMBER = 0xffff
/** Slices lie in rows of about so many bytes. */
const PART_BYTES = 1_024

/** The block of a number. */
export function blockOf(seq: number): number {
  return Math.floor((seq - 1) / BLOCK_SEQS)
}

/** The first number of a block. */
export function firstSeqOf(block: number): number {
  return block * BLOCK_SEQS + 1
}

/** How many slices of a run lie in one row. */
export function slicesInPart(blocks: number): number {
  return 2 ** Math.floor(Math.log2(PART_BYTES / (SLICE_BYTES * blocks)))
}

/** Where the slice of a bit lies. */
export function placeOfSlice(bit: number, { blocks, log2 }: { blocks: number; log2: number }) {
  const slice = bit & (2 ** log2 - 1)
  const inPart = slicesInPart(blocks)
  return {
    part: Math.floor(slice / inPart),
    offset: (slice % inPart) * SLICE_BYTES * blocks,
    bytes: SLICE_BYTES * blocks,
  }
}
