import { createHash } from 'node:crypto'
import { type SQL, sql } from 'drizzle-orm'
import {
  ACTOR_KINDS,
  type ActorKind,
  type AuditId,
  type IdKind,
  MAX_ACTION_CHARACTERS,
  OUTCOMES,
  type Outcome,
} from '../entry.ts'
import { AuditError, filterInvalid } from '../errors.ts'
import { idFloor } from '../ids/uuid7.ts'
import { isUuid } from '../ids/uuid.ts'
import { type LogView, viewFor } from '../projection/log-view.ts'
import {
  type CheckedProjection,
  checkProjection,
  leavesOutEntries,
  type Projection,
  PROJECTION_NAMES,
} from '../projection/projection.ts'
import { hasIds as namesIds, withoutMisfits, withStaff } from '../query/find-names.ts'
import { type LogQuery, problemText } from '../query/log-query.ts'
import { parseQuery } from '../query/parse-query.ts'
import { conditionsOf, isTimeRange, timesOf } from '../query/statements/query-conditions.ts'
import { bySeen, seen, type SeenColumns } from '../query/statements/seen-columns.ts'
import { refuseUnknownOptions } from '../options.ts'
import { actionNeedle, idNeedle, type Needle, needlesOf } from '../search/needles.ts'
import { idText, idValue, instant, isObject, jsonText, shown, text, word } from './filter-values.ts'
import type { IdRange } from './id-windows.ts'
import { auditLog, entityOf } from '../schema/tables.ts'

/**
 * Which entries to read. A field that is left out or undefined does not narrow. Null is refused.
 */
export interface LogFilter {
  /**
   * The event (tenant, project, site). An id is a UUID, or in a database with text ids any text of
   * up to 256 characters, in its case. A number stands for its digits.
   */
  readonly eventId?: AuditId | undefined
  /** Who did it. */
  readonly userId?: AuditId | undefined
  /** The first thing it was done to. */
  readonly targetId?: AuditId | undefined
  /** A thing that is among the targets beyond the first. */
  readonly moreTargets?: AuditId | undefined
  /** Who really did it, where that is not the user. */
  readonly actorId?: AuditId | undefined
  /** What the actor is: `api_key`, `service`, `system` or `agent`. */
  readonly actorKind?: ActorKind | undefined
  /** What became of it: `denied`, `failed` or `attempted`. */
  readonly outcome?: Outcome | undefined
  /** Everything that happened in one request: 1 to 256 characters. */
  readonly requestId?: string | undefined
  /** One action, `branding.update`, or all of an entity, `branding.*`. Up to 128 characters. */
  readonly action?: string | undefined
  /**
   * What kind of thing it was done to: 1 to 256 characters. The log has no index on it, so a
   * timeline takes it only together with one of the fields above, such as `targetId`. For all
   * entries of a kind use `action: 'branding.*'`.
   */
  readonly entityType?: string | undefined
  /**
   * Entries whose metadata contain this object (`@>` in Postgres): up to 2,000 characters as JSON.
   * The log has no index on it either, so a timeline takes it only together with one of the
   * fields that have one.
   */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** Recorded at or after this moment, to the millisecond. A `Date`, or Unix milliseconds. */
  readonly from?: Date | number | undefined
  /** Recorded before this moment. */
  readonly to?: Date | number | undefined
  /**
   * A query line, such as `action:refund.* -by:ada after:-2h`: up to 2,000 characters. What it means is in
   * the page on the query line. Its times are in UTC; `parseQuery` takes another zone. Text with a part
   * that is not understood is refused, except by `timeline`, which names it in its answer. Of what
   * `parseQuery` returned, the parts that were understood are used.
   */
  readonly query?: string | LogQuery | undefined
  /**
   * What the reader may see. Entries come as they may see them, and no part of the filter finds anything
   * by what they may not see. Default: everything.
   */
  readonly seenBy?: Projection | undefined
}

/** A filter whose values are checked as far as they do not depend on the database. */
export interface CheckedFilter {
  /** Whether it names an id, so that it has to be bound to the database's kind of ids. */
  readonly hasIds: boolean
  /** Whether it lets every entry through. */
  readonly isEmpty: boolean
  /** Whether nothing but a time range narrows it. */
  readonly isOnlyTime: boolean
  /**
   * Whether it has a query that no index answers alone, so that a page looks through a bound of entries
   * at a time.
   */
  readonly isSearch: boolean
  /** Its time range, as one of ids. */
  readonly range: IdRange
  /** @throws {AuditError} `AUDIT_FILTER_INVALID` where an id is none of this kind */
  bind(ids: IdKind): BoundFilter
  /**
   * A hash that differs between filters, because a cursor belongs to one. It leaves out the time
   * range.
   */
  readonly fingerprint: Buffer
}

export interface BoundFilter {
  readonly ids: IdKind
  /** What the reader sees of the log. Its conditions are the first ones of `conditions`. */
  readonly view: LogView
  /** All of its conditions on the log's columns. An entry must meet each of them. */
  readonly conditions: readonly SQL[]
  /** Those of them that an index serves. A time range is one. */
  readonly indexed: readonly SQL[]
  /**
   * Further conditions, of which an entry must meet one. An index serves each of them. None: there is
   * nothing more to meet. `conditions` has them as one.
   */
  readonly either: readonly SQL[]
  /** `conditions` without those of `either`. */
  readonly common: readonly SQL[]
  /**
   * What the search can tell entries by. None where the filter names an event: what a viewer of one event is
   * shown must not take longer because of what others hold.
   */
  readonly needles: readonly Needle[]
  /** Whether an index leads to few entries, so that they are looked at without the search first. */
  readonly isLed: boolean
  /** The filter as it was understood, for a manifest. */
  readonly described: Readonly<Record<string, unknown>>
}

/** An action's name. It has no `%`, `*` or quote, so that no pattern is taken for a name. */
const ACTION = /^[^\s*%'"`;\\]+$/

/**
 * Every operator, function and type is written with its schema. On a caller's connection the search
 * path may lead to another one of the same name, and that one would run with the reader's rights.
 */
const EQUALS = sql.raw('operator(pg_catalog.=)')

/** The condition of each field. The fingerprint uses this order and not the caller's. */
const READERS = {
  eventId: idReader('eventId'),
  userId: idReader('userId'),
  targetId: idReader('targetId'),
  moreTargets: (given: unknown, ids: IdKind, columns: SeenColumns) =>
    bySeen(
      columns,
      'moreTargets',
      (column) =>
        sql`${column} operator(pg_catalog.@>) array[${idValue('moreTargets', given, ids)}]`,
    ),
  actorId: idReader('actorId'),
  actorKind: textReader('actorKind', (given) => word('actorKind', given, ACTOR_KINDS)),
  outcome: textReader('outcome', (given) => word('outcome', given, OUTCOMES)),
  requestId: textReader('requestId', (given) => text('requestId', given)),
  action: actionCondition,
  entityType: textReader('entityType', (given) => text('entityType', given)),
  // `::text::jsonb`, because some drivers encode a parameter of type jsonb a second time.
  metadata: (given: unknown, _ids: IdKind, columns: SeenColumns) => sql`
    ${seen(columns, 'metadata')} operator(pg_catalog.@>)
    ${jsonText(given)}::pg_catalog.text::pg_catalog.jsonb`,
} as const

function idReader(name: 'eventId' | 'userId' | 'targetId' | 'actorId') {
  return (given: unknown, ids: IdKind, columns: SeenColumns) =>
    bySeen(columns, name, (column) => sql`${column} ${EQUALS} ${idValue(name, given, ids)}`)
}

function textReader(
  name: 'actorKind' | 'outcome' | 'requestId' | 'entityType',
  check: (given: unknown) => string,
) {
  return (given: unknown, _ids: IdKind, columns: SeenColumns) =>
    bySeen(columns, name, (column) => sql`${column} ${EQUALS} ${check(given)}::pg_catalog.text`)
}

export const INDEXED_NAMES = [
  ...(['eventId', 'userId', 'targetId', 'requestId', 'action'] as const),
  ...(['moreTargets', 'actorId', 'actorKind', 'outcome'] as const),
] as const
const WITH_INDEX: ReadonlySet<string> = new Set(INDEXED_NAMES)
const ID_NAMES = ['eventId', 'userId', 'targetId', 'moreTargets', 'actorId'] as const
const IDS: ReadonlySet<string> = new Set(ID_NAMES)

export const FILTER_NAMES: readonly string[] = [
  ...Object.keys(READERS),
  ...['from', 'to', 'query', 'seenBy'],
]

/**
 * Checks every value of a filter. The values of a form or a query string may be passed unchecked.
 *
 * @throws {AuditError} `AUDIT_FILTER_INVALID`, naming the wrong field and its value
 */
export function checkFilter(filter: LogFilter): CheckedFilter {
  if (!isObject(filter)) throw filterInvalid('A filter must be an object.')
  refuseUnknownNames(filter)
  const given: Record<string, unknown> = {}
  for (const name of Object.keys(READERS)) {
    const value: unknown = Reflect.get(filter, name)
    if (value !== undefined) given[name] = IDS.has(name) ? idText(name, value) : value
  }
  const fromMs = instant('from', filter.from)
  const toMs = instant('to', filter.to)
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    throw filterInvalid('from must be before to.')
  }
  const query = checkQuery(filter.query)
  const seenBy = checkSeenBy(filter.seenBy)
  const isOfUuids = ID_NAMES.some((name) => given[name] !== undefined)
  const hasIds = isOfUuids || seenBy !== undefined || (query !== undefined && namesIds(query))
  const bind = (ids: IdKind) => bound(given, { fromMs, toMs, seenBy }, ids, query)
  // With text, which any id is: it says what is wrong with the other values.
  const { described } = bound(given, {}, 'text')
  for (const name of ID_NAMES) {
    const id = given[name]
    if (typeof id === 'string' && isUuid(id)) described[name] = id.toLowerCase()
  }
  const own = query && ownParts(query)
  const asked = own === undefined ? described : [described, own]
  const fingerprint = createHash('sha256').update(JSON.stringify(asked)).digest()
  const isNarrow = Object.keys(given).length > 0 || (seenBy && leavesOutEntries(seenBy)) === true
  const isOnlyTime = !isNarrow && (own ?? []).length === 0
  const times = query ? timesOf(query) : {}
  const isEmpty =
    isOnlyTime && fromMs === undefined && toMs === undefined && (query?.parts.length ?? 0) === 0
  const { others = [], either = [] } = query ? conditionsOf(query, 'text') : {}
  const range = {
    fromId: floorOf(latest(fromMs, times.fromMs)),
    toId: floorOf(earliest(toMs, times.toMs)),
  }
  const isSearch = others.length > 0 || either.length > 0
  return { hasIds, isEmpty, isOnlyTime, isSearch, range, bind, fingerprint }
}

function floorOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : idFloor(ms)
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other)
}

function earliest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)
}

/** Text is read whole or not at all. Nobody would see what was left out of it. */
function checkQuery(given: unknown): LogQuery | undefined {
  if (given === undefined) return undefined
  if (typeof given === 'string') {
    const query = parseQuery(given)
    const [problem] = query.problems
    if (problem === undefined) return query
    throw filterInvalid(`The query is not understood. ${problemText(problem)}`)
  }
  if (isObject(given) && Array.isArray(Reflect.get(given, 'parts'))) return given as LogQuery
  throw filterInvalid(`query must be text, or what parseQuery returned, got ${shown(given)}.`)
}

function checkSeenBy(given: unknown): CheckedProjection | undefined {
  if (given === undefined) return undefined
  if (!isObject(given)) throw filterInvalid(`seenBy must be an object, got ${shown(given)}.`)
  // Read once: a getter could say another thing the next time.
  const own: Readonly<Record<string, unknown>> = { ...given }
  const refuse = (problem: string) => filterInvalid(`seenBy is not clear: ${problem}.`)
  const stranger = Object.keys(own).find((name) => !PROJECTION_NAMES.some((one) => one === name))
  if (stranger !== undefined) throw refuse(`it has "${stranger.slice(0, 40)}"`)
  return checkProjection(own, refuse)
}

/** The parts as they were written, without the times, which may move from page to page. */
function ownParts({ parts }: LogQuery): readonly string[] {
  return parts
    .filter((part) => !isTimeRange(part))
    .map(({ name, value, isNot }) => `${isNot ? '-' : ''}${name}:${value}`)
}

interface TimeRange {
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
}

function bound(
  given: Readonly<Record<string, unknown>>,
  { fromMs, toMs, seenBy }: TimeRange & { readonly seenBy?: CheckedProjection | undefined },
  ids: IdKind,
  query?: LogQuery,
): BoundFilter & { readonly described: Record<string, unknown> } {
  const view = viewFor(seenBy, ids)
  // Among those with an index, so that a page looks through a bound of entries that are seen.
  const indexed: SQL[] = [...view.conditions]
  const others: SQL[] = []
  const described: Record<string, unknown> = {}
  for (const [name, read] of Object.entries(READERS)) {
    const value = given[name]
    if (value === undefined) continue
    const into = WITH_INDEX.has(name) ? indexed : others
    into.push(read(value, ids, view.columns))
    described[name] = ids === 'uuid' && IDS.has(name) ? String(value).toLowerCase() : value
  }
  const ownIndexed = indexed.length
  if (fromMs !== undefined) {
    indexed.push(sql`${auditLog.id} operator(pg_catalog.>=) ${idFloor(fromMs)}::pg_catalog.uuid`)
    described['from'] = new Date(fromMs).toISOString()
  }
  if (toMs !== undefined) {
    indexed.push(sql`${auditLog.id} operator(pg_catalog.<) ${idFloor(toMs)}::pg_catalog.uuid`)
    described['to'] = new Date(toMs).toISOString()
  }
  const asked = query && boundQuery(withStaff(query, seenBy?.staffAs), ids, view.columns)
  indexed.push(...(asked?.indexed ?? []))
  others.push(...(asked?.others ?? []))
  if (query && query.parts.length > 0) described['query'] = query
  if (seenBy !== undefined) described['seenBy'] = seenBy
  const either = asked?.either ?? []
  const common = [...indexed, ...others]
  const any = either.length === 0 ? [] : [sql`(${sql.join([...either], sql` or `)})`]
  // Who does not see all of an entry must not find it by what they do not see, not even by the time it takes.
  const needles = query === undefined || seenBy !== undefined ? [] : searchedBy(given, query)
  const isLed = ownIndexed > 0 || either.length > 0 || (query !== undefined && hasLead(query, ids))
  const conditions = [...common, ...any]
  return { ids, view, conditions, common, either, indexed, needles, isLed, described }
}

function searchedBy(given: Readonly<Record<string, unknown>>, query: LogQuery): readonly Needle[] {
  const needles = needlesOf(query)
  if (given['eventId'] !== undefined || !needles.some(({ isText }) => isText)) return []
  const own = [...ID_NAMES, 'requestId'].flatMap((name) => given[name] ?? [])
  const action = given['action'] === undefined ? [] : actionNeedle(String(given['action']))
  return [...needles, ...own.map((id) => idNeedle(String(id))), ...[action ?? []].flat()]
}

/** Whether a part of it, beyond a time, has an index of its own. */
function hasLead({ parts, ...query }: LogQuery, ids: IdKind): boolean {
  return parts.some(
    (part) =>
      !isTimeRange(part) && conditionsOf({ ...query, parts: [part] }, ids).indexed.length > 0,
  )
}

function boundQuery(query: LogQuery, ids: IdKind, columns: SeenColumns) {
  const known = query.problems.length
  const [misfit] = withoutMisfits(query, ids).problems.slice(known)
  if (misfit) throw filterInvalid(`The query is not understood. ${problemText(misfit)}`)
  return conditionsOf(query, ids, columns)
}

function refuseUnknownNames(filter: object): void {
  try {
    refuseUnknownOptions(filter, FILTER_NAMES)
  } catch (error) {
    throw filterInvalid(error instanceof AuditError ? error.message : 'A filter cannot be read.')
  }
}

function actionCondition(given: unknown): SQL {
  const action = text('action', given, MAX_ACTION_CHARACTERS)
  const entity = action.endsWith('.*') ? action.slice(0, -2) : undefined
  if (!ACTION.test(entity ?? action) || entity?.includes('.')) {
    throw filterInvalid(
      `action must be one action, such as branding.update, or branding.*, got ${shown(given)}.`,
    )
  }
  if (entity !== undefined)
    return sql`${entityOf(auditLog.action)} ${EQUALS} ${entity}::pg_catalog.text`
  return sql`${auditLog.action} ${EQUALS} ${action}::pg_catalog.text`
}
