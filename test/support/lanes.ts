import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { Database } from '../../src/database/connection.ts'
import type { LaneName } from '../../src/lanes/lane.ts'
import type { AuditLogger } from '../../src/logger.ts'
import { createRelay, type Relay, type RelayOptions } from '../../relay/index.ts'
import type { ScratchDatabase } from './database.ts'
import { insertIntoLane } from './insert-into-lane.ts'

const MILLISECOND_IDS_FROM = Date.now()

/** An id of this month. Ids sort in the order of their numbers. */
export function numberedId(number: number): string {
  const hex = (MILLISECOND_IDS_FROM + number).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
}

/** An entry as a lane holds it, encoded. */
export function encoded(columns: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    id: randomUUID(),
    occurred_at: '2026-01-02T03:04:05.678Z',
    action: 'branding.update',
    metadata: {},
    context: {},
    ...columns,
  })
}

/** Longer than any statement takes on a busy machine. */
export const PATIENT_MS = 60_000

/** The library's own connection to a scratch database. Closed after the test. */
export function openDatabase(
  t: TestContext,
  url: string,
  statementTimeoutMs = PATIENT_MS,
): Database {
  const database = new Database({ url, applicationName: 'test', statementTimeoutMs })
  t.after(() => database.close())
  return database
}

export async function stage(database: Database, lane: LaneName, entries: readonly string[]) {
  for (let at = 0; at < entries.length; at += 1_000) {
    await database.execute(insertIntoLane(lane, entries.slice(at, at + 1_000)))
  }
}

/** A relay with the rights of `audit_relay`, as in production. Stopped after the test. */
export function relayOn(
  t: TestContext,
  { urlAs }: ScratchDatabase,
  options: RelayOptions = {},
): Relay {
  const relay = createRelay({
    databaseUrl: urlAs('audit_relay'),
    logger: silentLogger(),
    ...options,
  })
  t.after(() => relay.stop())
  return relay
}

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A logger that keeps its lines. */
export function memoryLogger(): AuditLogger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, message, fields: { ...fields } })
  }
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

export function silentLogger(): AuditLogger {
  return memoryLogger()
}
