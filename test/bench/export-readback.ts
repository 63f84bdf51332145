import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { Database } from '../../src/database/connection.ts'
import { exportToFile, verifyExport } from '../../src/export/index.ts'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { silentLogger } from '../support/lanes.ts'
import { startPostgres } from '../support/postgres.ts'
import { compareByDuck, compareBySpreadsheet, logSample } from '../support/read-back.ts'
import { generateLog } from './generate.ts'

/**
 * Exports are what is in the log, as programs of others read them: every row and every column of
 * NDJSON and CSV by DuckDB, every cell of the CSV by a spreadsheet library.
 *
 * `AUDIT_SAMPLE=events.ndjson.gz npx tsx test/bench/export-readback.ts [--rows 1000000]`
 *
 * Where `AUDIT_SAMPLE` names events of another system, they are in the log, too.
 */
const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000' } } })
const ROWS = Number(values.rows)

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-read-back-'))
fs.chmodSync(folder, 0o711)
const server = await startPostgres({
  dataDir: path.join(folder, 'data'),
  settings: { shared_buffers: '512MB', max_wal_size: '8GB', fsync: 'off' },
})
const sql = postgres(server.url, { max: 1, onnotice: () => {} })
const db = new Database({
  ...{ url: server.url, applicationName: 'read back', statementTimeoutMs: 60_000, isReader: true },
})
const lines: string[] = []
try {
  await migrateDatabase({ databaseUrl: server.url, logger: silentLogger() })
  const sample = process.env['AUDIT_SAMPLE']
  const urls = { appUrl: server.url, relayUrl: server.url }
  const events = sample ? await logSample(sample, urls) : 0
  const made = { rows: ROWS, firstSeq: events + 1, endMs: Date.now(), months: 6 }
  await generateLog(sql, made)
  say(`# Exports of ${figures(ROWS + events)} entries, read back by programs of others`)
  say('')
  say(
    `${figures(ROWS)} generated entries and ${figures(events)} real ones. Each row and each column`,
  )
  say('is compared with the log, as text; JSON by its meaning where its text differs. A row that')
  say('differs, and a cell of the CSV that is a formula, would have ended the run.')
  say('')
  say('| file | read by | rows, each as in the log | s |')
  say('|---|---|--:|--:|')
  for (const format of ['ndjson', 'csv'] as const) {
    const out = path.join(folder, `log.${format}`)
    await exportToFile(db, { out, format })
    const { problems } = await verifyExport(out)
    if (problems.length > 0) throw new Error(problems.join(' '))
    await compare(format, 'DuckDB', () => compareByDuck(sql, out, format))
    if (format === 'csv') {
      await compare(format, 'SheetJS', () => compareBySpreadsheet(sql, out))
    }
    fs.rmSync(out)
  }
  const results = new URL('results/export-readback.md', import.meta.url)
  fs.writeFileSync(results, `${lines.join('\n')}\n`)

  /** A row that differs, or a formula, ends the run with an error that shows it. */
  async function compare(format: string, reader: string, read: () => Promise<number>) {
    const startMs = performance.now()
    const rows = await read()
    if (rows !== ROWS + events) throw new Error(`${reader} read ${rows} rows of the ${format}.`)
    const seconds = ((performance.now() - startMs) / 1_000).toFixed(0)
    say(`| ${format} | ${reader} | ${figures(rows)} | ${seconds} |`)
  }
} finally {
  await db.close()
  await sql.end({ timeout: 1 })
  await server.stop('fast')
  fs.rmSync(folder, { recursive: true, force: true })
}

function say(line: string): void {
  lines.push(line)
  console.log(line)
}

function figures(count: number): string {
  return count.toLocaleString('en')
}
