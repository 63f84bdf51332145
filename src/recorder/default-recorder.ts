import { currentScope } from '../context/scope.ts'
import type { ActionMap, AuditEntry } from '../entry.ts'
import { noopRecorder } from './noop-recorder.ts'
import type { Recorder } from './recorder.ts'

let defaultRecorder: Recorder = noopRecorder

/** The recorder that package-level `record()` uses outside any `recorder.withContext()`. */
export function setDefaultRecorder<Actions extends ActionMap>(
  recorder: Recorder<Actions> | undefined,
): void {
  // A recorder takes whatever it is given; its types are for who calls it by its own name.
  defaultRecorder = (recorder as Recorder | undefined) ?? noopRecorder
}

/**
 * Records with the context's recorder, else the default one, else not at all.
 *
 * @returns whether the entry was accepted
 */
export function record(entry: AuditEntry): boolean {
  return (currentScope()?.recorder ?? defaultRecorder).record(entry)
}
