import { currentScope } from './scope.ts'
import type { AuditContext } from '../entry.ts'
import { merge } from '../copy/json-object.ts'
import type { BoundContext } from '../capture/captured-entry.ts'
import type { Capture } from '../capture/capture.ts'

/**
 * The context of an entry that is recorded now. The recorder's own context wins over the result of
 * its option `context`, and that wins over the scope of `withContext`.
 *
 * @param own the context that is bound to the recorder
 * @param ask the recorder's option `context`
 */
export function contextNow(
  capture: Capture,
  own: BoundContext | undefined,
  ask: (() => AuditContext | undefined) | undefined,
): BoundContext | undefined {
  const scope = currentScope()
  if (scope === undefined && ask === undefined) return own
  let outer: BoundContext | undefined
  if (scope) {
    const scopeContext = scope.context
    if (scope.boundBy !== capture || scope.boundFrom !== scopeContext) {
      scope.bound = capture.bindContext(scopeContext)
      scope.boundBy = capture
      scope.boundFrom = scopeContext
    }
    outer = scope.bound as BoundContext
  }
  try {
    const asked = ask?.()
    if (asked) outer = capture.bindContext(asked, outer)
  } catch {
    // An entry without this context is better than no entry.
  }
  if (outer === undefined || own === undefined) return own ?? outer
  return mergeContexts(outer, own)
}

/** Merges two contexts that were copied already. `own` wins over `outer`. */
function mergeContexts(outer: BoundContext, own: BoundContext): BoundContext {
  return {
    userId: own.userId === undefined ? outer.userId : own.userId,
    eventId: own.eventId === undefined ? outer.eventId : own.eventId,
    actor: own.actor === undefined ? outer.actor : own.actor,
    requestId: own.requestId === undefined ? outer.requestId : own.requestId,
    details: merge(outer.details, own.details),
    marks: joined(outer.marks, own.marks),
    redacted: joined(outer.redacted, own.redacted),
    characters: outer.characters + own.characters,
  }
}

function joined(
  one: readonly string[] | undefined,
  other: readonly string[] | undefined,
): readonly string[] | undefined {
  return one && other ? [...new Set([...one, ...other])] : (one ?? other)
}
