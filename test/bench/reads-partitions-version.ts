import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../src/database/callers-database.ts'

/**
 * Reads a log with the code in a folder, each time that the parent asks, and answers with the CPU
 * milliseconds of the connection's process for one read. Its arguments are the folder and the URL.
 */
const [, , folder = '', url = ''] = process.argv

type Reader = (db: AuditDatabase, ...given: readonly unknown[]) => Promise<unknown>
interface Loaded {
  readonly Database: new (
    options: object,
  ) => AuditDatabase & {
    execute(query: unknown): Promise<readonly { readonly pid: number }[]>
  }
  readonly timeline: Reader
  readonly exportToStream: Reader
  readonly lastSeq: (db: AuditDatabase) => Promise<number>
  readonly tail: (db: AuditDatabase, options: object) => AsyncGenerator<unknown, void, undefined>
}
const load = async (file: string): Promise<Loaded> =>
  await import(pathToFileURL(path.join(folder, file)).href)
const { Database } = await load('src/database/connection.ts')
const { timeline } = await load('src/read/timeline.ts')
const { tail } = await load('src/read/tail.ts')
const { lastSeq } = await load('src/read/tail-query.ts')
const { exportToStream } = await load('src/export/index.ts')

const db = new Database({
  ...{ url, applicationName: 'reads', statementTimeoutMs: 60_000, isReader: true },
})
const last = await lastSeq(db)

const idOf = (name: string) => {
  const hex = createHash('md5').update(name).digest('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
const MONTH_MS = 30 * 86_400_000
const READS = 10

const WAYS = {
  newest: () => timeline(db, {}),
  event: () => timeline(db, { eventId: idOf('event3') }),
  user: () => timeline(db, { userId: idOf('user7'), from: Date.now() - MONTH_MS }),
  async tail() {
    const entries = tail(db, { fromSeq: last })
    await entries.next()
    await entries.return()
  },
  head: () => lastSeq(db),
  export: () => exportToStream(db, new PassThrough().resume(), { fromSeq: last - 999 }),
}
export type PartitionWay = keyof typeof WAYS

const serverMs = (pid: number) =>
  Number(fs.readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6

process.on('message', async (way: PartitionWay) => {
  // A connection without work is closed, so this one may be new, and the first read is dearer.
  const [{ pid } = { pid: 0 }] = await db.execute(sql`select pg_backend_pid() as pid`)
  await WAYS[way]()
  const startMs = serverMs(pid)
  for (let read = 0; read < READS; read += 1) await WAYS[way]()
  process.send?.((serverMs(pid) - startMs) / READS)
})
process.send?.('ready')
