import { Database } from '../../../src/database/connection.ts'
import type { LaneName } from '../../../src/lanes/lane.ts'
import { type Environment, readConfig } from '../../config.ts'
import {
  type MarkedStatus,
  readMarkedStatus,
  type RecorderStatus,
  type Status,
} from '../../telemetry/status.ts'

/** What the command was given; times in milliseconds. */
export interface StatusOptions {
  readonly json?: true
  readonly check?: true
  readonly maxLag?: number
  readonly maxDepth?: number
  readonly maxDeadLetters?: number
  readonly maxMissing?: number
}

const DONE = 0
const RED = 3

/** Prints depth, lag, last seq, dead letters, gaps and recorders, or how they compare with limits. */
export async function printStatus(
  environment: Environment,
  options: StatusOptions,
): Promise<number> {
  const { databaseUrl, limits } = readConfig(environment, 'relay')
  const { statementTimeoutMs } = limits
  const database = new Database({
    url: databaseUrl,
    role: 'audit_relay',
    applicationName: 'audit-relay status',
    statementTimeoutMs,
  })
  try {
    const found = await readMarkedStatus(database)
    if (options.check) return printVerdict(found.status, options, limits.maxLagMs)
    process.stdout.write(
      options.json ? `${JSON.stringify(found.status)}\n` : statusText(found, limits.maxLogBytes),
    )
    return DONE
  } finally {
    await database.close()
  }
}

function printVerdict(status: Status, options: StatusOptions, maxLagMs: number): number {
  const { depth, lagMs, deadLetters, recorders } = status
  const waits = depth.staging + depth.outbox
  const lost = recorders.reduce((sum, { missing, declared }) => sum + missing - declared, 0)
  const figures = [
    { name: 'lag', value: lagMs, limit: options.maxLag ?? maxLagMs, unit: ' ms' },
    { name: 'waiting', value: waits, limit: options.maxDepth ?? Number.POSITIVE_INFINITY },
    { name: 'dead letters', value: deadLetters, limit: options.maxDeadLetters ?? 0 },
    { name: 'missing', value: lost, limit: options.maxMissing ?? 0 },
  ]
  const reasons = figures
    .filter(({ value, limit }) => value > limit)
    .map(({ name, value, limit, unit = '' }) => `${name} ${value}${unit} (at most ${limit}${unit})`)
  const isRed = reasons.length > 0
  if (options.json) process.stdout.write(`${JSON.stringify({ isRed, reasons, ...status })}\n`)
  const shown = figures.map(({ name, value, unit = '' }) => `${name} ${value}${unit}`)
  if (isRed) process.stderr.write(`red: ${reasons.join(', ')}\n`)
  else if (!options.json) process.stdout.write(`green: ${shown.join(', ')}\n`)
  return isRed ? RED : DONE
}

/**
 * For people; an estimate is marked as one.
 *
 * @param maxLogBytes beyond which the log is too large; 0: it may be of any size
 */
export function statusText({ status, isEstimate }: MarkedStatus, maxLogBytes: number): string {
  const { depth, lagMs, lastSeq, deadLetters, gaps, holds, logBytes, retention, recorders } = status
  const { seal, search } = status
  const rows = (lane: LaneName) => `${isEstimate[lane] ? 'about ' : ''}${depth[lane]}`
  const old = depth.import === undefined ? '' : `, ${depth.import} of an import`
  const lines = [
    ['waiting', `${rows('staging')} in staging, ${rows('outbox')} in the outbox${old}`],
    ['lag', `${lagMs} ms`],
    ['last seq', String(lastSeq)],
    ['dead letters', String(deadLetters)],
    ['gaps', String(gaps)],
    ['holds', String(holds)],
    ['log size', sizeText(logBytes, maxLogBytes)],
    ['retention', retentionText(retention)],
    ['seal', sealText(seal)],
    ['search', search === null ? 'off' : `from seq ${search.sinceSeq} on; ${search.waiting} wait`],
  ].map(([name = '', value = '']) => `${name.padEnd(14)}${value}`)
  if (recorders.length > 0) {
    lines.push(
      '',
      'recorder                              state   accepted   logged  in flight  missing  dropped',
    )
  }
  for (const recorder of recorders) lines.push(lineOf(recorder))
  return `${lines.join('\n')}\n`
}

function retentionText({ lineAt, nextAt, nextPartition, blocked }: Status['retention']): string {
  const line = lineAt === null ? 'nothing was removed' : `removed from before ${day(lineAt)}`
  const next =
    nextAt === null ? 'nothing will be due' : `next due ${day(nextAt)}: ${nextPartition ?? ''}`
  return `${line}; ${next}${blocked > 0 ? `; ${blocked} partitions blocked` : ''}`
}

function sizeText(logBytes: number, maxLogBytes: number): string {
  const size = `${(logBytes / 2 ** 20).toFixed(1)} MiB`
  if (maxLogBytes === 0) return size
  const most = `AUDIT_MAX_LOG_BYTES, ${(maxLogBytes / 2 ** 20).toFixed(1)} MiB`
  return logBytes > maxLogBytes ? `${size}: larger than ${most}` : `${size} of at most ${most}`
}

function sealText(seal: Status['seal']): string {
  if (seal === null) return 'off: nothing is sealed'
  const { name, size, unsealed, lagMs, sealedAt } = seal
  const waits = unsealed === 0 ? 'none waits' : `${unsealed} wait, for ${lagMs} ms`
  return `${name}: ${size} entries${sealedAt === null ? '' : `, last at ${sealedAt}`}; ${waits}`
}

function day(instant: string): string {
  return instant.slice(0, 10)
}

function lineOf(recorder: RecorderStatus): string {
  const { id, state, accepted, logged, inFlight, missing, dropped, reportedAt } = recorder
  const reasons = Object.entries(dropped).map(([reason, count]) => `${reason} ${count}`)
  // How much it accepted after its last report is not known.
  const bound = state === 'died' ? `; last heard of ${reportedAt ?? 'never'}` : ''
  return (
    `${id}  ${state.padEnd(6)}${String(accepted).padStart(10)}${String(logged).padStart(9)}` +
    `${String(inFlight).padStart(11)}${String(missing).padStart(9)}  ` +
    `${reasons.join(', ') || '-'}${bound}`
  )
}
