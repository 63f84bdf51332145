import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { fileCode, fileWords } from '../../src/file-fault.ts'
import { isArchiveFault } from './files/archive-fault.ts'
import type { LocalArchive } from './archived-file.ts'
import { ContentDigest } from './files/content-digest.ts'
import { fileMaker } from './files/file-maker.ts'
import type { NotedArchive } from './noted-archives.ts'

/**
 * Compares an archived file with its manifest, and with what the database noted of it: the bytes by
 * their hash, and its entries by their number, their order and the content digest.
 *
 * The manifest is not signed. Who can change both files can make them fit each other, but not the
 * database's note.
 *
 * @returns what is wrong, a sentence each
 */
export async function verifyArchive(
  { path, manifest }: LocalArchive,
  noted?: NotedArchive,
  onRows: (rows: number) => void = () => {},
): Promise<readonly string[]> {
  const problems: string[] = []
  try {
    const { sha256, bytes } = await hashOf(path)
    if (bytes !== manifest.bytes) {
      problems.push(`It has ${bytes} bytes; ${manifest.bytes} were written.`)
    }
    if (sha256 !== manifest.sha256) {
      problems.push('Its SHA-256 is another one: it is not the file that was written.')
    }
    problems.push(...(await entryProblems(path, manifest, onRows)))
  } catch (error) {
    const code = fileCode(error)
    if (code !== undefined) problems.push(`It ${fileWords(code)}.`)
    else if (isArchiveFault(error)) problems.push(error.message)
    else throw error
  }
  if (noted === undefined) return problems
  const { archive, sha256, bytes, rows } = manifest
  const differs = [
    ['content digest', archive.digest, noted.digest],
    ['number of entries', rows, noted.rows],
    ['SHA-256', sha256, noted.sha256],
    ['length', bytes, noted.bytes],
    ['partition', archive.partition, noted.partition],
  ].filter(([, told, known]) => told !== known)
  for (const [what] of differs) {
    problems.push(`Its manifest has another ${what} than the database noted.`)
  }
  return problems
}

export async function hashOf(path: string) {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { sha256: hash.digest('hex'), bytes }
}

/** How often the count of entries is told. */
const TOLD_EVERY_ROWS = 10_000

async function entryProblems(
  path: string,
  { format, rows, firstSeq, lastSeq, archive }: LocalArchive['manifest'],
  onRows: (rows: number) => void,
): Promise<readonly string[]> {
  const digest = new ContentDigest()
  const problems: string[] = []
  const seqs: { first: number | null; last: number | null } = { first: null, last: null }
  let found = 0
  let backwards = 0
  for await (const line of fileMaker(format).linesOf(path)) {
    digest.add(line)
    const seq = seqOf(line)
    if (seq === undefined || (seqs.last !== null && seq < seqs.last)) backwards += 1
    seqs.first ??= seq ?? null
    seqs.last = seq ?? seqs.last
    found += 1
    if (found % TOLD_EVERY_ROWS === 0) onRows(found)
  }
  if (found !== rows) problems.push(`It has ${found} entries; ${rows} were written.`)
  if (backwards > 0)
    problems.push(`${backwards} entries are out of order or do not begin as written.`)
  if (seqs.first !== firstSeq || seqs.last !== lastSeq) {
    problems.push(
      `Its entries are seq ${seqs.first} to ${seqs.last}, not ${firstSeq} to ${lastSeq}.`,
    )
  }
  if (digest.hex() !== archive.digest) {
    problems.push(
      'Its content digest is another one: its entries are not those that were archived.',
    )
  }
  return problems
}

/** The number with which a line begins. */
function seqOf(line: string | Uint8Array): number | undefined {
  const head =
    typeof line === 'string'
      ? line.slice(0, 40)
      : Buffer.from(line.subarray(0, 40)).toString('latin1')
  const [, seq] = /^\{"seq":(-?\d+),/.exec(head) ?? []
  return seq === undefined ? undefined : Number(seq)
}
