import fs from 'node:fs/promises'
import path from 'node:path'
import { optionInvalid } from '../../src/errors.ts'
import { ndjsonLine } from '../../src/export/ndjson.ts'
import { fileCode, fileWords } from '../../src/file-fault.ts'
import { openDuck, quoted } from './files/duckdb.ts'
import { readLines } from './files/ndjson-file.ts'
import { exportRowOf, PARQUET_COLUMNS, textColumn } from './files/parquet-columns.ts'

/** Which entries: all of these must hold. */
export interface ArchiveFilter {
  readonly user?: string
  readonly event?: string
  readonly target?: string
  readonly request?: string
  /** An action, or `entity.*`. */
  readonly action?: string
}

/**
 * The entries of archived files below a folder that a filter lets through, as lines of NDJSON. Those
 * of Parquet files are in the order of `seq`, the others file by file.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where there is no such folder, or for Parquet without
 * DuckDB
 */
export async function* queryArchives(
  folder: string,
  filter: ArchiveFilter,
): AsyncGenerator<string | Buffer, void, undefined> {
  const names = await fs.readdir(folder, { recursive: true }).catch((error: unknown) => {
    const code = fileCode(error)
    throw code === undefined ? error : optionInvalid(`The folder ${folder} ${fileWords(code)}.`)
  })
  if (names.some((name) => name.endsWith('.parquet'))) yield* queryParquet(folder, filter)
  for (const name of names.filter((one) => one.endsWith('.ndjson.gz')).sort()) {
    yield* queryNdjson(path.join(folder, name), filter)
  }
}

async function* queryNdjson(file: string, filter: ArchiveFilter) {
  const { user, event, target, request, action } = filter
  const entity = action?.endsWith('.*') ? action.slice(0, -1) : undefined
  const exact = Object.entries({
    ...{ user_id: user, event_id: event, target_id: target, request_id: request },
    action: entity === undefined ? action : undefined,
  }).filter(([, value]) => value !== undefined)
  // Nearly every line is left out by these bytes, which is quicker than to read its JSON.
  const needed = exact.map(([, value]) => Buffer.from(JSON.stringify(value)))
  for await (const line of readLines(file)) {
    if (!needed.every((bytes) => line.includes(bytes))) continue
    const entry: Record<string, unknown> = JSON.parse(line.toString())
    const isOfEntity = entity === undefined || String(entry['action']).startsWith(entity)
    if (isOfEntity && exact.every(([name, value]) => entry[name] === value)) yield line
  }
}

async function* queryParquet(
  folder: string,
  filter: ArchiveFilter,
): AsyncGenerator<string, void, undefined> {
  const duck = await openDuck()
  try {
    const files = path.join(path.resolve(folder), '**', '*.parquet')
    const result = await duck.connection.stream(
      `SELECT ${PARQUET_COLUMNS.map(textColumn).join(', ')}
        FROM read_parquet(${quoted(files)}, hive_partitioning = false)
        WHERE ${conditionOf(filter)} ORDER BY seq`,
    )
    for (;;) {
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) return
      for (const row of chunk.getRows()) yield ndjsonLine(exportRowOf(row))
    }
  } finally {
    duck.close()
  }
}

/** Ids are compared as texts, so that the same words find UUIDs and ids of any kind. */
function conditionOf({ user, event, target, request, action }: ArchiveFilter): string {
  const equals = (name: string, value: string | undefined) =>
    value === undefined ? [] : [`${name}::VARCHAR = ${quoted(value)}`]
  const entity = action?.endsWith('.*') ? action.slice(0, -2) : undefined
  const conditions = [
    ...equals('user_id', user),
    ...equals('event_id', event),
    ...equals('target_id', target),
    ...equals('request_id', request),
    ...(entity === undefined
      ? equals('action', action)
      : [`split_part(action, '.', 1) = ${quoted(entity)}`]),
  ]
  return conditions.join(' AND ') || 'true'
}
