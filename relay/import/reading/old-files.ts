import fs from 'node:fs'
import path from 'node:path'
import { createGunzip } from 'node:zlib'
import { AuditError } from '../../../src/errors.ts'
import { fileCode, fileWords } from '../../../src/file-fault.ts'
import { readCsv } from './csv.ts'
import { parseExact } from '../mapping/exact-json.ts'
import { columnsOf, FILE_FORMATS, isObject, type Mapping } from '../mapping/mapping.ts'
import type { OldLog, ReadRow } from './old-rows.ts'
import { type OldRow, textOf } from '../mapping/sources.ts'

type Format = (typeof FILE_FORMATS)[number]
type RawRow = Omit<ReadRow, 'key'>

/** A JSON file is read as a whole. */
const MAX_JSON_BYTES = 512 * 1024 * 1024

/**
 * Files of an old log, one after the other, each also as `.gz`. Rows that were read are stepped over by
 * their number, and the last of them must have the key that it had: else it is another file.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where a file cannot be opened or has no known format
 */
export function openFiles(files: readonly string[], mapping: Mapping): OldLog {
  const formats = files.map((file) => formatOf(file, mapping))
  for (const file of files) refuseUnreadable(file)
  async function* rows({
    read,
    lastKey,
  }: {
    readonly read: number
    readonly lastKey: string | null
  }): AsyncGenerator<ReadRow> {
    let number = 0
    for (const [at, file] of files.entries()) {
      for await (const raw of rowsOf(file, formats[at] as Format, mapping)) {
        number += 1
        const key = keyOf(raw.row, mapping.key, number)
        if (number > read) yield { ...raw, key }
        else if (number === read && key !== lastKey) throw otherFile(number, key, lastKey)
      }
    }
    if (number < read) throw otherFile(read, undefined, lastKey)
  }
  return {
    name: files
      .map((file) => path.basename(file))
      .join(', ')
      .slice(0, MAX_NAME_CHARACTERS),
    rows,
    close: () => Promise.resolve(),
  }
}

const MAX_NAME_CHARACTERS = 200

function keyOf(row: OldRow | undefined, column: string | undefined, number: number): string {
  if (column === undefined) return String(number)
  const value = row?.[column]
  return value === undefined || value === null ? '' : textOf(value)
}

function otherFile(number: number, key: string | undefined, lastKey: string | null): AuditError {
  const found = key === undefined ? 'has fewer rows' : `has the key "${key.slice(0, 80)}" there`
  return new AuditError(
    'AUDIT_OPTION_INVALID',
    `This is not what the import has read before: its row ${number} had the key "${lastKey}", and this ` +
      `${found}. Give the same files in the same order, or another --name.`,
  )
}

function formatOf(file: string, { format }: Mapping): Format {
  if (format !== undefined) return format
  const ending = path.extname(file.replace(/\.gz$/, '')).slice(1)
  if (ending === 'jsonl') return 'ndjson'
  const known = FILE_FORMATS.find((one) => one === ending)
  if (known !== undefined) return known
  throw new AuditError(
    'AUDIT_OPTION_INVALID',
    `The name of "${file}" does not tell its format: name it in the mapping, as in "format": "ndjson" ` +
      `(or ${FILE_FORMATS.slice(1).join(', ')}).`,
  )
}

function refuseUnreadable(file: string): void {
  try {
    fs.accessSync(file, fs.constants.R_OK)
    if (fs.statSync(file).isFile()) return
  } catch (error) {
    throw explained(file, error)
  }
  throw new AuditError('AUDIT_OPTION_INVALID', `"${file}" is a folder and no file.`)
}

function explained(file: string, error: unknown): unknown {
  const code = fileCode(error)
  if (code !== undefined) {
    return new AuditError('AUDIT_OPTION_INVALID', `The file "${file}" ${fileWords(code)}.`)
  }
  // zlib's own
  const { code: own = '' } = error as { code?: string }
  if (!own.startsWith('Z_')) return error
  return new AuditError('AUDIT_OPTION_INVALID', `The file "${file}" is damaged: ${own}.`)
}

async function* rowsOf(file: string, format: Format, mapping: Mapping): AsyncGenerator<RawRow> {
  try {
    if (format === 'csv') yield* csvRows(file, mapping)
    else if (format === 'json') yield* jsonRows(file, mapping)
    else yield* ndjsonRows(file)
  } catch (error) {
    throw explained(file, error)
  }
}

function textsOf(file: string): AsyncIterable<string> {
  const read = fs.createReadStream(file)
  if (!file.endsWith('.gz')) return read.setEncoding('utf8')
  const unzipped = createGunzip()
  read.on('error', (error) => unzipped.destroy(error))
  return read.pipe(unzipped).setEncoding('utf8')
}

async function* csvRows(file: string, mapping: Mapping): AsyncGenerator<RawRow> {
  let isFirst = true
  for await (const { row, text, fault, header } of readCsv(textsOf(file), mapping.delimiter)) {
    if (isFirst) refuseMissing(file, header, mapping)
    isFirst = false
    yield fault === undefined ? { row, text } : { row: undefined, fault, text }
  }
}

/** A misspelt column would be null in every entry, and nobody would see it. */
function refuseMissing(file: string, header: readonly string[], mapping: Mapping): void {
  const missing = [...columnsOf(mapping)].filter((name) => !header.includes(name))
  if (missing.length === 0) return
  throw new AuditError(
    'AUDIT_OPTION_INVALID',
    `The file "${file}" has no column ${missing.map((name) => `"${name}"`).join(', ')}, which the ` +
      `mapping names. It has: ${header.join(', ')}.`,
  )
}

async function* ndjsonRows(file: string): AsyncGenerator<RawRow> {
  for await (const text of lines(textsOf(file))) if (text.trim() !== '') yield rowOf(text)
}

async function* lines(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  let isFirst = true
  for await (const chunk of chunks) {
    const parts = (isFirst ? chunk.replace(/^\uFEFF/, '') : chunk).split('\n')
    isFirst = false
    parts[0] = rest + parts[0]
    rest = parts.pop() ?? ''
    yield* parts
  }
  yield rest
}

function rowOf(text: string): RawRow {
  try {
    const row = parseExact(text)
    if (isObject(row)) return { row, text }
    return { row: undefined, fault: 'it is no JSON object', text }
  } catch {
    return { row: undefined, fault: 'it is no JSON', text }
  }
}

async function* jsonRows(file: string, { records }: Mapping): AsyncGenerator<RawRow> {
  let text = ''
  for await (const chunk of textsOf(file)) {
    text += chunk
    if (text.length > MAX_JSON_BYTES) {
      throw new AuditError(
        'AUDIT_OPTION_INVALID',
        `The file "${file}" is larger than 512 MiB. Write its rows a line each (NDJSON), as in ` +
          `"jq -c .${records ?? '[]'}[]".`,
      )
    }
  }
  let found: unknown
  try {
    found = parseExact(text.replace(/^\uFEFF/, ''))
  } catch {
    throw new AuditError('AUDIT_OPTION_INVALID', `The file "${file}" is no JSON.`)
  }
  for (const key of records?.split('.') ?? []) found = isObject(found) ? found[key] : undefined
  if (!Array.isArray(found)) {
    throw new AuditError(
      'AUDIT_OPTION_INVALID',
      records === undefined
        ? `The file "${file}" is no JSON array. Say in the mapping where its rows are, as in "records": "Records".`
        : `The file "${file}" has no array at "${records}".`,
    )
  }
  for (const row of found as readonly unknown[]) {
    const own = JSON.stringify(row)
    yield isObject(row)
      ? { row, text: own }
      : { row: undefined, fault: 'it is no JSON object', text: own }
  }
}
