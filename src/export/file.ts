import { filterInvalid } from '../errors.ts'
import fs from 'node:fs/promises'
import path from 'node:path'

import type { AuditDatabase } from '../database/callers-database.ts'
import type { ExportManifest } from './manifest.ts'
import { namesOf, PartFile } from './part.ts'
import { beginExport, describeExport, type WriteOptions, writePages } from './write.ts'

export interface ExportToFileOptions extends WriteOptions {
  /** The file to make. Its manifest is `<out>.manifest.json`. */
  readonly out: string
  /** Replace what is there, finished or not. @default false */
  readonly force?: boolean | undefined
  /** Go on with the unfinished export of that name; what it was begun with holds. @default false */
  readonly resume?: boolean | undefined
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
  const { out, force = false, resume = false } = options
  if (!force) await refuseToReplace(out)
  const part = resume
    ? await PartFile.resume(out)
    : await PartFile.begin(out, await beginExport(db, options), { force })
  try {
    await writePages(db, part.state, part, options)
    const written = { file: path.basename(out), sha256: part.sha256() }
    const manifest = await describeExport(db, part.state, written)
    await part.finish(manifest)
    return manifest
  } catch (error) {
    await part.leave().catch(() => {}) // the disk may be what failed
    throw error
  }
}

async function refuseToReplace(out: string): Promise<void> {
  const names = namesOf(out)
  for (const name of [names.out, names.manifest]) {
    const isThere = await fs.stat(name).then(
      () => true,
      () => false,
    )
    if (isThere) throw filterInvalid(`${name} is there already: choose another name, or force.`)
  }
}
