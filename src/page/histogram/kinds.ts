import { type SQL, sql } from 'drizzle-orm'
import type { Outcome } from '../../entry.ts'
import { seen, type SeenColumns } from '../../query/statements/seen-columns.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { auditLog } from '../../schema/tables.ts'

/** What a bar is stacked of, from the bottom. A loss is what the log itself declares. */
export const KINDS = ['change', 'read', 'failed', 'lost'] as const
export type Kind = (typeof KINDS)[number]

/** How many entries there are of each kind. */
export type KindCounts = Readonly<Record<Kind, number>>

export const NOTHING: KindCounts = { change: 0, read: 0, failed: 0, lost: 0 }

const LOST = ['audit.gap', 'audit.drop']
const FAILED: readonly string[] = ['denied', 'failed']
/** `order.view`, `log.open_page`, `invoice.download-all`. */
const IS_READ =
  /\.(read|view|get|list|describe|export|download|search|open_page|show|fetch|lookup)([-_A-Z][^.]*)?$/

export function kindOf({ action, outcome }: Pick<LoggedEntry, 'action' | 'outcome'>): Kind {
  if (LOST.includes(action)) return 'lost'
  if (outcome !== null && FAILED.includes(outcome)) return 'failed'
  return IS_READ.test(action) ? 'read' : 'change'
}

/**
 * Counts entries in groups of one action and outcome. The server need not tell the kind of each entry then,
 * which took it longer than to read them.
 *
 * @param taken a select with the columns of `takenColumns`
 * @param column a further column
 * @param key the columns to group by, in the order of the result. Default: action and outcome
 */
export function groupsOf(taken: SQL, column: SQL, key = '1, 2'): SQL {
  const ofMatch = (name: string) => sql`case when taken.is_match then taken.${sql.raw(name)} end`
  return sql`select ${ofMatch('action')} as "action", ${ofMatch('outcome')} as "outcome", ${column},
      pg_catalog.count(*)::double precision as "looked"
    from (${taken}) as taken group by ${sql.raw(key)}`
}

/** What `groupsOf` groups, as far as the viewer sees it. */
export function takenColumns(columns: SeenColumns, matches: SQL): SQL {
  return sql`${auditLog.id} as id, (${matches}) as is_match, ${seen(columns, 'action')} as action,
    ${seen(columns, 'outcome')} as outcome`
}

/** The kinds of a group. One without an action does not match. */
export function kindsIn({
  action,
  outcome,
  looked,
}: Readonly<Record<string, unknown>>): KindCounts {
  if (typeof action !== 'string') return NOTHING
  const kind = kindOf({
    action,
    outcome: typeof outcome === 'string' ? (outcome as Outcome) : null,
  })
  return { ...NOTHING, [kind]: Number(looked) }
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
