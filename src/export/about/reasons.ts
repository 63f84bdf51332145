import { type SQL, sql } from 'drizzle-orm'
import type { IdKind } from '../../entry.ts'
import { filterInvalid } from '../../errors.ts'
import type { BoundFilter, CheckedFilter } from '../../read/filter.ts'
import { idText, idValue, shown } from '../../read/filter-values.ts'
import { entryRow } from '../../read/logged-entry.ts'
import { auditLog } from '../../schema/tables.ts'
import { pathTo } from './about-id.ts'

/** Where an entry names the user. */
export const ABOUT_REASONS = [
  'user_id',
  'actor_id',
  'target_id',
  'more_targets',
  'metadata',
  'context',
] as const
export type AboutReason = (typeof ABOUT_REASONS)[number]

/** How many entries name the user in each place. One entry may do so in several. */
export type AboutCounts = Record<AboutReason, number>

export function noneFound(): AboutCounts {
  return { user_id: 0, actor_id: 0, target_id: 0, more_targets: 0, metadata: 0, context: 0 }
}

/** @throws {AuditError} `AUDIT_FILTER_INVALID` where it can be no id */
export function checkAbout(given: unknown, format: string): string | undefined {
  if (given === undefined) return undefined
  if (format !== 'ndjson' && format !== 'csv') {
    throw filterInvalid(`about is for the formats ndjson and csv, got ${shown(format)}.`)
  }
  return idText('about', given)
}

/** The id as the database of this kind of ids writes it. */
function idIn(about: string, ids: IdKind): string {
  return ids === 'uuid' ? about.toLowerCase() : about
}

/** The condition of each reason, on the columns of the log or of an entry that was read from it. */
function conditions(
  log: typeof auditLog | typeof entryRow,
  about: string,
  ids: IdKind,
): Readonly<Record<AboutReason, SQL>> {
  const id = idValue('about', about, ids)
  const equals = sql.raw('operator(pg_catalog.=)')
  const holds = (json: SQL) => jsonHolds(json, idIn(about, ids), ids)
  return {
    user_id: sql`${log.userId} ${equals} ${id}`,
    actor_id: sql`${log.actorId} ${equals} ${id}`,
    target_id: sql`${log.targetId} ${equals} ${id}`,
    more_targets: sql`${log.moreTargets} operator(pg_catalog.@>) array[${id}]`,
    metadata: holds(sql`${log.metadata}`),
    context: holds(sql`${log.context}`),
  }
}

/** Stored bytes up to which the text of an uncompressed JSON can have no more than some megabytes. */
const TEXT_BYTES = 1_000

/**
 * Whether a jsonb column names the id. A path decides, because of some documents the server cannot make
 * a text (`1e131071` is short as jsonb). It takes twenty times as long as a look at the text, so
 * small documents, which most are, are looked at as text before.
 */
function jsonHolds(json: SQL, id: string, ids: IdKind): SQL {
  const path = sql`${pathTo(id, ids)}::pg_catalog.text::pg_catalog.jsonpath`
  // Silent, because a value of another type is no error.
  const exists = sql`pg_catalog.jsonb_path_exists(${json}, ${path}, '{}'::pg_catalog.jsonb, true)`
  const text =
    ids === 'uuid'
      ? sql`pg_catalog.lower(${json}::pg_catalog.text collate pg_catalog."C")`
      : sql`${json}::pg_catalog.text`
  const written = JSON.stringify(id).slice(1, -1)
  return sql`case
    when pg_catalog.pg_column_size(${json}) operator(pg_catalog.<=) ${sql.raw(String(TEXT_BYTES))}
      and pg_catalog.pg_column_compression(${json}) is null
    then pg_catalog.strpos(${text}, ${written}::pg_catalog.text) operator(pg_catalog.>) 0 and ${exists}
    else ${exists}
  end`
}

/** The same filter, for entries that also name this user somewhere. */
export function withAbout(filter: CheckedFilter, about: string | undefined): CheckedFilter {
  if (about === undefined) return filter
  const bind = (ids: IdKind): BoundFilter => {
    const bound = filter.bind(ids)
    const any = sql`(${sql.join(Object.values(conditions(auditLog, about, ids)), sql` or `)})`
    return { ...bound, conditions: [...bound.conditions, any] }
  }
  return { ...filter, hasIds: true, isEmpty: false, bind }
}

/** The reasons for which an entry is there, as JSON text of a list: a column of a statement. */
export function aboutColumn(about: string, ids: IdKind): SQL {
  const each = Object.entries(conditions(entryRow, about, ids)).map(
    ([name, condition]) => sql`case when ${condition} then ${sql.raw(`'${name}'`)} end`,
  )
  return sql`pg_catalog.array_to_json(pg_catalog.array_remove(
    array[${sql.join(each, sql`, `)}]::pg_catalog.text[], null))::pg_catalog.text as "about"`
}

/** Counts what `aboutColumn` says of an entry. */
export function countReasons(found: AboutCounts, about: string): AboutCounts {
  for (const reason of JSON.parse(about) as readonly AboutReason[]) found[reason] += 1
  return found
}
