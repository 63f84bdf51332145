import { AuditError } from '../../src/errors.ts'
import type { AuditLogger } from '../../src/logger.ts'
import {
  databaseUrlFor,
  RELAY_LIMITS,
  type RelayLimits,
  refuseUnknownOptions,
  resolveLimits,
} from '../../src/options.ts'

export interface RelayOptions extends Partial<RelayLimits> {
  /**
   * A `postgres://` URL of a login that was granted `audit_relay`.
   * Default: `AUDIT_RELAY_DATABASE_URL`, else `DATABASE_URL`.
   */
  readonly databaseUrl?: string | undefined
  /** Default: pino's own. */
  readonly logger?: AuditLogger | undefined
}

/** @throws {AuditError} `AUDIT_OPTION_INVALID`, naming every option that is wrong */
export function resolveRelayOptions(options: RelayOptions): { limits: RelayLimits; url: string } {
  refuseUnknownOptions(options, [...Object.keys(RELAY_LIMITS), 'databaseUrl', 'logger'])
  const limits = resolveLimits<keyof RelayLimits>(RELAY_LIMITS, options, process.env)
  const url = databaseUrlFor('relay', options.databaseUrl, process.env)
  if (url !== undefined) return { limits, url }
  throw new AuditError(
    'AUDIT_OPTION_INVALID',
    'No database: set AUDIT_RELAY_DATABASE_URL or DATABASE_URL.',
  )
}
