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
    if (this.#hasQuotes) this.#pushQuoted(chunk)
    else this.#pushLines(chunk)
  }

  #pushLines(chunk: Buffer): void {
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
      this.#add(chunk, from, end)
      this.#emit(true)
      from = end + 1
    }
    this.#add(chunk, from, chunk.length)
  }

  #pushQuoted(chunk: Buffer): void {
    let from = 0
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at]
      // A doubled quote turns it off and on again.
      if (byte === QUOTE) this.#isQuoted = !this.#isQuoted
      if (byte !== LINE_FEED || this.#isQuoted) continue
      this.#add(chunk, from, at)
      this.#emit(true)
      from = at + 1
    }
    this.#add(chunk, from, chunk.length)
  }

  #add(chunk: Buffer, from: number, end: number): void {
    if (this.#length < HEAD_BYTES) chunk.copy(this.#head, this.#length, from, end)
    this.#length += end - from
  }

  end(): void {
    if (this.#length > 0) this.#emit(false)
  }

  #emit(isEnded: boolean): void {
    this.#onRecord(this.#head.toString('latin1', 0, Math.min(this.#length, HEAD_BYTES)), isEnded)
    this.#length = 0
  }
}
