import { AsyncLocalStorage } from 'node:async_hooks'
import type { AuditContext, AuditEntry } from '../entry.ts'

/** Who and where. A function is asked for each entry: who may be known only later. */
export type ContextSource = AuditContext | (() => AuditContext)

/** What package-level `record()` needs of a recorder. */
export interface EntryTaker {
  record(entry: AuditEntry): boolean
}

/** What `withContext` established for everything that runs inside it. */
export class Scope {
  /** The recorder that package-level `record()` uses in here; undefined means the default one. */
  readonly recorder: EntryTaker | undefined
  /** The recorder that last bound this scope's context, what it bound, and what it made of it. */
  boundBy: object | undefined
  boundFrom: AuditContext | undefined
  bound: unknown
  readonly #source: ContextSource
  /** Kept only where it is still to be asked; else its context is in ours already. */
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

  /** The same object for as long as nothing in it has changed. */
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
  context: ContextSource,
  recorder: EntryTaker | undefined,
  fn: () => T,
): T {
  storage ??= new AsyncLocalStorage()
  return storage.run(new Scope(context, recorder, storage.getStore()), fn)
}
