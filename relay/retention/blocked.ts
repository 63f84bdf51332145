export type BlockedBy = 'lock' | 'cursor' | 'archive' | 'hold' | 'seal' | 'changes'

/** A partition that had to stay, and why. */
export interface BlockedPartition {
  readonly partition: string
  readonly by: BlockedBy
  readonly why: string
}

/** Says why a partition had to stay. */
export class Blocked extends Error {
  readonly by: BlockedBy

  constructor(by: BlockedBy, why: string) {
    super(why)
    this.by = by
  }
}
