import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { whenWeEnd } from '../support/when-we-end.ts'

const RESPAWN_MS = 200
const END_TIMEOUT_MS = 25_000
/** So long nobody may be there yet who would hear a SIGTERM. */
const STARTING_MS = 10_000

export interface Life {
  /** 1 for the first one. */
  readonly number: number
  readonly startedAtMs: number
  endedAtMs: number | undefined
  /** The exit code, or the signal that ended it. */
  ending: number | NodeJS.Signals | null | undefined
  /** What we asked for; empty where it ended by itself. */
  readonly asked: ('SIGKILL' | 'SIGTERM')[]
}

export interface KeepAliveOptions {
  readonly name: string
  readonly logFolder: string
  readonly script: string
  readonly args?: readonly string[]
  readonly environment: (life: number) => Readonly<Record<string, string>>
  readonly onMessage?: (message: unknown) => void
}

/** A process that is started again whenever it ends, and whose every end is written down. */
export class KeepAlive {
  readonly name: string
  readonly lives: Life[] = []
  readonly #options: KeepAliveOptions
  #child: ChildProcess | undefined
  #isOver = false

  constructor(options: KeepAliveOptions) {
    this.name = options.name
    this.#options = options
  }

  get logFile(): string {
    return path.join(this.#options.logFolder, `${this.name}.log`)
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Ends that nobody asked for, or that were not as asked for. */
  get unexpected(): readonly Life[] {
    return this.lives.filter(({ ending, asked, startedAtMs, endedAtMs }) => {
      if (endedAtMs === undefined) return false
      if (ending === 'SIGKILL') return !asked.includes('SIGKILL')
      if (ending === 'SIGTERM' && endedAtMs - startedAtMs < STARTING_MS) return false
      return ending !== 0 || !asked.includes('SIGTERM')
    })
  }

  start(): void {
    const { script, args = [], environment, onMessage } = this.#options
    const life: Life = {
      number: this.lives.length + 1,
      startedAtMs: Date.now(),
      endedAtMs: undefined,
      ending: undefined,
      asked: [],
    }
    this.lives.push(life)
    const log = fs.openSync(this.logFile, 'a')
    fs.writeSync(log, `--- life ${life.number}\n`)
    const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
      env: { PATH: process.env['PATH'], ...environment(life.number) },
      stdio: onMessage ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
      detached: true, // it gets no Ctrl-C, because the process that handles Ctrl-C ends us
    })
    fs.closeSync(log)
    if (onMessage) child.on('message', onMessage)
    child.on('error', () => {}) // 'exit' follows, or it never ran
    const callOff = whenWeEnd('kill -9 "$0"', String(child.pid))
    child.once('exit', (code, signal) => {
      callOff()
      life.endedAtMs = Date.now()
      life.ending = code ?? signal
      this.#child = undefined
      if (!this.#isOver) setTimeout(() => this.#isOver || this.start(), RESPAWN_MS)
    })
    this.#child = child
  }

  tell(message: object | string): void {
    if (this.#child?.connected) this.#child.send(message, () => {})
  }

  /** @returns false where there is nobody, or somebody who is ending already */
  end(signal: 'SIGKILL' | 'SIGTERM'): boolean {
    const life = this.lives.at(-1)
    if (this.#child === undefined || life === undefined) return false
    if (life.asked.length > 0 && signal === 'SIGTERM') return false
    life.asked.push(signal)
    return this.#child.kill(signal)
  }

  pause(): boolean {
    return this.#child?.kill('SIGSTOP') ?? false
  }

  resume(): boolean {
    return this.#child?.kill('SIGCONT') ?? false
  }

  /** Ends it for good. @returns false where it had to be killed */
  async finish(): Promise<boolean> {
    this.#isOver = true
    const child = this.#child
    if (child === undefined) return true
    const ended = once(child, 'exit')
    this.end('SIGTERM')
    const timeout = new AbortController()
    const late = sleep(END_TIMEOUT_MS, 'late' as const, { signal: timeout.signal }).catch(() => {})
    const first = await Promise.race([ended, late])
    timeout.abort()
    if (first !== 'late') return true
    child.kill('SIGKILL')
    await ended
    return false
  }

  /** At once, when everything is over. */
  kill(): void {
    this.#isOver = true
    this.#child?.kill('SIGKILL')
  }
}
