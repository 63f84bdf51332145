import { type EntryTaker, runInScope } from '../context/scope.ts'
import type { ActionMap, AnyActions } from '../entry.ts'
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

/** What package-level `record()` uses until a default recorder is set. */
export const noopRecorder: Recorder = createNoopRecorder()
