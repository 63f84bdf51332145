import { createHash } from 'node:crypto'
import { type SQL, sql } from 'drizzle-orm'
import { mendJson, plainLine } from '../encode/storable-text.ts'
import { MAX_ACTION_CHARACTERS, MAX_TEXT_CHARACTERS } from '../entry.ts'
import { AuditError, filterInvalid } from '../errors.ts'
import { idFloor, isRecordable } from '../ids/uuid7.ts'
import { isUuid } from '../ids/uuid.ts'
import { refuseUnknownOptions } from '../options.ts'
import { auditLog, entityOf } from '../schema/tables.ts'

/**
 * Which entries to read. A field that is left out or undefined does not narrow. Null is refused.
 */
export interface LogFilter {
  /** The event (tenant, project, site): a UUID. */
  readonly eventId?: string | undefined
  /** Who did it: a UUID. */
  readonly userId?: string | undefined
  /** The thing it was done to: a UUID. */
  readonly targetId?: string | undefined
  /** Everything that happened in one request: 1 to 256 characters. */
  readonly requestId?: string | undefined
  /** One action, `branding.update`, or all of an entity, `branding.*`. Up to 128 characters. */
  readonly action?: string | undefined
  /**
   * What kind of thing it was done to: 1 to 256 characters. The log has no index on it, so a
   * timeline takes it only together with one of the five fields above, such as `targetId`. For all
   * entries of a kind use `action: 'branding.*'`.
   */
  readonly entityType?: string | undefined
  /**
   * Entries whose metadata contain this object (`@>` in Postgres): up to 2,000 characters as JSON.
   * The log has no index on it either, so a timeline takes it only together with one of the first
   * five fields.
   */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** Recorded at or after this moment, to the millisecond. A `Date`, or Unix milliseconds. */
  readonly from?: Date | number | undefined
  /** Recorded before this moment. */
  readonly to?: Date | number | undefined
}

export interface CheckedFilter {
  /** All of its conditions on the log's columns. An entry must meet each of them. */
  readonly conditions: readonly SQL[]
  /** Those of them that an index serves. A time range is one. */
  readonly indexed: readonly SQL[]
  /**
   * A hash that differs between filters, because a cursor belongs to one. It leaves out the time
   * range.
   */
  readonly fingerprint: Buffer
  /** The filter as it was understood, for a manifest. */
  readonly described: Readonly<Record<string, unknown>>
}

const MAX_METADATA_CHARACTERS = 2_000
/** An action's name. It has no `%`, `*` or quote, so that no pattern is taken for a name. */
const ACTION = /^[^\s*%'"`;\\]+$/

/**
 * Every operator, function and type is written with its schema. On a caller's connection the search
 * path may lead to another one of the same name, and that one would run with the reader's rights.
 */
const EQUALS = sql.raw('operator(pg_catalog.=)')

/** The condition of each field. The fingerprint uses this order and not the caller's. */
const READERS = {
  eventId: (given: unknown) =>
    sql`${auditLog.eventId} ${EQUALS} ${uuid('eventId', given)}::pg_catalog.uuid`,
  userId: (given: unknown) =>
    sql`${auditLog.userId} ${EQUALS} ${uuid('userId', given)}::pg_catalog.uuid`,
  targetId: (given: unknown) =>
    sql`${auditLog.targetId} ${EQUALS} ${uuid('targetId', given)}::pg_catalog.uuid`,
  requestId: (given: unknown) =>
    sql`${auditLog.requestId} ${EQUALS} ${text('requestId', given)}::pg_catalog.text`,
  action: actionCondition,
  entityType: (given: unknown) =>
    sql`${auditLog.entityType} ${EQUALS} ${text('entityType', given)}::pg_catalog.text`,
  // `::text::jsonb`, because some drivers encode a parameter of type jsonb a second time.
  metadata: (given: unknown) => sql`
    ${auditLog.metadata} operator(pg_catalog.@>)
    ${jsonText(given)}::pg_catalog.text::pg_catalog.jsonb`,
} as const

export const INDEXED_NAMES = ['eventId', 'userId', 'targetId', 'requestId', 'action'] as const
const WITH_INDEX: ReadonlySet<string> = new Set(INDEXED_NAMES)

export const FILTER_NAMES: readonly string[] = [...Object.keys(READERS), 'from', 'to']

/**
 * Checks every value of a filter. The values of a form or a query string may be passed unchecked.
 *
 * @throws {AuditError} `AUDIT_FILTER_INVALID`, naming the wrong field and its value
 */
export function checkFilter(filter: LogFilter): CheckedFilter {
  if (!isObject(filter)) throw filterInvalid('A filter must be an object.')
  refuseUnknownNames(filter)
  const indexed: SQL[] = []
  const others: SQL[] = []
  const described: Record<string, unknown> = {}
  for (const [name, read] of Object.entries(READERS)) {
    const given: unknown = Reflect.get(filter, name)
    if (given === undefined) continue
    const into = WITH_INDEX.has(name) ? indexed : others
    into.push(read(given))
    described[name] = typeof given === 'string' && isUuid(given) ? given.toLowerCase() : given
  }
  const fingerprint = createHash('sha256').update(JSON.stringify(described)).digest()
  const fromMs = instant('from', filter.from)
  const toMs = instant('to', filter.to)
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    throw filterInvalid('from must be before to.')
  }
  if (fromMs !== undefined) {
    indexed.push(sql`${auditLog.id} operator(pg_catalog.>=) ${idFloor(fromMs)}::pg_catalog.uuid`)
    described['from'] = new Date(fromMs).toISOString()
  }
  if (toMs !== undefined) {
    indexed.push(sql`${auditLog.id} operator(pg_catalog.<) ${idFloor(toMs)}::pg_catalog.uuid`)
    described['to'] = new Date(toMs).toISOString()
  }
  return { conditions: [...indexed, ...others], indexed, fingerprint, described }
}

/** @throws {AuditError} `AUDIT_FILTER_INVALID` where it is no UUID in its usual form */
export function uuid(name: string, given: unknown): string {
  if (typeof given === 'string' && isUuid(given)) return given.toLowerCase()
  throw filterInvalid(`${name} must be a UUID, got ${shown(given)}.`)
}

export function isObject(given: unknown): given is object {
  return typeof given === 'object' && given !== null && !Array.isArray(given)
}

function refuseUnknownNames(filter: object): void {
  try {
    refuseUnknownOptions(filter, FILTER_NAMES)
  } catch (error) {
    throw filterInvalid(error instanceof AuditError ? error.message : 'A filter cannot be read.')
  }
}

function text(name: string, given: unknown, max = MAX_TEXT_CHARACTERS): string {
  const isGood = typeof given === 'string' && given !== '' && given.length <= max
  if (isGood && plainLine(given) === given) return given
  throw filterInvalid(`${name} must be 1 to ${max} characters of one line, got ${shown(given)}.`)
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

function jsonText(given: unknown): string {
  if (!isObject(given)) {
    throw filterInvalid(`metadata must be an object, got ${shown(given)}.`)
  }
  let json: string | undefined
  try {
    json = JSON.stringify(given)
  } catch {
    // A cycle, a BigInt or a throwing getter. The error below names it.
  }
  if (json !== undefined && json.length <= MAX_METADATA_CHARACTERS && mendJson(json) === json) {
    return json
  }
  throw filterInvalid(
    `metadata must be an object that is up to ${MAX_METADATA_CHARACTERS} characters as JSON.`,
  )
}

function instant(name: string, given: unknown): number | undefined {
  if (given === undefined) return undefined
  const ms = given instanceof Date ? given.getTime() : given
  if (typeof ms === 'number' && isRecordable(ms)) return ms
  throw filterInvalid(`${name} must be a Date, or whole Unix milliseconds, got ${shown(given)}.`)
}

/** The beginning of a value, on one line, so that an error message can name it. */
export function shown(given: unknown): string {
  if (typeof given === 'string') {
    const head = given.slice(0, 40).replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '\ufffd')
    return given.length > 40 ? `"${head}…" (${given.length} characters)` : `"${head}"`
  }
  if (given === null || typeof given === 'number' || typeof given === 'boolean')
    return String(given)
  return Array.isArray(given) ? 'an array' : `a value of type ${typeof given}`
}
