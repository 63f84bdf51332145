import type { ActionMap, AuditContext, EntryOf, FastEntryOf } from '../entry.ts'
import type { CapturedContext } from '../context/captured-context.ts'
import type {
  CloseResult,
  FlushOptions,
  Recorder,
  RecorderStats,
  RecordInOptions,
} from '../recorder/recorder.ts'

type Transaction<Actions extends ActionMap> = Parameters<Recorder<Actions>['recordIn']>[0]

/** A recorder that is made when it is first used, and not where a module is only loaded. */
export class LateRecorder<Actions extends ActionMap> implements Recorder<Actions> {
  readonly #made: () => Recorder<Actions>

  /** @param made returns the same recorder each time */
  constructor(made: () => Recorder<Actions>) {
    this.#made = made
  }

  record(entry: FastEntryOf<Actions>): boolean {
    return this.#made().record(entry)
  }

  recordIn(
    tx: Transaction<Actions>,
    entries: EntryOf<Actions> | readonly EntryOf<Actions>[],
    options?: RecordInOptions,
  ): Promise<number> {
    return this.#made().recordIn(tx, entries, options)
  }

  child(context: AuditContext): Recorder<Actions> {
    return this.#made().child(context)
  }

  withContext<T>(context: AuditContext, fn: () => T): T {
    return this.#made().withContext(context, fn)
  }

  captureContext(): CapturedContext {
    return this.#made().captureContext()
  }

  runWithContext<T>(captured: unknown, fn: () => T): T {
    return this.#made().runWithContext(captured, fn)
  }

  flush(options?: FlushOptions): Promise<boolean> {
    return this.#made().flush(options)
  }

  close(options?: { readonly timeoutMs?: number | undefined }): Promise<CloseResult> {
    return this.#made().close(options)
  }

  stats(): RecorderStats {
    return this.#made().stats()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#made()[Symbol.asyncDispose]()
  }
}
