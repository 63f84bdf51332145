import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultMode } from '../support/fault-link.ts'
import { type FaultProxy, statementWith } from '../support/fault-proxy.ts'
import { HARNESS, type Scene } from './scene.ts'
import { CRASHES, type Fault, type FaultKind } from './schedule.ts'

const MODES: Partial<Record<FaultKind, readonly FaultMode[]>> = {
  rst: [{ kind: 'reset' }],
  fin: [{ kind: 'finish' }],
  'black-hole': [{ kind: 'black-hole' }],
  'drop-requests': [{ kind: 'drop', toward: 'server' }],
  'drop-replies': [{ kind: 'drop', toward: 'client' }],
  refuse: [{ kind: 'reset' }, { kind: 'refuse' }],
  'say-nothing': [{ kind: 'reset' }, { kind: 'say-nothing' }],
  latency: [{ kind: 'latency', ms: 60 }],
  drip: [{ kind: 'drip' }],
  'cut-staging': [{ kind: 'cut-reply', watch: () => statementWith('audit_staging') }],
  'cut-commit': [{ kind: 'cut-reply', watch: commitWatch }],
  'cut-move': [{ kind: 'cut-reply', watch: () => statementWith('audit-relay move') }],
}

export interface Inflicted {
  readonly fault: Fault
  /** Unix milliseconds; of a crash, when it had happened. */
  readonly atMs: number
  /** Whether there was something to hit. */
  readonly hit: boolean
}

/** Does to the scene what the schedule says. */
export class Inflictor {
  readonly done: Inflicted[] = []
  readonly #scene: Scene
  /** What is done to the server, one after the other. */
  #server: Promise<unknown> = Promise.resolve()

  constructor(scene: Scene) {
    this.#scene = scene
  }

  /** Resolves when it is over. */
  async inflict(fault: Fault): Promise<void> {
    if (fault.target === 'server') {
      const turn = this.#server.then(() => this.#hitServer(fault))
      this.#server = turn.catch(() => {})
      this.#note(fault, await turn)
      return
    }
    if (fault.target.endsWith('-net')) {
      this.#note(fault, true)
      await this.#hitNetwork(this.#scene.proxy(fault.target.replace('-net', '')), fault)
      return
    }
    await this.#hitProcess(fault)
  }

  /** Crashes of the server that emptied the lane. */
  get crashes(): readonly Inflicted[] {
    return this.done.filter(({ fault, hit }) => hit && CRASHES.includes(fault.kind))
  }

  #note(fault: Fault, hit: boolean): void {
    this.done.push({ fault, atMs: Date.now(), hit })
  }

  async #hitNetwork(proxy: FaultProxy, { kind, forMs }: Fault): Promise<void> {
    for (const mode of MODES[kind] ?? []) await proxy.set(mode)
    await sleep(forMs)
    await proxy.set({ kind: 'pass' })
  }

  async #hitProcess(fault: Fault): Promise<void> {
    const victim = this.#scene.process(fault.target)
    if (fault.kind === 'stop-relay') {
      const pid = victim.pid
      this.#note(fault, victim.pause())
      await sleep(fault.forMs)
      if (victim.pid === pid) victim.resume()
      return
    }
    this.#note(fault, victim.end(fault.kind.startsWith('kill-') ? 'SIGKILL' : 'SIGTERM'))
  }

  async #hitServer({ kind, pick }: Fault): Promise<boolean> {
    const { server } = this.#scene
    if (kind === 'restart-fast') {
      // Asked for in the middle of a recovery, Postgres does not end for half a minute.
      await this.#untilReady()
      await server.restart()
    } else if (kind === 'restart-immediate') {
      await server.stop('immediate')
      await server.start()
    } else if (kind === 'kill-postmaster') {
      await server.kill()
      await server.start()
    } else {
      const pids = await this.#backends()
      const chosen =
        kind === 'terminate-all' ? pids : pids.slice(Math.floor(pick * pids.length)).slice(0, 1)
      if (chosen.length === 0) return false
      if (kind === 'kill-backend') return killBackend(chosen[0])
      await this.#scene.ask(
        (sql) => sql`
          select pg_terminate_backend(pid)
          from unnest(${`{${chosen.join(',')}}`}::text::integer[]) as pid`,
      )
    }
    return true
  }

  async #untilReady(): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      if (await this.#scene.ask((sql) => sql`select 1`)) return
      await sleep(100)
    }
  }

  async #backends(): Promise<number[]> {
    const rows = await this.#scene.ask(
      (sql) => sql<{ pid: number }[]>`
        select pid from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend'
          and application_name <> ${HARNESS}
        order by backend_start, pid`,
    )
    return (rows ?? []).map(({ pid }) => pid)
  }
}

function killBackend(pid: number | undefined): boolean {
  if (pid === undefined) return false
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    return false // it ended by itself
  }
}

/** A simple query, as the writers' own driver sends COMMIT. */
function commitWatch() {
  return (chunk: Buffer) => chunk.includes('Q\0\0\0\x0bcommit')
}
