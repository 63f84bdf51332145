import { sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import type { AuditEntry } from '../../entry.ts'
import { databaseFault } from '../../errors.ts'
import type { AuditLogger } from '../../logger.ts'
import type { ReadRecorder } from './record-read.ts'

/**
 * Writes down who has read, by `audit.note_read`: nobody but a login with `audit_reader` or
 * `audit_relay` can make such an entry, so an application that only records cannot forge one.
 */
export class ReadNotes implements ReadRecorder {
  readonly #db: AuditDatabase
  readonly #logger: AuditLogger
  readonly #pending = new Set<Promise<void>>()

  /** @param db where the login may write: no read-only transactions */
  constructor(db: AuditDatabase, logger: AuditLogger) {
    this.#db = db
    this.#logger = logger
  }

  /** @returns true: whether it was written is known later, and logged where it was not */
  record({ userId, metadata, context }: Pick<AuditEntry, 'userId' | 'metadata' | 'context'>): true {
    const noted = this.#note(userId ?? null, metadata, context)
      .catch((error: unknown) => {
        const fault = databaseFault(error)
        this.#logger.error({ fault }, 'audit page could not write down who has read')
      })
      .finally(() => this.#pending.delete(noted))
    this.#pending.add(noted)
    return true
  }

  async #note(userId: string | null, metadata: unknown, context: unknown): Promise<void> {
    await this.#db.execute(sql`
      select audit.note_read(
        false, ${userId}::pg_catalog.text,
        ${JSON.stringify(metadata)}::pg_catalog.text::pg_catalog.jsonb,
        ${JSON.stringify(context)}::pg_catalog.text::pg_catalog.jsonb)`)
  }

  /** Resolves once what was read before this call is written down, or has failed. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending)
  }
}
