import { type Capture, createCapture } from '../capture/capture.ts'
import { captureBound, contextOf } from '../context/captured-context.ts'
import { contextNow } from '../context/context-now.ts'
import { type EntryTaker, runInOwnScope, runInScope } from '../context/scope.ts'
import type { ActionMap, AnyActions } from '../entry.ts'
import { RECORDER_LIMITS } from '../options.ts'
import { compileRedactor } from '../redact/redactor.ts'
import type { Recorder } from './recorder.ts'

/**
 * Makes a recorder for tests and for applications without a database. It writes nothing, and counts
 * each call of `record()` as dropped, with the reason `disabled`.
 */
export function createNoopRecorder<Actions extends ActionMap = AnyActions>(): Recorder<Actions> {
  let disabled = 0
  const recorder: Recorder<Actions> = {
    record() {
      disabled += 1
      return false
    },
    recordIn: () => Promise.resolve(0),
    child: () => recorder,
    withContext: (context, fn) => runInScope(context, recorder as EntryTaker, fn),
    captureContext() {
      capture ??= createCapture({
        maxEntryBytes: RECORDER_LIMITS.maxEntryBytes.default,
        redactor: compileRedactor(undefined),
      })
      return captureBound(contextNow(capture, undefined, undefined), capture.redactor)
    },
    runWithContext: (captured, fn) =>
      runInOwnScope(contextOf(captured), recorder as EntryTaker, fn),
    flush: () => Promise.resolve(true),
    close: () => Promise.resolve({ flushed: 0, dropped: 0 }),
    stats: () => ({
      recorderId: null,
      recorded: 0,
      staged: 0,
      dropped: disabled > 0 ? { disabled } : {},
      degraded: 0,
      bufferedEntries: 0,
      bufferedBytes: 0,
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  return recorder
}

/** Copies and redacts a context. Made when it is first asked for one. */
let capture: Capture | undefined

/** What package-level `record()` uses until a default recorder is set. */
export const noopRecorder: Recorder = createNoopRecorder()
