import { AuditError } from '../../src/errors.ts'
import type { AuditLogger } from '../../src/logger.ts'
import {
  databaseUrlFor,
  type PartitionWidth,
  RELAY_LIMITS,
  type RelayLimits,
  refuseUnknownOptions,
  resolveLimits,
  resolvePartitionWidth,
} from '../../src/options.ts'
import { type ResolvedSeal, resolveSealOptions, type SealOptions } from '../seal/seal-options.ts'

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
  /**
   * How wide the partitions are that it makes. `auto` goes by the rate of entries.
   * Default: `AUDIT_PARTITION_WIDTH`, else `auto`.
   */
  readonly partitionWidth?: PartitionWidth | undefined
  /** How the log is sealed. It needs a `stateDir`. Default: it is not sealed. */
  readonly seal?: SealOptions | undefined
  /** Default: pino's own. */
  readonly logger?: AuditLogger | undefined
}

/** @throws {AuditError} `AUDIT_OPTION_INVALID`, naming every option that is wrong */
export function resolveRelayOptions(options: RelayOptions): {
  readonly limits: RelayLimits
  readonly url: string
  readonly stateDir: string | undefined
  readonly partitionWidth: PartitionWidth
  readonly seal: ResolvedSeal | undefined
} {
  const others = ['databaseUrl', 'logger', 'stateDir', 'partitionWidth', 'seal']
  refuseUnknownOptions(options, [...Object.keys(RELAY_LIMITS), ...others])
  const limits = resolveLimits<keyof RelayLimits>(RELAY_LIMITS, options, process.env)
  const partitionWidth = resolvePartitionWidth(options.partitionWidth, process.env)
  const url = databaseUrlFor('relay', options.databaseUrl, process.env)
  const stateDir = options.stateDir ?? (process.env['AUDIT_STATE_DIR']?.trim() || undefined)
  const seal = options.seal && resolveSealOptions(options.seal, stateDir)
  if (url !== undefined) return { limits, url, stateDir, partitionWidth, seal }
  throw new AuditError(
    'AUDIT_OPTION_INVALID',
    'No database: set AUDIT_RELAY_DATABASE_URL or DATABASE_URL.',
  )
}
