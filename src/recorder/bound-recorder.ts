import type { BoundContext } from '../capture/captured-entry.ts'
import { type OddEntry, oddFieldOf } from '../encode/odd-ids.ts'
import { type CapturedContext, captureBound, contextOf } from '../context/captured-context.ts'
import { runInOwnScope, runInScope } from '../context/scope.ts'
import {
  type ActionMap,
  type AnyActions,
  type AuditContext,
  type EntryOf,
  type FastEntryOf,
  isReservedAction,
} from '../entry.ts'
import { AuditError, optionInvalid, safeError } from '../errors.ts'
import type { AuditTransaction, RecordInMode } from '../lanes/outbox.ts'
import { refuseUnknownOptions } from '../options.ts'
import { entryWatch } from './entry-watch.ts'
import type { Intake } from './intake.ts'
import type {
  CloseResult,
  FlushOptions,
  Recorder,
  RecorderStats,
  RecordInOptions,
} from './recorder.ts'

/** What also mode `best-effort` throws: the caller's code has to change. */
const MISUSES: ReadonlySet<string> = new Set([
  'AUDIT_NOT_A_TRANSACTION',
  'AUDIT_NOT_IN_TRANSACTION',
])

/** @throws {AuditError} `AUDIT_OPTION_INVALID` */
function modeOf(options: RecordInOptions): RecordInMode {
  refuseUnknownOptions(options, ['mode'])
  const { mode = 'atomic' } = options
  if (mode === 'atomic' || mode === 'best-effort') return mode
  throw optionInvalid("recordIn's mode must be 'atomic' or 'best-effort'.")
}

/** A recorder: the intake that it shares with its children, and the context that is bound to it. */
export class BoundRecorder<Actions extends ActionMap = AnyActions> implements Recorder<Actions> {
  readonly #intake: Intake
  readonly #context: BoundContext | undefined

  constructor(intake: Intake, context?: BoundContext) {
    this.#intake = intake
    this.#context = context
  }

  record(entry: FastEntryOf<Actions>): boolean {
    return this.#intake.record(entry, this.#context)
  }

  recordIn(
    tx: AuditTransaction,
    entries: EntryOf<Actions> | readonly EntryOf<Actions>[],
    options: RecordInOptions = {},
  ): Promise<number> {
    const written = this.#recordIn(tx, Array.isArray(entries) ? entries : [entries], options)
    // A caller may forget to await this. The rejection must not end the process then.
    written.catch(() => {})
    return written
  }

  async #recordIn(
    tx: AuditTransaction,
    entries: readonly unknown[],
    options: RecordInOptions,
  ): Promise<number> {
    const { path } = this.#intake
    path.checkTransaction(tx)
    const mode = modeOf(options)
    const { capture, encoder, logger } = path
    const nowMs = Date.now()
    const context = this.#intake.contextNow(this.#context)
    const encoded: string[] = []
    const odd: OddEntry[] = []
    for (const entry of entries) {
      const captured = capture.captureEntry(entry, context, nowMs, true)
      if (captured === undefined) continue
      if (isReservedAction(captured.action)) {
        throw new AuditError(
          'AUDIT_ACTION_RESERVED',
          'recordIn was given an action of the entity "audit", which is the product\'s own. Nothing ' +
            'was written. Use another entity name, such as "auditing.start" for "audit.start".',
        )
      }
      const { degraded } = encoder
      encoded.push(encoder.encode(captured, null))
      const field = oddFieldOf(captured)
      if (field !== undefined) odd.push({ field, isDegraded: encoder.degraded > degraded })
      if (entryWatch !== undefined) entryWatch(captured)
    }
    const unshapable = entries.length - encoded.length
    if (unshapable > 0) {
      const message = 'recordIn was given an entry that has no action or cannot be read'
      if (mode === 'atomic') throw new AuditError('AUDIT_ENTRY_UNSHAPABLE', message)
      logger.warn({ unshapable }, message)
    }
    if (encoded.length === 0) return 0
    try {
      const taken = await path.writeToOutbox(tx, encoded, mode, odd)
      if (taken < encoded.length) {
        logger.warn(
          { given: encoded.length, taken },
          'audit.record took fewer entries than were given',
        )
      }
      return taken
    } catch (error) {
      const safe = safeError(error)
      logger.warn({ code: safe.code, fault: safe.fault, entries: encoded.length }, safe.message)
      if (mode === 'atomic' || MISUSES.has(safe.code)) throw safe
      return 0
    }
  }

  child(context: AuditContext): Recorder<Actions> {
    const { capture } = this.#intake.path
    return new BoundRecorder(this.#intake, capture.bindContext(context, this.#context))
  }

  withContext<T>(context: AuditContext, fn: () => T): T {
    return runInScope(context, this as unknown as Recorder, fn)
  }

  captureContext(): CapturedContext {
    const { redactor } = this.#intake.path.capture
    return captureBound(this.#intake.contextNow(this.#context), redactor)
  }

  runWithContext<T>(captured: unknown, fn: () => T): T {
    return runInOwnScope(contextOf(captured), this as unknown as Recorder, fn)
  }

  flush({ timeoutMs, report = false }: FlushOptions = {}): Promise<boolean> {
    return this.#intake.path.flush(timeoutMs, report)
  }

  close({ timeoutMs }: { readonly timeoutMs?: number | undefined } = {}): Promise<CloseResult> {
    return this.#intake.path.close(timeoutMs)
  }

  stats(): RecorderStats {
    return this.#intake.path.stats()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
