import fs from 'node:fs'
import type { DropReason } from '../entry.ts'
import type {
  DatabaseIdentity,
  RecorderStatements,
  ReporterIdentity,
} from '../lanes/recorder-statements.ts'
import { callAtExit, callNoMoreAtExit } from './at-exit.ts'
import { DUMP_FORMAT, writeDump } from './dump-file.ts'
import type { DumpFolder } from './dump-folder.ts'
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

export interface ExitDumpOptions {
  /** Undefined: nothing is left on disk, and the number of lost entries is said. */
  readonly folder: DumpFolder | undefined
  readonly url: string
}

/** Leaves a recorder's unstaged entries on disk when the process ends. */
export class ExitDump {
  readonly #options: ExitDumpOptions
  readonly #leave = () => this.#leaveUnstaged()
  #identity: ReporterIdentity | undefined
  #readUnstaged: (() => Unstaged) | undefined
  #database: DatabaseIdentity | null = null
  #hasAsked = false

  constructor(options: ExitDumpOptions) {
    this.#options = options
  }

  /** Call this once, before the first entry. */
  attach(identity: ReporterIdentity, readUnstaged: () => Unstaged): void {
    this.#identity = identity
    this.#readUnstaged = readUnstaged
  }

  /** Call this when entries begin to wait, and when none waits any more. */
  entriesWait(doWait: boolean): void {
    if (doWait) callAtExit(this.#leave)
    else callNoMoreAtExit(this.#leave)
  }

  /** Call this after each batch that was staged. The first time, it asks which database that was. */
  batchWasStaged(statements: RecorderStatements): void {
    if (this.#hasAsked || this.#options.folder === undefined) return
    this.#hasAsked = true
    statements.identity().then(
      (identity) => {
        this.#database = identity
      },
      () => {
        this.#hasAsked = false
      },
    )
  }

  /** Runs while the process ends: nothing of it may wait, or throw. */
  #leaveUnstaged(): void {
    const unstaged = this.#readUnstaged?.()
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
}

/** On standard error, because a logger may write later than the process lives. */
function say(what: string): void {
  try {
    fs.writeSync(2, `audit-outbox: ${what}.\n`)
  } catch {
    // There is nowhere else to say it.
  }
}
