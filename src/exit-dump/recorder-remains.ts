import fs from 'node:fs'
import { Database } from '../database/connection.ts'
import type { DropReason } from '../entry.ts'
import { errorName, safeError } from '../errors.ts'
import type {
  DatabaseIdentity,
  RecorderStatements,
  ReporterIdentity,
} from '../lanes/recorder-statements.ts'
import type { AuditLogger } from '../logger.ts'
import { callAtExit, callNoMoreAtExit } from './at-exit.ts'
import { DUMP_FORMAT, writeDump } from './dump-file.ts'
import { type DumpFolder, whyUnfit } from './dump-folder.ts'
import { dumpsIn, type RecoveredFile, recoverFolder } from './recover.ts'
import { targetOf } from './target.ts'

/** What a recorder holds when its process ends. */
export interface Unstaged {
  readonly accepted: number
  readonly staged: number
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
  /** How many entries are not known to be staged. */
  readonly entries: number
  /** The JSON of their rows. */
  readonly rows: Iterable<string>
}

/** What a recorder leaves on disk when its process ends, and what it takes over from earlier ones. */
export interface RecorderRemains {
  /** Call this once, before the first entry. */
  belongTo(identity: ReporterIdentity, unstaged: () => Unstaged): void
  /** Call this when entries begin to wait, and when none waits any more. */
  mayBeLeft(isBusy: boolean): void
  /** Call this after each batch that was staged: the database can be asked which one it is. */
  reached(statements: RecorderStatements): void
  /** Resolves when nothing is being taken over any more. Never rejects. */
  close(): Promise<void>
}

export interface RemainsOptions {
  /** Undefined where nothing may be left on disk. */
  readonly folder: DumpFolder | undefined
  readonly url: string
  readonly statementTimeoutMs: number
  readonly logger: AuditLogger
}

const RETRY_MS = 30_000

export class ExitDump implements RecorderRemains {
  readonly #options: RemainsOptions
  readonly #leave = () => this.#leaveUnstaged()
  #identity: ReporterIdentity | undefined
  #unstaged: (() => Unstaged) | undefined
  #database: DatabaseIdentity | null = null
  #isAsked = false
  #isClosed = false
  #timer: NodeJS.Timeout | undefined
  #recovering: Promise<void> = Promise.resolve()

  constructor(options: RemainsOptions) {
    this.#options = options
    if (options.folder) this.#takeOver(0)
  }

  belongTo(identity: ReporterIdentity, unstaged: () => Unstaged): void {
    this.#identity = identity
    this.#unstaged = unstaged
  }

  mayBeLeft(isBusy: boolean): void {
    if (isBusy) callAtExit(this.#leave)
    else callNoMoreAtExit(this.#leave)
  }

  reached(statements: RecorderStatements): void {
    if (this.#isAsked || this.#options.folder === undefined) return
    this.#isAsked = true
    statements.identity().then(
      (identity) => {
        this.#database = identity
      },
      () => {
        this.#isAsked = false
      },
    )
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#recovering
  }

  /** Runs while the process ends: nothing of it may wait, or throw. */
  #leaveUnstaged(): void {
    const unstaged = this.#unstaged?.()
    if (unstaged === undefined || this.#identity === undefined || unstaged.entries === 0) return
    const { entries, rows, accepted, staged, dropped } = unstaged
    const { folder, url } = this.#options
    if (folder === undefined) {
      say(`${entries} entries were not staged when the process ended, and are lost`)
      return
    }
    const { recorderId, recorderKey, startedAt } = this.#identity
    const header = {
      format: DUMP_FORMAT,
      version: 1,
      recorder: recorderId,
      key: recorderKey,
      startedAt,
      endedAt: new Date().toISOString(),
      pid: process.pid,
      database: this.#database,
      target: targetOf(url),
      accepted,
      staged,
      dropped,
      entries,
    } as const
    const { kept, failure } = writeDump(folder, header, rows)
    if (failure === undefined) return
    say(
      `${entries - kept} of ${entries} entries were neither staged nor left on disk when the process ended, ` +
        `and are lost (${failure}). Close the recorder before the process ends, or set ` +
        'AUDIT_JOURNAL_DIR to a folder that can be written to',
    )
  }

  /** Looks for what earlier processes left, and again after a while if the database is away. */
  #takeOver(waitMs: number): void {
    this.#timer = setTimeout(() => {
      this.#recovering = this.#recover()
    }, waitMs)
    this.#timer.unref()
  }

  async #recover(): Promise<void> {
    const { folder, url, statementTimeoutMs, logger } = this.#options
    if (folder === undefined) return
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
    const database = new Database({ url, applicationName, statementTimeoutMs })
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
      if (!this.#isClosed) this.#takeOver(RETRY_MS)
    } finally {
      await database.close()
    }
  }

  #tell({ file, recorder, outcome, entries, lost }: RecoveredFile): void {
    const { logger } = this.#options
    const fields = { file, recorder, entries, lost }
    if (outcome === 'staged') {
      logger.warn(fields, 'audit entries that an ended process had left on disk are staged')
    } else if (outcome === 'damaged') {
      logger.error(fields, 'an audit exit dump is damaged; the lines that can be read are staged')
    } else {
      logger.debug({ ...fields, outcome }, 'an audit exit dump is not of this database')
    }
  }
}

/** On standard error, because a logger may write later than the process lives. */
function say(what: string): void {
  try {
    fs.writeSync(2, `audit-outbox: ${what}.\n`)
  } catch {
    // There is nowhere else to say it.
  }
}
