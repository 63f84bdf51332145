import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { migrateDatabase } from '../../src/index.ts'
import { newKey } from '../../src/seal/index.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { KeepAlive } from './keep-alive.ts'
import { RELAYS, WRITERS } from './schedule.ts'
import type { WriterNews, WriterSettings } from './writer.ts'

const DATABASE = 'chaos'
export const HARNESS = 'chaos harness'
const ASK_TIMEOUT_MS = 5_000

export interface SceneOptions {
  readonly folder: string
  readonly seed: number
  readonly entriesPerSecond: number
  readonly transactionsPerSecond: number
  readonly say: (line: string) => void
}

/** Everything that plays: a server, two writers, two relays, and a proxy before each of them. */
export class Scene {
  readonly server: Postgres
  /** Of the superuser, past all proxies. */
  readonly url: string
  readonly relayUrl: string
  /** The text of the key with which the relays seal. */
  readonly sealKey = newKey('chaos.example/audit').key
  readonly proxies = new Map<string, FaultProxy>()
  readonly writers: KeepAlive[] = []
  readonly relays: KeepAlive[] = []
  readonly news = new Map<string, WriterNews>()
  readonly #options: SceneOptions

  private constructor(server: Postgres, options: SceneOptions, relayPassword: string) {
    this.server = server
    this.url = Object.assign(new URL(server.url), { pathname: `/${DATABASE}` }).href
    this.relayUrl = asLogin(this.url, 'chaos_relay', relayPassword)
    this.#options = options
  }

  static async set(options: SceneOptions): Promise<Scene> {
    const { folder, say } = options
    for (const name of ['logs', 'accounts']) fs.mkdirSync(path.join(folder, name))
    const server = await startPostgres({ dataDir: path.join(folder, 'data'), say })
    const password = randomBytes(12).toString('hex')
    const scene = new Scene(server, options, password)
    await scene.#prepare(password)
    for (let n = 1; n <= WRITERS; n += 1) await scene.#addWriter(`writer-${n}`, password)
    for (let n = 1; n <= RELAYS; n += 1) await scene.#addRelay(`relay-${n}`)
    return scene
  }

  get processes(): readonly KeepAlive[] {
    return [...this.writers, ...this.relays]
  }

  process(name: string): KeepAlive {
    const found = this.processes.find((one) => one.name === name)
    if (found === undefined) throw new Error(`There is no ${name}.`)
    return found
  }

  proxy(name: string): FaultProxy {
    const found = this.proxies.get(name)
    if (found === undefined) throw new Error(`There is no proxy before ${name}.`)
    return found
  }

  /** Of each life of each writer. */
  accountFiles(): readonly { readonly writer: KeepAlive; readonly life: number; file: string }[] {
    return this.writers.flatMap((writer) =>
      writer.lives.map(({ number }) => ({
        writer,
        life: number,
        file: this.#accountFile(writer.name, number),
      })),
    )
  }

  /** Past all proxies, on a connection of its own. @returns undefined where the server is away */
  async ask<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T | undefined> {
    const connection = { application_name: HARNESS, statement_timeout: ASK_TIMEOUT_MS }
    const sql = postgres(this.url, {
      ...{ max: 1, connect_timeout: 2, onnotice: () => {}, connection },
      // Nobody handles the failure of that question of the driver's own, and the process would end.
      fetch_types: false,
    })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), ASK_TIMEOUT_MS)
    })
    try {
      return await Promise.race([work(sql).catch(() => undefined), late])
    } finally {
      clearTimeout(timer)
      void sql.end({ timeout: 0 }).catch(() => {})
    }
  }

  async strike(): Promise<void> {
    for (const one of this.processes) one.kill()
    for (const proxy of this.proxies.values()) await proxy.close()
    await this.server.stop('immediate')
  }

  async #prepare(password: string): Promise<void> {
    const admin = postgres(this.server.url, { max: 1, onnotice: () => {} })
    await admin.unsafe(`create database ${DATABASE}`)
    await admin.end({ timeout: 1 })
    await migrateDatabase({ databaseUrl: this.url })
    const sql = postgres(this.url, { max: 1, onnotice: () => {} })
    await sql.unsafe(`
      create table public.orders (name text primary key);
      create role chaos_app login password '${password}' in role audit_app;
      create role chaos_relay login password '${password}' in role audit_relay;
      grant insert on public.orders to chaos_app`)
    await sql.end({ timeout: 1 })
  }

  async #addWriter(name: string, password: string): Promise<void> {
    const { seed, entriesPerSecond, transactionsPerSecond, folder } = this.#options
    const proxy = await FaultProxy.start(this.server.port)
    this.proxies.set(name, proxy)
    const databaseUrl = proxy.through(asLogin(this.url, 'chaos_app', password))
    const settings = (life: number): WriterSettings => ({
      name,
      databaseUrl,
      account: this.#accountFile(name, life),
      seed: seed + life * 31 + (Number(name.at(-1)) || 0),
      entriesPerSecond,
      transactionsPerSecond,
    })
    const writer = new KeepAlive({
      name,
      logFolder: path.join(folder, 'logs'),
      script: fileURLToPath(new URL('writer.ts', import.meta.url)),
      environment: (life) => ({ CHAOS_WRITER: JSON.stringify(settings(life)) }),
      onMessage: (message) => this.news.set(name, message as WriterNews),
    })
    this.writers.push(writer)
    writer.start()
  }

  async #addRelay(name: string): Promise<void> {
    const proxy = await FaultProxy.start(this.server.port)
    this.proxies.set(name, proxy)
    const relay = new KeepAlive({
      name,
      logFolder: path.join(this.#options.folder, 'logs'),
      script: fileURLToPath(new URL('../../relay/main.ts', import.meta.url)),
      args: ['run'],
      environment: (life) => ({
        AUDIT_RELAY_DATABASE_URL: proxy.through(this.relayUrl),
        AUDIT_STATEMENT_TIMEOUT_MS: '2000',
        AUDIT_SEAL_KEY: this.sealKey,
        AUDIT_STATE_DIR: this.stateDir(name),
        AUDIT_SEAL_MAX_LAG_MS: '1000',
        // In every other life it is always behind, and moves side by side.
        AUDIT_BATCH_ENTRIES: life % 2 === 0 ? '4000' : '40',
        AUDIT_PARALLEL_MOVES: '3',
      }),
    })
    this.relays.push(relay)
    relay.start()
  }

  /** What a relay remembers, and the checkpoints that it has published. */
  stateDir(relay: string): string {
    return path.join(this.#options.folder, 'state', relay)
  }

  #accountFile(name: string, life: number): string {
    return path.join(this.#options.folder, 'accounts', `${name}.${life}`)
  }
}

function asLogin(url: string, username: string, password: string): string {
  return Object.assign(new URL(url), { username, password }).href
}
