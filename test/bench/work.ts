import { randomUUID } from 'node:crypto'
import { type AnyValueMap, SeverityNumber } from '@opentelemetry/api-logs'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { Analytics } from '@segment/analytics-node'
import { drizzle } from 'drizzle-orm/postgres-js'
import { pino } from 'pino'
import postgres from 'postgres'
import { PostHog } from 'posthog-node'
import { createRecorder } from '../../src/index.ts'
import { auditOutbox } from '../../src/schema/tables.ts'
import { quietLogger } from './quiet-logger.ts'
import type { DemoEntry } from './demo-entry.ts'
import { recorderOver } from './unsent-recorder.ts'

/** What a handler does with an entry, and what is still under way behind it. */
export interface Work {
  run(entry: DemoEntry): void
  backlog(): number
  dropped(): number
}

const none = () => 0

function simple(run: (entry: DemoEntry) => void): Work {
  return { run, backlog: none, dropped: none }
}

function recorderWork(recorder: Pick<ReturnType<typeof createRecorder>, 'record' | 'stats'>): Work {
  return {
    run: (entry) => recorder.record(entry),
    backlog: () => recorder.stats().bufferedEntries,
    dropped: () => Object.values(recorder.stats().dropped).reduce((sum, n) => sum + n, 0),
  }
}

/** What is counted until its promise has settled. */
function counted(send: (entry: DemoEntry) => Promise<unknown>): Work {
  let backlog = 0
  let dropped = 0
  const run = (entry: DemoEntry) => {
    backlog += 1
    send(entry)
      .catch(() => {
        dropped += 1
      })
      .finally(() => {
        backlog -= 1
      })
  }
  return { run, backlog: () => backlog, dropped: () => dropped }
}

const REDACTED_PATHS = [
  ...['password', 'token', 'secret', 'authorization', 'cookie', 'apiKey', 'accessToken'],
  ...['refreshToken', 'privateKey', 'pin'],
].flatMap((key) => [`metadata.${key}`, `metadata.*.${key}`])

const analyticsOptions = { flushAt: 100, flushInterval: 1_000 }

/** Each made in a process of its own, on first use. Nothing here leaves the machine. */
export const WORKS: Readonly<Record<string, (databaseUrl: string) => Work>> = {
  none: () => simple(() => {}),
  record: () => recorderWork(recorderOver()),
  'record-unredacted': () => recorderWork(recorderOver(undefined, false)),
  'record-staged': (databaseUrl) =>
    recorderWork(createRecorder({ databaseUrl, logger: quietLogger })),
  'pino-async': () => {
    const logger = pino({}, pino.destination({ dest: '/dev/null', sync: false }))
    return simple((entry) => logger.info(entry))
  },
  'pino-sync': () => {
    const logger = pino({}, pino.destination({ dest: '/dev/null', sync: true }))
    return simple((entry) => logger.info(entry))
  },
  'pino-serialise': () => {
    const logger = pino({}, { write() {} })
    return simple((entry) => logger.info(entry))
  },
  'pino-redact': () => {
    const logger = pino({ redact: REDACTED_PATHS }, { write() {} })
    return simple((entry) => logger.info(entry))
  },
  otel: () => {
    const exporter = {
      export: (_: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
      shutdown: async () => {},
      forceFlush: async () => {},
    }
    const processor = new BatchLogRecordProcessor({ exporter, maxQueueSize: 100_000 })
    const logger = new LoggerProvider({ processors: [processor] }).getLogger('audit')
    return simple(({ action, metadata, ...ids }) =>
      logger.emit({
        severityNumber: SeverityNumber.INFO,
        body: action,
        attributes: { ...ids, metadata } as AnyValueMap,
      }),
    )
  },
  posthog: () => {
    const answer = { status: 200, text: async () => '{}', json: async () => ({}) }
    const fetch = async () => answer as never
    const client = new PostHog('key', { host: 'http://127.0.0.1:9', fetch, ...analyticsOptions })
    return simple(({ action, userId, ...properties }) =>
      client.capture({ distinctId: userId, event: action, properties }),
    )
  },
  segment: () => {
    const httpClient = { makeRequest: async () => new Response('{}', { status: 200 }) }
    const { flushAt, flushInterval } = analyticsOptions
    const client = new Analytics({ writeKey: 'key', httpClient, flushAt, flushInterval })
    return simple(({ action, userId, ...properties }) =>
      client.track({ userId, event: action, properties }),
    )
  },
  'insert-postgres': (databaseUrl) => {
    const sql = postgres(databaseUrl, { max: 10, onnotice: () => {} })
    return counted(
      (entry) => sql`
        insert into audit.audit_outbox
          (id, occurred_at, user_id, event_id, target_id, action, entity_type, request_id, metadata)
        values (${randomUUID()}, ${new Date()}, ${entry.userId}, ${entry.eventId},
          ${entry.targetId}, ${entry.action}, ${entry.entityType}, ${entry.requestId},
          ${sql.json(entry.metadata)})`,
    )
  },
  'insert-drizzle': (databaseUrl) => {
    const db = drizzle(postgres(databaseUrl, { max: 10, onnotice: () => {} }))
    return counted(async (entry) =>
      db.insert(auditOutbox).values({
        ...entry,
        id: randomUUID(),
        occurredAt: new Date(),
      } as typeof auditOutbox.$inferInsert),
    )
  },
}
