import { AuditError } from '../errors.ts'

/** The last migration of each version of the schema, from version 1 on. */
export const LAST_MIGRATIONS: readonly string[] = ['0003_roles']

/** The version of the schema that this package's own migrations make. */
export const SCHEMA_VERSION = 1

/**
 * The oldest schema that this package's relay works on. Where possible it is the one before its
 * own.
 */
export const OLDEST_SCHEMA_VERSION = 1

/** What a database says about its schema. */
export interface FoundSchema {
  readonly version: number
  /** The oldest package that still works on it. */
  readonly minReaderVersion: number
}

/** What a package says about itself. */
export interface KnownSchema {
  readonly version: number
  readonly oldestVersion: number
}

/**
 * Says why a package must not work on a database, and what to do about it. Undefined where it may.
 * During a deployment an older package runs on the newer schema, or a newer one on the older
 * schema. Each version says whether it can.
 */
export function schemaMisfit(
  found: FoundSchema,
  known: KnownSchema = { version: SCHEMA_VERSION, oldestVersion: OLDEST_SCHEMA_VERSION },
): string | undefined {
  if (found.minReaderVersion > known.version) {
    return (
      `The schema (version ${found.version}) is too new: it needs a package of version ` +
      `${found.minReaderVersion}, and this one is of version ${known.version}. ` +
      'Deploy the newer package.'
    )
  }
  if (found.version < known.oldestVersion) {
    return (
      `The schema (version ${found.version}) is too old: this package needs version ` +
      `${known.oldestVersion}. Run "audit-relay migrate".`
    )
  }
  return undefined
}

/** @throws {AuditError} `AUDIT_SCHEMA_MISMATCH` */
export function refuseMisfit(found: FoundSchema): void {
  const misfit = schemaMisfit(found)
  if (misfit) throw new AuditError('AUDIT_SCHEMA_MISMATCH', misfit)
}
