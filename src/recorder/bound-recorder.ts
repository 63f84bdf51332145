import { contextNow } from '../context/context-now.ts'
import { runInScope } from '../context/scope.ts'
import type { ActionMap, AnyActions, AuditContext, EntryOf } from '../entry.ts'
import { AuditError, safeError } from '../errors.ts'
import { type AuditTransaction, type RecordInMode, writeToOutbox } from '../lanes/outbox.ts'
import type { BoundContext } from '../capture/captured-entry.ts'
import type { CloseResult, Recorder, RecorderStats, RecordInOptions } from './recorder.ts'
import type { RecorderPath } from './pipeline.ts'
import { within } from '../within.ts'

/** A recorder's front: the shared path, and the context that is bound to it. */
export class BoundRecorder<Actions extends ActionMap = AnyActions> implements Recorder<Actions> {
  readonly #path: RecorderPath
  readonly #context: BoundContext | undefined

  constructor(path: RecorderPath, context: BoundContext | undefined) {
    this.#path = path
    this.#context = context
  }

  record(entry: EntryOf<Actions>): boolean {
    return this.#path.record(entry, this)
  }

  recordIn(
    tx: AuditTransaction,
    entries: EntryOf<Actions> | readonly EntryOf<Actions>[],
    { mode = 'best-effort' }: RecordInOptions = {},
  ): Promise<number> {
    const written = this.#recordIn(tx, Array.isArray(entries) ? entries : [entries], mode)
    // A forgotten await must cost the caller an entry at most, not the process.
    written.catch(() => {})
    return written
  }

  async #recordIn(
    tx: AuditTransaction,
    entries: readonly unknown[],
    mode: RecordInMode,
  ): Promise<number> {
    const { shaper, encoder, logger } = this.#path
    const nowMs = Date.now()
    const context = this.contextNow()
    const encoded: string[] = []
    for (const entry of entries) {
      const pending = shaper.shape(entry, context, nowMs)
      if (pending) encoded.push(encoder.encode(pending, null))
    }
    const unshapable = entries.length - encoded.length
    if (unshapable > 0) {
      const message =
        'an entry without an action, or one that cannot be read, was given to recordIn'
      if (mode === 'atomic') throw new AuditError('AUDIT_ENTRY_UNSHAPABLE', message)
      logger.warn({ unshapable }, message)
    }
    if (encoded.length === 0) return 0
    try {
      const { statementTimeoutMs } = this.#path.limits
      // A driver may keep a statement for ever that it was given while its transaction ended.
      const taken = await within(statementTimeoutMs, writeToOutbox(tx, encoded, mode), () => {
        const message = `No answer from the transaction within ${statementTimeoutMs} ms.`
        throw new AuditError('AUDIT_DEADLINE_PASSED', message)
      })
      if (taken < encoded.length) {
        logger.warn({ given: encoded.length, taken }, 'audit.record did not take every entry')
      }
      return taken
    } catch (error) {
      const safe = safeError(error)
      logger.warn({ code: safe.code, fault: safe.fault, entries: encoded.length }, safe.message)
      if (mode === 'atomic' || safe.code === 'AUDIT_NOT_IN_TRANSACTION') throw safe
      return 0
    }
  }

  child(context: AuditContext): Recorder<Actions> {
    return new BoundRecorder(this.#path, this.#path.shaper.bind(context, this.#context))
  }

  withContext<T>(context: AuditContext, fn: () => T): T {
    return runInScope(context, this as unknown as Recorder, fn)
  }

  flush({ timeoutMs = this.#path.limits.closeTimeoutMs } = {}): Promise<boolean> {
    return this.#path.flush(timeoutMs)
  }

  close({ timeoutMs = this.#path.limits.closeTimeoutMs } = {}): Promise<CloseResult> {
    return this.#path.close(timeoutMs)
  }

  stats(): RecorderStats {
    return this.#path.stats()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** This recorder's own context over the scope's: what is nearer to the entry wins. */
  contextNow(): BoundContext | undefined {
    const { shaper, context } = this.#path
    return contextNow(shaper, this.#context, context)
  }
}
