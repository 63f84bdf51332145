import { getTableColumns, type SQL, sql } from 'drizzle-orm'
import type { IdKind } from '../entry.ts'
import { isUuid } from '../ids/uuid.ts'
import { AS_STORED, type LogColumn, type SeenColumns } from '../query/statements/seen-columns.ts'
import { actionCondition } from '../query/statements/term-conditions.ts'
import { auditLog } from '../schema/tables.ts'
import type { CheckedProjection } from './projection.ts'
import { withoutChanges, withoutPaths } from './without-paths.ts'

/** The log as a reader sees it: which rows, and what of their columns. */
export interface LogView {
  /** An entry that they see meets each of them. */
  readonly conditions: readonly SQL[]
  /** Those columns of which they do not see all. Conditions are to be on these. */
  readonly columns: SeenColumns
  /** The columns of the log by their own names, for a SELECT on it. */
  readonly selected: SQL
  /** Further columns of an answer, each with a comma in front: the names in the place of ids. */
  readonly more: SQL
}

const COLUMNS = Object.entries(getTableColumns(auditLog)) as readonly (readonly [
  LogColumn,
  (typeof auditLog)[LogColumn],
])[]

/** The log's columns by their own names. */
export const logColumns: SQL = sql.join(
  COLUMNS.map(([, column]) => column),
  sql`, `,
)

export const WHOLE_LOG: LogView = {
  conditions: [],
  columns: AS_STORED,
  selected: logColumns,
  more: sql.empty(),
}

const EQUALS = sql.raw('operator(pg_catalog.=)')
const EMPTY = sql.raw("'{}'::pg_catalog.jsonb")

/**
 * Where the context may say again what a column does not show. Of the metadata and of itself it lists names
 * of fields, in `redacted` and `invalid.metadata`.
 */
const SAYS_ID = ['invalid', 'degraded'] as const
const SAYS_TOO: Readonly<Record<string, readonly string[]>> = {
  userId: [...SAYS_ID, 'user', 'viewer', 'actor'],
  actorId: [...SAYS_ID, 'actor', 'impersonator', 'impersonatorId'],
  eventId: SAYS_ID,
  targetId: SAYS_ID,
  moreTargets: SAYS_ID,
  requestId: SAYS_ID,
}

/** The log as the projection shows it, in a database of this kind of ids. */
export function viewFor(projection: CheckedProjection | undefined, ids: IdKind): LogView {
  if (projection === undefined) return WHOLE_LOG
  const staff = staffOf(projection, ids)
  const columns = seenColumns(projection, staff)
  const selected = COLUMNS.map(([name, column]) => {
    const own = columns[name]
    return own === undefined ? sql`${column}` : sql`${own} as ${sql.identifier(column.name)}`
  })
  if (staff !== undefined) selected.push(staff.shown)
  return {
    conditions: conditionsOf(projection, ids),
    columns,
    selected: sql.join(selected, sql`, `),
    more:
      staff === undefined
        ? sql.empty()
        : sql`, entry."shown_user" as "shownUser", entry."shown_actor" as "shownActor"`,
  }
}

function conditionsOf({ onlyEventId, actions = [] }: CheckedProjection, ids: IdKind): SQL[] {
  const conditions: SQL[] = []
  if (onlyEventId !== undefined) {
    conditions.push(
      idIsOf(onlyEventId, ids)
        ? sql`${auditLog.eventId} ${EQUALS} ${idParam(onlyEventId, ids)}`
        : sql`false`,
    )
  }
  const wanted = actions.filter((pattern) => !pattern.startsWith('-')).map(actionCondition)
  if (wanted.length > 0) conditions.push(sql`(${sql.join(wanted, sql` or `)})`)
  for (const pattern of actions) {
    if (pattern.startsWith('-')) conditions.push(sql`not (${actionCondition(pattern.slice(1))})`)
  }
  return conditions
}

function idIsOf(id: string, ids: IdKind): boolean {
  return ids === 'text' || isUuid(id)
}

function idParam(id: string, ids: IdKind): SQL {
  return ids === 'text' ? sql`${id}::pg_catalog.text` : sql`${id.toLowerCase()}::pg_catalog.uuid`
}

interface Staff {
  readonly isUser: SQL
  readonly isActor: SQL
  /** Whether an id is in the list. */
  readonly has: ((id: SQL) => SQL) | undefined
  /** The two names, as columns. */
  readonly shown: SQL
}

/** How staff is told in a row. Each condition is true or false, and never null. */
function staffOf({ staffAs, staff = [] }: CheckedProjection, ids: IdKind): Staff | undefined {
  if (staffAs === undefined) return undefined
  const own = staff.filter((id) => idIsOf(id, ids))
  const list = JSON.stringify(ids === 'uuid' ? own.map((id) => id.toLowerCase()) : own)
  const type = sql.raw(ids === 'uuid' ? 'uuid' : 'text')
  // One parameter, because a list of them would be there again for each column.
  const all = sql`array(select one.id::pg_catalog.${type}
    from pg_catalog.jsonb_array_elements_text(${list}::pg_catalog.text::pg_catalog.jsonb) as one (id))`
  const has =
    own.length === 0
      ? undefined
      : (id: SQL) => sql`coalesce(${id} operator(pg_catalog.=) any (${all}), false)`
  const isPerson = sql`(${auditLog.actorId} is not null and ${auditLog.actorKind} is null)`
  const isActor =
    has === undefined ? isPerson : sql`(${isPerson} or ${has(sql`${auditLog.actorId}`)})`
  const isUser = has === undefined ? sql`false` : has(sql`${auditLog.userId}`)
  const named = (is: SQL) => sql`case when ${is} then ${staffAs}::pg_catalog.text end`
  const shown = sql`${named(isUser)} as "shown_user", ${named(isActor)} as "shown_actor"`
  return { isUser, isActor, has, shown }
}

function seenColumns(projection: CheckedProjection, staff: Staff | undefined): SeenColumns {
  const columns = ownColumns(projection, staff)
  return staff === undefined ? columns : { ...columns, staff: staffIn(projection, staff) }
}

/** Whether staff did it, as far as the column that would say so is not hidden. */
function staffIn({ hides = [] }: CheckedProjection, { isUser, isActor }: Staff) {
  const user = hides.includes('userId') ? sql`false` : isUser
  const actor = hides.includes('actorId') ? sql`false` : isActor
  return { user, actor, by: sql`(${user} or ${actor})` }
}

function ownColumns(projection: CheckedProjection, staff: Staff | undefined) {
  const { hides = [] } = projection
  const columns: Partial<Record<LogColumn, SQL>> = {}
  if (staff !== undefined) Object.assign(columns, withoutStaff(staff))
  const paths = { metadata: [] as string[][], context: [] as string[][] }
  for (const field of hides) {
    const [column, ...keys] = field.split('.')
    if (keys.length > 0) paths[column as 'metadata' | 'context'].push(keys)
    else Object.assign(columns, hiddenColumn(field))
    for (const key of SAYS_TOO[field] ?? []) paths.context.push([key])
    if (column === 'metadata' || column === 'context') paths.context.push(['redacted'])
    if (column === 'metadata') paths.context.push(['invalid', 'metadata'])
  }
  for (const name of ['metadata', 'context'] as const) {
    if (hides.includes(name) || paths[name].length === 0) continue
    const before = columns[name] ?? sql`${auditLog[name]}`
    const rest = withoutPaths(before, paths[name])
    columns[name] = name === 'metadata' ? withoutChanges(rest, paths[name]) : rest
  }
  return columns
}

/** Nothing of a column. Of null the type stays. */
function hiddenColumn(field: string): Partial<Record<LogColumn, SQL>> {
  const nothing = (name: LogColumn) => sql`case when false then ${auditLog[name]} end`
  if (field === 'recorder') {
    return { recorderId: nothing('recorderId'), recorderSeq: nothing('recorderSeq') }
  }
  if (field === 'metadata' || field === 'context') return { [field]: EMPTY }
  if (field === 'writtenBy') return { writtenBy: sql`''::pg_catalog.text` }
  return { [field]: nothing(field as LogColumn) }
}

function withoutStaff({ isUser, isActor, has }: Staff): Partial<Record<LogColumn, SQL>> {
  const columns: Partial<Record<LogColumn, SQL>> = {
    actorId: sql`case when not ${isActor} then ${auditLog.actorId} end`,
    context: sql`case when ${isActor} or ${isUser} then ${EMPTY} else ${auditLog.context} end`,
  }
  if (has === undefined) return columns
  return {
    ...columns,
    userId: sql`case when not ${isUser} then ${auditLog.userId} end`,
    targetId: sql`case when not ${has(sql`${auditLog.targetId}`)} then ${auditLog.targetId} end`,
    moreTargets: sql`case when ${auditLog.moreTargets} is not null then nullif(array(
      select more.id from pg_catalog.unnest(${auditLog.moreTargets}) with ordinality as more (id, n)
      where not ${has(sql`more.id`)} order by more.n), '{}') end`,
  }
}
