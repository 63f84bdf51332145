/**
 * A place outside of the database that keeps checkpoints. What it keeps is how `audit-relay verify`
 * notices a log that was cut, replaced or sealed again.
 */
export interface Anchor {
  /** For log lines and metrics, such as `file` or `witness example.com/w1`. */
  readonly name: string
  /**
   * Hands a signed checkpoint over. It ends in bounded time and tries again by itself before it gives
   * up.
   *
   * @param note the checkpoint with its signatures
   * @param proofFrom the consistency proof from a tree of that size to the checkpoint's
   * @returns the lines with which others signed the checkpoint
   * @throws {AuditError} `AUDIT_ANCHOR_FAILED` where it was not taken, so that the newest one has to be
   * offered again; `AUDIT_SEAL_FORKED` where the other side knows another tree under this name
   */
  publish(note: string, proofFrom: ProofFrom): Promise<readonly string[]>
  /** The checkpoint that it took last. Undefined where it has none or cannot tell. */
  newest(): Promise<string | undefined>
}

export type ProofFrom = (size: number) => Promise<readonly Buffer[]>
