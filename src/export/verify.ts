import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import fs from 'node:fs/promises'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { optionInvalid } from '../errors.ts'
import { fileCode, fileWords } from '../file-fault.ts'
import { lettersProblems } from './about/letters-file.ts'
import { FORMAT_READERS, type FormatReader } from './formats.ts'
import type { ExportManifest } from './manifest.ts'
import { namesOf } from './part.ts'
import { NotProvedError } from '../seal/not-proved.ts'
import { RecordSplitter } from './sealed/records.ts'
import { type ProvedFile, verifyFile } from './sealed/verify-file.ts'

export interface VerifyResult {
  readonly manifest: ExportManifest
  /** What is wrong, a sentence each; empty where the file is what was written. */
  readonly problems: readonly string[]
  /** What the policy proves of it. Undefined where it does not, or where no policy was given. */
  readonly proved?: ProvedFile
  /** Why nothing proves it: without this and without problems the policy proves it. */
  readonly unproved?: string
}

export interface VerifyOptions {
  /** @default `<file>.manifest.json` */
  readonly manifest?: string | undefined
  /** The text of a policy file. With it the entries are proved, and not only compared. */
  readonly policy?: string | undefined
}

/**
 * Compares an export with its manifest: the hash tells whether it is the file that was written, its
 * entries tell what has become of it.
 *
 * The manifest is not signed. Somebody who can change both files can make them fit each other.
 * Where that matters, keep its `sha256` elsewhere, or export with proofs and give a policy. Then each
 * entry is proved by the log's signature, and that none is left out between two that follow each other.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where there is no file or no manifest
 */
export async function verifyExport(
  file: string,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const size = await sizeOf(file)
  const manifest = await readManifest(options.manifest ?? namesOf(file).manifest)
  const tally = new RecordTally(FORMAT_READERS[manifest.format])
  const hash = createHash('sha256')
  const hashing = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  const source = createReadStream(file)
  const take = (chunks: AsyncIterable<Buffer>) => tally.read(chunks)
  const problems: string[] = []
  try {
    if (manifest.gzip) await pipeline(source, hashing, createGunzip(), take)
    else await pipeline(source, hashing, take)
  } catch {
    problems.push('It cannot be unpacked to its end: it is damaged or cut off.')
    return { manifest, problems: [...problems, ...sizeProblem(size, manifest)] }
  }
  if (hash.digest('hex') !== manifest.sha256) {
    problems.push('Its SHA-256 is another one: it is not the file that was written.')
  }
  problems.push(...sizeProblem(size, manifest), ...tally.problems(manifest))
  const letters = manifest.about?.letters
  if (letters) problems.push(...(await lettersProblems(file, letters)))
  if (options.policy === undefined) return { manifest, problems }
  return { manifest, ...(await byPolicy(file, { manifest, problems, policy: options.policy })) }
}

interface Compared {
  readonly manifest: ExportManifest
  readonly problems: readonly string[]
  readonly policy: string
}

async function byPolicy(
  file: string,
  { manifest, problems, policy }: Compared,
): Promise<Omit<VerifyResult, 'manifest'>> {
  try {
    const files = { file, proofFile: namesOf(file).proof }
    return { problems, proved: await verifyFile(files, manifest, policy) }
  } catch (error) {
    if (!(error instanceof NotProvedError)) throw error
    if (error.kind === 'unproved') return { problems, unproved: error.message }
    return { problems: [...problems, error.message] }
  }
}

/** First the file is looked for: where it is missing, its manifest mostly is, too. */
async function sizeOf(file: string): Promise<number> {
  try {
    const handle = await fs.open(file, 'r')
    const found = await handle.stat().finally(() => handle.close())
    if (found.isDirectory()) throw optionInvalid(`${file} ${fileWords('EISDIR')}.`)
    return found.size
  } catch (error) {
    const code = fileCode(error)
    throw code === undefined ? error : optionInvalid(`${file} ${fileWords(code)}.`)
  }
}

async function readManifest(path: string): Promise<ExportManifest> {
  let text: string
  try {
    text = await fs.readFile(path, 'utf8')
  } catch (error) {
    const code = fileCode(error)
    if (code === undefined) throw error
    throw optionInvalid(
      `The manifest ${path} ${fileWords(code)}. It is written with the export; ` +
        'where it has another name, give that.',
    )
  }
  try {
    const manifest = JSON.parse(text) as ExportManifest
    const isKnown = manifest.version === 1 || manifest.version === 2
    if (isKnown && manifest.format in FORMAT_READERS) return manifest
  } catch {
    // No JSON: said below.
  }
  throw optionInvalid(`${path} is not the manifest of an export.`)
}

function sizeProblem(size: number, manifest: ExportManifest): readonly string[] {
  if (size === manifest.bytes) return []
  return [`It has ${size} bytes; ${manifest.bytes} were written.`]
}

/** What the entries of a file say of themselves. */
class RecordTally {
  readonly #format: FormatReader
  #records = 0
  #unreadable = 0
  #backwards = 0
  #firstSeq: number | null = null
  #lastSeq: number | null = null
  #isCutOff = false

  constructor(format: FormatReader) {
    this.#format = format
  }

  async read(chunks: AsyncIterable<Buffer>): Promise<void> {
    const { headRecords, hasQuotes, seq: pattern } = this.#format
    const splitter = new RecordSplitter(hasQuotes, (head, isEnded) => {
      this.#records += 1
      if (!isEnded) this.#isCutOff = true
      if (this.#records <= headRecords) return
      const seq = Number(pattern.exec(head)?.[1] ?? Number.NaN)
      if (Number.isNaN(seq)) this.#unreadable += 1
      else this.#add(seq)
    })
    for await (const chunk of chunks) splitter.push(chunk)
    splitter.end()
  }

  #add(seq: number): void {
    this.#firstSeq ??= seq
    if (this.#lastSeq !== null && seq <= this.#lastSeq) this.#backwards += 1
    this.#lastSeq = seq
  }

  problems({ rows, firstSeq, lastSeq }: ExportManifest): readonly string[] {
    const found = Math.max(0, this.#records - this.#format.headRecords)
    const problems: string[] = []
    if (this.#isCutOff) problems.push('Its last entry is cut off.')
    if (found !== rows) problems.push(`It has ${found} entries; ${rows} were written.`)
    if (this.#unreadable > 0) problems.push(`${this.#unreadable} entries do not begin as written.`)
    if (this.#backwards > 0) problems.push(`${this.#backwards} entries are out of order.`)
    if (this.#firstSeq !== firstSeq)
      problems.push(`It begins at seq ${this.#firstSeq}, not ${firstSeq}.`)
    if (this.#lastSeq !== lastSeq) problems.push(`It ends at seq ${this.#lastSeq}, not ${lastSeq}.`)
    return problems
  }
}
