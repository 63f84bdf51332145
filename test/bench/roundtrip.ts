import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import zlib from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import postgres from 'postgres'
import { Database } from '../../src/database/connection.ts'
import { exportToFile } from '../../src/export/index.ts'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { COLUMNS, duckReader } from '../support/exports.ts'
import { silentLogger } from '../support/lanes.ts'
import { startPostgres } from '../support/postgres.ts'
import { generateLog } from './generate.ts'

/**
 * Exports a large log and reads it back with programs that we did not write: Postgres' own COPY
 * says what is in the log, DuckDB reads both files, and every row must be the same.
 *
 * `npx tsx test/bench/roundtrip.ts [--rows 1000000]`; with `AUDIT_SAMPLE` (CloudTrail's events, one
 * JSON object to a line, gzip) those are in the log too, as metadata.
 */
const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000' } } })
const ROWS = Number(values.rows)

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-roundtrip-'))
fs.chmodSync(folder, 0o711)
const settings = { max_wal_size: '8GB', fsync: 'off' }
const server = await startPostgres({ dataDir: path.join(folder, 'data'), settings })
const sql = postgres(server.url, { max: 1, onnotice: () => {} })
const db = new Database({
  url: server.url,
  applicationName: 'roundtrip',
  statementTimeoutMs: 60_000,
  isReader: true,
})
try {
  await migrateDatabase({ databaseUrl: server.url, logger: silentLogger() })
  await generateLog(sql, { rows: ROWS, endMs: Date.now(), months: 6 })
  const samples = await logSample(process.env['AUDIT_SAMPLE'])
  const files = { copy: path.join(folder, 'copy.csv'), csv: '', ndjson: '' }
  for (const format of ['csv', 'ndjson'] as const) {
    files[format] = path.join(folder, `log.${format}`)
    const { rows } = await exportToFile(db, { format, out: files[format] })
    assert.equal(rows, ROWS + samples)
  }
  await copyLog(files.copy)
  await compare(files)
  console.log(`${ROWS} generated and ${samples} sample entries: equal row by row, CSV and NDJSON`)
} finally {
  await db.close()
  await sql.end({ timeout: 1 })
  await server.stop('immediate')
  fs.rmSync(folder, { recursive: true, force: true })
}

async function logSample(file: string | undefined): Promise<number> {
  if (file === undefined) return 0
  const events = zlib.gunzipSync(fs.readFileSync(file)).toString('utf8').trimEnd().split('\n')
  const rows = events.map((line, at) => {
    const event = JSON.parse(line) as { eventSource: string; eventName: string; requestID?: string }
    const entity = event.eventSource.split('.')[0]
    return {
      n: at,
      action: `${entity}.${event.eventName}`,
      entity,
      request: event.requestID,
      event,
    }
  })
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action, entity_type, request_id, metadata)
    select audit.new_id(), ${ROWS + 1}::bigint + (e ->> 'n')::bigint,
      (e -> 'event' ->> 'eventTime')::timestamptz, e ->> 'action', e ->> 'entity', e ->> 'request',
      e -> 'event'
    from jsonb_array_elements(${JSON.stringify(rows)}::text::jsonb) as e`
  return rows.length
}

/** The log as Postgres itself writes it down. */
async function copyLog(file: string): Promise<void> {
  const time = (name: string) =>
    `to_char(${name} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as ${name}`
  const columns = COLUMNS.map((name) => (name.endsWith('_at') ? time(name) : name)).join(', ')
  const copy = `copy (select ${columns} from audit.audit_log) to stdout with (format csv, header)`
  await pipeline(await sql.unsafe(copy).readable(), fs.createWriteStream(file))
}

async function compare(files: Readonly<Record<'copy' | 'csv' | 'ndjson', string>>): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: '4GB',
    temp_directory: folder,
  })
  const duck = await instance.connect()
  // JSON of one form: without the spaces that Postgres writes.
  const columns = COLUMNS.map((name) =>
    /^(?:metadata|context)$/.test(name)
      ? `json(${name})::VARCHAR as ${name}`
      : `"${name}"::VARCHAR as "${name}"`,
  ).join(', ')
  const readers = {
    copy: duckReader(files.copy, 'csv'),
    csv: duckReader(files.csv, 'csv'),
    ndjson: duckReader(files.ndjson, 'ndjson'),
  }
  for (const [name, reader] of Object.entries(readers)) {
    await duck.run(`create table ${name}_rows as select ${columns} from ${reader}`)
  }
  for (const name of ['csv', 'ndjson']) {
    const differing = async (here: string, there: string) => {
      const query = `select * from (select * from ${here} except all select * from ${there}) order by seq::BIGINT`
      const read = await duck.runAndReadAll(query)
      return read.getRowObjectsJson() as Record<string, string | null>[]
    }
    const [lacking, surplus] = [
      await differing('copy_rows', `${name}_rows`),
      await differing(`${name}_rows`, 'copy_rows'),
    ]
    // What a CSV escapes against formulas is another text for the same JSON.
    assert.equal(lacking.length, surplus.length, name)
    for (const [at, row] of lacking.entries()) assert.deepEqual(parsed(surplus[at]), parsed(row))
    console.log(`${name}: ${lacking.length} rows with another spelling of the same JSON`)
    if (name === 'ndjson') assert.equal(lacking.length, 0)
  }
  duck.closeSync()
  instance.closeSync()
}

function parsed(row: Record<string, string | null> | undefined) {
  const json = (name: string) => JSON.parse(row?.[name] ?? 'null') as unknown
  return { ...row, metadata: json('metadata'), context: json('context') }
}
