import { filterInvalid } from '../errors.ts'
import fs from 'node:fs/promises'
import path from 'node:path'

import type { AuditDatabase } from '../database/callers-database.ts'
import { idKindOf } from '../read/bound-filter.ts'
import { checkLetters } from './about/letters.ts'
import { type LettersFile, writeLetters } from './about/letters-file.ts'
import type { ExportManifest } from './manifest.ts'
import { type ManifestProof, proveFile } from './sealed/prove-file.ts'
import { tileReader } from './sealed/sealed-tree.ts'
import { namesOf, PartFile } from './part.ts'
import {
  beginExport,
  describeExport,
  type ExportState,
  type WriteOptions,
  writePages,
} from './write.ts'

export interface ExportToFileOptions extends WriteOptions {
  /** The file to make. Its manifest is `<out>.manifest.json`. */
  readonly out: string
  /** Replace what is there, finished or not. @default false */
  readonly force?: boolean | undefined
  /** Go on with the unfinished export of that name; what it was begun with holds. @default false */
  readonly resume?: boolean | undefined
  /**
   * For an export about a user: where its dead letters are looked through, as a login that may read
   * them (`audit_relay`). They go to `<out>.letters.ndjson`. Default: they are left out.
   */
  readonly letters?: AuditDatabase | undefined
}

/**
 * Writes the log, or a part of it, into a file, with a manifest next to it.
 *
 * Until it is whole the file has another name (`<out>.part`). An export that ends before that
 * leaves the part and its position, and `resume` goes on from there. The range stays the one of the
 * first call.
 *
 * @throws {AuditError} `AUDIT_FILTER_INVALID` for wrong options and where a file is in the way; as
 * `exportLog` otherwise. The signal's own reason where it was aborted
 */
export async function exportToFile(
  db: AuditDatabase,
  options: ExportToFileOptions,
): Promise<ExportManifest> {
  const { out, force = false, resume = false, letters } = options
  const { letters: lettersFile, ...names } = namesOf(out)
  // A resumed export may have written its dead letters already; it writes them again.
  const inTheWay = [names.out, names.manifest, ...(resume ? [] : [lettersFile, names.proof])]
  await refuseToReplace(inTheWay, force)
  if (letters !== undefined) await checkLetters(letters)
  const part = resume
    ? await PartFile.resume(out)
    : await PartFile.begin(out, await beginExport(db, options), { force })
  try {
    await writePages(db, part.state, part, options)
    const proof = await proofOf(db, part.state, options)
    const written = {
      proof,
      file: path.basename(out),
      sha256: part.sha256(),
      letters: await lettersOf(db, part.state, options),
    }
    const manifest = await describeExport(db, part.state, written)
    await part.finish(manifest)
    // Those of the export that it replaced.
    if (force && written.letters === null) await fs.rm(lettersFile, { force: true })
    if (force && (!proof || proof.list)) await fs.rm(names.proof, { force: true })
    return manifest
  } catch (error) {
    await part.leave().catch(() => {}) // the disk may be what failed
    throw error
  }
}

/** The dead letters that name the user, in a file of their own, where they were asked for. */
async function lettersOf(
  db: AuditDatabase,
  { request, tally, bytes }: ExportState,
  { letters, out, signal, onProgress }: ExportToFileOptions,
): Promise<LettersFile | null> {
  if (request.about === undefined || letters === undefined) return null
  return await writeLetters({
    db: letters,
    about: request.about,
    ids: await idKindOf(db),
    out: namesOf(out).letters,
    onProgress: () => onProgress?.({ rows: tally.rows, bytes, share: 1 }),
    signal,
  })
}

/** The proof of the finished part, where proofs were asked for. It reads what lies on the disk. */
async function proofOf(
  db: AuditDatabase,
  { request, sealed, bytes }: ExportState,
  { out, signal = new AbortController().signal, onProgress }: ExportToFileOptions,
): Promise<ManifestProof | undefined> {
  if (sealed === undefined) return undefined
  const tree = { ...sealed, root: Buffer.from(sealed.root, 'base64') }
  const { part, proof } = namesOf(out)
  return await proveFile({
    file: part,
    gzip: request.gzip,
    proofFile: proof,
    tree,
    read: tileReader(db, tree),
    signal,
    onProgress: ({ rows }) => onProgress?.({ rows, bytes, share: 1 }),
  })
}

/** A folder is never replaced. */
async function refuseToReplace(names: readonly string[], force: boolean): Promise<void> {
  for (const name of names) {
    const found = await fs.stat(name).catch(() => undefined)
    if (found?.isDirectory()) throw filterInvalid(`${name} is a folder: name a file in it.`)
    if (found && !force) {
      throw filterInvalid(`${name} is there already: choose another name, or set "force".`)
    }
  }
}
