import { digitsOf } from '../../ids/digits.ts'
import type { AuditActor, AuditUser } from './request-source.ts'

/**
 * The answer of a callback that threw. It is not a valid id, so the entry is marked in
 * `context.degraded` and keeps this text in `context.invalid`.
 */
export const FAILED = '[callback threw]'
/**
 * In the place of an actor's id that is none: an entity, a promise. Nothing of it is stored. A list is
 * no id in any database, so the entry is marked.
 */
const NO_ID = ['not an id']

/** The callback's answer, or `FAILED` if it throws: a callback must not make the request fail. */
export function ask<Request>(
  callback: ((request: Request) => unknown) | undefined,
  request: Request,
): unknown {
  try {
    const answer = callback?.(request)
    // An async callback is a mistake, and its rejection must not end the process.
    if (answer instanceof Promise) answer.catch(() => {})
    return answer
  } catch {
    return FAILED // and nothing of the error, which may quote the request
  }
}

/** A value that is neither an id nor an `AuditUser` becomes the id, so that the entry is marked. */
export function userContext(user: unknown): Record<string, unknown> {
  if (user === undefined || user === null) return {}
  try {
    if (!isAuditUser(user)) return { userId: user }
    const { name, ...details } = user
    // A spread does not copy the getter of a class, so these are read by themselves.
    return { ...details, userId: user.userId, ...nameOf('userName', name) }
  } catch {
    return { userId: FAILED }
  }
}

/**
 * False for an entity and for a query that was not awaited, because their contents must not be
 * stored.
 */
function isAuditUser(user: unknown): user is AuditUser {
  return typeof user === 'object' && user !== null && 'userId' in user && !('then' in user)
}

/** Where an entry says who acted as the user. The one place that knows it. */
export function actorContext(actor: unknown): Record<string, unknown> {
  if (actor === undefined || actor === null || actor === '') return {}
  try {
    if (isAuditActor(actor)) {
      const { actorId, actorKind, name } = actor
      return { actorId: idOf(actorId), actorKind, ...nameOf('actorName', name) }
    }
  } catch {
    return { actorId: NO_ID }
  }
  return { actorId: idOf(actor) }
}

function isAuditActor(actor: unknown): actor is AuditActor {
  const isObject = typeof actor === 'object' && actor !== null && !('then' in actor)
  return isObject && ('actorId' in actor || 'actorKind' in actor)
}

function nameOf(key: 'userName' | 'actorName', name: unknown): Record<string, unknown> {
  return name === undefined || name === null ? {} : { [key]: name }
}

function idOf(given: unknown): unknown {
  if (given === undefined || given === null) return undefined
  return typeof given === 'string' || digitsOf(given) !== undefined ? given : NO_ID
}
