import { type SQL, sql } from 'drizzle-orm'
import type { IdKind } from '../../entry.ts'
import { idFloor } from '../../ids/uuid7.ts'
import { isUuid } from '../../ids/uuid.ts'
import { auditLog, entityOf } from '../../schema/tables.ts'
import { ID_PLACES, type IpRange, type Term } from '../log-query.ts'
import { changeCondition, valueCondition, wordCondition } from './json-conditions.ts'

/** A condition of which some together make a term: one of them must hold. */
export interface Alternative {
  readonly condition: SQL
  /** Whether an index leads to its entries in the order of their ids, or they are few. */
  readonly isIndexed: boolean
}

const EQUALS = sql.raw('operator(pg_catalog.=)')

/** The conditions of a term. None: no entry meets it. */
export function alternativesOf(term: Term, ids: IdKind): readonly Alternative[] {
  switch (term.kind) {
    case 'action':
      return [actionAlternative(term.pattern)]
    case 'id':
      return idsIn(term.text, term.ids, ids).flatMap((id) =>
        ID_PLACES[term.place].map((place) => indexed(idCondition(place, id))),
      )
    case 'text': {
      const is = sql`${auditLog[term.column]} ${EQUALS} ${term.value}::pg_catalog.text`
      return [term.column === 'requestId' ? indexed(is) : other(is)]
    }
    case 'outcome':
      return [wordOrNull(sql`${auditLog.outcome}`, term.outcome)]
    case 'actorKind':
      return [wordOrNull(sql`${auditLog.actorKind}`, term.actorKind)]
    case 'ip':
      return [other(ipCondition(term.range))]
    case 'json':
      return [other(valueCondition(sql`${auditLog[term.column]}`, term.path, term))]
    case 'changed':
      return [other(changeCondition(sql`${auditLog.metadata}`, term.path))]
    case 'time':
      return [indexed(timeCondition(term))]
    case 'seq':
      return [seqAlternative(term)]
    case 'word':
      return [other(anyWord(term, ids))]
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

function idCondition(column: IdColumn, id: SQL): SQL {
  if (column === 'moreTargets') {
    return sql`${auditLog.moreTargets} operator(pg_catalog.@>) array[${id}]`
  }
  return sql`${auditLog[column]} ${EQUALS} ${id}`
}

function actionAlternative(pattern: string): Alternative {
  const entity = /^([^.*]+)\.\*$/.exec(pattern)?.[1]
  if (entity !== undefined) {
    return indexed(sql`${entityOf(auditLog.action)} ${EQUALS} ${entity}::pg_catalog.text`)
  }
  if (!pattern.includes('*')) {
    return indexed(sql`${auditLog.action} ${EQUALS} ${pattern}::pg_catalog.text`)
  }
  const like = pattern.replaceAll(/[\\_%]/g, '\\$&').replaceAll('*', '%')
  return other(sql`${auditLog.action} operator(pg_catalog.~~) ${like}::pg_catalog.text`)
}

function wordOrNull(column: SQL, word: string | null): Alternative {
  if (word === null) return other(sql`${column} is null`)
  return indexed(sql`${column} ${EQUALS} ${word}::pg_catalog.text`)
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
function ipCondition({ version, cidr }: IpRange): SQL {
  const text = sql`(${auditLog.context} operator(pg_catalog.->>) 'ip'::pg_catalog.text)`
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

/** Where a word is looked for: ids, the request, the action, the entity type, texts of the JSON. */
function anyWord({ text, ids: found = [] }: Extract<Term, { kind: 'word' }>, ids: IdKind): SQL {
  const all = [...idsIn(text, undefined, ids), ...(found.length > 0 ? idsIn('', found, ids) : [])]
  const columns = [...new Set(Object.values(ID_PLACES).flat())]
  const inIds = all.flatMap((id) => columns.map((column) => idCondition(column, id)))
  const word = sql`${text.toLowerCase()}::pg_catalog.text`
  const holds = (column: SQL) =>
    sql`pg_catalog.strpos(pg_catalog.lower(${column}), ${word}) operator(pg_catalog.>) 0`
  const anywhere = [
    ...inIds,
    sql`${auditLog.requestId} ${EQUALS} ${text}::pg_catalog.text`,
    holds(sql`${auditLog.action}`),
    holds(sql`${auditLog.entityType}`),
    wordCondition(sql`${auditLog.metadata}`, text),
    wordCondition(sql`${auditLog.context}`, text),
  ]
  return sql`(${sql.join(anywhere, sql` or `)})`
}
