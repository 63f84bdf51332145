import type { AuditDatabase } from '../database/callers-database.ts'
import { filterInvalid } from '../errors.ts'
import { checkFilter } from '../read/filter.ts'
import { leafHash, readLeaf } from '../seal/leaf.ts'
import { altered, unproved } from '../seal/not-proved.ts'
import { printProof, splitSeal } from '../seal/proof.ts'
import { inclusionPath, type ReadTile } from '../seal/tiles.ts'
import { verifyInclusion } from '../seal/tree.ts'
import { formatWriter } from './formats.ts'
import { readPages } from './pages.ts'
import { readSealedTree, type SealedTree, tileReader } from './sealed/sealed-tree.ts'

/** An entry with what proves it to somebody who has a policy and nothing else. */
export interface ProvedEntry {
  readonly seq: number
  /** Its line, which ends in `"seal":{…}}`, with its line feed. */
  readonly line: string
  /** The text of its `.tlog-proof` file. */
  readonly proof: string
}

/** What entries are proved by. Entries below one checkpoint share it. */
interface Sealed {
  readonly tree: SealedTree
  readonly read: ReadTile
}

/**
 * Proves one entry of the log. The proof is checked before it is returned, but for the signature,
 * which only a policy can judge.
 *
 * @param db a login with the rights of `audit_reader`
 * @throws {AuditError} `AUDIT_NOT_PROVED`, whose `kind` is `unproved` where the entry is not in the
 * log or is not sealed, and `altered` where it is not what was sealed. `AUDIT_FILTER_INVALID` where
 * `seq` is no number of an entry, and as `exportLog`
 */
export async function proveEntry(db: AuditDatabase, seq: number): Promise<ProvedEntry> {
  for await (const entry of proveEntries(db, [seq])) return entry
  throw new TypeError('an entry is proved or refused')
}

/** Proves entries, in the given order. @throws {AuditError} as `proveEntry`, at the first that is not proved */
export async function* proveEntries(
  db: AuditDatabase,
  seqs: readonly number[],
): AsyncGenerator<ProvedEntry, void, undefined> {
  for (const seq of seqs) {
    if (!Number.isSafeInteger(seq) || seq < 1) {
      throw filterInvalid(`seq must be a whole number from 1 on, got ${String(seq).slice(0, 40)}.`)
    }
  }
  let sealed: Sealed | undefined
  for (const seq of seqs) {
    if (sealed === undefined || !isBelow(sealed.tree, seq)) {
      const tree = await readSealedTree(db, seq)
      sealed = { tree, read: tileReader(db, tree) }
    }
    yield await prove(db, seq, sealed)
  }
}

function isBelow({ firstSeq, size }: SealedTree, seq: number): boolean {
  return seq >= firstSeq && seq - firstSeq < size
}

async function prove(db: AuditDatabase, seq: number, { tree, read }: Sealed): Promise<ProvedEntry> {
  const line = await sealedLineOf(db, seq)
  if (line === undefined) throw unproved(`Entry ${seq} is not in the log.`)
  if (!line.includes(',"seal":')) {
    throw unproved(`Nothing opens the leaf of entry ${seq} any more: its salt is gone.`)
  }
  const { body, opening } = splitSeal(line)
  const leaf = leafHash(readLeaf(body, opening).text)
  const { name, firstSeq, size, root, note } = tree
  const index = seq - firstSeq
  const path = await inclusionPath(index, size, read)
  if (!verifyInclusion({ leaf, index, size, path, root })) {
    throw altered(
      `Entry ${seq} is not what ${name} sealed, or the seal's tiles are damaged: ` +
        '"audit-relay verify" tells which.',
    )
  }
  return { seq, line: `${line}\n`, proof: printProof({ index, path, note }) }
}

/** The entry's line with its seal, without line feed. */
async function sealedLineOf(db: AuditDatabase, seq: number): Promise<string | undefined> {
  const writer = formatWriter({ format: 'ndjson', source: '', proofs: true })
  const pages = readPages(db, {
    filter: checkFilter({}),
    about: undefined,
    proofs: true,
    range: { firstSeq: seq, lastSeq: seq },
    writer,
    signal: new AbortController().signal,
    onFailure: () => {},
  })
  let text = ''
  for await (const page of pages) text += page.text
  return text === '' ? undefined : text.slice(0, -1)
}
