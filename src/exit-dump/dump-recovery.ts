import fs from 'node:fs'
import { Database } from '../database/connection.ts'
import { errorName, safeError } from '../errors.ts'
import type { AuditLogger } from '../logger.ts'
import { type DumpFolder, whyUnfit } from './dump-folder.ts'
import { dumpsIn, type RecoveredFile, recoverFolder } from './recover.ts'
import { targetOf } from './target.ts'

export interface DumpRecoveryOptions {
  readonly folder: DumpFolder
  readonly url: string
  readonly statementTimeoutMs: number
  readonly logger: AuditLogger
}

/** How long a recorder waits before it looks again, while the database is away. */
const RETRY_MS = 30_000

/** Stages what earlier processes left in a folder, in the background, when a recorder is made. */
export class DumpRecovery {
  readonly #options: DumpRecoveryOptions
  #isClosed = false
  #timer: NodeJS.Timeout | undefined
  #recovering: Promise<void> = Promise.resolve()

  constructor(options: DumpRecoveryOptions) {
    this.#options = options
    this.#begin(0)
  }

  /** Resolves when no file is in hand any more. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#recovering
  }

  #begin(waitMs: number): void {
    this.#timer = setTimeout(() => {
      this.#recovering = this.#recover()
    }, waitMs)
    this.#timer.unref()
  }

  async #recover(): Promise<void> {
    const { folder, url, statementTimeoutMs, logger } = this.#options
    try {
      if (!fs.existsSync(folder.path) || whyUnfit(folder) !== undefined) return
      if ((await dumpsIn(folder.path)).length === 0 || this.#isClosed) return
    } catch (error) {
      logger.warn(
        { name: errorName(error), folder: folder.path },
        'audit exit dumps cannot be read',
      )
      return
    }
    const applicationName = 'audit-outbox recovery'
    const database = new Database({ url, role: 'audit_app', applicationName, statementTimeoutMs })
    const target = targetOf(url)
    try {
      await recoverFolder({
        folder: folder.path,
        database,
        isOurTarget: (other) => other === target,
        onFile: (found) => this.#tell(found),
      })
    } catch (error) {
      const { code, fault } = safeError(error)
      logger.warn({ code, fault, folder: folder.path }, 'audit exit dumps could not be staged yet')
      if (!this.#isClosed) this.#begin(RETRY_MS)
    } finally {
      await database.close()
    }
  }

  #tell({ file, recorder, outcome, entries, lost, code }: RecoveredFile): void {
    const { logger } = this.#options
    const fields = { file, recorder, entries, lost }
    switch (outcome) {
      case 'staged':
        logger.warn(fields, 'audit entries that an ended process had left on disk are staged')
        break
      case 'damaged':
        logger.error(fields, 'an audit exit dump is damaged; the lines that can be read are staged')
        break
      case 'refused':
        logger.error({ ...fields, code }, 'an audit exit dump could not be staged; it stays')
        break
      default:
        logger.debug({ ...fields, outcome }, 'an audit exit dump is not of this database')
    }
  }
}
