import type { BoundContext, CapturedEntry } from '../capture/captured-entry.ts'
import { contextNow } from '../context/context-now.ts'
import type { AuditContext } from '../entry.ts'
import type { EntryPath } from './entry-path.ts'

/** What a recorder and its children share: the path, and how an entry comes onto it. */
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
   * Total: it answers at once, whatever it is given and in whatever state.
   *
   * @param bound what is bound to the recorder that was called
   */
  record(entry: unknown, bound: BoundContext | undefined): boolean {
    const { path } = this
    if (path.isClosed) return path.drop('closed')
    // A getter of the entry, or a logger, that records: its own record() would never end.
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
    return captured === undefined ? path.drop('unshapable') : path.accept(captured)
  }

  /** A recorder's own context over the scope's: what is nearer to the entry wins. */
  contextNow(bound: BoundContext | undefined): BoundContext | undefined {
    return contextNow(this.path.capture, bound, this.#askContext)
  }
}
