import { createHash } from 'node:crypto'
import fs from 'node:fs/promises'
import path from 'node:path'
import {
  type ArchiveManifest,
  manifestName,
  manifestText,
  parseManifest,
} from './archive-manifest.ts'
import { archiveFailed } from './files/archive-fault.ts'
import type { LocalFile } from './files/ndjson-file.ts'
import type { ArchiveStore, StoredFile } from './stores/store.ts'

/**
 * Stores a file and then its manifest: what has a manifest is whole. What an earlier run has stored is
 * compared and stays.
 *
 * @throws {AuditError} `AUDIT_ARCHIVE_FAILED` where another file lies there, or the store does not
 * hold what it was given
 */
export async function storeWithManifest(
  store: ArchiveStore,
  name: string,
  { file, manifest }: { readonly file: LocalFile; readonly manifest: ArchiveManifest },
): Promise<StoredFile> {
  const there = await storedManifest(store, manifestName(name))
  if (there !== undefined) return await sameThere(store, name, { there, manifest })
  const stored = await storeOne(store, name, file)
  const text = manifestText(manifest)
  const local = `${file.path}.manifest`
  await fs.writeFile(local, text, { mode: 0o600 })
  const sha256 = createHash('sha256').update(text).digest('hex')
  try {
    await storeOne(store, manifestName(name), {
      path: local,
      sha256,
      bytes: Buffer.byteLength(text),
    })
  } finally {
    await fs.rm(local, { force: true })
  }
  return stored
}

/** What an earlier run has stored: kept where it holds the same entries. */
async function sameThere(
  store: ArchiveStore,
  name: string,
  { there, manifest }: { readonly there: ArchiveManifest; readonly manifest: ArchiveManifest },
): Promise<StoredFile> {
  const stored = await store.look(name)
  const isSame =
    there.archive.digest === manifest.archive.digest &&
    there.rows === manifest.rows &&
    stored?.sha256 === there.sha256 &&
    stored.bytes === there.bytes
  if (isSame && stored) return stored
  throw archiveFailed(
    `${store.urlOf(name)} is not the file that was archived there, or holds other ` +
      'entries. It is not replaced: look at it, and take it away if it may go.',
  )
}

async function storedManifest(
  store: ArchiveStore,
  name: string,
): Promise<ArchiveManifest | undefined> {
  const local = path.join(await store.workFolder(), `manifest.${process.pid}`)
  try {
    if (!(await store.bring(name, local))) return undefined
    return parseManifest(await fs.readFile(local, 'utf8'), store.urlOf(name))
  } finally {
    await fs.rm(local, { force: true })
  }
}

/** Stores one file and reads back what the store holds. Another file is never replaced. */
export async function storeOne(
  store: ArchiveStore,
  name: string,
  file: LocalFile,
): Promise<StoredFile> {
  const isEqual = (one: { sha256: string; bytes: number }) =>
    one.sha256 === file.sha256 && one.bytes === file.bytes
  const there = await store.look(name)
  if (there === undefined) await store.put(name, file)
  else if (!isEqual(there)) {
    throw archiveFailed(
      `${store.urlOf(name)} is another file. It is not replaced: look at it, and take it ` +
        'away if it may go.',
    )
  }
  const stored = there ?? (await store.look(name))
  if (stored && isEqual(stored)) return stored
  throw archiveFailed(
    `${store.urlOf(name)} is not what was stored: ` +
      (stored ? `${stored.bytes} bytes, sha256 ${stored.sha256}.` : 'there is no such file.'),
  )
}
