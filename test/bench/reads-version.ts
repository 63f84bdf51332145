import fs from 'node:fs'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { PassThrough } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { sql } from 'drizzle-orm'

/**
 * Reads a log with the code in a folder, each time that the parent asks, and answers with what it
 * cost. Its arguments are the folder and the server's URL.
 */
const [, , folder = '', url = ''] = process.argv

const load = async (...places: readonly string[]) => {
  const place = places.map((name) => path.join(folder, name)).find((file) => fs.existsSync(file))
  return (await import(pathToFileURL(place ?? '').href)) as Record<string, never>
}
const { Database } = (await load('src/database/connection.ts', 'src/database.ts')) as never
const { timeline } = (await load('src/read/timeline.ts', 'src/timeline.ts')) as never
const { tail } = (await load('src/read/tail.ts', 'src/tail.ts')) as never
const { exportToStream } = (await load('src/export/index.ts')) as never

const options = { applicationName: 'reads', statementTimeoutMs: 60_000, isReader: true }
const db = new (Database as new (given: object) => { execute(query: unknown): Promise<never> })({
  ...{ url, ...options },
})
const [{ pid }] = (await db.execute(sql`select pg_backend_pid() as pid`)) as [{ pid: number }]

const TAILED = 10_000
const EXPORTED = 20_000
const WAYS: Readonly<Record<string, () => Promise<unknown>>> = {
  async pages() {
    for (const limit of [50, 500]) {
      let cursor: string | undefined
      for (let page = 0; page < 20; page += 1) {
        const found = (await (timeline as (...given: unknown[]) => Promise<unknown>)(db, {
          ...{ limit, cursor },
        })) as { nextCursor: string | null }
        cursor = found.nextCursor ?? undefined
      }
    }
  },
  async tail() {
    let count = 0
    const entries = (tail as (...given: unknown[]) => AsyncIterable<unknown>)(db, { fromSeq: 1 })
    for await (const _ of entries) {
      count += 1
      if (count === TAILED) return
    }
  },
  async export() {
    const out = new PassThrough().resume()
    const range = { toSeq: EXPORTED, format: 'ndjson' }
    await (exportToStream as (...given: unknown[]) => Promise<unknown>)(db, out, range)
  },
}

/** Nanoseconds that the server's process for this connection has computed. */
const serverMs = () => Number(fs.readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
const clientMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

process.on('message', async (way: string) => {
  const [wall, client, server] = [performance.now(), clientMs(), serverMs()]
  await WAYS[way]?.()
  process.send?.({
    wall: performance.now() - wall,
    client: clientMs() - client,
    server: serverMs() - server,
  })
})
process.send?.('ready')
