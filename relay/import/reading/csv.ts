import { AuditError } from '../../../src/errors.ts'

export interface CsvRow {
  /** By the names of the header. A field without quotes that is empty is none. */
  readonly row: Readonly<Record<string, string>>
  /** As it stands in the file. */
  readonly text: string
  /** Where it has another number of fields than the header, why that cannot be a row. */
  readonly fault: string | undefined
  readonly header: readonly string[]
}

/** A quote that is never closed would take the rest of the file for one field. */
const MAX_ROW_CHARACTERS = 16 * 1024 * 1024

/**
 * Reads CSV (RFC 4180) with a header: quoted fields with line breaks and doubled quotes, lines that end
 * with LF or CRLF, and a byte order mark.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` for a file without a header, or for a row without an end
 */
export async function* readCsv(
  chunks: AsyncIterable<string>,
  delimiter = ',',
): AsyncGenerator<CsvRow> {
  let header: readonly string[] | undefined
  for await (const record of records(chunks)) {
    const fields = fieldsOf(record, delimiter)
    if (header === undefined) {
      header = fields.map((field) => field.text)
      refuseHeader(header)
      continue
    }
    if (record === '') continue
    const row: Record<string, string> = {}
    header.forEach((name, at) => {
      const field = fields[at]
      if (field === undefined || (field.text === '' && !field.isQuoted)) return
      Object.defineProperty(row, name, {
        value: field.text,
        ...{ enumerable: true, configurable: true, writable: true },
      })
    })
    const isFit = fields.length === header.length
    const fault = isFit
      ? undefined
      : `it has ${fields.length} fields, and the header has ${header.length}`
    yield { row, text: record, fault, header }
  }
  if (header === undefined)
    throw misfit('The CSV file is empty: its first line must name the columns.')
}

function refuseHeader(header: readonly string[]): void {
  const twice = header.find((name, at) => header.indexOf(name) !== at)
  if (twice !== undefined) throw misfit(`The CSV file names the column "${twice}" twice.`)
}

/** Whole records: a line break in quotes does not end one. */
async function* records(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  let isFirst = true
  // Where the search for the end goes on, and whether a quote is open there.
  let at = 0
  let isOpen = false
  for await (const chunk of chunks) {
    rest += isFirst ? chunk.replace(/^\uFEFF/, '') : chunk
    isFirst = false
    let from = 0
    for (; at < rest.length; at += 1) {
      const code = rest.charCodeAt(at)
      if (code === QUOTE) isOpen = !isOpen
      else if (code === LF && !isOpen) {
        yield rest.slice(from, rest.charCodeAt(at - 1) === CR && at > from ? at - 1 : at)
        from = at + 1
      }
    }
    rest = rest.slice(from)
    at -= from
    if (rest.length > MAX_ROW_CHARACTERS) {
      throw misfit('A row of the CSV file has no end: a quote in it is not closed.')
    }
  }
  if (isOpen) throw misfit('The last row of the CSV file has no end: a quote in it is not closed.')
  if (rest !== '') yield rest.replace(/\r$/, '')
}

const QUOTE = 34
const LF = 10
const CR = 13

interface Field {
  readonly text: string
  readonly isQuoted: boolean
}

function fieldsOf(record: string, delimiter: string): readonly Field[] {
  const fields: Field[] = []
  let at = 0
  for (;;) {
    if (record.charCodeAt(at) === QUOTE) {
      let text = ''
      at += 1
      for (;;) {
        const end = record.indexOf('"', at)
        text += record.slice(at, end)
        at = end + 1
        if (record.charCodeAt(at) !== QUOTE) break
        text += '"'
        at += 1
      }
      // What follows a closed quote is no CSV, and is kept.
      const next = endOf(record, delimiter, at)
      fields.push({ text: text + record.slice(at, next), isQuoted: true })
      at = next
    } else {
      const next = endOf(record, delimiter, at)
      fields.push({ text: record.slice(at, next), isQuoted: false })
      at = next
    }
    if (at >= record.length) return fields
    at += 1
  }
}

function endOf(record: string, delimiter: string, at: number): number {
  const end = record.indexOf(delimiter, at)
  return end === -1 ? record.length : end
}

function misfit(message: string): AuditError {
  return new AuditError('AUDIT_OPTION_INVALID', message)
}
