import type { AuditLogger } from '../../../src/logger.ts'
import {
  databaseUrlFor,
  RELAY_LIMITS,
  type RelayLimits,
  resolveLimits,
  VERIFY_LIMITS,
} from '../../../src/options.ts'
import { printPolicy } from '../../../src/seal/policy.ts'
import type { Environment } from '../../config.ts'
import { knownPolicy } from '../known-policy.ts'
import { fileMemory } from '../memory.ts'
import { readPolicy, stateDirOf } from '../seal-environment.ts'
import { readSealKeys } from '../seal-keys.ts'
import { ScheduledVerify, type ScheduledVerifyOptions } from './scheduled-verify.ts'

/** Entries that wait for so many times as long as the sealer lets them, at least a minute, are late. */
const LATE_TIMES = 6
const LATE_MS = 60_000

/**
 * The runs of verify that the environment asks for. Undefined where it names no seal key, where they
 * are turned off, or where no login is known that reads the log.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 */
export async function openScheduledVerify(
  environment: Environment,
  logger: AuditLogger,
  told: Pick<ScheduledVerifyOptions, 'onRun' | 'onRemembered'> = {},
): Promise<ScheduledVerify | undefined> {
  const { verifyEveryMs: everyMs } = resolveLimits<keyof typeof VERIFY_LIMITS>(
    VERIFY_LIMITS,
    {},
    environment,
  )
  const { sealMaxLagMs, statementTimeoutMs } = resolveLimits<keyof RelayLimits>(
    RELAY_LIMITS,
    {},
    environment,
  )
  const keys = await readSealKeys(environment)
  const stateDir = stateDirOf(environment)
  if (keys === undefined || stateDir === undefined || everyMs === 0) return undefined
  const readerUrl = databaseUrlFor('reader', undefined, environment)
  const relayUrl = databaseUrlFor('relay', undefined, environment)
  if (readerUrl === undefined || relayUrl === undefined) {
    logger.warn(
      { hint: 'Set AUDIT_READER_DATABASE_URL to a login with audit_reader.' },
      'the log is sealed, and this relay does not verify it',
    )
    return undefined
  }
  const memory = fileMemory(stateDir)
  const given = await readPolicy(environment)
  return new ScheduledVerify({
    ...{ readerUrl, relayUrl, stateDir, everyMs, statementTimeoutMs, logger, ...told },
    maxLagMs: Math.max(LATE_MS, LATE_TIMES * sealMaxLagMs),
    policy: async () => printPolicy(knownPolicy(keys, await memory.load(), given)),
  })
}
