import { sql } from 'drizzle-orm'
import { Database } from '../../../src/database/connection.ts'
import { AuditError, databaseFault, optionInvalid } from '../../../src/errors.ts'
import { parseExact } from '../mapping/exact-json.ts'
import { columnsOf, type Mapping } from '../mapping/mapping.ts'
import type { OldLog, ReadRow } from './old-rows.ts'
import type { OldRow } from '../mapping/sources.ts'

export interface OldDatabaseOptions {
  readonly url: string
  /** The variable that holds the URL, which may be shown. */
  readonly variable: string
  readonly mapping: Mapping
}

const PAGE_ROWS = 5_000
/** The first page of a large table without an index on its key sorts the whole table. */
const STATEMENT_TIMEOUT_MS = 600_000

type Page = { readonly record: string; readonly key: string | null }

/**
 * A query over another database. It is read in the order of its key, a page at a time, each page behind
 * the last key of the page before: nothing is held open, and it goes on where it ended.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where the mapping has no query
 */
export function openDatabase({ url, variable, mapping }: OldDatabaseOptions): OldLog {
  const { query } = mapping
  if (query === undefined) {
    throw optionInvalid(
      '--from-env needs a query: in the mapping, as in "query": "select * from public.old_log", or --query.',
    )
  }
  const key = mapping.key ?? 'id'
  const database = new Database({
    url,
    applicationName: 'audit-relay import',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    isReader: true,
  })
  const inner = query.trim().replace(/;$/, '')
  const rows = sql.raw(`(${inner}\n) as q`)
  const column = sql.raw(`q."${key.replaceAll('"', '""')}"`)

  async function ask<Row extends object>(
    statement: ReturnType<typeof sql>,
  ): Promise<readonly Row[]> {
    try {
      return await database.execute<Row>(statement)
    } catch (error) {
      const { code } = databaseFault(error)
      const hint = HINTS[code]
      if (hint === undefined) throw error
      const message = `The query over ${variable} fails: ${hint}`
      // The hint is given, too: that of the code is about our own schema.
      throw new AuditError('AUDIT_OPTION_INVALID', message, { code }, hint)
    }
  }

  async function typeOfKey(): Promise<string> {
    const [found] = await ask<{ type: string | null; nulls: boolean }>(sql`/* audit-relay import */
      select
        (select pg_catalog.pg_typeof(one.k)::pg_catalog.text
          from (select ${column} as k from ${rows} limit 1) as one) as type,
        exists (select from ${rows} where ${column} is null) as nulls`)
    if (found?.nulls) throw optionInvalid(`A row of the query has no key: "${key}" is null.`)
    return found?.type ?? 'text'
  }

  async function* read(after: { readonly lastKey: string | null }): AsyncGenerator<ReadRow> {
    const type = sql.raw(await typeOfKey())
    let lastKey = after.lastKey
    let isChecked = false
    for (;;) {
      const behind =
        lastKey === null ? sql`` : sql`where ${column} > ${lastKey}::pg_catalog.text::${type}`
      // One row more than a page, because two rows of one key must not fall on two pages.
      const page = await ask<Page>(sql`/* audit-relay import */
        select pg_catalog.row_to_json(q)::pg_catalog.text as record, ${column}::pg_catalog.text as key
        from ${rows} ${behind} order by ${column} limit ${PAGE_ROWS + 1}::integer`)
      refuseTwice(page)
      for (const { record, key: own } of page.slice(0, PAGE_ROWS)) {
        const row = parseExact(record) as OldRow
        if (!isChecked) refuseMissing(row, mapping)
        isChecked = true
        yield { row, key: own ?? '', text: record }
      }
      if (page.length <= PAGE_ROWS) return
      lastKey = page[PAGE_ROWS - 1]?.key ?? null
    }
  }

  return { name: `a query over ${variable}`, rows: read, close: () => database.close() }
}

function refuseTwice(page: readonly Page[]): void {
  const twice = page.find(({ key }, at) => page[at + 1]?.key === key)
  if (twice === undefined) return
  throw optionInvalid(
    `Two rows of the query have the key "${twice.key}": name a column in the mapping ("key") that ` +
      'tells all rows apart.',
  )
}

const HINTS: Readonly<Record<string, string>> = {
  '42P01': 'it names a table that is not there. Name the schema, too, as in public.old_log.',
  '42703': 'it, or the key of the mapping, names a column that is not there.',
  '42601': 'it is no SQL.',
  '42501': 'its login may not read a table. Grant it SELECT.',
  '25006': 'it writes. The connection only reads.',
}

function refuseMissing(row: OldRow, mapping: Mapping): void {
  const missing = [...columnsOf(mapping)].filter((name) => !Object.hasOwn(row, name))
  if (missing.length === 0) return
  throw optionInvalid(
    `The query has no column ${missing.map((name) => `"${name}"`).join(', ')}, which the mapping names. ` +
      `It has: ${Object.keys(row).join(', ')}.`,
  )
}
