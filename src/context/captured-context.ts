import { createHmac, timingSafeEqual } from 'node:crypto'
import { type BoundContext, kContextMarks } from '../capture/captured-entry.ts'
import { UnfitId } from '../capture/given-id.ts'
import { plainLine } from '../encode/storable-text.ts'
import type { AuditContext } from '../entry.ts'
import type { Redactor } from '../redact/redactor.ts'

/**
 * Who acted and where, as plain JSON of at most 1,024 bytes, for the data of a job. It holds texts,
 * numbers and booleans, and no secret that the recorder's redaction knows.
 */
export interface CapturedContext {
  readonly v: 1
  /** True if fields were left out, because there was no room for them. */
  readonly cut?: true
  /** Proves who captured it, where `AUDIT_CONTEXT_KEY` is set. */
  readonly mac?: string
  readonly [field: string]: string | number | boolean | undefined
}

const MAX_BYTES = 1_024
const MAX_FIELD_CHARACTERS = 256
/** The longest that `{"v":1,"cut":true,"mac":"…"}` gets. */
const FRAME_BYTES = 64
/** What is kept when there is no room for everything. */
const FIRST_FIELDS = [
  ...['userId', 'actorId', 'actorKind', 'requestId', 'traceId', 'eventId', 'userName', 'actorName'],
  ...['method', 'route', 'ip', 'userAgent'],
]
const TEXT_FIELDS: ReadonlySet<string> = new Set(FIRST_FIELDS)
const OWN_FIELDS: ReadonlySet<string> = new Set(['v', 'cut', 'mac'])
const FIELD_NAME = /^(?!__proto__$)[\w.-]{1,64}$/
const MAC_BYTES = 16

/** Captures a context that was copied and redacted already. */
export function captureBound(bound: BoundContext | undefined, redactor: Redactor): CapturedContext {
  const { userId, requestId, eventId, actor, details } = bound ?? {}
  const known: Record<string, unknown> = {
    ...{ ...details, userId, requestId, eventId },
    ...{ actorId: actor?.id, actorKind: actor?.kind },
    ...{
      userName: nameOf(details?.['user'], userId),
      actorName: nameOf(details?.['actor'], actor?.id),
    },
  }
  const fields: Record<string, string | number | boolean> = {}
  let room = MAX_BYTES - FRAME_BYTES
  let isCut = false
  for (const name of new Set([...FIRST_FIELDS, ...Object.keys(known)])) {
    const value = fieldOf(name, known[name], redactor)
    // What was given for an id and is none.
    if (known[name] instanceof UnfitId) isCut = true
    if (value === undefined) continue
    const bytes = Buffer.byteLength(JSON.stringify({ [name]: value }))
    if (bytes > room || !FIELD_NAME.test(name)) {
      isCut = true
      continue
    }
    room -= bytes
    fields[name] = value
  }
  const captured: CapturedContext = { v: 1, ...fields, ...(isCut && { cut: true }) }
  const [key] = contextKeys()
  return key === undefined ? captured : { ...captured, mac: macOf(captured, key) }
}

/** The name that a context has for this id. */
function nameOf(given: unknown, id: unknown): unknown {
  const named = given as { readonly id?: unknown; readonly name?: unknown } | undefined
  return typeof id === 'string' && named?.id === id ? named.name : undefined
}

/** Undefined for a value that is not carried: none, an object, one of our own fields. */
function fieldOf(
  name: string,
  value: unknown,
  redactor: Redactor,
): string | number | boolean | undefined {
  if (OWN_FIELDS.has(name)) return undefined
  if (typeof value === 'boolean' || (typeof value === 'number' && !TEXT_FIELDS.has(name))) {
    return value
  }
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const text = String(value)
  const clean = redactor.mayHold(text) ? redactor.cleanText(text, name) : text
  return plainLine(clean.slice(0, MAX_FIELD_CHARACTERS)) || undefined
}

/**
 * The context that was captured. It never throws: a value that `captureContext()` did not make, or
 * that was changed since, gives an empty context, and each entry says so in `context.degraded`.
 *
 * @param captured as it came out of the job's data, or its JSON
 */
export function contextOf(captured: unknown): AuditContext {
  if (captured === undefined || captured === null) return marked({}, 'context.missing')
  try {
    const { cut, fields } = readCaptured(captured)
    return cut ? marked(fields, 'context.cut') : fields
  } catch {
    return marked({}, 'context.refused')
  }
}

function marked(context: object, mark: string): AuditContext {
  return { ...context, [kContextMarks]: [mark] }
}

/** @throws where it is not what `captureContext()` made */
function readCaptured(captured: unknown): {
  readonly cut: boolean
  readonly fields: AuditContext
} {
  const json = typeof captured === 'string' ? captured : JSON.stringify(captured)
  if (Buffer.byteLength(json) > MAX_BYTES) throw new Error('too long')
  const { v, cut, mac, ...fields } = JSON.parse(json) as Record<string, unknown>
  if (v !== 1 || (cut !== undefined && cut !== true)) throw new Error('another version')
  for (const [name, value] of Object.entries(fields)) {
    const isFit = TEXT_FIELDS.has(name)
      ? typeof value === 'string'
      : ['string', 'number', 'boolean'].includes(typeof value)
    if (!isFit || !FIELD_NAME.test(name)) throw new Error('a field of another kind')
  }
  const signed = { v, ...fields, ...(cut === true && { cut }) }
  const keys = contextKeys()
  if (keys.length > 0 && !keys.some((key) => isSame(macOf(signed, key), mac))) {
    throw new Error('not signed by us')
  }
  return { cut: cut === true, fields }
}

/** Of the fields in the order of their names, because jsonb keeps them in an order of its own. */
function macOf(fields: object, key: string): string {
  const sorted = Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1))
  const mac = createHmac('sha256', key).update(JSON.stringify(sorted)).digest()
  return mac.subarray(0, MAC_BYTES).toString('base64url')
}

function isSame(expected: string, given: unknown): boolean {
  const [one, other] = [Buffer.from(expected), Buffer.from(String(given))]
  return one.length === other.length && timingSafeEqual(one, other)
}

const MIN_KEY_CHARACTERS = 32

/** The keys of `AUDIT_CONTEXT_KEY`: the first one signs, and all are accepted. */
function contextKeys(): readonly string[] {
  return process.env['AUDIT_CONTEXT_KEY']?.split(/[\s,]+/).filter(Boolean) ?? []
}

/** What is wrong with `AUDIT_CONTEXT_KEY`. Undefined: nothing, or it is not set. */
export function contextKeyProblem(): string | undefined {
  if (contextKeys().every((key) => key.length >= MIN_KEY_CHARACTERS)) return undefined
  return (
    `AUDIT_CONTEXT_KEY must have at least ${MIN_KEY_CHARACTERS} characters, such as those of: ` +
    'openssl rand -hex 32'
  )
}
