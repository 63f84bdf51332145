import { type Logger, pino } from 'pino'
import { AuditError } from '../../../src/errors.ts'
import { type Environment, readConfig } from '../../config.ts'
import { LogSeal } from '../../seal/log-seal.ts'
import { openScheduledVerify } from '../../seal/scheduled/open-verify.ts'
import { readSeal, stateDirOf } from '../../seal/seal-environment.ts'
import { resolveSealOptions } from '../../seal/seal-options.ts'
import type { SealReport } from '../../seal/sealer.ts'
import { isRefusal } from '../../seal/trust.ts'
import { misuse } from '../command/misuse.ts'
import { SealMeter } from './seal-meter.ts'

const DONE = 0
const FAILED = 1
const REFUSED = 3

/** Seals until a signal. The first one ends after the checkpoint in hand, the second one quits. */
export async function runSeal(environment: Environment): Promise<number> {
  const logger = pino({
    name: 'audit-relay seal',
    level: readConfig(environment, 'relay').logLevel,
  })
  const seal = await openSeal(environment, logger)
  const verifying = await openScheduledVerify(environment, logger)
  let signals = 0
  const onSignal = (signal: NodeJS.Signals) => {
    signals += 1
    if (signals > 1) process.exit(signal === 'SIGINT' ? 130 : 143)
    logger.info({ signal }, 'finishing the checkpoint in hand; a second signal quits at once')
    void seal.stop()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return await withRefusal(async () => {
    try {
      void verifying?.start()
      await seal.start({ endsRefused: true })
      return DONE
    } finally {
      await Promise.all([seal.stop(), verifying?.stop()])
    }
  })
}

/** Seals what the log holds now, and publishes it. */
export async function sealOnce(environment: Environment, isJson: boolean): Promise<number> {
  const seal = await openSeal(environment, quietLogger())
  const meter = new SealMeter(process.stderr)
  let isStopped = false
  const stop = () => {
    isStopped = true
    void seal.stop()
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  return await withRefusal(async () => {
    try {
      const failures = await seal.once((report) => meter.sealed(report))
      meter.end()
      const report = seal.read()
      process.stdout.write(isJson ? `${JSON.stringify(report)}\n` : `${textOf(report)}\n`)
      sayFailures(failures)
      return failures.size > 0 || isStopped ? FAILED : DONE
    } finally {
      meter.end()
      await seal.stop()
    }
  })
}

/** One line for each anchor that did not take the checkpoint. */
export function sayFailures(failures: ReadonlyMap<string, AuditError>): void {
  for (const [name, { message, hint }] of failures) {
    process.stderr.write(`audit-relay: anchor ${name}: ${message}${hint ? ` ${hint}` : ''}\n`)
  }
}

/** @throws {AuditError} `AUDIT_OPTION_INVALID` without a key */
export async function openSeal(
  environment: Environment,
  logger: Logger,
  { seals = true } = {},
): Promise<LogSeal> {
  const { databaseUrl, limits } = readConfig(environment, 'relay')
  const options = await readSeal(environment)
  if (options) {
    const seal = resolveSealOptions(options, stateDirOf(environment))
    return new LogSeal({ ...seal, url: databaseUrl, limits, logger, seals })
  }
  throw misuse(
    'There is no seal key: set AUDIT_SEAL_KEY_FILE. "audit-relay keys new example.com/audit --out ' +
      'seal.key" makes one.',
  )
}

/** What is alarming is printed; the rest is in the report. */
export function quietLogger(): Logger {
  return pino({ name: 'audit-relay seal', level: 'error' }, process.stderr)
}

/** Runs what ends with exit code 3 where the sealer refuses to go on. */
export async function withRefusal(work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AuditError) || !isRefusal(error)) throw error
    process.stderr.write(`audit-relay: ${error.message}\n`)
    return REFUSED
  }
}

function textOf({ name, size, missing }: SealReport): string {
  if (name === null) return 'The log is empty: there is nothing to seal.'
  const gone = missing > 0 ? `; ${missing} numbers had no entry, and are sealed as missing` : ''
  return `${name}: ${size} entries are sealed${gone}.`
}
