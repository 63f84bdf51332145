import assert from 'node:assert/strict'

interface Sized {
  /** Estimated size in memory, in bytes. */
  readonly bytes: number
}

export interface BufferLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

const MIN_SLOTS = 1_024

/**
 * A first-in, first-out queue that is limited in entries and in bytes. When it is full, it refuses
 * new entries and keeps the old ones.
 *
 * An entry that was taken counts until it is released. It stays in memory while it is being
 * written, and without the count it would be part of a second, unlimited buffer.
 */
export class EntryBuffer<Entry extends Sized> {
  readonly #limits: BufferLimits
  /**
   * A ring whose length is a power of two. As long as it keeps its usual size, it leaves no
   * garbage. Measured in hotpath-parts.md, "the buffer is a ring".
   */
  #slots: (Entry | undefined)[] = new Array(MIN_SLOTS).fill(undefined)
  #head = 0
  #waiting = 0
  #takenEntries = 0
  #bytes = 0

  constructor(limits: BufferLimits) {
    assert(limits.maxEntries > 0)
    assert(limits.maxBytes > 0)
    this.#limits = limits
  }

  /** Entries not yet taken. */
  get waiting(): number {
    return this.#waiting
  }

  /** Entries waiting and taken but not released. */
  get size(): number {
    return this.#waiting + this.#takenEntries
  }

  /** Their estimated size in memory, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** @returns false if there is no room; the entry is not kept then */
  push(entry: Entry): boolean {
    if (this.size >= this.#limits.maxEntries) return false
    if (this.#bytes + entry.bytes > this.#limits.maxBytes) return false
    if (this.#waiting === this.#slots.length) this.#resize(2 * this.#waiting)
    this.#slots[(this.#head + this.#waiting) & (this.#slots.length - 1)] = entry
    this.#waiting += 1
    this.#bytes += entry.bytes
    return true
  }

  /** Removes and returns the oldest entries, at most `maxEntries` of them. */
  take(maxEntries: number): Entry[] {
    assert(maxEntries > 0)
    const taken: Entry[] = []
    const mask = this.#slots.length - 1
    for (let left = Math.min(maxEntries, this.#waiting); left > 0; left -= 1) {
      taken.push(this.#slots[this.#head] as Entry)
      this.#slots[this.#head] = undefined
      this.#head = (this.#head + 1) & mask
    }
    this.#waiting -= taken.length
    this.#takenEntries += taken.length
    if (this.#waiting === 0 && this.#slots.length > MIN_SLOTS) this.#resize(MIN_SLOTS)
    return taken
  }

  /** Stops counting entries that were taken, and their bytes, once they are written or lost. */
  release(entries: number, bytes: number): void {
    assert(entries <= this.#takenEntries)
    this.#takenEntries -= entries
    this.#bytes -= bytes
  }

  #resize(length: number): void {
    const { length: before } = this.#slots
    this.#slots = Array.from({ length }, (_, at) =>
      at < this.#waiting ? this.#slots[(this.#head + at) & (before - 1)] : undefined,
    )
    this.#head = 0
  }
}
