import { sql } from 'drizzle-orm'
import type { Ask } from './removed-seqs.ts'

/** How often a reader says how far it is, in milliseconds. */
const EVERY_MS = 10_000

export interface NamedPlace {
  readonly history: string
  readonly seq: number
  /** The entry of that number, where it is known. */
  readonly id: string | undefined
}

/**
 * Says from time to time how far a reader with a name has read: retention removes nothing that it has
 * not read. A failure is told and keeps the reader from nothing.
 */
export class NamedCursor {
  readonly #name: string
  readonly #ask: Ask
  readonly #onFailure: (error: unknown) => void
  #saidMs = Number.NEGATIVE_INFINITY
  #place: NamedPlace | undefined

  constructor(name: string, ask: Ask, onFailure: (error: unknown) => void) {
    this.#name = name
    this.#ask = ask
    this.#onFailure = onFailure
  }

  /** The reader has handled everything up to here. */
  async reached(place: NamedPlace): Promise<void> {
    this.#place = place
    if (performance.now() - this.#saidMs >= EVERY_MS) await this.say()
  }

  /** Says it now. */
  async say(): Promise<void> {
    if (this.#place === undefined) return
    const { history, seq, id } = this.#place
    this.#saidMs = performance.now()
    try {
      await this.#ask(sql`select audit.note_cursor(
        ${this.#name}::pg_catalog.text, ${history}::pg_catalog.uuid, ${seq}::bigint,
        ${id ?? null}::pg_catalog.uuid)::pg_catalog.text as "noted"`)
    } catch (error) {
      this.#onFailure(error)
    }
  }
}
