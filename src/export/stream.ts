import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { filterInvalid } from '../errors.ts'
import type { AuditDatabase } from '../database/callers-database.ts'
import type { ExportManifest } from './manifest.ts'
import { beginExport, describeExport, type WriteOptions, writePages } from './write.ts'

/**
 * Writes the log, or a part of it, to a stream, at the pace of its reader. The stream is left
 * open. A reader that goes away ends the export with the stream's error.
 *
 * @returns what a file would have as its manifest
 * @throws {AuditError} as `exportLog`
 */
export async function exportToStream(
  db: AuditDatabase,
  stream: Writable,
  options: WriteOptions = {},
): Promise<ExportManifest> {
  if (options.proofs) throw filterInvalid('proofs need a file: use exportToFile.')
  const state = await beginExport(db, options)
  const hash = createHash('sha256')
  const ignore = () => {} // met by the next write
  stream.on('error', ignore)
  const write = async (bytes: Buffer) => {
    if (stream.errored) throw stream.errored
    hash.update(bytes)
    if (stream.write(bytes)) return
    const { signal } = options
    await once(stream, 'drain', signal ? { signal } : {})
  }
  try {
    await writePages(db, state, { write }, options)
  } finally {
    stream.off('error', ignore)
  }
  return await describeExport(db, state, { file: null, sha256: hash.digest('hex') })
}
