import { is } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import { series } from '../../../src/schema/series.ts'
import * as tables from '../../../src/schema/tables.ts'

/** A table as `tables.ts` and the migrations have it. */
export interface ExpectedTable {
  readonly name: string
  readonly isUnlogged: boolean
  readonly hasKey: boolean
  /** Whether a migration sets its replica identity to FULL. */
  readonly isIdentityFull: boolean
  readonly columns: readonly { name: string; type: string; isNotNull: boolean }[]
  readonly indexes: readonly string[]
  readonly checks: readonly string[]
  /** Storage parameters, as in `fillfactor=10`. */
  readonly options: readonly string[]
}

const NAMED = '"audit"\\."(\\w+)"'

/** The statements of the whole series, in order. */
function statements(): readonly string[] {
  return series().flatMap((migration) => migration.statements.map((text) => text.trim()))
}

export function expectedTables(): readonly ExpectedTable[] {
  const all = statements()
  const named = (pattern: string) => {
    const found = new RegExp(pattern.replace('NAME', NAMED), 'm')
    return new Map(
      all.flatMap((text) => {
        const [, name = '', rest = ''] = found.exec(text) ?? []
        return name ? [[name, rest] as const] : []
      }),
    )
  }
  const unlogged = named('^CREATE UNLOGGED TABLE NAME')
  const full = named('^ALTER TABLE NAME REPLICA IDENTITY FULL')
  const options = named('^ALTER TABLE NAME SET \\(([^)]*)\\)')
  return Object.values<unknown>(tables)
    .filter((table): table is PgTable => is(table, PgTable))
    .map((table) => {
      const { name, columns, indexes, checks, primaryKeys } = getTableConfig(table)
      return {
        name,
        isUnlogged: unlogged.has(name),
        isIdentityFull: full.has(name),
        hasKey: primaryKeys.length > 0 || columns.some(({ primary }) => primary),
        columns: columns.map((column) => ({
          name: column.name,
          type: column.getSQLType(),
          isNotNull: column.notNull,
        })),
        indexes: indexes.map(({ config }) => config.name ?? ''),
        checks: checks.map((check) => check.name),
        options: (options.get(name) ?? '')
          .split(',')
          .map((option) => option.replaceAll(/\s/g, ''))
          .filter(Boolean),
      }
    })
}

/** The statement that makes a table or an index of the schema. Undefined for an unknown one. */
export function makingStatement(name: string): string | undefined {
  const making = new RegExp(
    `^CREATE (?:UNLOGGED TABLE|TABLE|UNIQUE INDEX|INDEX) (?:"audit"\\.)?"${name}"`,
    'm',
  )
  const text = statements().find((statement) => making.test(statement))
  return text && ended(text.slice(text.search(making)))
}

/** The statement that adds a check to its table. */
export function addingCheck(table: string, check: string): string | undefined {
  const [, condition] =
    new RegExp(`^\\s*(CONSTRAINT "${check}" CHECK .*?),?$`, 'm').exec(
      makingStatement(table) ?? '',
    ) ?? []
  const own = condition?.replaceAll(`"audit"."${table}".`, '')
  return own && `ALTER TABLE "audit"."${table}" ADD ${own};`
}

function ended(text: string): string {
  return text.endsWith(';') ? text : `${text};`
}
