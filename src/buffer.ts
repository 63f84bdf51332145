import assert from 'node:assert/strict'

interface Sized {
  /** Estimated size in memory, in bytes. */
  readonly bytes: number
}

export interface BufferLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

/**
 * First in, first out, with two ceilings. When full it refuses the newest and keeps its history.
 *
 * An entry that was taken still counts until it is released: what is being written is still held
 * in memory, and would otherwise be a second, unlimited buffer.
 */
export class EntryBuffer<Entry extends Sized> {
  readonly #limits: BufferLimits
  #entries: Entry[] = []
  #head = 0
  #takenEntries = 0
  #bytes = 0

  constructor(limits: BufferLimits) {
    assert(limits.maxEntries > 0)
    assert(limits.maxBytes > 0)
    this.#limits = limits
  }

  /** Entries not yet taken. */
  get waiting(): number {
    return this.#entries.length - this.#head
  }

  /** Entries waiting and taken but not released. */
  get size(): number {
    return this.waiting + this.#takenEntries
  }

  /** Their estimated size in memory. */
  get bytes(): number {
    return this.#bytes
  }

  /** @returns false when there is no room; nothing was kept then */
  push(entry: Entry): boolean {
    if (this.size >= this.#limits.maxEntries) return false
    if (this.#bytes + entry.bytes > this.#limits.maxBytes) return false
    this.#entries.push(entry)
    this.#bytes += entry.bytes
    return true
  }

  /** Removes and returns the oldest entries, at most `maxEntries` of them. */
  take(maxEntries: number): Entry[] {
    assert(maxEntries > 0)
    const taken = this.#entries.slice(this.#head, this.#head + maxEntries)
    this.#head += taken.length
    this.#takenEntries += taken.length
    // Dropping the taken part only now and then keeps both ends cheap; dropping it at all keeps
    // taken entries collectable.
    if (this.#head === this.#entries.length || this.#head >= 4_096) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    return taken
  }

  /** Ends the count of entries that were taken: they are written, or lost. */
  release(entries: readonly Sized[]): void {
    assert(entries.length <= this.#takenEntries)
    this.#takenEntries -= entries.length
    for (const entry of entries) this.#bytes -= entry.bytes
  }
}
