import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRelay } from 'audit-outbox/relay'
import pg from 'pg'

export const DATABASE_URL = process.env['DATABASE_URL'] ?? ''

/** Somebody with a request of their own. Every third one is impersonated by a colleague. */
export interface Person {
  readonly userId: string
  readonly actorId: string | undefined
  readonly requestId: string
  readonly traceId: string
  readonly thingId: string
  readonly userAgent: string
  readonly headers: Readonly<Record<string, string>>
}

export const PEOPLE: readonly Person[] = Array.from({ length: 100 }, (_, at) => {
  const [userId, requestId, thingId] = [randomUUID(), `request-${randomUUID()}`, randomUUID()]
  const actorId = at % 3 === 0 ? randomUUID() : undefined
  const traceId = randomBytes(16).toString('hex')
  const userAgent = `agent-${at}`
  const headers = {
    'user-agent': userAgent,
    'x-request-id': requestId,
    'x-test-user': userId,
    traceparent: `00-${traceId}-${'1'.repeat(16)}-01`,
    ...(actorId && { 'x-test-actor': actorId }),
  }
  return { userId, actorId, requestId, traceId, thingId, userAgent, headers }
})

/** Slow enough that other requests run in between. */
export const lookUp = async (header: unknown): Promise<string | undefined> =>
  await sleep(Math.random() * 10, typeof header === 'string' ? header : undefined)

export interface Row {
  readonly action: string
  readonly outcome: string | null
  readonly user_id: string | null
  readonly target_id: string | null
  readonly request_id: string | null
  readonly actor_id: string | null
  readonly metadata: Readonly<Record<string, unknown>>
  readonly context: Readonly<Record<string, unknown>>
}

let lastSeq = '0'

/** Moves what is staged, and reads the new entries whose action begins with `prefix`. */
export async function logged(prefix: string): Promise<readonly Row[]> {
  const relay = createRelay({ databaseUrl: DATABASE_URL })
  await relay.drain({ deadlineMs: 60_000 })
  await relay.stop()
  const client = new pg.Client(DATABASE_URL)
  await client.connect()
  try {
    const { rows } = await client.query<Row & { readonly number: string }>(
      `select seq::text as number, action, outcome, user_id::text, target_id::text, request_id, actor_id::text,
         metadata, context from audit.audit_log where action like $1 and seq > $2
       order by seq`,
      [`${prefix}%`, lastSeq],
    )
    lastSeq = rows.at(-1)?.number ?? lastSeq
    return rows
  } finally {
    await client.end()
  }
}

/** Asserts that each person has one row of each action, and that each row is about that person. */
export function assertRows(
  rows: readonly Row[],
  actions: readonly string[],
  expected: (person: Person, action: string) => Readonly<Record<string, unknown>>,
): void {
  assert.equal(rows.length, PEOPLE.length * actions.length)
  for (const person of PEOPLE) {
    const own = rows.filter(({ request_id }) => request_id === person.requestId)
    assert.deepEqual(own.map(({ action }) => action).sort(), [...actions].sort())
    for (const { action, user_id, actor_id, context } of own) {
      assert.deepEqual([user_id, actor_id], [person.userId, person.actorId ?? null], action)
      const { traceId, userAgent } = person
      const known = { traceId, userAgent }
      assert.deepEqual(context, { ...known, ...expected(person, action) }, action)
    }
  }
}

// What other files of tests have logged is not read.
await logged('')
