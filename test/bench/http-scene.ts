import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { migrateDatabase } from '../../src/index.ts'
import { KeepAlive } from '../chaos/keep-alive.ts'
import { silentLogger } from '../support/lanes.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { whenWeEnd } from '../support/when-we-end.ts'
import { AskedProcess, pin, processors } from './asked-process.ts'
import type { LoadAccount, LoadOrder } from './http-load.ts'
import type { ServerCounts, ServerOrder, ServerSample, ServerSettings } from './http-server.ts'
import { INSERT_TABLE, type WayName } from './http-ways.ts'

export interface Turn {
  readonly way: WayName
  /** The application and the load on one processor, the database and the relay on another. */
  readonly isPinned?: boolean
  readonly warmUpMs: number
  readonly measureMs: number
  readonly requestsPerSecond?: number
}

/** A type and no interface: it is a sample of the rounds, by the names of what was measured. */
export type TurnSample = {
  readonly [Name in keyof ServerSample]: number
} & {
  readonly latencyP50Us: number
  readonly latencyP99Us: number
  /** Entries that were staged and not yet logged when the load ended. */
  readonly inLanes: number
  /** From the end of the load until every entry was in the log. */
  readonly drainSeconds: number
}

const CONNECTIONS = 64
const DRAIN_TIMEOUT_MS = 60_000

/** A server on a disk, a relay, and a load, each a process of its own. */
export class HttpScene {
  readonly #folder: string
  readonly #server: Postgres
  readonly #sql: postgres.Sql
  readonly #relay: KeepAlive
  readonly #load: AskedProcess<LoadOrder | 'end'>
  readonly #appUrl: string
  readonly #processors = processors()
  readonly #callOff: () => void

  private constructor(parts: {
    folder: string
    server: Postgres
    sql: postgres.Sql
    relay: KeepAlive
    load: AskedProcess<LoadOrder | 'end'>
    appUrl: string
    callOff: () => void
  }) {
    this.#folder = parts.folder
    this.#server = parts.server
    this.#sql = parts.sql
    this.#relay = parts.relay
    this.#load = parts.load
    this.#appUrl = parts.appUrl
    this.#callOff = parts.callOff
  }

  static async set(): Promise<HttpScene> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-http-'))
    const callOff = whenWeEnd('rm -rf "$0" || { sleep 3; rm -rf "$0"; }', folder)
    fs.chmodSync(folder, 0o711) // as root the server runs as another user, who has to get in
    const settings = { max_wal_size: '4GB' }
    const server = await startPostgres({ dataDir: path.join(folder, 'data'), settings })
    await migrateDatabase({ databaseUrl: server.url, logger: silentLogger() })
    const password = randomBytes(12).toString('hex')
    const sql = postgres(server.url, { max: 1, onnotice: () => {} })
    await sql.unsafe(`
      create role bench_app login password '${password}' in role audit_app;
      create role bench_relay login password '${password}' in role audit_relay;
      ${INSERT_TABLE};
      grant insert, select on public.audit_entries to bench_app`)
    const as = (username: string) => Object.assign(new URL(server.url), { username, password }).href
    const relay = new KeepAlive({
      name: 'relay',
      logFolder: folder,
      script: fileURLToPath(new URL('../../relay/main.ts', import.meta.url)),
      args: ['run'],
      environment: () => ({ AUDIT_RELAY_DATABASE_URL: as('bench_relay') }),
    })
    relay.start()
    const { process: load } = await AskedProcess.start<LoadOrder | 'end', object>('http-load.ts')
    return new HttpScene({ folder, server, sql, relay, load, appUrl: as('bench_app'), callOff })
  }

  get canPin(): boolean {
    return this.#processors.length > 1
  }

  /** A fresh server process under load. */
  async play({ way, isPinned = false, ...turn }: Turn): Promise<TurnSample> {
    await this.#sql`truncate public.audit_entries`
    await this.#sql`checkpoint` // what the turn before has written is not this one's to pay for
    const settings: ServerSettings = { way, databaseUrl: this.#appUrl }
    const { process: server, ready } = await AskedProcess.start<ServerOrder, { port: number }>(
      'http-server.ts',
      { BENCH_HTTP: JSON.stringify(settings) },
    )
    try {
      this.#place(server.pid, isPinned)
      const { requestsPerSecond } = turn
      await this.#load.ask({
        port: ready.port,
        connections: CONNECTIONS,
        ...(requestsPerSecond !== undefined && { requestsPerSecond }),
      })
      await sleep(turn.warmUpMs)
      await server.ask('begin')
      await sleep(turn.measureMs)
      const sample = await server.ask<ServerSample>('end')
      const { latencyP50Us, latencyP99Us } = await this.#load.ask<LoadAccount>('end')
      const endedMs = performance.now()
      const inLanes = way === 'record' ? await this.#inLanes() : 0
      const { dropped } = way === 'record' ? await this.#drain(server) : sample
      const drainSeconds = way === 'record' ? (performance.now() - endedMs) / 1_000 : 0
      return { ...sample, dropped, latencyP50Us, latencyP99Us, inLanes, drainSeconds }
    } finally {
      await server.kill()
    }
  }

  #place(pid: number, isPinned: boolean): void {
    if (!this.canPin) return
    const [first = 0, second = 0] = this.#processors
    const database = [this.#server.pid, ...(this.#relay.pid === undefined ? [] : [this.#relay.pid])]
    pin([pid, this.#load.pid], isPinned ? [first] : this.#processors)
    pin(database, isPinned ? [second] : this.#processors)
  }

  /** Until the process holds nothing any more, and then until the lanes are empty. */
  async #drain(server: AskedProcess<ServerOrder>): Promise<ServerCounts> {
    const deadlineMs = performance.now() + DRAIN_TIMEOUT_MS
    for (;;) {
      const { waiting, dropped } = await server.ask<ServerCounts>('counts')
      if (waiting === 0 && (await this.#inLanes()) === 0) return { waiting, dropped }
      if (performance.now() > deadlineMs) throw new Error('The lanes do not drain.')
      await sleep(50)
    }
  }

  async #inLanes(): Promise<number> {
    const [row] = await this.#sql<{ entries: number }[]>`
      select (select count(*) from audit.audit_staging)::float8
        + (select count(*) from audit.audit_outbox)::float8 as entries`
    return row?.entries ?? 0
  }

  async strike(): Promise<void> {
    await this.#load.kill()
    this.#relay.kill()
    await this.#sql.end({ timeout: 1 })
    await this.#server.stop('immediate')
    fs.rmSync(this.#folder, { recursive: true, force: true })
    this.#callOff()
  }
}
