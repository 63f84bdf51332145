import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { migrateDatabase } from '../../src/index.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { KeepAlive } from './keep-alive.ts'
import type { LoadNews, LoadSettings } from './load.ts'

export interface BenchScene {
  readonly folder: string
  readonly server: Postgres
  /** Of the superuser. */
  readonly url: string
  /** Between the relay and the server. */
  readonly relayProxy: FaultProxy
  readonly relay: KeepAlive
  /** Starts an application that records; what it tells is kept. */
  load(name: string, settings: Omit<LoadSettings, 'databaseUrl'>): Load
  strike(): Promise<void>
}

export interface Load {
  readonly process: KeepAlive
  news(): LoadNews | undefined
  closed(): { readonly flushed: number; readonly dropped: number } | undefined
}

/** A server on a disk, a relay, and applications, each a process of its own. */
export async function benchScene(
  name: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchScene> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `audit-outbox-${name}-`))
  fs.chmodSync(folder, 0o711) // as root the server runs as another user, who has to get in
  const server = await startPostgres({ dataDir: path.join(folder, 'data'), settings })
  const password = randomBytes(12).toString('hex')
  await migrateDatabase({ databaseUrl: server.url })
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  await sql.unsafe(`
    create role bench_app login password '${password}' in role audit_app;
    create role bench_relay login password '${password}' in role audit_relay`)
  await sql.end({ timeout: 1 })
  const as = (username: string) => Object.assign(new URL(server.url), { username, password }).href
  const relayProxy = await FaultProxy.start(server.port)
  const relay = new KeepAlive({
    name: 'relay',
    logFolder: folder,
    script: fileURLToPath(new URL('../../relay/main.ts', import.meta.url)),
    args: ['run'],
    environment: () => ({ AUDIT_RELAY_DATABASE_URL: relayProxy.through(as('bench_relay')) }),
  })
  relay.start()
  const loads: KeepAlive[] = []
  const load = (name: string, settings: Omit<LoadSettings, 'databaseUrl'>): Load => {
    let news: LoadNews | undefined
    let closed: { flushed: number; dropped: number } | undefined
    const process = new KeepAlive({
      name,
      logFolder: folder,
      script: fileURLToPath(new URL('load.ts', import.meta.url)),
      environment: () => ({
        CHAOS_LOAD: JSON.stringify({ databaseUrl: as('bench_app'), ...settings }),
      }),
      onMessage: (message) => {
        if (typeof message === 'object' && message !== null && 'flushed' in message) {
          closed = message as { flushed: number; dropped: number }
        } else news = message as LoadNews
      },
    })
    loads.push(process)
    process.start()
    return { process, news: () => news, closed: () => closed }
  }
  const strike = async () => {
    for (const one of [relay, ...loads]) one.kill()
    await relayProxy.close()
    await server.stop('immediate')
    fs.rmSync(folder, { recursive: true })
  }
  return { folder, server, url: server.url, relayProxy, relay, load, strike }
}
