import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { Database } from '../../../src/database/connection.ts'
import { Outage } from '../../../src/database/outage.ts'
import { type AuditLogger, guardLogger } from '../../../src/logger.ts'
import { EXPORT_DEADLINE_MS } from '../../../src/read/read-rows.ts'
import { within } from '../../../src/within.ts'
import { ANCHOR_FILE } from '../anchors/file-anchor.ts'
import { notesOf } from '../anchors/notes-file.ts'
import { verifyLog } from '../verify/verify-log.ts'
import type { VerifyReport } from '../verify/verify-report.ts'
import { type VerifyMemory, VerifyMemoryFile } from './verify-memory.ts'

export interface ScheduledVerifyOptions {
  /** Of a login that was granted `audit_reader`. */
  readonly readerUrl: string
  /** Of a login that was granted `audit_relay`: it writes down what a run came to. */
  readonly relayUrl: string
  /** Where the file anchor lies, and where it remembers the last run that proved the log. */
  readonly stateDir: string
  /** How long from one run to the next, in milliseconds. */
  readonly everyMs: number
  /** How long an entry may wait for its seal, in milliseconds. */
  readonly maxLagMs: number
  readonly statementTimeoutMs: number
  /** The text of the policy: whose signatures count. */
  readonly policy: () => Promise<string>
  readonly logger?: AuditLogger | undefined
  readonly onRun?: ((run: VerifyRun) => void) | undefined
  /** Called at the start, where an earlier process has verified the log. */
  readonly onRemembered?: ((last: Pick<VerifyRun, 'ranMs' | 'provedMs'>) => void) | undefined
}

/** What a run came to. */
export interface VerifyRun {
  readonly code: number
  readonly rows: number
  readonly counts: VerifyReport['counts']
  readonly durationMs: number
  /** When it ended, in Unix milliseconds. */
  readonly ranMs: number
  /** When the last run ended that proved the log, in Unix milliseconds. Null: none has. */
  readonly provedMs: number | null
}

/** Each earlier entry is read again within so many runs. */
const PARTS = 30
/** Time for the first checkpoint to be made and published. */
const FIRST_WAIT_MS = 60_000
const AGAIN_MS = 600_000
/** So often in a row nothing to prove it by is taken for a log that is only about to be sealed. */
const MOST_EARLY_RUNS = 10
const MOST_FINDINGS = 20
const MOST_CHARACTERS = 200
const STOP_MS = 5_000
const NOT_PROVED = 6

/**
 * Verifies the log from time to time: what came since the last run that proved it, and one part in 30
 * of the rest, another one each time. The first run reads all of it. What a run came to is an entry
 * `audit.verify` of the log, with who may do what to it.
 *
 * Its checkpoints are those of the file anchor, on the machine of the relay. Anyone who can change that one,
 * too, is found by `audit-relay verify` with checkpoints from elsewhere.
 */
export class ScheduledVerify {
  readonly #options: ScheduledVerifyOptions
  readonly #logger: AuditLogger
  readonly #memory: VerifyMemoryFile
  readonly #outage: Outage
  readonly #halt = new AbortController()
  #running: Promise<void> | undefined
  #earlyRuns = 0

  constructor(options: ScheduledVerifyOptions) {
    this.#options = options
    this.#logger = guardLogger(options.logger, 'audit-relay')
    this.#memory = new VerifyMemoryFile(options.stateDir)
    this.#outage = new Outage(this.#logger, {
      begins: 'the log could not be verified; it is tried again',
      goesOn: 'the log still cannot be verified',
      ends: 'the log can be verified again',
    })
  }

  /** Runs until `stop()`. Never rejects. */
  start(): Promise<void> {
    this.#running ??= this.#run()
    return this.#running
  }

  /** Breaks a run off. Safe to call twice, or before `start`. */
  async stop(): Promise<void> {
    this.#halt.abort()
    await within(STOP_MS, this.#running, () => {})
  }

  async #run(): Promise<void> {
    const { everyMs, onRemembered } = this.#options
    const { signal } = this.#halt
    const before = await this.#memory.load().catch(() => undefined) // the first turn says why
    if (before !== undefined && before.ranMs > 0) onRemembered?.(before)
    let waitMs = Math.min(everyMs, FIRST_WAIT_MS)
    while (!signal.aborted) {
      await sleep(waitMs, undefined, { signal }).catch(() => {}) // an abort ends the wait
      if (signal.aborted) return
      try {
        waitMs = await this.#turn()
        this.#outage.recovered()
      } catch (error) {
        if (signal.aborted) return
        this.#outage.failed(error)
        waitMs = Math.min(everyMs, AGAIN_MS)
      }
    }
  }

  /** Verifies, if that is due. @returns how long to wait for the next turn, in milliseconds */
  async #turn(): Promise<number> {
    const { everyMs } = this.#options
    const memory = await this.#memory.load()
    const dueMs = memory.ranMs + everyMs - Date.now()
    if (dueMs > 0 && memory.ranMs <= Date.now()) return Math.min(dueMs, everyMs)
    const beganMs = performance.now()
    const report = await this.#verify(memory)
    if (report.code === NOT_PROVED && this.#earlyRuns < MOST_EARLY_RUNS) {
      this.#earlyRuns += 1
      return Math.min(everyMs, FIRST_WAIT_MS)
    }
    const durationMs = Math.round(performance.now() - beganMs)
    const after = afterwards(memory, report)
    await this.#note(report, durationMs)
    await this.#memory.save(after)
    this.#tell(report, durationMs, after)
    return everyMs
  }

  async #verify({ note, counted, turn }: VerifyMemory): Promise<VerifyReport> {
    const { readerUrl, stateDir, maxLagMs, policy } = this.#options
    const database = new Database({
      url: readerUrl,
      role: 'audit_reader',
      applicationName: 'audit-relay verify',
      statementTimeoutMs: EXPORT_DEADLINE_MS,
      isReader: true,
    })
    try {
      return await verifyLog(database, {
        ...{ policy: await policy(), anchor: keptNotes(stateDir), since: note, counted, maxLagMs },
        sample: note === undefined ? undefined : { turn: turn % PARTS, of: PARTS },
        signal: this.#halt.signal,
      })
    } finally {
      await database.close()
    }
  }

  async #note(report: VerifyReport, durationMs: number): Promise<void> {
    const { relayUrl, statementTimeoutMs } = this.#options
    const database = new Database({
      url: relayUrl,
      role: 'audit_relay',
      applicationName: 'audit-relay verify',
      statementTimeoutMs,
    })
    try {
      const result = JSON.stringify(resultOf(report, durationMs))
      await database.execute(sql`/* audit-relay verify */
        select audit.note_verify(${result}::pg_catalog.text::pg_catalog.jsonb)`)
    } finally {
      await database.close()
    }
  }

  #tell(
    { code, rows, size, counts }: VerifyReport,
    durationMs: number,
    { ranMs, provedMs }: VerifyMemory,
  ): void {
    const fields = { code, rows, size, counts, durationMs }
    if (code === 0) this.#logger.info(fields, 'the log was verified: it is as it was sealed')
    else this.#logger.error({ ...fields, hint: HINT }, 'the log was verified, and is not proved')
    this.#options.onRun?.({ code, rows, counts, durationMs, ranMs, provedMs })
  }
}

const HINT =
  'The entry audit.verify has what was found. Run "audit-relay verify" with checkpoints from outside.'

/** The checkpoints of the file anchor. Without a file there are none. */
async function* keptNotes(stateDir: string): AsyncGenerator<string, void, undefined> {
  try {
    yield* notesOf(path.join(stateDir, ANCHOR_FILE))
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ENOENT') throw error
  }
}

function afterwards(
  memory: VerifyMemory,
  { code, checkpoint, counted }: VerifyReport,
): VerifyMemory {
  const ranMs = Date.now()
  if (code !== 0) return { ...memory, ranMs }
  return { ranMs, provedMs: ranMs, note: checkpoint, counted, turn: (memory.turn + 1) % PARTS }
}

/** What the entry says. It quotes no entry, and is bounded. */
function resultOf(report: VerifyReport, durationMs: number) {
  const { code, size, rows, expired, erased, pending, unsealed, anchored, scope, counts } = report
  const findings = report.findings.slice(0, MOST_FINDINGS).map(({ kind, seq, text }) => {
    return { kind, seq, text: text.slice(0, MOST_CHARACTERS) }
  })
  return {
    ...{ code, size, rows, expired, erased, pending, unsealed, anchored, scope, counts, findings },
    ...{ anchor: 'file', durationMs },
  }
}
