import { createHash } from 'node:crypto'

/**
 * The content digest of entries: a chain of SHA-256 over their lines of NDJSON, in the order of
 * (seq, id). It is what `audit.archive_digest` computes from the rows of the log, so an archive and
 * the log are equal where their digests are: the same entries, in the same order, with every column.
 */
export class ContentDigest {
  #chain: Uint8Array = new Uint8Array()

  /** @param line with the line feed that ends it */
  add(line: string | Uint8Array): void {
    this.#chain = createHash('sha256').update(this.#chain).update(line).digest()
  }

  hex(): string {
    return Buffer.from(this.#chain).toString('hex')
  }
}
