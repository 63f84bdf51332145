import { currentScope } from '../context/scope.ts'
import type { ActionMap, AuditEntry } from '../entry.ts'
import { noopRecorder } from './noop-recorder.ts'
import type { Recorder } from './recorder.ts'

let defaultRecorder: Recorder = noopRecorder

/**
 * Sets the recorder that package-level `record()` uses outside any `recorder.withContext()`.
 * `undefined` sets one that does nothing.
 */
export function setDefaultRecorder<Actions extends ActionMap>(
  recorder: Recorder<Actions> | undefined,
): void {
  // Safe, because the action types exist only at compile time: every recorder takes any entry.
  defaultRecorder = (recorder as Recorder | undefined) ?? noopRecorder
}

/**
 * Records with the recorder of the enclosing `withContext()`, else with the default recorder.
 * Without either the entry is dropped.
 *
 * @returns whether the entry was accepted
 */
export function record(entry: AuditEntry): boolean {
  return (currentScope()?.recorder ?? defaultRecorder).record(entry)
}
