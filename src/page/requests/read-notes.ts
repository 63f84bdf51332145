import { sql } from 'drizzle-orm'
import { type AuditDatabase, askCaller } from '../../database/callers-database.ts'
import { Outage } from '../../database/outage.ts'
import { mendJson } from '../../encode/storable-text.ts'
import type { AuditLogger } from '../../logger.ts'
import type { ReadEntry, ReadRecorder } from './note-read.ts'

/** Notes under way at once. Further reads are not answered, instead of not being written down. */
const MAX_PENDING = 1_000

/**
 * Writes down who has read, by `audit.note_read`: nobody but a login with `audit_reader` or
 * `audit_relay` can make such an entry, so an application that only records cannot forge one.
 */
export class ReadNotes implements ReadRecorder {
  readonly #db: AuditDatabase
  readonly #outage: Outage
  readonly #pending = new Set<Promise<void>>()

  /** @param db where the login may write: no read-only transactions */
  constructor(db: AuditDatabase, logger: AuditLogger) {
    this.#db = db
    this.#outage = new Outage(logger, {
      begins: 'audit page could not write down who has read',
      goesOn: 'audit page still cannot write down who has read',
      ends: 'audit page writes down again who has read',
    })
  }

  /**
   * @returns false where too many notes are under way; else true: whether it was written is known
   * later, and logged where it was not
   */
  record(entry: ReadEntry): boolean {
    if (this.#pending.size >= MAX_PENDING) return false
    const noted = this.write(entry)
      .catch(() => {})
      .finally(() => this.#pending.delete(noted))
    this.#pending.add(noted)
    return true
  }

  /** Resolves once the entry is committed. Rejects where it is not, or may not be. */
  async write({ action, userId, metadata, context }: ReadEntry): Promise<void> {
    // Else a reader who writes U+0000 into a query line would leave no `audit.read`.
    const [metadataJson, contextJson] = [metadata, context].map((one) =>
      mendJson(JSON.stringify(one)),
    )
    try {
      await askCaller(
        this.#db,
        sql`
        select audit.note_read(
          ${action === 'audit.read_denied'}::boolean, ${userId ?? null}::pg_catalog.text,
          ${metadataJson}::pg_catalog.text::pg_catalog.jsonb,
          ${contextJson}::pg_catalog.text::pg_catalog.jsonb)`,
      )
      this.#outage.recovered()
    } catch (error) {
      this.#outage.failed(error)
      throw error
    }
  }

  /** Resolves once what was read before this call is written down, or has failed. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending)
  }
}
