import type { AuditContext, AuditId } from '../../entry.ts'
import { digitsOf } from '../../ids/digits.ts'
import type { NameViewer } from '../../names/name-source.ts'
import {
  type CheckedProjection,
  checkProjection,
  hidesNames,
  type Projection,
  PROJECTION_NAMES,
} from '../../projection/projection.ts'

export interface ViewerFields extends Omit<Projection, 'onlyEventId'> {
  /** Shown at the top of the page and stored in each `audit.read` entry. 1 to 128 characters. */
  readonly name: string
  /** Their id, if they are a user of the application. */
  readonly userId?: AuditId | undefined
  /** Added to the context of each `audit.read` entry, for example the ip. */
  readonly context?: AuditContext | undefined
}

/** A person who may read the log. What they see must be said, in one of two ways. */
export type Viewer = ViewerFields &
  (
    | { readonly sees: 'everything'; readonly onlyEventId?: never }
    /** The id of the only event whose entries they see, whatever the address asks for. */
    | { readonly onlyEventId: AuditId; readonly sees?: never }
  )

/** A viewer whose ids are text. */
export interface AdmittedViewer extends Pick<ViewerFields, 'name' | 'context'> {
  readonly userId?: string | undefined
  /** The id of the token that let a program in. Undefined: a person. */
  readonly tokenId?: string | undefined
  /** Undefined: they see every event. */
  readonly onlyEventId?: string | undefined
  /** What they see. Undefined: everything. */
  readonly seenBy?: CheckedProjection | undefined
}

/** Whether a viewer may be told which ids a name stands for, also those of whom they see no entry. */
export function knowsNames({ seenBy }: Pick<AdmittedViewer, 'seenBy'>): boolean {
  return seenBy?.onlyEventId === undefined && seenBy?.staffAs === undefined
}

/** What `names` and `find` of the application are told of a viewer. */
export function nameViewer({ onlyEventId, seenBy = {} }: AdmittedViewer): NameViewer {
  return { onlyEventId, ...(hidesNames(seenBy) ? { hidesNames: true } : {}) }
}

/** Somebody who tried to get in and failed. It is written down as `audit.read_denied`. */
export interface Denied {
  /** Why, in a few words, such as `unknown token`. Never the token itself. */
  readonly denied: string
  /** Default: a page that asks to sign in, with status 401. */
  readonly response?: Response | undefined
}

type Answer = Viewer | Denied | Response | null | undefined

/**
 * Says who sends a request. Null or undefined: somebody who may not read (401). A `Response`, such
 * as a redirect to your sign-in page, is returned unchanged.
 */
export type Authorize = (request: Request) => Answer | Promise<Answer>

/** What `authorize` came to. */
export type Admission =
  | { readonly kind: 'viewer'; readonly viewer: AdmittedViewer }
  | { readonly kind: 'response'; readonly response: Response }
  | { readonly kind: 'denied'; readonly denied: Denied }
  | { readonly kind: 'nobody' }
  /** The answer does not say what the viewer sees, or says something unknown. Nothing is shown. */
  | { readonly kind: 'unclear'; readonly why: string; readonly problem: string }

const MAX_NAME_LENGTH = 128
const MAX_REASON_LENGTH = 64
const VIEWER_KEYS: ReadonlySet<string> = new Set([
  'name',
  'userId',
  'sees',
  'context',
  ...PROJECTION_NAMES,
])
const DENIED_KEYS: ReadonlySet<string> = new Set(['denied', 'response'])

/** Calls `authorize` and checks its answer, so that a mistake in it opens nothing. */
export async function authorizeRequest(authorize: Authorize, request: Request): Promise<Admission> {
  return admit(await authorize(request))
}

/** Checks what `authorize` answered, or what a token may see. */
export function admit(answer: unknown): Admission {
  if (answer === null || answer === undefined) return { kind: 'nobody' }
  if (answer instanceof Response) return { kind: 'response', response: answer }
  if (typeof answer !== 'object') return unclear(`it was a ${typeof answer}`)
  // Read once, and only what is the answer's own: a getter could say another thing the next time.
  const given: Readonly<Record<string, unknown>> = { ...answer }
  return Object.hasOwn(given, 'denied') ? admitDenied(given) : admitViewer(given)
}

function admitDenied(given: Readonly<Record<string, unknown>>): Admission {
  const stranger = unknownKey(given, DENIED_KEYS)
  if (stranger !== undefined) return unclear(`a refusal has no "${stranger}"`)
  const { denied, response } = given
  if (typeof denied !== 'string') return unclear('its denied is no text')
  const reason = denied.slice(0, MAX_REASON_LENGTH)
  const own = response instanceof Response ? { response } : {}
  return { kind: 'denied', denied: { denied: reason, ...own } }
}

function admitViewer(given: Readonly<Record<string, unknown>>): Admission {
  const stranger = unknownKey(given, VIEWER_KEYS)
  if (stranger !== undefined) return unclear(`it has "${stranger}", which is no part of a viewer`)
  const { name, userId, context, sees, onlyEventId } = given
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_LENGTH) {
    return unclear(`its name has not 1 to ${MAX_NAME_LENGTH} characters`)
  }
  const userText = typeof userId === 'string' ? userId : digitsOf(userId)
  if (userId !== undefined && userText === undefined) return unclear('its userId is no id')
  if (context !== undefined && (typeof context !== 'object' || Array.isArray(context))) {
    return unclear('its context is no object')
  }
  const who = {
    name,
    ...(userText === undefined ? {} : { userId: userText }),
    ...(context ? { context: context as AuditContext } : {}),
  }
  // Asked by the keys: "onlyEventId: undefined" next to "sees" is a slip and no wish.
  const [saysSees, saysEvent] = [Object.hasOwn(given, 'sees'), Object.hasOwn(given, 'onlyEventId')]
  if (saysSees && saysEvent) return unclear('it has both sees and onlyEventId')
  if (!saysSees && !saysEvent) return unclear('it has neither sees nor onlyEventId')
  if (saysSees && sees !== 'everything') return unclear('its sees is not "everything"')
  if (saysEvent && onlyEventId === undefined) return unclear('its onlyEventId is no id')
  return admitSeen(given, who)
}

/** Why this would be no viewer; undefined where it is one. */
export function viewerProblem(given: object): string | undefined {
  const admission = admitViewer({ ...given })
  return admission.kind === 'unclear' ? admission.why : undefined
}

function admitSeen(given: Readonly<Record<string, unknown>>, who: AdmittedViewer): Admission {
  // A part that is there and undefined is a slip, too: it would hide nothing.
  const slip = PROJECTION_NAMES.find(
    (name) => Object.hasOwn(given, name) && given[name] === undefined,
  )
  if (slip !== undefined) return unclear(`its ${slip} is undefined`)
  let problem = ''
  try {
    const seenBy = checkProjection(given, (found) => {
      problem = found
      return new Error(found)
    })
    if (Object.keys(seenBy).length === 0) return { kind: 'viewer', viewer: who }
    const { onlyEventId } = seenBy
    const event = onlyEventId === undefined ? {} : { onlyEventId }
    return { kind: 'viewer', viewer: { ...who, ...event, seenBy } }
  } catch (error) {
    if (problem === '') throw error
    return unclear(problem)
  }
}

function unknownKey(given: object, known: ReadonlySet<string>): string | undefined {
  const stranger = Reflect.ownKeys(given).find((key) => !known.has(String(key)))
  return stranger === undefined ? undefined : String(stranger).slice(0, MAX_REASON_LENGTH)
}

export function unclear(why: string): Extract<Admission, { kind: 'unclear' }> {
  const problem =
    `authorize gave an answer that is not clear: ${why}. Return { name, sees: 'everything' } for ` +
    "the whole log, { name, onlyEventId: '<id>' } for one event, null for somebody who may not read."
  return { kind: 'unclear', why, problem }
}
