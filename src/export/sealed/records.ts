/** What is kept of a record, in bytes: enough to find its number. */
const HEAD_BYTES = 64
const LINE_FEED = 10
const QUOTE = 34

/**
 * Cuts a stream into records at line feeds; with quotes, at those that are not inside them. Keeps
 * the beginning of a record only, so that memory does not depend on its size.
 */
export class RecordSplitter {
  readonly #hasQuotes: boolean
  readonly #onRecord: (head: string, isEnded: boolean) => void
  readonly #head = Buffer.alloc(HEAD_BYTES)
  #length = 0
  #isQuoted = false

  /** @param onRecord `isEnded` is false for what no line feed follows at the end of the stream */
  constructor(hasQuotes: boolean, onRecord: (head: string, isEnded: boolean) => void) {
    this.#hasQuotes = hasQuotes
    this.#onRecord = onRecord
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0
      if (byte === LINE_FEED && !this.#isQuoted) {
        this.#emit(true)
        continue
      }
      // A doubled quote turns it off and on again.
      if (byte === QUOTE && this.#hasQuotes) this.#isQuoted = !this.#isQuoted
      if (this.#length < HEAD_BYTES) this.#head[this.#length] = byte
      this.#length += 1
    }
  }

  end(): void {
    if (this.#length > 0) this.#emit(false)
  }

  #emit(isEnded: boolean): void {
    this.#onRecord(this.#head.toString('latin1', 0, Math.min(this.#length, HEAD_BYTES)), isEnded)
    this.#length = 0
  }
}
