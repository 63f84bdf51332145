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
  /**
   * A folder in which the relay remembers the last entry of the log, so that it notices a restore
   * that happens while it is stopped. Default: `AUDIT_STATE_DIR`, else it remembers it in memory.
   */
  readonly stateDir?: string | undefined
  /** Default: pino's own. */
  readonly logger?: AuditLogger | undefined
}

/** @throws {AuditError} `AUDIT_OPTION_INVALID`, naming every option that is wrong */
export function resolveRelayOptions(options: RelayOptions): {
  readonly limits: RelayLimits
  readonly url: string
  readonly stateDir: string | undefined
} {
  refuseUnknownOptions(options, [...Object.keys(RELAY_LIMITS), 'databaseUrl', 'logger', 'stateDir'])
  const limits = resolveLimits<keyof RelayLimits>(RELAY_LIMITS, options, process.env)
  const url = databaseUrlFor('relay', options.databaseUrl, process.env)
  const stateDir = options.stateDir ?? (process.env['AUDIT_STATE_DIR']?.trim() || undefined)
  if (url !== undefined) return { limits, url, stateDir }
  throw new AuditError(
    'AUDIT_OPTION_INVALID',
    'No database: set AUDIT_RELAY_DATABASE_URL or DATABASE_URL.',
  )
}
