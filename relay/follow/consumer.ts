import type { SQL } from 'drizzle-orm'
import type { FollowedEntry } from './followed-entry.ts'

/** Something that is made of the log behind the move. It is on while `audit_follow` has its row. */
export interface FollowConsumer {
  /** As in `audit_follow`. */
  readonly name: string
  /** So many numbers of the log must wait before it is asked to take them. */
  readonly leastSeqs: number
  /** It takes at most so many at a time. They are read 512 at a time. */
  readonly mostSeqs: number
  /** Its cursor stands at a multiple of this. Default: at any number */
  readonly alignedTo?: number
  /** Begins to take the entries from a number on. */
  begin(fromSeq: number, state: FollowState): Taking
  /**
   * What a restore has to take back: an expression as of `Taking.write`, which drops what was made of
   * entries with this number or a greater one.
   */
  drop(fromSeq: number): SQL
  /**
   * What it does beside taking, each time that the follower has looked, and after each taking.
   *
   * @returns whether it has more to do at once
   */
  tend?(state: FollowState): Promise<boolean>
}

/** Entries that are taken together. If they are taken again, what was taken of them is forgotten. */
export interface Taking {
  /** The next ones, in the order of `seq`. Numbers of removed entries are left out. */
  add(entries: readonly FollowedEntry[]): void
  /**
   * What is written for all of them: an SQL expression with a value, such as the call of a function that
   * `audit_relay` may execute and that returns something. It runs in the transaction that moves the cursor,
   * after that, and only if the cursor was moved.
   */
  write(): SQL
}

/** How far a consumer is, as the database says it. */
export interface FollowState {
  readonly consumer: string
  readonly history: string
  readonly sinceSeq: number
  /** It has taken every entry up to this number. */
  readonly seq: number
  readonly changes: number
  /** The last number of the log. */
  readonly head: number
  readonly logHistory: string
  /** Where a restore has given numbers again: the last one that is still the same entry. */
  readonly rewindTo: number
}
