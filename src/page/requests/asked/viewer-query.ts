import type { AuditDatabase } from '../../../database/callers-database.ts'
import type { IdKind } from '../../../entry.ts'
import { isUuid } from '../../../ids/uuid.ts'
import type { FindForViewer } from '../../../names/name-source.ts'
import { idKindOf } from '../../../read/bound-filter.ts'
import { understood } from '../../../read/timeline.ts'
import { type AdmittedViewer, nameViewer } from '../../auth/viewer.ts'
import { FIELD_NAMES, FIELDS } from '../../query/address.ts'
import { type Query, withIdProblems, withLine } from '../../query/query.ts'

interface NameSource {
  readonly db: AuditDatabase
  /** Finds the ids of names in the query line. */
  readonly find: FindForViewer | undefined
}

/** The query with the names of its line looked up, and without what can be no id. */
export async function withNamesFound(
  { db, find }: NameSource,
  query: Query,
  viewer: AdmittedViewer,
): Promise<Query> {
  if (query.line === undefined) return query
  const { userId } = viewer
  const findForViewer = async (text: string) => {
    if (text.toLowerCase() === 'me') return userId === undefined ? [] : [userId]
    return (await find?.(text, nameViewer(viewer))) ?? []
  }
  return withLine(query, await understood(db, query.line, findForViewer, viewer.seenBy))
}

/** The problems of a query and of its ids, as far as the database says now what ids are. */
export async function allProblems(
  { db }: Pick<NameSource, 'db'>,
  query: Query,
): Promise<Query['problems']> {
  if (!hasOddId(query)) return query.problems
  const ids = await idKindOf(db).catch(() => undefined)
  return ids === undefined ? query.problems : withIdProblems(query, ids).problems
}

/** Whether the answer depends on what the ids of the database are. */
export function needsKind(query: Query, { onlyEventId }: AdmittedViewer): boolean {
  return onlyEventId !== undefined || hasOddId(query)
}

function hasOddId({ filter, history }: Query): boolean {
  const { userId, eventId, targetId, actorId, moreTargets } = filter
  return [userId, eventId, targetId, actorId, moreTargets, history?.targetId].some(
    (id) => id !== undefined && !isUuid(String(id)),
  )
}

/** The viewer, whose event is written as the log writes it. */
export function inKind(viewer: AdmittedViewer, ids: IdKind): AdmittedViewer {
  const { onlyEventId } = viewer
  if (onlyEventId === undefined || ids === 'text') return viewer
  return { ...viewer, onlyEventId: onlyEventId.toLowerCase() }
}

/** Narrows the filter to what the viewer may see. What it asks for beyond that is a problem. */
export function limitToViewer(
  query: Query,
  { onlyEventId, seenBy }: AdmittedViewer,
  ids: IdKind,
): Query {
  if (seenBy === undefined) return query
  const problems = new Map(query.problems)
  const { eventId } = query.filter
  const asked = ids === 'uuid' ? String(eventId).toLowerCase() : String(eventId)
  if (onlyEventId !== undefined && eventId !== undefined && asked !== onlyEventId) {
    problems.set('event', 'You may not read this event.')
  }
  for (const name of FIELD_NAMES) {
    const isHidden = seenBy.hides?.some((field) => field === FIELDS[name])
    if (isHidden && query.given[name] !== undefined) problems.set(name, 'You may not ask for this.')
  }
  return { ...query, problems, filter: { ...query.filter, seenBy } }
}
