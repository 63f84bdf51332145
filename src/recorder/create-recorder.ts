import { CatalogCheck } from '../actions/catalog-check.ts'
import { type ActionCatalog, refuseNoCatalog } from '../actions/define-actions.ts'
import { createCapture } from '../capture/capture.ts'
import { contextKeyProblem } from '../context/captured-context.ts'
import type { ActionMap, AnyActions, AuditContext } from '../entry.ts'
import { optionInvalid } from '../errors.ts'
import { type DumpFolder, dumpFolder } from '../exit-dump/dump-folder.ts'
import { DumpRecovery } from '../exit-dump/dump-recovery.ts'
import { ExitDump } from '../exit-dump/exit-dump.ts'
import { openRecorderStatements, type ReporterIdentity } from '../lanes/recorder-statements.ts'
import { type AuditLogger, guardLogger } from '../logger.ts'
import {
  databaseUrlFor,
  RECORDER_LIMITS,
  type RecorderLimits,
  refuseUnknownOptions,
  resolveLimits,
} from '../options.ts'
import { compileRedactor, type RedactOptions } from '../redact/redactor.ts'
import { BoundRecorder } from './bound-recorder.ts'
import { Intake } from './intake.ts'
import { createNoopRecorder } from './noop-recorder.ts'
import { Pipeline } from './pipeline.ts'
import type { Recorder } from './recorder.ts'

export interface RecorderOptions<Actions extends ActionMap = AnyActions>
  extends Partial<RecorderLimits> {
  /**
   * The application's catalogue, from `defineActions`. It types the recorder, and each entry is
   * compared with it. What does not fit is stored and marked in `context.degraded`.
   */
  readonly actions?: ActionCatalog<Actions> | undefined
  /**
   * A `postgres://` URL of a login that was granted `audit_app`.
   * Default: `AUDIT_APP_DATABASE_URL`, else `DATABASE_URL`. Without any URL the recorder does
   * nothing.
   */
  readonly databaseUrl?: string | undefined
  /** The application's logger. Default: a logger of pino. */
  readonly logger?: AuditLogger | undefined
  /** What is censored in addition to the usual secrets. `false` censors nothing, not even those. */
  readonly redact?: RedactOptions | readonly string[] | false | undefined
  /**
   * Called at each `record()` and `recordIn()` for the entry's context. It suits an application
   * that already carries its request's context, and costs little. It must be quick. If it throws,
   * the entry is stored without this context.
   */
  readonly context?: (() => AuditContext | undefined) | undefined
  /**
   * Whether entries that are not staged when the process ends (`process.exit()`, an uncaught
   * exception, an unhandled rejection) are left on disk for the next recorder. Default: true. A
   * signal without a handler ends Node without this.
   */
  readonly exitDump?: boolean | undefined
  /**
   * The folder that they are left in, and taken over from. Default: `AUDIT_JOURNAL_DIR`, else
   * `audit-outbox-<uid>` in the system's temporary folder, for this user alone.
   */
  readonly journalDir?: string | undefined
}

const OPTION_NAMES = [
  ...Object.keys(RECORDER_LIMITS),
  'actions',
  'databaseUrl',
  'logger',
  'redact',
  'context',
  'exitDump',
  'journalDir',
] as const

/**
 * Makes a recorder with one bounded buffer and one connection of its own.
 *
 * It connects when the first entry is recorded. It accepts entries while the database is
 * unreachable, until the buffer is full.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`, with the name of every invalid option
 */
export function createRecorder<Actions extends ActionMap = AnyActions>(
  options: RecorderOptions<Actions> = {},
): Recorder<Actions> {
  refuseUnknownOptions(options, OPTION_NAMES)
  refuseNoCatalog(options.actions)
  const limits = resolveLimits<keyof RecorderLimits>(RECORDER_LIMITS, options, process.env)
  const redactor = compileRedactor(options.redact)
  const keyProblem = contextKeyProblem()
  if (keyProblem !== undefined) throw optionInvalid(keyProblem)
  const logger = guardLogger(options.logger, 'audit-outbox')
  const url = databaseUrlFor('app', options.databaseUrl, process.env)
  if (url === undefined) {
    logger.warn(
      {},
      'audit is off: entries are dropped. Set databaseUrl, AUDIT_APP_DATABASE_URL or DATABASE_URL',
    )
    return createNoopRecorder()
  }
  const { maxEntryBytes, statementTimeoutMs } = limits
  const folder = folderFor(options)
  const check = options.actions && new CatalogCheck(options.actions, logger)
  const capture = createCapture({ maxEntryBytes, redactor, check })
  const open = (identity: ReporterIdentity) =>
    openRecorderStatements({ ...identity, url, statementTimeoutMs })
  const exitDump = new ExitDump({ folder, url })
  const recovery = folder && new DumpRecovery({ folder, url, statementTimeoutMs, logger })
  const pipeline = new Pipeline({ open, limits, logger, capture, exitDump, recovery })
  return new BoundRecorder<Actions>(new Intake(pipeline, options.context))
}

/** @throws {AuditError} `AUDIT_OPTION_INVALID` where one of the two options has a wrong type */
function folderFor({
  exitDump = true,
  journalDir,
}: Pick<RecorderOptions, 'exitDump' | 'journalDir'>): DumpFolder | undefined {
  if (typeof exitDump !== 'boolean') throw optionInvalid('exitDump must be true or false.')
  if (journalDir !== undefined && (typeof journalDir !== 'string' || journalDir === '')) {
    throw optionInvalid('journalDir must be the path of a folder.')
  }
  return exitDump ? dumpFolder(journalDir ?? process.env['AUDIT_JOURNAL_DIR']?.trim()) : undefined
}
