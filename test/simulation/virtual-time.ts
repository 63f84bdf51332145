import { syncBuiltinESMExports } from 'node:module'
import promises from 'node:timers/promises'

/** What stands for a timer. Nothing here ends a process, so holding one means nothing. */
class VirtualTimer {
  readonly dueMs: number
  readonly order: number
  run: (() => void) | undefined

  constructor(dueMs: number, order: number, run: () => void) {
    this.dueMs = dueMs
    this.order = order
    this.run = run
  }

  ref() {
    return this
  }

  unref() {
    return this
  }

  hasRef() {
    return true
  }
}

const nextRealTurn = (() => {
  const real = setImmediate
  return () => new Promise<void>((resolve) => real(resolve))
})()

/**
 * Time that passes only when it is told to, for everything in the process that asks for it: the
 * timers, the clocks and chance of the global scope and of `node:timers/promises`. So the code
 * under test needs no clock handed to it, and what others' code waits for (p-retry) is in here,
 * too.
 *
 * One event at a time, in the order in which they are due, and after each one everything that it
 * settled: the same seed gives the same story.
 */
export class VirtualTime {
  readonly #startMs: number
  readonly #random: () => number
  readonly #undo: (() => void)[] = []
  /** The next one is last. */
  readonly #timers: VirtualTimer[] = []
  #nowMs = 0
  #order = 0

  constructor(startMs: number, random: () => number) {
    this.#startMs = startMs
    this.#random = random
  }

  /** Since the beginning. */
  get nowMs(): number {
    return this.#nowMs
  }

  install(): void {
    const set = (run: (value?: unknown) => void, ms = 0, value?: unknown) =>
      this.#add(() => run(value), Math.max(1, ms))
    const immediate = (run: (value?: unknown) => void, value?: unknown) =>
      this.#add(() => run(value), 0)
    const clear = (timer: unknown) => {
      if (timer instanceof VirtualTimer) this.#remove(timer)
    }
    this.#replace(globalThis, {
      setTimeout: set,
      clearTimeout: clear,
      setImmediate: immediate,
      clearImmediate: clear,
    })
    this.#replace(performance, { now: () => this.#nowMs })
    this.#replace(Date, { now: () => this.#startMs + Math.floor(this.#nowMs) })
    this.#replace(Math, { random: this.#random })
    this.#replace(promises, {
      setTimeout: (ms: number, value?: unknown, options: { signal?: AbortSignal } = {}) =>
        this.#wait(ms, value, options.signal),
      setImmediate: (value?: unknown) => new Promise((resolve) => immediate(resolve, value)),
    })
    syncBuiltinESMExports()
  }

  uninstall(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo()
    syncBuiltinESMExports()
  }

  /** Lets time pass until then, or until the condition holds. @returns whether it does */
  async passUntil(atMs: number, condition: () => boolean = () => false): Promise<boolean> {
    for (;;) {
      await nextRealTurn()
      if (condition()) return true
      const timer = this.#timers.at(-1)
      if (timer === undefined || timer.dueMs > atMs) break
      this.#timers.pop()
      this.#nowMs = timer.dueMs
      timer.run?.()
    }
    this.#nowMs = Math.max(this.#nowMs, atMs)
    return false
  }

  #add(run: () => void, ms: number): VirtualTimer {
    this.#order += 1
    const timer = new VirtualTimer(this.#nowMs + ms, this.#order, run)
    let at = this.#timers.length
    for (; at > 0; at -= 1) {
      const before = this.#timers[at - 1] as VirtualTimer
      if (before.dueMs > timer.dueMs) break
    }
    this.#timers.splice(at, 0, timer)
    return timer
  }

  #remove(timer: VirtualTimer): void {
    const at = this.#timers.indexOf(timer)
    if (at !== -1) this.#timers.splice(at, 1)
  }

  #wait(ms: number, value: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#remove(timer)
        reject(new DOMException('The operation was aborted', 'AbortError'))
      }
      const timer = this.#add(() => {
        signal?.removeEventListener('abort', abort)
        resolve(value)
      }, ms)
      if (signal?.aborted) abort()
      else signal?.addEventListener('abort', abort, { once: true })
    })
  }

  #replace(owner: object, substitutes: Readonly<Record<string, unknown>>): void {
    for (const [name, substitute] of Object.entries(substitutes)) {
      const before = Object.getOwnPropertyDescriptor(owner, name)
      const value = { value: substitute, configurable: true, writable: true }
      Object.defineProperty(owner, name, { enumerable: before?.enumerable ?? false, ...value })
      this.#undo.push(() => {
        if (before) Object.defineProperty(owner, name, before)
        else Reflect.deleteProperty(owner, name)
      })
    }
  }
}
