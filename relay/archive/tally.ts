import type { ExportManifest } from '../../src/export/manifest.ts'
import type { ExportRow } from '../../src/export/rows.ts'
import { ContentDigest } from './files/content-digest.ts'

const MAX_LISTED = 1_000

/** What is counted of the entries of a file: what its manifest says of them. */
export class ArchiveTally {
  readonly #digest = new ContentDigest()
  readonly #missing: [number, number][] = []
  rows = 0
  /** Of the lines, before they are compressed. */
  characters = 0
  firstSeq = 0
  lastSeq = 0
  #firstTime: string | null = null
  #lastTime: string | null = null

  add(row: ExportRow, line: string): void {
    const { seq, occurredAt } = row
    if (this.rows === 0) this.firstSeq = seq
    else if (seq > this.lastSeq + 1 && this.#missing.length < MAX_LISTED) {
      this.#missing.push([this.lastSeq + 1, seq - 1])
    }
    this.lastSeq = seq
    this.rows += 1
    this.characters += line.length
    this.#digest.add(line)
    // ISO 8601 in one zone: as text it compares as time.
    if (this.#firstTime === null || occurredAt < this.#firstTime) this.#firstTime = occurredAt
    if (this.#lastTime === null || occurredAt > this.#lastTime) this.#lastTime = occurredAt
  }

  get digest(): string {
    return this.#digest.hex()
  }

  /** In the words of an export's manifest. The numbers between its own belong to other entries. */
  counted(): Pick<
    ExportManifest,
    'rows' | 'firstSeq' | 'lastSeq' | 'firstTime' | 'lastTime' | 'missingSeqs' | 'throughSeq'
  > {
    return {
      ...{ rows: this.rows, firstSeq: this.firstSeq, lastSeq: this.lastSeq },
      ...{ firstTime: this.#firstTime, lastTime: this.#lastTime, missingSeqs: this.#missing },
      throughSeq: this.lastSeq,
    }
  }
}
