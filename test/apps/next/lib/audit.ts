import { createRecorder, type Recorder } from 'audit-outbox'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'

// Development loads modules again and again, and keeps globalThis.
const kept = globalThis as typeof globalThis & { audit?: Recorder; client?: postgres.Sql }

kept.audit ??= createRecorder()
kept.client ??= postgres(process.env.DATABASE_URL ?? '', { max: 2 })
export const { audit, client } = kept
export const db = drizzle(client)
