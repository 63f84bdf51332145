import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Flags of Node's for a process whose handlers are measured, or ask. */
export const STEADY_TICKS = ['--import', new URL('steady-ticks.ts', import.meta.url).href]

const started = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of started) child.kill('SIGKILL')
})

/** A process that answers each message with one message. */
export class Child {
  readonly #child: ChildProcess
  readonly #gone: Promise<never>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#gone = once(child, 'exit').then(() => {
      throw new Error('A process of the benchmark ended before its time.')
    })
    this.#gone.catch(() => {})
  }

  /**
   * @param script next to this file, or a URL of its own
   * @param core the core that it is to run on; undefined: any
   * @param flags of Node's, behind those that all of them get
   */
  static async start(
    script: string,
    args: readonly string[],
    core?: number,
    flags: readonly string[] = [],
  ): Promise<Child> {
    const file = fileURLToPath(new URL(script, import.meta.url))
    const typescript = file.endsWith('.ts') ? ['--import', 'tsx'] : []
    const node = [process.execPath, '--expose-gc', ...typescript, ...flags, file, ...args]
    const pinned = core === undefined ? [] : ['taskset', '-c', String(core)]
    const [command = '', ...rest] = [...pinned, ...node]
    const child = spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    started.add(child)
    child.once('exit', () => started.delete(child))
    await once(child, 'spawn')
    return new Child(child)
  }

  async ask<Answer>(message: object): Promise<Answer> {
    const answer = new Promise<Answer>((resolve) => this.#child.once('message', resolve))
    this.#child.send(message)
    return await Promise.race([answer, this.#gone])
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }
}
