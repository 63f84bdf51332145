import { AsyncLocalStorage } from 'node:async_hooks'
import type { DrizzleHandle } from '../database/callers-database.ts'
import { AuditError } from '../errors.ts'

/** What `MemoryRecorder.transaction` gives to its callback. */
export interface MemoryTransaction extends DrizzleHandle {
  /** A savepoint: where `work` throws, the entries of `work` alone are gone. */
  transaction<T>(work: (tx: MemoryTransaction) => Promise<T>): Promise<T>
}

/** A transaction that is followed: what `recordIn` wrote in it, and whether it is over. */
class Followed<Entry> {
  readonly entries: Entry[] = []
  isOver = false
}

/** The methods of data layers that run a callback in a transaction. */
const RUNNERS = new Set(['transaction', '$transaction', 'begin', 'execute'])

/**
 * Knows for `recordIn` which transaction it is called in, by the callback that it is called in. So
 * the entries of a transaction that was rolled back are gone, whatever the data layer is.
 */
export class MemoryTransactions<Entry> {
  readonly #storage = new AsyncLocalStorage<Followed<Entry>>()
  readonly #publish: (entries: readonly Entry[]) => void

  /** @param publish takes the entries of each transaction that was committed */
  constructor(publish: (entries: readonly Entry[]) => void) {
    this.#publish = publish
  }

  /** @throws {AuditError} `AUDIT_NOT_IN_TRANSACTION` where the transaction is over */
  add(entries: readonly Entry[]): void {
    const current = this.#storage.getStore()
    if (current?.isOver) {
      const message = 'recordIn was called in a transaction that is over. Nothing was written.'
      throw new AuditError('AUDIT_NOT_IN_TRANSACTION', message)
    }
    if (current) current.entries.push(...entries)
    else this.#publish(entries)
  }

  run<T>(work: (tx: MemoryTransaction) => Promise<T>): Promise<T> {
    const tx: MemoryTransaction = {
      execute: () => Promise.reject(new Error('The memory recorder has no database.')),
      transaction: (inner) => this.run(inner),
    }
    return this.#runEach(async (enter) => await enter(() => work(tx)))
  }

  /**
   * A database whose transactions are followed: those of `transaction`, `$transaction`, `begin`, and
   * of a builder's `execute`.
   */
  follow<Database extends object>(database: Database): Database {
    const followed: Database = new Proxy(database, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name, target)
        if (typeof found !== 'function') return found
        const isRunner = typeof name === 'string' && RUNNERS.has(name)
        return new Proxy(found, {
          apply: (method, self, args: unknown[]) => {
            const own = self === followed ? target : self
            return isRunner ? this.#call(method, own, args) : Reflect.apply(method, own, args)
          },
        })
      },
    })
    return followed
  }

  #call(method: object, self: unknown, args: readonly unknown[]): unknown {
    const at = args.findIndex((one) => typeof one === 'function')
    const apply = (given: readonly unknown[]): unknown =>
      Reflect.apply(method as () => unknown, self, given)
    if (at < 0) {
      // Kysely's `transaction()` returns a builder, whose `execute` takes the callback.
      const answer = apply(args)
      const isBuilder = typeof answer === 'object' && answer !== null && !('then' in answer)
      return isBuilder && 'execute' in answer ? this.follow(answer) : answer
    }
    const callback = args[at] as (...given: unknown[]) => unknown
    return this.#runEach(async (enter) => {
      const wrapped = (tx: unknown, ...more: unknown[]) => {
        const isObject = (typeof tx === 'object' && tx !== null) || typeof tx === 'function'
        return enter(() => callback(isObject ? this.follow(tx as object) : tx, ...more))
      }
      return await apply(args.with(at, wrapped))
    })
  }

  /**
   * @param work calls `enter` for each attempt. Where it resolves, the last attempt's entries are
   * published; where it rejects, none are.
   */
  async #runEach<T>(work: (enter: <R>(fn: () => R) => R) => Promise<T>): Promise<T> {
    const outer = this.#storage.getStore()
    let current: Followed<Entry> | undefined
    try {
      const result = await work((fn) => {
        if (current) current.isOver = true
        current = new Followed()
        return this.#storage.run(current, fn)
      })
      if (outer && !outer.isOver) outer.entries.push(...(current?.entries ?? []))
      else this.#publish(current?.entries ?? [])
      return result
    } finally {
      if (current) current.isOver = true
    }
  }
}
