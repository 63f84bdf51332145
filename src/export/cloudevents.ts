import { exportRecord } from './ndjson.ts'
import type { ExportRow } from './rows.ts'

/** `sequence` is compared as text, so it is as long as the longest that Postgres can count to. */
const SEQUENCE_DIGITS = 19
const RFC_3339 = /^\d{4}-\d{2}-\d{2}T/
// Not allowed in attributes: control characters, halves of surrogate pairs, and what is no character.
const UNFIT = /[\p{Cc}\p{Surrogate}\p{Noncharacter_Code_Point}]/gu

/**
 * One CloudEvent 1.0 in JSON to a line, with the record of the NDJSON format as its data. `id` and
 * `source` together tell it from all others; `sequence` (an extension of the specification's own)
 * gives the order.
 */
export function cloudEventLine(row: ExportRow, source: string): string {
  const optional = [
    RFC_3339.test(row.occurredAt) ? `"time":"${row.occurredAt}",` : '',
    row.targetId === null ? '' : `"subject":${attribute(row.targetId)},`,
  ]
  return (
    `{"sequence":"${String(row.seq).padStart(SEQUENCE_DIGITS, '0')}","specversion":"1.0",` +
    `"id":"${row.id}","source":${JSON.stringify(source)},` +
    `"type":${attribute(row.action)},${optional.join('')}` +
    `"datacontenttype":"application/json","data":${exportRecord(row)}}\n`
  )
}

function attribute(text: string): string {
  return JSON.stringify(text.replace(UNFIT, '\ufffd'))
}
