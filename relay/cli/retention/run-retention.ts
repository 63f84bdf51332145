import { Database } from '../../../src/database/connection.ts'
import { optionInvalid } from '../../../src/errors.ts'
import { databaseUrlFor, resolveLimits, RETENTION_LIMITS } from '../../../src/options.ts'
import { readArchiveOptions } from '../../archive/archive-options.ts'
import { Archiver } from '../../archive/archiver.ts'
import { openStore } from '../../archive/stores/open-store.ts'
import type { Environment } from '../../config.ts'
import {
  applyRetention,
  type RetentionOptions,
  type RetentionResult,
  undoRetention,
} from '../../retention/apply-retention.ts'
import { planRetention, refuseUnknownReaders } from '../../retention/retention-plan.ts'
import { ArchiveMeter } from '../archive/archive-meter.ts'
import { untilSignal } from '../archive/until-signal.ts'
import { planText } from './plan-text.ts'

export interface RetentionFlags {
  readonly apply?: true
  readonly json?: true
  readonly quiet?: true
  readonly ignoreCursor?: readonly string[]
}

const DONE = 0
const BLOCKED = 3
const REFUSED = 4
const STOPPING = 'finishing the step in hand; a second signal quits at once'
/** What stays of a large partition is copied in one statement. */
const STATEMENT_TIMEOUT_MS = 6 * 3_600_000

/** Shows what retention would do, or does it. */
export function runRetention(
  environment: Environment,
  { apply, json, quiet, ignoreCursor = [] }: RetentionFlags,
): Promise<number> {
  return asKeeper(environment, quiet === true, async (database, options) => {
    await refuseUnknownReaders(database, ignoreCursor)
    if (!apply) {
      const plan = await planRetention(database, ignoreCursor, options.onLook)
      options.meter.end()
      process.stdout.write(json ? `${JSON.stringify(plan)}\n` : planText(plan))
      return DONE
    }
    const archiver = openArchiver(environment, options.signal)
    const result = await applyRetention(database, {
      ...options,
      ignored: ignoreCursor,
      archiver,
    }).finally(() => archiver?.close())
    options.meter.end()
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : resultText(result))
    if (result.isStopped) options.signal.throwIfAborted()
    return result.blocked.length > 0 ? BLOCKED : DONE
  })
}

/** Brings back what was removed of a partition. */
export function runUndo(
  environment: Environment,
  partition: string,
  { json, quiet }: Pick<RetentionFlags, 'json' | 'quiet'>,
): Promise<number> {
  return asKeeper(environment, quiet === true, async (database, options) => {
    const undone = await undoRetention(database, partition, options)
    options.meter.end()
    if (json) process.stdout.write(`${JSON.stringify({ partition, ...undone })}\n`)
    if ('entryId' in undone) {
      if (!json) process.stdout.write(`${partition} is back; the log says so.\n`)
      return DONE
    }
    if ('blocked' in undone) {
      process.stderr.write(`audit-relay: ${partition}: ${undone.blocked.why}.\n`)
      return BLOCKED
    }
    process.stderr.write(`audit-relay: ${partition} cannot be brought back: ${undone.refused}.\n`)
    return REFUSED
  })
}

/** What leaves a partition is archived before it goes, where archives are on. */
function openArchiver(environment: Environment, signal: AbortSignal) {
  const options = readArchiveOptions(environment)
  if (options === undefined) return undefined
  const archiver = new Archiver({
    databaseUrl: requireUrl(environment),
    format: options.format,
    store: openStore(options, environment, signal),
    signal,
  })
  return {
    archive: (partition: string, kept: string) => archiver.archive({ partition, kept }),
    close: () => archiver.close(),
  }
}

interface RunOptions extends RetentionOptions {
  readonly meter: ArchiveMeter
  readonly signal: AbortSignal
}

async function asKeeper(
  environment: Environment,
  isQuiet: boolean,
  act: (database: Database, options: RunOptions) => Promise<number>,
): Promise<number> {
  const url = requireUrl(environment)
  const limits = resolveLimits<keyof typeof RETENTION_LIMITS>(RETENTION_LIMITS, {}, environment)
  const database = new Database({
    url,
    role: 'audit_keeper',
    applicationName: 'audit-relay retention',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  })
  const { retentionLockTimeoutMs: lockTimeoutMs, retentionDeadlineMs: deadlineMs } = limits
  const meter = new ArchiveMeter(process.stderr, { isQuiet })
  // Each step stays as a line, and one that takes long says that it goes on.
  const onStep = (text: string) => {
    meter.note(text)
    meter.now(text)
  }
  try {
    return await untilSignal((signal) => {
      const onLook = (text: string) => {
        signal.throwIfAborted()
        meter.now(text)
      }
      signal.addEventListener('abort', () => meter.note(STOPPING))
      return act(database, { lockTimeoutMs, deadlineMs, onLook, onStep, meter, signal })
    })
  } finally {
    meter.end()
    await database.close()
  }
}

function requireUrl(environment: Environment): string {
  const url = databaseUrlFor('keeper', undefined, environment)
  if (url !== undefined) return url
  throw optionInvalid(
    'AUDIT_KEEPER_DATABASE_URL or DATABASE_URL must be set to a URL such as ' +
      'postgres://login@host:5432/database.',
  )
}

function resultText({ removed, dropped, merged, blocked, isStopped }: RetentionResult): string {
  const mergedLines = merged.map(
    ({ into, partitions }) => `${into} is one partition now of ${partitions.length} small ones.`,
  )
  if (!isStopped && removed.length + dropped.length + blocked.length === 0) {
    return `${['Nothing is due.', ...mergedLines].join('\n')}\n`
  }
  const entries = removed.reduce((sum, one) => sum + one.removed, 0)
  const lines = [
    ...(isStopped ? ['Stopped by a signal; the next run does the rest. Done until then:'] : []),
    `${entries} entries of ${removed.length} partitions removed, ${dropped.length} dropped for good, ` +
      `${blocked.length} blocked.`,
    ...removed.map(
      ({ partition }) =>
        `Until it is dropped, this brings it back: audit-relay retention undo ${partition}`,
    ),
    ...mergedLines,
    ...blocked.map(({ partition, by, why }) => `${partition} is blocked (${by}): ${why}.`),
  ]
  return `${lines.join('\n')}\n`
}
