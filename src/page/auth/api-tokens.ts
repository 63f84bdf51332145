import { createHash, randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { AuditError } from '../../errors.ts'
import { readRows } from '../../read/read-rows.ts'
import { type Refusal, refuse } from '../http/refusals.ts'
import { type Admission, admit } from './viewer.ts'

const PREFIX = 'aot_'
const SECRET_BYTES = 32
const FORM = /^Bearer +(aot_[\w-]{43})$/i
/** Further tokens of one minute are counted together, so that memory is bounded. */
const MOST_COUNTED = 10_000
const MINUTE_MS = 60_000

/** A new token, and what the database keeps of it. */
export function newToken(): { readonly token: string; readonly hash: Buffer } {
  const token = `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64url')}`
  return { token, hash: hashOf(token) }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/**
 * The token that a request brings in its header `Authorization`. Undefined where it brings no token of this log.
 * It is not taken from an address, which histories and logs keep.
 */
export function bearerOf(request: Request): string | undefined {
  const given = request.headers.get('authorization') ?? ''
  if (!new RegExp(`^Bearer +${PREFIX}`, 'i').test(given)) return undefined
  return FORM.exec(given)?.[1] ?? ''
}

/** Lets programs in by tokens that `audit-relay token` made. */
export class ApiTokens {
  readonly #db: AuditDatabase
  readonly #rates: MinuteRates

  /** @param db as audit_reader; the time of a use is written where it may write */
  constructor(db: AuditDatabase, now = Date.now) {
    this.#db = db
    this.#rates = new MinuteRates(now)
  }

  async admit(request: Request, token: string): Promise<Admission> {
    let row: Readonly<Record<string, unknown>> | undefined
    try {
      if (token !== '') [row] = await this.#find(token)
    } catch (error) {
      if (!(error instanceof AuditError)) throw error
      return answer(request, {
        ...{ status: 503, code: error.code, message: error.message },
        headers: { 'retry-after': '5' },
      })
    }
    if (row === undefined) {
      const message = 'There is no such token, or it has ended.'
      const response = refuse(request, { status: 401, code: 'unauthorized', message })
      return { kind: 'denied', denied: { denied: 'unknown token', response } }
    }
    const [id, perMinute] = [String(row['id']), Number(row['perMinute'])]
    const waitS = this.#rates.take(id, perMinute)
    if (waitS > 0) {
      const message = `This token has ${perMinute} requests in a minute.`
      const headers = { 'retry-after': String(waitS) }
      return answer(request, { status: 429, code: 'too-many', message, headers })
    }
    const scope: unknown = JSON.parse(String(row['scope']))
    const context = { viewerKind: 'token', viewerId: id }
    const admission = admit({ ...Object(scope), name: String(row['name']), context })
    if (admission.kind !== 'viewer') return admission
    return { ...admission, viewer: { ...admission.viewer, tokenId: id } }
  }

  #find(token: string) {
    const hash = hashOf(token).toString('hex')
    return readRows(
      this.#db,
      sql`select t.id::pg_catalog.text as "id", t.name as "name", t.scope as "scope",
          t.per_minute as "perMinute"
        from audit.use_token(pg_catalog.decode(${hash}::pg_catalog.text, 'hex')) as t`,
    )
  }
}

function answer(request: Request, refusal: Refusal): Admission {
  return { kind: 'response', response: refuse(request, refusal) }
}

/** Counts the requests of each token from one full minute to the next, in this process. */
class MinuteRates {
  readonly #now: () => number
  readonly #counts = new Map<string, number>()
  #minute = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** @returns 0 where there is one left, else after how many seconds there is */
  take(id: string, perMinute: number): number {
    const nowMs = this.#now()
    const minute = Math.floor(nowMs / MINUTE_MS)
    if (minute !== this.#minute) this.#counts.clear()
    this.#minute = minute
    const key = this.#counts.has(id) || this.#counts.size < MOST_COUNTED ? id : ''
    const count = this.#counts.get(key) ?? 0
    if (count >= perMinute) return Math.ceil(((minute + 1) * MINUTE_MS - nowMs) / 1_000)
    this.#counts.set(key, count + 1)
    return 0
  }
}
