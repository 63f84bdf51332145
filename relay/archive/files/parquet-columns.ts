import type { ExportRow } from '../../../src/export/rows.ts'

interface ParquetColumn {
  readonly name: string
  readonly of: keyof ExportRow
  /** `id`: UUID, or text in a log with ids of any kind. */
  readonly type: 'BIGINT' | 'UUID' | 'id' | 'TIMESTAMPTZ' | 'VARCHAR' | 'JSON'
}

/** The columns of a Parquet file, in the order of an export. */
export const PARQUET_COLUMNS: readonly ParquetColumn[] = [
  { name: 'seq', of: 'seq', type: 'BIGINT' },
  { name: 'id', of: 'id', type: 'UUID' },
  { name: 'occurred_at', of: 'occurredAt', type: 'TIMESTAMPTZ' },
  { name: 'logged_at', of: 'loggedAt', type: 'TIMESTAMPTZ' },
  { name: 'written_by', of: 'writtenBy', type: 'VARCHAR' },
  { name: 'event_id', of: 'eventId', type: 'id' },
  { name: 'action', of: 'action', type: 'VARCHAR' },
  { name: 'entity_type', of: 'entityType', type: 'VARCHAR' },
  { name: 'outcome', of: 'outcome', type: 'VARCHAR' },
  { name: 'actor_kind', of: 'actorKind', type: 'VARCHAR' },
  { name: 'user_id', of: 'userId', type: 'id' },
  { name: 'actor_id', of: 'actorId', type: 'id' },
  { name: 'target_id', of: 'targetId', type: 'id' },
  { name: 'more_targets', of: 'moreTargets', type: 'JSON' },
  { name: 'request_id', of: 'requestId', type: 'VARCHAR' },
  // As text, as Postgres writes it. DuckDB's VARIANT would sort the keys.
  { name: 'metadata', of: 'metadata', type: 'JSON' },
  { name: 'context', of: 'context', type: 'JSON' },
  { name: 'recorder_id', of: 'recorderId', type: 'UUID' },
  { name: 'recorder_seq', of: 'recorderSeq', type: 'BIGINT' },
]

/** A record of CSV. What is null is empty, and what is an empty text has quotes. */
export function csvRecord(row: ExportRow): string {
  const cells = PARQUET_COLUMNS.map(({ of, type }) => {
    const value = row[of]
    if (value === null) return ''
    const text = type === 'TIMESTAMPTZ' ? duckTime(String(value)) : String(value)
    return `"${text.replaceAll('"', '""')}"`
  })
  return `${cells.join(',')}\n`
}

/** DuckDB's words for a time before our era: `0044-03-15 (BC) 00:00:00Z`. */
function duckTime(text: string): string {
  if (!text.endsWith(' BC')) return text
  return text.slice(0, -3).replace('T', ' (BC) ')
}

/** SQL of DuckDB that gives a column its type. */
export function typedColumn({ name, type }: ParquetColumn, idType: 'UUID' | 'VARCHAR'): string {
  const wanted = type === 'id' ? idType : type
  return `${name}::${wanted} AS ${name}`
}

/**
 * SQL of DuckDB that writes a column as text. A letter stands before it, because the client drops a
 * byte order mark at the start of a text.
 */
export function textColumn({ name, type }: ParquetColumn): string {
  const text =
    type === 'TIMESTAMPTZ'
      ? `CASE WHEN isfinite(${name}) THEN epoch_us(${name})::VARCHAR ELSE ${name}::VARCHAR END`
      : `${name}::VARCHAR`
  return `'x' || ${text}`
}

/** A row of texts from `textColumn`, as an export has it. */
export function exportRowOf(texts: readonly unknown[]): ExportRow {
  const row: Record<string, string | number | null> = {}
  for (const [n, { of, type }] of PARQUET_COLUMNS.entries()) {
    const given = texts[n]
    const text = typeof given === 'string' ? given.slice(1) : null
    row[of] = text !== null && type === 'TIMESTAMPTZ' ? isoTime(text) : text
  }
  row['seq'] = Number(row['seq'])
  return row as unknown as ExportRow
}

/** Microseconds since 1970, or an infinity, as an export writes a time. */
function isoTime(text: string): string {
  if (text.endsWith('infinity')) return text
  const us = BigInt(text)
  const fraction = ((us % 1_000_000n) + 1_000_000n) % 1_000_000n
  const at = new Date(Number((us - fraction) / 1_000n))
  const [, sign = '', year = '', rest = ''] =
    /^([+-]?)(\d+)(-.*)\.\d+Z$/.exec(at.toISOString()) ?? []
  const isBefore = sign === '-' || Number(year) === 0
  const shownYear = isBefore ? Number(year) + 1 : Number(year)
  const digits = String(fraction).padStart(6, '0')
  return `${String(shownYear).padStart(4, '0')}${rest}.${digits}Z${isBefore ? ' BC' : ''}`
}
