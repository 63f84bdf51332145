import fs from 'node:fs/promises'
import path from 'node:path'
import { AuditError } from '../../src/errors.ts'
import { fileCode, fileWords } from '../../src/file-fault.ts'
import type { AuditLogger } from '../../src/logger.ts'

/** The last entry that a relay has seen in the log, and the history that it belongs to. */
export interface KnownLog {
  readonly history: string
  readonly seq: number
  /** Null in an empty log. */
  readonly id: string | null
}

/** What `audit.identify` found. The comment of that function describes each state. */
export interface IdentifiedLog extends KnownLog {
  readonly state: 'same' | 'moved' | 'new' | 'lost'
}

export interface IdentityStatements {
  identify(known: KnownLog | undefined): Promise<IdentifiedLog>
}

export interface LogIdentityOptions {
  readonly statements: IdentityStatements
  readonly logger: AuditLogger
  /** A folder that keeps the last entry for the next process. Default: no next process knows it. */
  readonly stateDir?: string | undefined
  /** A clock that only goes forward, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number
}

const LOOK_EVERY_MS = 10_000
const FILE = 'audit-relay-history.json'

/**
 * Notices when the log is not the one that the relay knows, as after a restore or a failover that
 * lost commits. Such a log gives numbers again that it had given to other entries.
 */
export class LogIdentity {
  readonly #options: LogIdentityOptions
  readonly #now: () => number
  #known: KnownLog | undefined
  #isLoaded = false
  #dueMs = Number.NEGATIVE_INFINITY

  constructor(options: LogIdentityOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /**
   * Looks at most every 10 s. While the known entry is missing, it looks at each call.
   *
   * @throws {AuditError} `AUDIT_HISTORY_CHANGED` where the log does not hold the last known entry
   * any more; `AUDIT_OPTION_INVALID` where the file cannot be read or written; and as the statement
   * does
   */
  async check(): Promise<void> {
    if (this.#now() < this.#dueMs) return
    const { statements, logger } = this.#options
    if (!this.#isLoaded) this.#known = await this.#load()
    this.#isLoaded = true
    const known = this.#known
    const { state, ...found } = await statements.identify(known)
    if (state === 'lost') {
      throw new AuditError(
        'AUDIT_HISTORY_CHANGED',
        `The log does not hold entry ${known?.seq} any more, which this relay has seen; its last one ` +
          `is now ${found.seq}. It was restored, or a failover lost commits. Nothing is moved until ` +
          'somebody runs "audit-relay restored", which begins a new history.',
      )
    }
    if (state === 'moved')
      logger.info({ ...found }, 'the log moved to another timeline of the server')
    if (state === 'new') logger.warn({ ...found }, 'the log began a new history')
    this.#dueMs = this.#now() + LOOK_EVERY_MS
    if (found.history === known?.history && found.seq === known.seq) return
    this.#known = found
    await this.#save(found)
  }

  async #load(): Promise<KnownLog | undefined> {
    const { stateDir } = this.#options
    if (stateDir === undefined) return undefined
    let text: string
    try {
      text = await fs.readFile(path.join(stateDir, FILE), 'utf8')
    } catch (error) {
      if (Reflect.get(Object(error), 'code') === 'ENOENT') return undefined
      throw this.#unusable(error)
    }
    try {
      const { history, seq, id } = JSON.parse(text) as KnownLog
      if (typeof history === 'string' && Number.isSafeInteger(seq)) return { history, seq, id }
    } catch {
      // The file holds no JSON. The error below says so.
    }
    throw this.#unusable(undefined)
  }

  /** Writes the file under another name and renames it, so that nobody ever reads half of it. */
  async #save(known: KnownLog): Promise<void> {
    const { stateDir } = this.#options
    if (stateDir === undefined) return
    const file = path.join(stateDir, FILE)
    try {
      await fs.mkdir(stateDir, { recursive: true, mode: 0o700 })
      await fs.writeFile(`${file}.new`, JSON.stringify(known), { mode: 0o600 })
      await fs.rename(`${file}.new`, file)
    } catch (error) {
      throw this.#unusable(error)
    }
  }

  #unusable(error: unknown): AuditError {
    const code = fileCode(error)
    const what = code
      ? fileWords(code)
      : 'is not what the relay wrote. Where the log was restored, run "audit-relay restored"; then ' +
        'delete the file'
    return new AuditError(
      'AUDIT_OPTION_INVALID',
      `AUDIT_STATE_DIR: ${FILE} in ${this.#options.stateDir} ${what}.`,
    )
  }
}
