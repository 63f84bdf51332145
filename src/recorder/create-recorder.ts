import { BoundRecorder } from './bound-recorder.ts'
import type { ActionMap, AnyActions, AuditContext } from '../entry.ts'
import { type AuditLogger, guardLogger } from '../logger.ts'
import { createNoopRecorder } from './noop-recorder.ts'
import {
  databaseUrlFor,
  RECORDER_LIMITS,
  type RecorderLimits,
  refuseUnknownOptions,
  resolveLimits,
} from '../options.ts'
import type { Recorder } from './recorder.ts'
import { Intake } from './intake.ts'
import { Pipeline } from './pipeline.ts'
import { openRecorderStatements } from '../lanes/recorder-statements.ts'
import { compileRedactor, type RedactOptions } from '../redact/redactor.ts'
import { createCapture } from '../capture/capture.ts'

export interface RecorderOptions extends Partial<RecorderLimits> {
  /**
   * A `postgres://` URL of a login that was granted `audit_app`.
   * Default: `AUDIT_APP_DATABASE_URL`, else `DATABASE_URL`; with none, a recorder that does nothing.
   */
  readonly databaseUrl?: string | undefined
  /** The host's logger. Default: pino's own. */
  readonly logger?: AuditLogger | undefined
  /** What is censored beside the usual secrets; `false` censors nothing at all. */
  readonly redact?: RedactOptions | readonly string[] | false | undefined
  /**
   * Asked at each `record()` for who and where: the cheap way for an application that carries its
   * request's context already. Must be quick; when it throws, the entry goes without.
   */
  readonly context?: (() => AuditContext | undefined) | undefined
}

const OPTION_NAMES = [
  ...Object.keys(RECORDER_LIMITS),
  'databaseUrl',
  'logger',
  'redact',
  'context',
] as const

/**
 * A recorder over one bounded buffer and one connection of its own.
 *
 * It connects with the first entry, not before, and keeps working while the database is away.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`, naming every option that is wrong
 */
export function createRecorder<Actions extends ActionMap = AnyActions>(
  options: RecorderOptions = {},
): Recorder<Actions> {
  refuseUnknownOptions(options, OPTION_NAMES)
  const limits = resolveLimits<keyof RecorderLimits>(RECORDER_LIMITS, options, process.env)
  const redactor = compileRedactor(options.redact)
  const logger = guardLogger(options.logger, 'audit-outbox')
  const url = databaseUrlFor('app', options.databaseUrl, process.env)
  if (url === undefined) {
    logger.warn(
      {},
      'audit is off: no databaseUrl, AUDIT_APP_DATABASE_URL or DATABASE_URL; entries are dropped',
    )
    return createNoopRecorder()
  }
  const { maxEntryBytes, statementTimeoutMs } = limits
  const capture = createCapture({ maxEntryBytes, redactor })
  const open = (recorderId: string) =>
    openRecorderStatements({ url, recorderId, statementTimeoutMs })
  const pipeline = new Pipeline({ open, limits, logger, capture })
  return new BoundRecorder<Actions>(new Intake(pipeline, options.context))
}
