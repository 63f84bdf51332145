import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { Database } from '../../src/database/connection.ts'
import type { ScratchDatabase } from './database.ts'

/** The log's columns, in the order of an export. */
export const COLUMNS = [
  ...['seq', 'id', 'occurred_at', 'logged_at', 'written_by', 'event_id', 'action', 'entity_type'],
  ...['outcome', 'actor_kind', 'user_id', 'actor_id', 'target_id', 'more_targets', 'request_id'],
  ...['metadata', 'context', 'recorder_id', 'recorder_seq'],
] as const
export type TextRow = Readonly<Record<string, string | null>>

/** A connection that may only read the log, as exports use it. Closed after the test. */
export function readerOf(t: TestContext, { urlAs }: ScratchDatabase): Database {
  const url = urlAs('audit_reader')
  const db = new Database({
    url,
    applicationName: 'test',
    statementTimeoutMs: 20_000,
    isReader: true,
  })
  t.after(() => db.close())
  return db
}

/** Makes a folder that is removed after the test. */
export function scratchFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-export-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The entries of the log with every column as text, read by a statement of the tests. */
export async function logAsText(
  { sql }: Pick<ScratchDatabase, 'sql'>,
  { fromSeq = 0, toSeq = Number.MAX_SAFE_INTEGER } = {},
): Promise<readonly TextRow[]> {
  const time = (name: string) =>
    `to_char(${name} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as ${name}`
  const columns = COLUMNS.map((name) => {
    if (name === 'more_targets') return `array_to_json(${name})::text as ${name}`
    return name.endsWith('_at') ? time(name) : `${name}::text`
  })
  const rows = await sql.unsafe(
    `select ${columns.join(', ')} from audit.audit_log
      where seq between ${fromSeq} and ${toSeq} order by audit_log.seq`,
  )
  return rows.map((row) => ({ ...row }) as TextRow)
}

/** The table function with which DuckDB reads a file, every column as text. */
export function duckReader(file: string, format: 'csv' | 'ndjson'): string {
  if (format === 'csv') {
    return `read_csv('${file}', header = true, all_varchar = true, quote = '"', escape = '"',
      delim = ',', strict_mode = true, max_line_size = 8000000)`
  }
  const type = (name: string) =>
    /^(?:metadata|context|more_targets)$/.test(name) ? 'JSON' : 'VARCHAR'
  const types = COLUMNS.map((name) => `'${name}': '${type(name)}'`).join(', ')
  return `read_json('${file}', format = 'newline_delimited', columns = {${types}},
    maximum_object_size = 67108864)`
}

type RowsBetween = (fromSeq: number, toSeq: number) => Promise<readonly TextRow[]>

/** Reads a file back with DuckDB. */
export function duckRows(file: string, format: 'csv' | 'ndjson'): Promise<readonly TextRow[]> {
  return withDuckFile(file, format, (rowsBetween) => rowsBetween(0, Number.MAX_SAFE_INTEGER))
}

/** Reads a file once, and gives `use` its rows in the order of the file. */
export async function withDuckFile<T>(
  file: string,
  format: 'csv' | 'ndjson',
  use: (rowsBetween: RowsBetween) => Promise<T>,
): Promise<T> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  // In hex, because the client drops a byte order mark at the start of a text.
  const list = COLUMNS.map((name) => `hex(encode("${name}"::VARCHAR)) as "${name}"`)
  try {
    await connection.run(`create table exported as select * from ${duckReader(file, format)}`)
    return await use(async (fromSeq, toSeq) => {
      const query = `select ${list.join(', ')} from exported
        where "seq"::BIGINT between ${fromSeq} and ${toSeq} order by rowid`
      const rows = (await connection.runAndReadAll(query)).getRowObjectsJson()
      return rows.map((row) => Object.fromEntries(Object.entries(row).map(unhex)))
    })
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

function unhex([name, hex]: readonly [string, unknown]) {
  return [name, typeof hex === 'string' ? Buffer.from(hex, 'hex').toString('utf8') : null] as const
}
