import type { SQL } from 'drizzle-orm'
import type { AuditDatabase, Row } from '../../../src/database/callers-database.ts'
import { isFinalFault } from '../../../src/database/faults.ts'
import { withRetry } from '../../../src/database/retry.ts'
import { EXPORT_DEADLINE_MS, readRows } from '../../../src/read/read-rows.ts'

/** How long a database may be away in the middle of a run, in milliseconds. */
const OUTAGE_MS = 60_000

/** Reads that go on behind a short outage, until the signal ends them. */
export class Asked {
  readonly db: AuditDatabase
  readonly signal: AbortSignal

  constructor(db: AuditDatabase, signal: AbortSignal) {
    this.db = db
    this.signal = signal
  }

  /** Runs one statement. */
  rows(query: SQL): Promise<readonly Row[]> {
    return this.again(() => readRows(this.db, query, EXPORT_DEADLINE_MS))
  }

  /** Repeats a read until it succeeds, or a minute has passed. */
  async again<T>(read: () => Promise<T>): Promise<T> {
    const beganMs = performance.now()
    return await withRetry(read, {
      signal: this.signal,
      onFailure: () => {},
      isFinal: (error) => isFinalFault(error) || performance.now() - beganMs > OUTAGE_MS,
      tearsAttempt: true,
    })
  }
}

/** Bytes that the statement returned as hexadecimal. */
export function bytesOf(value: unknown): Buffer {
  return Buffer.from(typeof value === 'string' ? value : '', 'hex')
}

export function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
