import { AsyncLocalStorage } from 'node:async_hooks'
import type { AuditContext, AuditEntry } from '../entry.ts'
import type { CapturedContext } from './captured-context.ts'
import { processWide } from './process-wide.ts'

/**
 * A context, or a function that returns one. The function is called for each entry, because the
 * user may be known only later.
 */
export type ContextSource = AuditContext | (() => AuditContext)

/** The part of a recorder that package-level `record()` and `captureContext()` use. */
export interface EntryTaker {
  record(entry: AuditEntry): boolean
  captureContext(): CapturedContext
}

/** The context and the recorder of everything that runs inside a `withContext`. */
export class Scope {
  /** The recorder that package-level `record()` uses inside. Undefined: the default recorder. */
  readonly recorder: EntryTaker | undefined
  /**
   * `contextNow` keeps here what it last made of this context: `boundBy` is the capture that bound
   * it, `boundFrom` the context that was bound, and `bound` the result.
   */
  boundBy: object | undefined
  boundFrom: AuditContext | undefined
  bound: unknown
  readonly #source: ContextSource
  /**
   * The outer scope, if its context or this one has to be read for each entry. Undefined: the outer
   * context is already merged into `#source`.
   */
  readonly #lateOuter: Scope | undefined
  #merged: { own: AuditContext; outer: AuditContext; context: AuditContext } | undefined

  constructor(source: ContextSource, recorder: EntryTaker | undefined, outer: Scope | undefined) {
    this.#lateOuter = typeof source === 'function' || outer?.isLate ? outer : undefined
    if (typeof source === 'function') this.#source = source
    else if (this.#lateOuter) this.#source = { ...source }
    else this.#source = { ...outer?.context, ...source }
    this.recorder = recorder ?? outer?.recorder
  }

  get isLate(): boolean {
    return typeof this.#source === 'function' || this.#lateOuter !== undefined
  }

  /** The merged context. It is the same object as long as nothing in it changes. */
  get context(): AuditContext {
    const own = typeof this.#source === 'function' ? this.#source() : this.#source
    if (this.#lateOuter === undefined) return own
    const outer = this.#lateOuter.context
    if (this.#merged?.own !== own || this.#merged.outer !== outer) {
      this.#merged = { own, outer, context: { ...outer, ...own } }
    }
    return this.#merged.context
  }
}

interface Shared {
  // Made on first use. On Node 20 and 22 a storage that was ever entered makes every `await` of the
  // process slower, so an application that never calls withContext() must not pay for it. Measured
  // in hotpath-parts.md, "AsyncLocalStorage made on first use".
  storage: AsyncLocalStorage<Scope>
}

// A scope that one copy of this module opened has to be seen by all.
const shared = processWide<Shared>('scope.1')

/** The innermost scope, if there is one. */
export function currentScope(): Scope | undefined {
  return shared.storage?.getStore()
}

/**
 * Runs `fn`. Every entry that is recorded inside it, at any depth and after any `await`, gets this
 * context.
 *
 * Inside another `withContext`, the outer values stay unless they are given again. An entry's own
 * values win over those of a child recorder, and those win over this context.
 *
 * @returns what `fn` returns
 */
export function withContext<T>(context: AuditContext, fn: () => T): T {
  return runInScope(context, undefined, fn)
}

/** Like `withContext`. Package-level `record()` uses the given recorder inside `fn`. */
export function runInScope<T>(
  context: ContextSource,
  recorder: EntryTaker | undefined,
  fn: () => T,
): T {
  return enter(new Scope(context, recorder, currentScope()), fn)
}

/** Like `runInScope`, but nothing of the scope around it is known inside `fn`, except its recorder. */
export function runInOwnScope<T>(
  context: ContextSource,
  recorder: EntryTaker | undefined,
  fn: () => T,
): T {
  return enter(new Scope(context, recorder ?? currentScope()?.recorder, undefined), fn)
}

function enter<T>(scope: Scope, fn: () => T): T {
  shared.storage ??= new AsyncLocalStorage()
  return shared.storage.run(scope, fn)
}
