import { drizzle } from 'drizzle-orm/postgres-js'
import { jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { pino } from 'pino'
import postgres from 'postgres'
import { createRecorder, type Recorder } from '../../src/index.ts'
import { demoEntry } from './demo-entry.ts'
import { recorderOver, unencodedRecorder } from './unsent-recorder.ts'

// What a handler can do with an entry, each as an application would write it.

export interface Taking {
  /** The handler's n-th entry. */
  take(n: number): void
  /** Given up so far, and what still waits in this process. */
  counts(): { readonly dropped: number; readonly waiting: number }
  close(): Promise<void>
}

/** What one INSERT per entry goes to: no index but the key, so that it is as cheap as can be. */
export const INSERT_TABLE = `
  create table public.audit_entries (
    id uuid primary key default gen_random_uuid(),
    occurred_at timestamptz not null default now(),
    action text not null, user_id uuid, event_id uuid, target_id uuid,
    entity_type text, request_id text, metadata jsonb not null
  )`

const auditEntries = pgTable('audit_entries', {
  id: uuid('id').primaryKey().defaultRandom(),
  action: text('action').notNull(),
  userId: uuid('user_id'),
  eventId: uuid('event_id'),
  targetId: uuid('target_id'),
  entityType: text('entity_type'),
  requestId: text('request_id'),
  metadata: jsonb('metadata').notNull(),
})

const logger = pino({ level: 'warn' }, pino.destination(2))

function recording(recorder: Recorder): Taking {
  return {
    take: (n) => recorder.record(demoEntry(n)),
    counts() {
      const { dropped, bufferedEntries } = recorder.stats()
      const total = Object.values(dropped).reduce((sum, count) => sum + count, 0)
      return { dropped: total, waiting: bufferedEntries }
    },
    close: async () => {
      await recorder.close()
    },
  }
}

/** The replaced design: nobody waits for the INSERT, and nobody bounds how many there are. */
function inserting(sql: postgres.Sql, insert: (n: number) => PromiseLike<unknown>): Taking {
  let waiting = 0
  let failed = 0
  const done = () => {
    waiting -= 1
  }
  const fail = () => {
    waiting -= 1
    failed += 1
  }
  return {
    take(n) {
      waiting += 1
      insert(n).then(done, fail)
    },
    counts: () => ({ dropped: failed, waiting }),
    close: () => sql.end({ timeout: 0 }),
  }
}

export const WAYS = {
  nothing: undefined,
  recordOnly: () => recording(unencodedRecorder()),
  recordAndEncode: () => recording(recorderOver()),
  record: (databaseUrl: string) => recording(createRecorder({ databaseUrl, logger })),
  drizzle(databaseUrl: string) {
    const sql = postgres(databaseUrl)
    const db = drizzle(sql)
    return inserting(sql, (n) => db.insert(auditEntries).values(demoEntry(n)))
  },
  postgres(databaseUrl: string) {
    const sql = postgres(databaseUrl)
    return inserting(sql, (n) => {
      const entry = demoEntry(n)
      return sql`
        insert into audit_entries (
          action, user_id, event_id, target_id, entity_type, request_id, metadata
        ) values (
          ${entry.action}, ${entry.userId}, ${entry.eventId}, ${entry.targetId},
          ${entry.entityType}, ${entry.requestId}, ${sql.json(entry.metadata)}
        )`
    })
  },
  pino(): Taking {
    const log = pino(pino.destination({ dest: '/dev/null', sync: false, minLength: 4_096 }))
    return {
      take: (n) => log.info(demoEntry(n)),
      counts: () => ({ dropped: 0, waiting: 0 }),
      close: async () => {},
    }
  },
} as const satisfies Readonly<Record<string, ((databaseUrl: string) => Taking) | undefined>>

export type WayName = keyof typeof WAYS
