import type { ExportManifest } from '../../src/export/manifest.ts'
import { archiveFailed } from './files/archive-fault.ts'
import { ARCHIVE_FORMATS, type ArchiveFormat } from './files/archive-format.ts'

/**
 * What an archived file says about itself, in a file next to it. That of an NDJSON file is the
 * manifest of an export as well, so that `audit-relay verify-export` reads it, too.
 */
export interface ArchiveManifest extends Omit<ExportManifest, 'format' | 'file'> {
  readonly file: string
  readonly format: ArchiveFormat
  readonly archive: {
    readonly partition: string
    /** The bounds of the partition; null where the database knew none. */
    readonly fromId: string | null
    readonly toId: string | null
    /** Of the entries: see `ContentDigest`. */
    readonly digest: string
    readonly schemaVersion: number
  }
}

export function manifestName(name: string): string {
  return `${name}.manifest.json`
}

export function manifestText(manifest: ArchiveManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`
}

/** @throws {AuditError} `AUDIT_ARCHIVE_FAILED` where it is none */
export function parseManifest(text: string, from: string): ArchiveManifest {
  try {
    const manifest = JSON.parse(text) as ArchiveManifest
    const { version, format, archive, file, rows, sha256, bytes } = manifest
    const isOurs =
      version === 1 &&
      ARCHIVE_FORMATS.includes(format) &&
      /^[\w-]+(?:\.[\w-]+)*$/.test(file) &&
      /^\w{1,63}$/.test(archive.partition) &&
      [sha256, archive.digest].every((hash) => /^[0-9a-f]{64}$/.test(hash)) &&
      [rows, bytes].every(Number.isSafeInteger)
    if (isOurs) return manifest
  } catch {
    // No JSON, or something is missing: said below.
  }
  throw archiveFailed(`${from} is not the manifest of an archive.`)
}
