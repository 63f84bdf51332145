import { cloudEventLine } from './cloudevents.ts'
import { BYTE_ORDER_MARK, csvHeader, csvLine } from './csv.ts'
import { aboutLine, exportLine, sealedLine } from './ndjson.ts'
import { ocsfLine } from './ocsf.ts'
import type { ExportRow } from './rows.ts'

export const EXPORT_FORMATS = ['ndjson', 'csv', 'ocsf', 'cloudevents'] as const
/**
 * - `ndjson`: the faithful one, a JSON object to a line.
 * - `csv`: RFC 4180, and safe to open in a spreadsheet.
 * - `ocsf`: OCSF 1.4, class Entity Management, a JSON object to a line.
 * - `cloudevents`: CloudEvents 1.0, a JSON object to a line.
 */
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

export interface FormatWriter {
  /** For a `Content-Type` header. */
  readonly mediaType: string
  /** What stands before the first entry. */
  readonly head: string
  /** An entry with all that ends it. */
  readonly line: (row: ExportRow) => string
}

export interface WriterRequest {
  readonly format: ExportFormat
  /** Of the CloudEvents. */
  readonly source: string
  /** Of the CSV. Undefined, as in exports that an earlier version began: false. */
  readonly byteOrderMark?: boolean | undefined
  /** Whose entries these are, where it is an export about a user. */
  readonly about?: string | undefined
  /** Whether names stand in the place of some ids. */
  readonly hasNames?: boolean | undefined
  /** Whether each line opens its leaf. */
  readonly proofs?: boolean | undefined
}

/** What `verify-export` needs to know of a format. */
export interface FormatReader {
  readonly headRecords: 0 | 1
  /** Whether line breaks inside quotes belong to the record. */
  readonly hasQuotes: boolean
  /** Finds `seq` at the start of a record. */
  readonly seq: RegExp
}

export function formatWriter(request: WriterRequest): FormatWriter {
  const { format, source, byteOrderMark, about, hasNames = false, proofs } = request
  const json = { mediaType: 'application/x-ndjson', head: '' }
  switch (format) {
    case 'csv': {
      const header = csvHeader({ about: about !== undefined, shown_as: hasNames })
      return {
        mediaType: 'text/csv; charset=utf-8; header=present',
        head: byteOrderMark ? `${BYTE_ORDER_MARK}${header}` : header,
        line: csvLine,
      }
    }
    case 'ocsf':
      return { ...json, line: ocsfLine }
    case 'cloudevents':
      return { ...json, line: (row) => cloudEventLine(row, source) }
    case 'ndjson':
      if (proofs) return { ...json, line: sealedLine }
      return { ...json, line: about === undefined ? exportLine : aboutLine }
  }
}

const LINES = { headRecords: 0, hasQuotes: false } as const

export const FORMAT_READERS: Readonly<Record<ExportFormat, FormatReader>> = {
  ndjson: { ...LINES, seq: /^\{"seq":(\d{1,16}),/ },
  csv: { headRecords: 1, hasQuotes: true, seq: /^"(\d{1,16})",/ },
  ocsf: { ...LINES, seq: /^\{"metadata":\{"sequence":(\d{1,16}),/ },
  cloudevents: { ...LINES, seq: /^\{"sequence":"(\d{19})",/ },
}
