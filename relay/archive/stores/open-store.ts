import type { Environment } from '../../config.ts'
import { FileStore } from './file-store.ts'
import { readS3Settings } from './s3-settings.ts'
import { S3Store } from './s3-store.ts'
import type { ArchiveStore, StorePlace } from './store.ts'

/** @throws {AuditError} `AUDIT_OPTION_INVALID` where S3 has no key */
export function openStore(
  { url, keepMs, legalHold }: StorePlace,
  environment: Environment,
  signal?: AbortSignal,
): ArchiveStore {
  if (url.protocol === 'file:') return new FileStore(url)
  return new S3Store(url, { settings: readS3Settings(environment), keepMs, legalHold, signal })
}
