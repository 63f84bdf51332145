import { type AuditContext, MAX_TEXT_CHARACTERS } from '../entry.ts'
import { withNames } from './bound-names.ts'
import { type BoundContext, kContextMarks } from './captured-entry.ts'
import type { Copier } from '../copy/copier.ts'
import { copyDetails } from './copy-details.ts'
import { columnText, readOwn } from './given-fields.ts'
import { type CapturedId, readId } from './given-id.ts'
import { merge } from '../copy/json-object.ts'
import { readActor } from './rare-fields.ts'

/** The keys of a context that have their own columns. */
const CONTEXT_IDS = ['userId', 'eventId', 'actorId', 'actorKind', 'requestId'] as const

export const NO_CONTEXT: BoundContext = {
  userId: undefined,
  eventId: undefined,
  actor: undefined,
  requestId: undefined,
  details: undefined,
  marks: undefined,
  redacted: undefined,
  characters: 0,
}

/**
 * Copies a context over its parent's.
 *
 * @throws where no stack is left
 */
export function bindTo(
  copier: Copier,
  context: AuditContext,
  parent: BoundContext | undefined,
): BoundContext {
  if (typeof context !== 'object' || context === null) return parent ?? NO_CONTEXT
  for (const mark of marksOf(context)) copier.notes.markEntry(mark)
  let hasBigint = false
  const id = (name: 'userId' | 'eventId'): CapturedId | null | undefined => {
    const given = readOwn(copier, context, name)
    hasBigint ||= typeof given === 'bigint'
    return given === undefined ? parent?.[name] : (readId(copier, name, given) ?? null)
  }
  const userId = id('userId')
  const eventId = id('eventId')
  const actorId = readOwn(copier, context, 'actorId')
  const actorKind = readOwn(copier, context, 'actorKind')
  hasBigint ||= typeof actorId === 'bigint'
  const actor = readActor(copier, actorId, actorKind, parent?.actor)
  const request = readOwn(copier, context, 'requestId')
  const requestId =
    request === undefined
      ? parent?.requestId
      : (columnText(copier, 'requestId', request, MAX_TEXT_CHARACTERS) ?? null)
  const { room: roomBefore } = copier
  const own = copyDetails(copier, hasBigint ? withoutIds(context) : context, roomBefore)
  const details = merge(parent?.details, withNames(copier, own, { userId, actor }), CONTEXT_IDS)
  return {
    userId,
    eventId,
    actor,
    requestId,
    details,
    marks: copier.notes.marks,
    redacted: copier.notes.redacted,
    characters: details === undefined ? 0 : (parent?.characters ?? 0) + roomBefore - copier.room,
  }
}

/** What the package itself has to say of a context: that a captured one was refused. */
function marksOf(context: AuditContext): readonly string[] {
  try {
    return (context as { [kContextMarks]?: readonly string[] })[kContextMarks] ?? []
  } catch {
    return [] // somebody's proxy
  }
}

/** Without a bigint, which would be marked as a detail that had to be changed. */
function withoutIds(context: AuditContext): object {
  try {
    const { userId: _userId, eventId: _eventId, actorId: _actorId, ...details } = context
    return details
  } catch {
    return context // a getter throws, and the copy says which
  }
}
