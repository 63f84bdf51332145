import type { AuditLogger } from '../../src/logger.ts'

export interface LogSizeOptions {
  readonly statements: { logBytes(): Promise<number> }
  /** A log that is larger is an alarm, in bytes. 0: none is. */
  readonly maxLogBytes: number
  readonly logger: AuditLogger
  /** Is told what was measured, in bytes. */
  readonly onMeasured: (bytes: number) => void
}

/** By so much the log has to grow until the next warning. */
const MORE = 1.1
const HINT =
  'Set a policy that keeps less ("audit-relay policy set"), or raise AUDIT_MAX_LOG_BYTES. Policies that ' +
  'are set already work with "audit-relay retention --apply".'

/**
 * Measures the log, and warns where it is larger than it should be. It removes nothing: who can fill the
 * log could then make it forget.
 */
export class LogSize {
  readonly #options: LogSizeOptions
  /** What the last warning named; 0 where the log was small enough since. */
  #toldBytes = 0

  constructor(options: LogSizeOptions) {
    this.#options = options
  }

  async look(): Promise<void> {
    const { statements, maxLogBytes, logger, onMeasured } = this.#options
    const logBytes = await statements.logBytes()
    onMeasured(logBytes)
    if (maxLogBytes === 0 || logBytes <= maxLogBytes) {
      this.#toldBytes = 0
      return
    }
    if (logBytes < this.#toldBytes * MORE) return
    this.#toldBytes = logBytes
    logger.warn({ logBytes, maxLogBytes, hint: HINT }, 'the log is larger than it should be')
  }
}
