import { AsyncLocalStorage } from 'node:async_hooks'
import type { AuditContext } from './entry.ts'
import type { Recorder } from './recorder.ts'

/** What `withContext` established for everything that runs inside it. */
export class Scope {
  readonly context: AuditContext
  /** The recorder that package-level `record()` uses in here; undefined means the default one. */
  readonly recorder: Recorder | undefined
  /** The recorder that last bound this scope's context, and what it made of it. */
  boundBy: object | undefined
  bound: unknown

  constructor(context: AuditContext, recorder: Recorder | undefined) {
    this.context = context
    this.recorder = recorder
  }
}

// Made on first use: one that was ever entered makes every `await` of the whole process dearer on
// Node 20 and 22, so an application that never calls withContext() must not pay for it.
let storage: AsyncLocalStorage<Scope> | undefined

/** The innermost scope, if there is one. */
export function currentScope(): Scope | undefined {
  return storage?.getStore()
}

/**
 * Runs `fn`; whatever is recorded in it, however deep and however late, carries this context.
 *
 * Inside another `withContext` the outer one's values stay unless they are given again. An entry's
 * own values win over a child recorder's, and those over these.
 *
 * @returns what `fn` returns
 */
export function withContext<T>(context: AuditContext, fn: () => T): T {
  return runInScope(context, undefined, fn)
}

/** `withContext`, and package-level `record()` uses this recorder. */
export function runInScope<T>(
  context: AuditContext,
  recorder: Recorder | undefined,
  fn: () => T,
): T {
  storage ??= new AsyncLocalStorage()
  const outer = storage.getStore()
  const merged = { ...outer?.context, ...context }
  return storage.run(new Scope(merged, recorder ?? outer?.recorder), fn)
}
