import { type SQL, sql } from 'drizzle-orm'
import type { IdKind } from '../../entry.ts'
import { idFloor } from '../../ids/uuid7.ts'
import { isUuid } from '../../ids/uuid.ts'
import { auditLog, entityOf } from '../../schema/tables.ts'
import { wordRuns } from '../word-forms.ts'
import { ID_PLACES, type IpRange, type Term } from '../log-query.ts'
import { OUTCOMES } from '../../entry.ts'
import {
  changeCondition,
  fieldCondition,
  valueCondition,
  wordCondition,
} from './json-conditions.ts'
import { AS_STORED, bySeen, seen, type SeenColumns } from './seen-columns.ts'

/** A condition of which some together make a term: one of them must hold. */
export interface Alternative {
  readonly condition: SQL
  /** Whether an index leads to its entries in the order of their ids, or they are few. */
  readonly isIndexed: boolean
}

const EQUALS = sql.raw('operator(pg_catalog.=)')

/**
 * The conditions of a term. None: no entry meets it.
 *
 * @param columns what the reader sees of the log. Default: all of it
 */
export function alternativesOf(
  term: Term,
  ids: IdKind,
  columns: SeenColumns = AS_STORED,
): readonly Alternative[] {
  switch (term.kind) {
    case 'action':
      return [
        term.isWord
          ? other(beginsWord(sql`${auditLog.action}`, term.stems ?? [term.pattern]))
          : actionAlternative(term.pattern),
      ]
    case 'id':
      return idsIn(term.text, term.ids, ids).flatMap((id) =>
        ID_PLACES[term.place].map((place) => indexed(idCondition(place, id, columns))),
      )
    case 'text': {
      const is = bySeen(
        columns,
        term.column,
        (column) => sql`${column} ${EQUALS} ${term.value}::pg_catalog.text`,
      )
      return [term.column === 'requestId' ? indexed(is) : other(is)]
    }
    case 'outcome':
      return [wordOrNull('outcome', term.outcome, columns)]
    case 'actorKind':
      return [wordOrNull('actorKind', term.actorKind, columns)]
    case 'ip':
      return [other(ipCondition(seen(columns, 'context'), term.range))]
    case 'json':
      return [other(valueCondition(seen(columns, term.column), term.path, term))]
    case 'field':
      return [other(fieldAnywhere(term, columns))]
    case 'there':
      return [other(thereCondition(term, columns))]
    case 'impersonated':
      return [other(impersonatedCondition(columns))]
    case 'staff':
      return [other(columns.staff?.[term.place] ?? sql`false`)]
    case 'entry':
      return [indexed(sql`${auditLog.id} ${EQUALS} ${term.id}::pg_catalog.uuid`)]
    case 'changed':
      return [other(changeCondition(seen(columns, 'metadata'), term.path))]
    case 'time':
      return [indexed(timeCondition(term))]
    case 'seq':
      return [seqAlternative(term)]
    case 'word':
      return [other(anyWord(term, ids, columns))]
  }
}

function indexed(condition: SQL): Alternative {
  return { condition, isIndexed: true }
}

function other(condition: SQL): Alternative {
  return { condition, isIndexed: false }
}

/** The ids that a text stands for: those that were found, or the text where it can be one. */
export function idsIn(
  text: string,
  found: readonly string[] | undefined,
  ids: IdKind,
): readonly SQL[] {
  const all = found !== undefined && found.length > 0 ? found : [text]
  if (ids === 'text') return all.map((id) => sql`${id}::pg_catalog.text`)
  return all.filter(isUuid).map((id) => sql`${id.toLowerCase()}::pg_catalog.uuid`)
}

type IdColumn = (typeof ID_PLACES)[keyof typeof ID_PLACES][number]

function idCondition(name: IdColumn, id: SQL, columns: SeenColumns): SQL {
  if (name === 'moreTargets') {
    return bySeen(columns, name, (column) => sql`${column} operator(pg_catalog.@>) array[${id}]`)
  }
  return bySeen(columns, name, (column) => sql`${column} ${EQUALS} ${id}`)
}

/** Whether an entry's action is the pattern's: a name, or one with `*`. */
export function actionCondition(pattern: string): SQL {
  return actionAlternative(pattern).condition
}

function actionAlternative(pattern: string): Alternative {
  const entity = /^([^.*]+)\.\*$/.exec(pattern)?.[1]
  if (entity !== undefined) {
    return indexed(sql`${entityOf(auditLog.action)} ${EQUALS} ${entity}::pg_catalog.text`)
  }
  if (!pattern.includes('*')) {
    return indexed(sql`${auditLog.action} ${EQUALS} ${pattern}::pg_catalog.text`)
  }
  const own = likePattern(pattern)
  return other(sql`${auditLog.action} operator(pg_catalog.~~) ${own}::pg_catalog.text`)
}

function likePattern(pattern: string): string {
  return pattern.replaceAll(/[\\_%]/g, '\\$&').replaceAll('*', '%')
}

/**
 * Whether a word of a name begins with one of these: `edit` begins one of `projectEdit`, and none of
 * `credit.issue`. Of letters, digits, `_`, `-` and `.` alone.
 */
function beginsWord(column: SQL, words: readonly string[]): SQL {
  const regex = words
    .map((word) => wordRuns(word).map(anyCase).join('[_.-]?'))
    .map(atBegin)
    .join('|')
  return sql`${column} operator(pg_catalog.~) ${regex}::pg_catalog.text`
}

function anyCase(text: string): string {
  return [...text].map((one) => `[${one.toLowerCase()}${one.toUpperCase()}]`).join('')
}

/** A capital behind a small letter begins a word, too. */
function atBegin(pattern: string): string {
  return `(^|[._:/ -]|[a-z0-9](?=[A-Z]))${pattern}`
}

/** A person acted for the user, whether the reader sees who it was or not. */
function impersonatedCondition(columns: SeenColumns): SQL {
  const [actor, kind] = [seen(columns, 'actorId'), seen(columns, 'actorKind')]
  const own = sql`(${actor} is not null and ${kind} is null)`
  return columns.staff === undefined ? own : sql`(${own} or ${columns.staff.actor})`
}

type TermOf<Kind extends Term['kind']> = Extract<Term, { kind: Kind }>

function fieldAnywhere(term: TermOf<'field'>, columns: SeenColumns): SQL {
  const places = (['metadata', 'context'] as const).map((name) =>
    fieldCondition(seen(columns, name), term),
  )
  // It is not there where it is in none of them.
  return sql`(${sql.join(places, term.test === 'no' ? sql` and ` : sql` or `)})`
}

function thereCondition({ columns: names, isThere }: TermOf<'there'>, columns: SeenColumns): SQL {
  const all = names.map((name) =>
    isThere ? sql`${seen(columns, name)} is not null` : sql`${seen(columns, name)} is null`,
  )
  return sql`(${sql.join(all, isThere ? sql` or ` : sql` and `)})`
}

function wordOrNull(
  name: 'outcome' | 'actorKind',
  word: string | null,
  columns: SeenColumns,
): Alternative {
  if (word === null) return other(sql`${seen(columns, name)} is null`)
  return indexed(
    bySeen(columns, name, (column) => sql`${column} ${EQUALS} ${word}::pg_catalog.text`),
  )
}

export function timeCondition({ fromMs, toMs }: { fromMs?: number; toMs?: number }): SQL {
  const from =
    fromMs === undefined
      ? sql`true`
      : sql`${auditLog.id} operator(pg_catalog.>=) ${idFloor(fromMs)}::pg_catalog.uuid`
  const to =
    toMs === undefined
      ? sql`true`
      : sql`${auditLog.id} operator(pg_catalog.<) ${idFloor(toMs)}::pg_catalog.uuid`
  return sql`(${from} and ${to})`
}

function seqAlternative({ first, last }: { first?: number; last?: number }): Alternative {
  if (first !== undefined && first === last) {
    return indexed(sql`${auditLog.seq} ${EQUALS} ${first}::bigint`)
  }
  const from =
    first === undefined ? sql`true` : sql`${auditLog.seq} operator(pg_catalog.>=) ${first}::bigint`
  const to =
    last === undefined ? sql`true` : sql`${auditLog.seq} operator(pg_catalog.<=) ${last}::bigint`
  return other(sql`(${from} and ${to})`)
}

const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
const VERSION_4 = `^(::ffff:)?(${OCTET}\\.){3}${OCTET}$`
const GROUPS = '([0-9a-f]{1,4}(:[0-9a-f]{1,4}){0,6})?'
const VERSION_6 = `^(([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|${GROUPS}::${GROUPS})$`

/** What is no address is in no range. So only what the server can read is read as one. */
function ipCondition(context: SQL, { version, cidr }: IpRange): SQL {
  const text = sql`(${context} operator(pg_catalog.->>) 'ip'::pg_catalog.text)`
  const form = sql`${version === 4 ? VERSION_4 : VERSION_6}::pg_catalog.text`
  const range = sql`${cidr}::pg_catalog.text::pg_catalog.inet`
  const address =
    version === 4
      ? sql`pg_catalog.regexp_replace(${text}, '^::ffff:'::pg_catalog.text, ''::pg_catalog.text,
          'i'::pg_catalog.text)`
      : text
  // Of the short form, which leaves out two groups or more, and has no more than seven colons.
  const isShort = sql`pg_catalog.length(pg_catalog.regexp_replace(${text},
    '[^:]'::pg_catalog.text, ''::pg_catalog.text, 'g'::pg_catalog.text)) operator(pg_catalog.<=) 7`
  return sql`case when ${text} operator(pg_catalog.~*) ${form} and ${isShort}
    then ${address}::pg_catalog.inet operator(pg_catalog.<<=) ${range} else false end`
}

/** Where a word is looked for: ids, the request, words of columns, texts of the JSON. */
function anyWord(
  { text, ids: found = [], stems = [], isPattern }: TermOf<'word'>,
  ids: IdKind,
  columns: SeenColumns,
): SQL {
  const all = [...idsIn(text, undefined, ids), ...(found.length > 0 ? idsIn('', found, ids) : [])]
  const places = [...new Set(Object.values(ID_PLACES).flat())]
  const inIds = all.flatMap((id) => places.map((place) => idCondition(place, id, columns)))
  const isOf = (name: 'requestId' | 'outcome', value: string) =>
    bySeen(columns, name, (column) => sql`${column} ${EQUALS} ${value}::pg_catalog.text`)
  const word = text.toLowerCase()
  const own = [sql`${auditLog.action}`, seen(columns, 'entityType')]
  const anywhere = [
    ...inIds,
    isOf('requestId', text),
    ...(OUTCOMES.some((one) => one === word) ? [isOf('outcome', word)] : []),
    ...own.map((column) => (isPattern ? like(column, word) : holds(column, word))),
    ...(stems.length === 0 ? [] : own.map((column) => beginsWord(column, stems))),
    wordCondition(seen(columns, 'metadata'), text, isPattern === true),
    wordCondition(seen(columns, 'context'), text, isPattern === true),
  ]
  return sql`(${sql.join(anywhere, sql` or `)})`
}

function holds(column: SQL, word: string): SQL {
  return sql`pg_catalog.strpos(pg_catalog.lower(${column}), ${word}::pg_catalog.text) operator(pg_catalog.>) 0`
}

function like(column: SQL, pattern: string): SQL {
  const own = `%${likePattern(pattern)}%`
  return sql`pg_catalog.lower(${column}) operator(pg_catalog.~~) ${own}::pg_catalog.text`
}
