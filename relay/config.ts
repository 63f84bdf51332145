import { AuditError } from '../src/errors.ts'
import {
  type DatabaseRole,
  databaseUrlFor,
  type PartitionWidth,
  RELAY_LIMITS,
  type RelayLimits,
  resolveLimits,
  resolvePartitionWidth,
} from '../src/options.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface RelayConfig {
  readonly databaseUrl: string
  readonly logLevel: LogLevel
  readonly limits: RelayLimits
  readonly partitionWidth: PartitionWidth
}

/**
 * Reads the relay's whole configuration from the environment.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`, with all problems at once, each on its own line
 */
export function readConfig(environment: Environment, role: DatabaseRole): RelayConfig {
  const problems: string[] = []
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      problems.push(error instanceof AuditError ? error.message : String(error))
      return undefined
    }
  }
  const limits = attempt(() => resolveLimits<keyof RelayLimits>(RELAY_LIMITS, {}, environment))
  const partitionWidth = attempt(() => resolvePartitionWidth(undefined, environment))
  const databaseUrl = attempt(() => requireUrl(environment, role))
  const logLevel = attempt(() => readLogLevel(environment['AUDIT_LOG_LEVEL']?.trim() || 'info'))
  if (!limits || !partitionWidth || databaseUrl === undefined || !logLevel) {
    throw new AuditError('AUDIT_OPTION_INVALID', problems.join('\n'))
  }
  return { databaseUrl, logLevel, limits, partitionWidth }
}

/** The limits alone, for what connects as several roles. Throws as {@link readConfig} does. */
export function readLimits(environment: Environment): RelayLimits {
  return resolveLimits<keyof RelayLimits>(RELAY_LIMITS, {}, environment)
}

function requireUrl(environment: Environment, role: DatabaseRole): string {
  const url = databaseUrlFor(role, undefined, environment)
  if (url !== undefined) return url
  const variable = `AUDIT_${role.toUpperCase()}_DATABASE_URL`
  throw new AuditError(
    'AUDIT_OPTION_INVALID',
    `${variable} or DATABASE_URL must be set to a URL such as postgres://login@host:5432/database.`,
  )
}

function readLogLevel(given: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === given)
  if (level) return level
  throw new AuditError(
    'AUDIT_OPTION_INVALID',
    `AUDIT_LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}, got "${given}".`,
  )
}
