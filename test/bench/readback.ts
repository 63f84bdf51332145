import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { Database } from '../../src/database/connection.ts'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { silentLogger } from '../support/lanes.ts'
import { startPostgres } from '../support/postgres.ts'
import { generateLog, knownIds } from './generate.ts'
import { type MeasuredExport, measureExports } from './readback-export.ts'
import { type Log, type MeasuredFilter, measurePages } from './readback-pages.ts'
import { writeReport } from './readback-report.ts'

/**
 * How fast the log is read back: page 1 and page 1,000 of every documented filter, in logs of
 * several sizes, and exports of the largest of them.
 *
 * `npx tsx test/bench/readback.ts --rows 100000,10000000 [--data-dir DIR] [--url URL]
 *   [--export ndjson,csv,csv.gz] [--only pages|export]`
 *
 * Each log has a database of its own, `readback_<rows>`. With `--data-dir` the server's data is kept
 * and used again, also after a load that was broken off; else it is gone at the end. With `--url`
 * there is a server already. Results go to `test/bench/results/`.
 */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    'data-dir': { type: 'string' },
    url: { type: 'string' },
    export: { type: 'string', default: '' },
    only: { type: 'string' },
  },
})
const SIZES = values.rows.split(',').map(Number)
const MONTHS = 6
const DAY_MS = 86_400_000

await main()

async function main(): Promise<void> {
  const own = values['data-dir'] === undefined
  const folder =
    values['data-dir'] ?? fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-readback-'))
  if (own) fs.chmodSync(folder, 0o711)
  const server = values.url
    ? undefined
    : await startPostgres({
        dataDir: path.join(folder, 'data'),
        settings: {
          ...{ shared_buffers: '2GB', effective_cache_size: '8GB', max_wal_size: '16GB' },
          ...{ maintenance_work_mem: '1GB', random_page_cost: '1.1', fsync: 'off' },
        },
        say: console.log,
      })
  try {
    await measureAll(values.url ?? server?.url ?? '')
  } finally {
    await server?.stop('fast')
    if (own) fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function measureAll(serverUrl: string): Promise<void> {
  const logs: Log[] = []
  for (const rows of SIZES) logs.push(await logOf(serverUrl, rows))
  const formats = values.export.split(',').filter((name) => name !== '')
  const largest = urlOf(serverUrl, Math.max(...SIZES))
  let pages: readonly MeasuredFilter[] | undefined
  let exports: readonly MeasuredExport[] | undefined
  try {
    if (values.only !== 'export') pages = await measurePages(logs)
    if (values.only !== 'pages' && formats.length > 0) {
      exports = await measureExports(largest, formats)
    }
    const version = await withSql(largest, (sql) => sql`show server_version`)
    writeReport({
      sizes: SIZES,
      months: MONTHS,
      server: String(version[0]?.['server_version']),
      ...(pages ? { pages } : {}),
      ...(exports ? { exports } : {}),
    })
  } finally {
    for (const { db } of logs) await db.close()
  }
}

function urlOf(serverUrl: string, rows: number): string {
  const url = new URL(serverUrl)
  url.pathname = `/readback_${rows}`
  return url.href
}

async function withSql<T>(url: string, use: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await use(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Makes the log, goes on with one that was broken off, or takes the one that is there. */
async function logOf(serverUrl: string, rows: number): Promise<Log> {
  const url = urlOf(serverUrl, rows)
  await withSql(serverUrl, async (sql) => {
    const name = `readback_${rows}`
    const [known] = await sql`select from pg_database where datname = ${name}`
    if (!known) await sql.unsafe(`create database ${name}`)
  })
  await migrateDatabase({ databaseUrl: url, logger: silentLogger() })
  return await withSql(url, async (sql) => {
    const endMs = await load(sql, rows)
    const ids = await knownIds(sql, rows)
    const options = { url, applicationName: 'readback', statementTimeoutMs: 60_000 }
    return { rows, endMs, ids, db: new Database({ ...options, isReader: true }) }
  })
}

/** @returns the newest entry's time */
async function load(sql: postgres.Sql, rows: number): Promise<number> {
  const [found] = await sql`
    select coalesce(max(seq), 0)::float8 as rows,
      extract(epoch from max(occurred_at))::float8 * 1000 as "lastMs"
    from audit.audit_log`
  const there = Number(found?.['rows'])
  if (there > rows) throw new Error(`There is a log of ${there} entries.`)
  // The entries are spread evenly, so the last one tells when the newest is to be.
  const leftMs = MONTHS * 30 * DAY_MS * (1 - there / rows)
  const endMs = there === 0 ? Date.now() : Math.round(Number(found?.['lastMs']) + leftMs)
  if (there === rows) return endMs
  const startMs = performance.now()
  await generateLog(sql, {
    ...{ rows, firstRow: there + 1, endMs, months: MONTHS, hasSteady: true },
    onChunk: (made) => console.log(`${made} rows, ${Math.round(performance.now() - startMs)} ms`),
  })
  await sql`vacuum analyze audit.audit_log`
  return endMs
}
