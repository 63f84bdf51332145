import { type SQL, sql } from 'drizzle-orm'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { seen, type SeenColumns } from '../../query/statements/seen-columns.ts'

/** What a bar is stacked of, from the bottom. A loss is what the log itself declares. */
export const KINDS = ['change', 'read', 'failed', 'lost'] as const
export type Kind = (typeof KINDS)[number]

/** How many entries there are of each kind. */
export type KindCounts = Readonly<Record<Kind, number>>

export const NOTHING: KindCounts = { change: 0, read: 0, failed: 0, lost: 0 }

const LOST = ['audit.gap', 'audit.drop']
const FAILED: readonly string[] = ['denied', 'failed']
/** `order.view`, `log.open_page`, `invoice.download-all`. Read alike here and by the server. */
const READ =
  '\\.(read|view|get|list|describe|export|download|search|open_page|show|fetch|lookup)([-_A-Z][^.]*)?$'
const IS_READ = new RegExp(READ)

export function kindOf({ action, outcome }: Pick<LoggedEntry, 'action' | 'outcome'>): Kind {
  if (LOST.includes(action)) return 'lost'
  if (outcome !== null && FAILED.includes(outcome)) return 'failed'
  return IS_READ.test(action) ? 'read' : 'change'
}

/** The kind of an entry as the number of its place in `KINDS`. */
export function kindNumber(columns: SeenColumns): SQL {
  const action = seen(columns, 'action')
  return sql`case
    when ${action} in (${sql.join(LOST.map(text), sql`, `)}) then ${number('lost')}
    when ${seen(columns, 'outcome')} in (${sql.join(FAILED.map(text), sql`, `)})
      then ${number('failed')}
    when ${action} operator(pg_catalog.~) ${text(READ)} then ${number('read')}
    else ${number('change')} end`
}

function text(value: string): SQL {
  return sql`${value}::pg_catalog.text`
}

function number(kind: Kind): SQL {
  return sql.raw(String(KINDS.indexOf(kind)))
}

/** How many of the matching rows there are of each kind, as four columns. */
export const kindColumns: SQL = sql.join(
  KINDS.map(
    (kind) => sql`(pg_catalog.count(*) filter (where taken.is_match and taken.kind
      operator(pg_catalog.=) ${number(kind)}))::double precision as ${sql.identifier(kind)}`,
  ),
  sql`, `,
)

export function kindsIn(row: Readonly<Record<string, unknown>>): KindCounts {
  const counts = KINDS.map((kind) => [kind, Number(row[kind] ?? 0)])
  return Object.fromEntries(counts) as Record<Kind, number>
}

export function sum(one: KindCounts, other: KindCounts): KindCounts {
  return eachKind((kind) => one[kind] + other[kind])
}

/** As many of each kind, in proportion, as make `total` of them together. */
export function scaled(counts: KindCounts, total: number): KindCounts {
  const all = totalOf(counts)
  return eachKind((kind) => (all === 0 ? 0 : (counts[kind] * total) / all))
}

export function totalOf(counts: KindCounts): number {
  return KINDS.reduce((total, kind) => total + counts[kind], 0)
}

function eachKind(count: (kind: Kind) => number): KindCounts {
  return Object.fromEntries(KINDS.map((kind) => [kind, count(kind)])) as Record<Kind, number>
}
