import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { ImportStatements } from '../../relay/import/import-statements.ts'
import { type Mapping, readMapping } from '../../relay/import/mapping/mapping.ts'
import { openFiles } from '../../relay/import/reading/old-files.ts'
import type { OldLog } from '../../relay/import/reading/old-rows.ts'
import type { RefusedRow, RefusedRows } from '../../relay/import/refused-rows.ts'
import { type ImportOptions, type ImportResult, runImport } from '../../relay/import/run-import.ts'
import type { ScratchDatabase } from './database.ts'
import { openDatabase } from './lanes.ts'

/** A mapping of most tests: columns of the names that the plain one has, and a key. */
export const MAPPING: Mapping = {
  key: 'id',
  timeZone: 'UTC',
  entry: {
    occurredAt: 'created_at',
    action: 'action',
    userId: { column: 'user_id', uuid: { namespace: 'users' } },
    metadata: 'metadata',
  },
}

/** A folder for the files of a test. Removed after it. */
export function folderFor(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-import-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function fileWith(t: TestContext, name: string, contents: string | Uint8Array): string {
  const file = path.join(folderFor(t), name)
  fs.writeFileSync(file, contents)
  return file
}

/** Rows of an old log, as NDJSON. */
export function oldRows(rows: readonly Readonly<Record<string, unknown>>[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

/** So many rows, a minute each, the first at the beginning of a month. */
export function minutes(count: number, from = Date.UTC(2026, 8, 1)): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, n) => ({
    id: n + 1,
    created_at: new Date(from + n * 60_000).toISOString(),
    action: 'guest.check_in',
    user_id: n % 7,
    metadata: { n },
  }))
}

export interface Imported extends ImportResult {
  readonly refusedRows: readonly RefusedRow[]
}

export interface ImportParts extends Partial<Omit<ImportOptions, 'log' | 'mapping'>> {
  readonly mapping?: unknown
  /** Files, or a log of the test's own. */
  readonly from: string | OldLog
  /** Changes the statements, as to kill the import between two of them. */
  readonly around?: (statements: ImportStatements) => ImportStatements
}

/** Brings an old log in, with the rights of `audit_keeper`. A relay has to run. */
export async function bringIn(
  t: TestContext,
  { urlAs }: ScratchDatabase,
  { from, mapping = MAPPING, around = (same) => same, ...options }: ImportParts,
): Promise<Imported> {
  const name = options.name ?? 'old-log'
  const checked = readMapping(JSON.stringify(mapping), 'map.json')
  const kept: RefusedRow[] = []
  const refused: RefusedRows = { add: (rows) => kept.push(...rows), close() {} }
  const log = typeof from === 'string' ? openFiles([from], checked) : from
  const result = await runImport({
    name,
    mapping: checked,
    log,
    refused,
    statements: around(new ImportStatements(openDatabase(t, urlAs('audit_keeper')), name)),
    maxEntryBytes: 32 * 1024,
    signal: new AbortController().signal,
    onProgress() {},
    onFailure() {},
    ...options,
  })
  return { ...result, refusedRows: kept }
}
