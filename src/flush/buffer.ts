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
 * First in, first out, with two ceilings. When full it refuses the newest and keeps its history.
 *
 * An entry that was taken still counts until it is released: what is being written is still held
 * in memory, and would otherwise be a second, unlimited buffer.
 */
export class EntryBuffer<Entry extends Sized> {
  readonly #limits: BufferLimits
  /** A ring, whose length is a power of two: in its usual size it makes nothing to be collected. */
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

  /** Their estimated size in memory. */
  get bytes(): number {
    return this.#bytes
  }

  /** @returns false when there is no room; nothing was kept then */
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

  /** Ends the count of so many entries that were taken, and their bytes: they are written, or lost. */
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
