import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { STEADY_TICKS } from './child.ts'

/** A process that answers each order with one message, and tells something once it is ready. */
export class AskedProcess<Order extends string | object> {
  readonly #name: string
  readonly #child: ChildProcess

  /** @param script next to this file */
  static async start<Order extends string | object, Ready>(
    script: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ process: AskedProcess<Order>; ready: Ready }> {
    const child = fork(fileURLToPath(new URL(script, import.meta.url)), {
      execArgv: ['--import', 'tsx', ...STEADY_TICKS],
      env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...environment },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const asked = new AskedProcess<Order>(script, child)
    return { process: asked, ready: await asked.#answer<Ready>() }
  }

  private constructor(name: string, child: ChildProcess) {
    this.#name = name
    this.#child = child
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async ask<Answer>(order: Order): Promise<Answer> {
    const answer = this.#answer<Answer>()
    this.#child.send(order)
    return await answer
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  async #answer<Answer>(): Promise<Answer> {
    const over = new AbortController()
    const ended = once(this.#child, 'exit', over).then(([code, signal]) => {
      throw new Error(`${this.#name} ended with ${code ?? signal}.`)
    })
    ended.catch(() => {})
    try {
      const [message] = await Promise.race([once(this.#child, 'message', over), ended])
      return message as Answer
    } finally {
      over.abort()
    }
  }
}

/** The processors that we may use, by number; fewer than two where they cannot be chosen from. */
export function processors(): readonly number[] {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' })
    const status = fs.readFileSync('/proc/self/status', 'utf8')
    const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? ''
    return list.split(',').flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number)
      return Array.from({ length: last - first + 1 }, (_, at) => first + at)
    })
  } catch {
    return []
  }
}

/** Keeps processes, with all of their threads and children, to these processors. */
export function pin(pids: readonly number[], to: readonly number[]): void {
  for (const pid of pids.flatMap((pid) => [pid, ...childrenOf(pid)])) {
    try {
      execFileSync('taskset', ['-a', '-c', '-p', to.join(','), String(pid)], { stdio: 'ignore' })
    } catch {
      // A child that has ended meanwhile.
    }
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return children.trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
