import { type CapturedContext, contextOf } from '../context/captured-context.ts'
import { processWide } from '../context/process-wide.ts'
import { currentScope, runInOwnScope } from '../context/scope.ts'
import type { ActionMap, AuditEntry } from '../entry.ts'
import { noopRecorder } from './noop-recorder.ts'
import type { Recorder } from './recorder.ts'

const shared = processWide<{ recorder: Recorder }>('defaultRecorder.1')

/**
 * Sets the recorder that package-level `record()` uses outside any `recorder.withContext()`.
 * `undefined` sets one that does nothing.
 */
export function setDefaultRecorder<Actions extends ActionMap>(
  recorder: Recorder<Actions> | undefined,
): void {
  // Safe, because the action types exist only at compile time: every recorder takes any entry.
  shared.recorder = (recorder as Recorder | undefined) ?? noopRecorder
}

/**
 * Records with the recorder of the enclosing `withContext()`, else with the default recorder.
 * Without either the entry is dropped.
 *
 * @returns whether the entry was accepted
 */
export function record(entry: AuditEntry): boolean {
  return recorderNow().record(entry)
}

function recorderNow() {
  return currentScope()?.recorder ?? shared.recorder ?? noopRecorder
}

/**
 * What an entry recorded now would know of its user and request, small enough for the data of a
 * job: JSON of at most 1,024 bytes, without secrets. Inside a request with `asyncContext`, or inside
 * `withContext()`; elsewhere use the method of the request's own recorder.
 *
 * @example
 * ```ts
 * await queue.add('send-invitations', { eventId, audit: captureContext() })
 * // where the job runs
 * runWithContext(job.data.audit, () => sendInvitations(job.data.eventId))
 * ```
 */
export function captureContext(): CapturedContext {
  return recorderNow().captureContext()
}

/**
 * Runs `fn`. Entries recorded inside it carry the captured context and nothing of the context around
 * the call.
 *
 * It does not throw, whatever it is given. Where the value is missing, was not made by
 * `captureContext()`, or was changed, the entries carry no context and are marked `context.missing`
 * or `context.refused` in `context.degraded`.
 *
 * @param captured as it came out of the job's data, or its JSON
 * @returns what `fn` returns
 */
export function runWithContext<T>(captured: unknown, fn: () => T): T {
  return runInOwnScope(contextOf(captured), undefined, fn)
}
