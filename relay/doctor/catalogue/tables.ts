import {
  addingCheck,
  type ExpectedTable,
  expectedTables,
  makingStatement,
} from './expected-tables.ts'
import type { Row } from '../visit/connection.ts'
import type { Check } from '../visit/check.ts'
import { answer, type Finding } from '../visit/finding.ts'

/** Columns of `tables.ts` that may also be text, as `migrate --ids text` makes them. */
const ID_COLUMNS: ReadonlyMap<string, string> = new Map([
  ...(['user_id', 'event_id', 'target_id', 'actor_id'] as const).map(
    (name) => [name, 'text'] as const,
  ),
  ['more_targets', 'text[]'],
])

const TABLES = `
  select c.relname::text as name, c.relpersistence::text as persistence,
    c.relreplident::text as identity, c.relrowsecurity as has_policies,
    array_to_json(c.reloptions)::text as options
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where n.nspname = 'audit' and c.relkind in ('r', 'p')`
const COLUMNS = `
  select c.relname::text as table_name, a.attname::text as name,
    format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as is_not_null
  from pg_attribute as a join pg_class as c on c.oid = a.attrelid
  join pg_namespace as n on n.oid = c.relnamespace
  where n.nspname = 'audit' and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped`
const INDEXES = `
  select c.relname::text as table_name, i.relname::text as name,
    x.indisvalid and x.indisready as is_valid, x.indisprimary as is_key
  from pg_index as x join pg_class as c on c.oid = x.indrelid
  join pg_class as i on i.oid = x.indexrelid
  join pg_namespace as n on n.oid = c.relnamespace where n.nspname = 'audit'`
const CHECKS = `
  select c.relname::text as table_name, k.conname::text as name, k.convalidated as is_valid
  from pg_constraint as k join pg_class as c on c.oid = k.conrelid
  join pg_namespace as n on n.oid = c.relnamespace where n.nspname = 'audit' and k.contype = 'c'`

/** Each table as `tables.ts` and the migrations have it. Partitions are looked at on their own. */
export const tables: Check = {
  area: 'schema',
  what: 'tables',
  as: 'owner',
  async look(visit) {
    const [found, columns, indexes, checks] = await Promise.all(
      [TABLES, COLUMNS, INDEXES, CHECKS].map((query) => visit.rows(query)),
    )
    const of = (rows: readonly Row[] | undefined, table: string) =>
      (rows ?? []).filter((row) => row['table_name'] === table)
    const expected = expectedTables()
    const findings = expected.flatMap((table) => {
      const row = found?.find(({ name }) => name === table.name)
      if (row === undefined) return [missingTable(table.name)]
      return [
        ...storageOf(table, row),
        ...columnsOf(table, of(columns, table.name)),
        ...indexesOf(table, of(indexes, table.name)),
        ...checksOf(table, of(checks, table.name)),
      ]
    })
    return answer(
      [...findings, ...halfText(columns ?? [])],
      `${expected.length}, as this package makes them`,
    )
  },
}

/** A rewrite by `migrate --ids text` makes the log's ids text first, and may end before the lanes. */
function halfText(columns: readonly Row[]): readonly Finding[] {
  const typeIn = (table: string) =>
    columns.find((row) => row['table_name'] === table && row['name'] === 'user_id')?.['type']
  const types = ['audit_log', 'audit_staging', 'audit_outbox'].map(typeIn)
  if (new Set(types).size < 2 || types.includes(undefined)) return []
  return [
    {
      kind: 'ids-differ',
      severity: 'error',
      text: `Ids are ${types.join(', ')} in audit_log, audit_staging and audit_outbox: nothing can be moved.`,
      remedy: { command: 'audit-relay migrate' },
    },
  ]
}

/** After SQL that makes an object, this gives it its owner and its grants. */
const THEN_MIGRATE = { command: 'audit-relay migrate' }

function missingTable(name: string): Finding {
  return {
    kind: 'table-missing',
    severity: 'error',
    text: `The table audit.${name} is missing.`,
    remedy: {
      sql: makingStatement(name) ?? '',
      ...THEN_MIGRATE,
      advice: 'Restore its rows from a backup: some tables hold rows from the beginning.',
    },
  }
}

function* storageOf(table: ExpectedTable, row: Row): Generator<Finding> {
  const name = `audit.${table.name}`
  const isUnlogged = row['persistence'] === 'u'
  if (isUnlogged !== table.isUnlogged) {
    yield {
      kind: isUnlogged ? 'table-unlogged' : 'table-logged',
      severity: isUnlogged ? 'error' : 'warning',
      text: isUnlogged
        ? `${name} is UNLOGGED: a crash of the server empties it.`
        : `${name} is LOGGED: each entry of the fast lane is then written to disk twice, and a crash is not noticed as a gap.`,
      remedy: { sql: `alter table ${name} set ${table.isUnlogged ? 'unlogged' : 'logged'};` },
    }
  }
  const hasIdentity = row['identity'] === 'f' || (table.hasKey && row['identity'] !== 'n')
  if (!isUnlogged && !table.isUnlogged && !hasIdentity) {
    yield {
      kind: 'no-replica-identity',
      severity: 'error',
      text: `${name} has no replica identity: with a publication FOR ALL TABLES nothing can be moved out of it.`,
      remedy: {
        sql: `alter table ${name} replica identity ${table.hasKey ? 'default' : 'full'};`,
      },
    }
  }
  if (row['has_policies'] === true) {
    yield {
      kind: 'row-security',
      severity: 'warning',
      text: `${name} has row-level security: who reads it may not see every entry.`,
      remedy: { sql: `alter table ${name} disable row level security;` },
    }
  }
  const options: readonly string[] = JSON.parse(String(row['options'] ?? '[]'))
  const wanted = table.options.filter((option) => !options.includes(option))
  const isOff =
    options.includes('autovacuum_enabled=false') || options.includes('autovacuum_enabled=off')
  if (wanted.length > 0 || isOff) {
    yield {
      kind: 'storage-options',
      severity: 'warning',
      text: `${name} ${isOff ? 'has autovacuum off' : `lacks the storage options ${wanted.join(', ')}`}: it grows, and each move gets slower.`,
      remedy: {
        sql: [
          isOff ? `alter table ${name} reset (autovacuum_enabled);` : '',
          wanted.length > 0 ? `alter table ${name} set (${wanted.join(', ')});` : '',
        ]
          .filter(Boolean)
          .join(' '),
      },
    }
  }
}

function* columnsOf(table: ExpectedTable, rows: readonly Row[]): Generator<Finding> {
  for (const { name, type, isNotNull } of table.columns) {
    const at = `audit.${table.name}.${name}`
    const found = rows.find((row) => row['name'] === name)
    if (found === undefined) {
      yield {
        kind: 'column-missing',
        severity: 'error',
        text: `The column ${at} is missing.`,
        remedy: { sql: `alter table audit.${table.name} add column ${name} ${type};` },
      }
      continue
    }
    const isFit = found['type'] === type || ID_COLUMNS.get(name) === found['type']
    if (!isFit) {
      yield {
        kind: 'column-type',
        severity: 'error',
        text: `${at} is ${found['type']}, and this package makes it ${type}.`,
        remedy: {
          sql: `alter table audit.${table.name} alter column ${name} type ${type} using ${name}::${type};`,
        },
      }
    }
    if (isNotNull && found['is_not_null'] !== true) {
      yield {
        kind: 'column-nullable',
        severity: 'warning',
        text: `${at} may be null.`,
        remedy: { sql: `alter table audit.${table.name} alter column ${name} set not null;` },
      }
    }
  }
}

function* indexesOf(table: ExpectedTable, rows: readonly Row[]): Generator<Finding> {
  if (table.hasKey && !rows.some((row) => row['is_key'] === true)) {
    const [key] = table.columns
    yield {
      kind: 'key-missing',
      severity: 'error',
      text: `audit.${table.name} has no primary key: an entry could be in it twice.`,
      remedy: { sql: `alter table audit.${table.name} add primary key (${key?.name});` },
    }
  }
  for (const name of table.indexes) {
    const found = rows.find((row) => row['name'] === name)
    if (found?.['is_valid'] === true) continue
    yield {
      kind: found ? 'index-invalid' : 'index-missing',
      severity: 'warning',
      text: `The index audit.${name} is ${found ? 'invalid, or a partition lacks it' : 'missing'}: reads that need it scan the whole table.`,
      remedy: {
        sql: `${found ? `drop index audit.${name};\n` : ''}${makingStatement(name) ?? ''}`,
      },
    }
  }
}

function* checksOf(table: ExpectedTable, rows: readonly Row[]): Generator<Finding> {
  for (const name of table.checks) {
    if (rows.some((row) => row['name'] === name)) continue
    yield {
      kind: 'check-missing',
      severity: 'warning',
      text: `The check ${name} of audit.${table.name} is missing.`,
      remedy: { sql: addingCheck(table.name, name) ?? '' },
    }
  }
}
