import type { BoundContext, CapturedEntry } from '../capture/captured-entry.ts'
import { contextNow } from '../context/context-now.ts'
import { type AuditContext, isReservedAction } from '../entry.ts'
import type { EntryPath } from './entry-path.ts'
import { entryWatch } from './entry-watch.ts'

/** What a recorder and its children share: the path, and the steps that put an entry onto it. */
export class Intake {
  readonly path: EntryPath
  readonly #askContext: (() => AuditContext | undefined) | undefined
  #isRecording = false

  /** @param askContext the recorder's option `context` */
  constructor(path: EntryPath, askContext: (() => AuditContext | undefined) | undefined) {
    this.path = path
    this.#askContext = askContext
  }

  /**
   * Records one entry. It never throws and never waits, for any entry and in any state of the
   * recorder.
   *
   * @param bound the context that is bound to the called recorder
   */
  record(entry: unknown, bound: BoundContext | undefined): boolean {
    const { path } = this
    if (path.isClosed) return path.drop('closed')
    // A getter of the entry, or a logger, called record(). Without this check that might never end.
    if (this.#isRecording) return path.drop('reentrant')
    this.#isRecording = true
    let captured: CapturedEntry | undefined
    try {
      captured = path.capture.captureEntry(entry, this.contextNow(bound), Date.now())
    } catch {
      // Not logged: the error may quote the entry.
    } finally {
      this.#isRecording = false
    }
    if (captured === undefined) return path.drop('unshapable')
    if (isReservedAction(captured.action)) return path.drop('reserved')
    if (entryWatch !== undefined) entryWatch(captured)
    return path.accept(captured)
  }

  /** The scope's context, overridden by the recorder's own, which is nearer to the entry. */
  contextNow(bound: BoundContext | undefined): BoundContext | undefined {
    return contextNow(this.path.capture, bound, this.#askContext)
  }
}
