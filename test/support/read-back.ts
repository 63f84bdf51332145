import assert from 'node:assert/strict'
import fs from 'node:fs'
import readline from 'node:readline'
import XLSX from '@e965/xlsx'
import type postgres from 'postgres'
import { createRelay } from '../../relay/index.ts'
import { createRecorder } from '../../src/index.ts'
import { readSample } from '../demo/sample.ts'
import { COLUMNS, logAsText, type TextRow, withDuckFile } from './exports.ts'
import { silentLogger } from './lanes.ts'

/** Columns in which an export may mark cells against formulas. */
const MARKED = ['action', 'entity_type', 'request_id'] as const
const BATCH_SEQS = 20_000

/** Removes the apostrophes that an export puts before texts that could be formulas. */
export function withoutMarks(exported: string, original: string): string {
  let at = 0
  let text = ''
  for (const character of exported) {
    if (character === "'" && original[at] !== "'") continue
    text += character
    at += character.length
  }
  return text
}

export function unmarked(row: TextRow, original: TextRow | undefined): TextRow {
  const texts = MARKED.map((name) => {
    const [exported = null, given = null] = [row[name], original?.[name]]
    return [name, exported && given ? withoutMarks(exported, given) : exported]
  })
  return { ...row, ...Object.fromEntries(texts) }
}

/** Compares row by row, so that a failure shows the row that differs. */
export function sameRows(read: readonly TextRow[], inLog: readonly TextRow[]): void {
  assert.equal(read.length, inLog.length)
  for (const [at, row] of inLog.entries()) {
    const other = read[at] ?? {}
    if (COLUMNS.every((name) => (other[name] ?? null) === row[name])) continue
    assert.deepEqual(parsed(other), parsed(row))
  }
}

/** An export may write JSON differently, as long as the value is the same. */
function parsed(row: TextRow) {
  const json = (name: string) => JSON.parse(row[name] ?? '') as unknown
  return { ...row, metadata: json('metadata'), context: json('context') }
}

/** Compares every row of a file, as DuckDB reads it, with the log. @returns the number of rows */
export async function compareByDuck(
  sql: postgres.Sql,
  file: string,
  format: 'csv' | 'ndjson',
): Promise<number> {
  return await withDuckFile(file, format, async (rowsBetween) => {
    let rows = 0
    for await (const { inLog, fromSeq, toSeq } of logBatches(sql)) {
      const read = await rowsBetween(fromSeq, toSeq)
      sameRows(format === 'csv' ? read.map((row, at) => unmarked(row, inLog[at])) : read, inLog)
      rows += read.length
    }
    return rows
  })
}

/**
 * Compares every row of a CSV, as a spreadsheet reads it, with the log. No cell may be a formula.
 */
export async function compareBySpreadsheet(sql: postgres.Sql, file: string): Promise<number> {
  const lines = csvRecords(file)
  const { value: header = '' } = await lines.next()
  let rows = 0
  for await (const { inLog } of logBatches(sql)) {
    const records: string[] = []
    while (records.length < inLog.length) {
      const { value, done } = await lines.next()
      if (done) break
      records.push(value)
    }
    const text = [header, ...records].join('\r\n')
    const book = XLSX.read(text, { type: 'string', raw: true, dense: true })
    const sheet = book.Sheets[book.SheetNames[0] ?? ''] ?? {}
    const cells = ((sheet['!data'] ?? []) as XLSX.CellObject[][]).flat()
    assert.ok(cells.length >= records.length)
    for (const cell of cells) assert.equal(cell?.f, undefined, JSON.stringify(cell))
    const read = XLSX.utils.sheet_to_json<TextRow>(sheet, { raw: true, defval: null })
    sameRows(
      read.map((row, at) => unmarked(row, inLog[at])),
      inLog,
    )
    rows += read.length
  }
  assert.equal((await lines.next()).done, true, 'nothing follows')
  return rows
}

/** The records of a CSV. A CRLF outside quotes ends a record. */
async function* csvRecords(file: string): AsyncGenerator<string, undefined> {
  const input = fs.createReadStream(file)
  let record = ''
  // This would also split at lone line feeds and carriage returns, but these logs have none.
  for await (const line of readline.createInterface({
    input,
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    record += record === '' ? line : `\r\n${line}`
    if ((record.split('"').length - 1) % 2 === 1) continue
    yield record
    record = ''
  }
}

async function* logBatches(sql: postgres.Sql) {
  const [{ last } = { last: 0 }] = await sql<{ last: number }[]>`
    select max(seq)::float8 as last from audit.audit_log`
  for (let fromSeq = 1; fromSeq <= last; fromSeq += BATCH_SEQS) {
    const toSeq = fromSeq + BATCH_SEQS - 1
    yield { fromSeq, toSeq, inLog: await logAsText({ sql }, { fromSeq, toSeq }) }
  }
}

/** Records the events of another system and moves them into the log. @returns how many there are */
export async function logSample(
  file: string,
  { appUrl, relayUrl }: { readonly appUrl: string; readonly relayUrl: string },
): Promise<number> {
  const { entries } = await readSample(file)
  const logger = silentLogger()
  const recorder = createRecorder({ databaseUrl: appUrl, logger })
  const relay = createRelay({ databaseUrl: relayUrl, logger })
  for (const { occurredAt, ...entry } of entries) {
    const action = (entry.action ?? '') as `${string}.${string}`
    recorder.record({ ...entry, action, occurredAt: new Date(occurredAt ?? '') })
  }
  await recorder.flush()
  await relay.drain({ deadlineMs: 60_000 })
  await recorder.close()
  await relay.drain({ deadlineMs: 60_000 })
  await relay.stop()
  return entries.length
}
