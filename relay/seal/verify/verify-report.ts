import type { Counted } from './accounts.ts'
import type { Finding, FindingKind } from './finding.ts'
import type { Notes } from './known-outside.ts'
import type { Sample } from './walk.ts'

export interface VerifyOptions {
  /** The text of a policy file: whose signatures count. Without it nothing is proved. */
  readonly policy?: string | undefined
  /**
   * Checkpoints that were kept outside of the database: the text of a file of them, or one after the
   * other. Without any nothing is proved, because a log that was replaced as a whole fits itself.
   */
  readonly anchor?: string | Notes | undefined
  /**
   * The checkpoint of an earlier run that proved the log. Only later entries are read, and that the
   * tree goes on from there is checked. It is no anchor.
   */
  readonly since?: string | undefined
  /** With `since`: reads one part of the earlier entries, too. Without it: of all of them. */
  readonly sample?: Sample | undefined
  /**
   * How long an entry may wait for its seal, and an erasure or a removal for its entry, in
   * milliseconds, from 1 s to 30 days. Default: 60 s
   */
  readonly maxLagMs?: number | undefined
  /**
   * What the run counted of whose newest checkpoint `since` is. With both, the accounts of recorders
   * are compared.
   */
  readonly counted?: Counted | undefined
  readonly signal?: AbortSignal | undefined
  /** Called after each stretch of entries. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined
}

export interface VerifyProgress {
  /** Entries that were read. */
  readonly read: number
  /** Entries that are to be read, as far as is known. */
  readonly total: number
}

export interface VerifyReport {
  /** 0 proved, 1 not finished, 3 sealed too late, 5 tampered with, 6 nothing to prove it by. */
  readonly code: number
  /** How many leaves all trees of the log have together. */
  readonly size: number
  /** Entries whose content was found to be as it was sealed. */
  readonly rows: number
  /** Numbers whose entries a policy removed, as a sealed entry says. */
  readonly expired: number
  /** Entries of which something was erased. */
  readonly erased: number
  /** Removals and erasures whose entry is on its way to its seal. */
  readonly pending: number
  /** Entries that are not sealed yet. */
  readonly unsealed: number
  /** The greatest checkpoint of each log that was known outside and was found in its tree. */
  readonly anchored: Readonly<Record<string, number>>
  /** The greatest checkpoint of each log that enough witnesses cosigned. */
  readonly cosigned: Readonly<Record<string, number>>
  /** The newest checkpoint of the database by which it was judged. Undefined where there is none. */
  readonly checkpoint: string | undefined
  /** Checkpoints of the anchor that no key of the policy signed. */
  readonly unopened: number
  /** Which entries were read: `whole`, `since SIZE`, or with `1/30`. */
  readonly scope: string
  /** What was found. Of a flood the first ones: `counts` has them all. */
  readonly findings: readonly Finding[]
  readonly counts: Readonly<Partial<Record<FindingKind, number>>>
  /** What a later run with `since` needs. Undefined where the accounts were not compared. */
  readonly counted: Counted | undefined
}
