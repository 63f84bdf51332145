import { type SQL, sql } from 'drizzle-orm'
import { ROW_COLUMNS } from '../../src/encode/row.ts'

const TYPES: Readonly<Partial<Record<(typeof ROW_COLUMNS)[number], string>>> = {
  occurred_at: 'timestamptz',
  recorder_seq: 'bigint',
  action: 'text',
  entity_type: 'text',
  request_id: 'text',
}

const rowColumns = sql.raw(ROW_COLUMNS.join(', '))
const rowValues = sql.raw(
  ROW_COLUMNS.map((name, place) =>
    name === 'metadata' || name === 'context'
      ? `r -> ${place}`
      : `(r ->> ${place})::${TYPES[name] ?? 'uuid'}`,
  ).join(', '),
)

/**
 * The INSERT by which a recorder wrote its rows before a function did it: what the function is
 * measured against.
 *
 * @param slices JSON arrays of rows
 */
export function insertRows(recorderId: string, slices: readonly string[], schema = 'audit'): SQL {
  const texts = sql.join(
    slices.map((slice) => sql`${slice}::text`),
    sql`, `,
  )
  return sql`
    insert into ${sql.raw(schema)}.audit_staging (recorder_id, ${rowColumns})
    select ${recorderId}::text::uuid, ${rowValues}
    from unnest(array[${texts}]) as slice, jsonb_array_elements(slice::jsonb) as r`
}
