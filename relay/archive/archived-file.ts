import { existsSync } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { optionInvalid } from '../../src/errors.ts'
import type { Environment } from '../config.ts'
import { archiveFailed } from './files/archive-fault.ts'
import { type ArchiveManifest, manifestName, parseManifest } from './archive-manifest.ts'
import { readArchiveUrl } from './archive-options.ts'
import { openStore } from './stores/open-store.ts'

/** An archived file and its manifest, on this machine. */
export interface LocalArchive {
  /** Where it was found. */
  readonly url: string
  readonly path: string
  readonly manifest: ArchiveManifest
}

/**
 * Gives `use` an archived file with its manifest. A file of a bucket is brought to this machine and
 * taken away afterwards; one of a folder is read where it lies.
 *
 * @param from a path, `file://…` or `s3://…`, of the file or of its manifest
 * @throws {AuditError} `AUDIT_ARCHIVE_FAILED` where it or its manifest is not there
 */
export async function withArchive<T>(
  from: string,
  environment: Environment,
  use: (archive: LocalArchive) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const url = fileUrlOf(from)
  const place = { url: new URL('./', url), keepMs: undefined, legalHold: false }
  const store = openStore(place, environment, signal)
  const name = decodeURIComponent(path.posix.basename(url.pathname))
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'audit-archive-'))
  try {
    const local = path.join(folder, 'manifest')
    if (!(await store.bring(manifestName(name), local))) {
      if (url.protocol === 'file:' && !existsSync(decodeURIComponent(url.pathname))) {
        throw archiveFailed(`${url.href} does not exist.`)
      }
      throw archiveFailed(`${url.href} has no manifest next to it, ${manifestName(name)}.`)
    }
    const manifest = parseManifest(await fs.readFile(local, 'utf8'), manifestName(url.href))
    if (url.protocol === 'file:') {
      return await use({ url: url.href, path: decodeURIComponent(url.pathname), manifest })
    }
    const file = path.join(folder, 'file')
    if (!(await store.bring(name, file))) throw archiveFailed(`${url.href} does not exist.`)
    return await use({ url: url.href, path: file, manifest })
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

/** @throws {AuditError} `AUDIT_OPTION_INVALID` where the text names no file */
function fileUrlOf(from: string): URL {
  const text = /^(?:file|s3):\/\//.test(from) ? from : pathToFileURL(path.resolve(from)).href
  const url = readArchiveUrl('An archived file', text.replace(/\.manifest\.json$/, ''))
  if (url.pathname.endsWith('/')) throw optionInvalid(`${from} is a folder: name a file in it.`)
  return url
}

/** The archived files below a folder, by the manifests that lie there. A path of a file is itself. */
export async function archivesBelow(from: string): Promise<readonly string[]> {
  if (/^s3:\/\//.test(from)) return [from]
  const local = from.startsWith('file://') ? decodeURIComponent(new URL(from).pathname) : from
  const stat = await fs.stat(local).catch(() => undefined)
  if (!stat?.isDirectory()) return [from]
  const names = await fs.readdir(local, { recursive: true })
  return names
    .filter((name) => name.endsWith('.manifest.json'))
    .map((name) => path.join(local, name.replace(/\.manifest\.json$/, '')))
    .sort()
}
