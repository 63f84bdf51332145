import { Database } from '../../../src/database/connection.ts'
import type { LaneName } from '../../../src/lanes/lane.ts'
import { type Environment, readConfig } from '../../config.ts'
import { type MarkedStatus, readMarkedStatus, type RecorderStatus } from '../../telemetry/status.ts'

/** Prints depth, lag, last seq, dead letters, gaps and recorders. */
export async function printStatus(
  environment: Environment,
  { json }: { readonly json: boolean },
): Promise<number> {
  const { databaseUrl, limits } = readConfig(environment, 'relay')
  const { statementTimeoutMs } = limits
  const database = new Database({
    url: databaseUrl,
    applicationName: 'audit-relay status',
    statementTimeoutMs,
  })
  try {
    const found = await readMarkedStatus(database)
    process.stdout.write(json ? `${JSON.stringify(found.status)}\n` : statusText(found))
    return 0
  } finally {
    await database.close()
  }
}

/** For people; an estimate is marked as one. */
export function statusText({ status, isEstimate }: MarkedStatus): string {
  const { depth, lagMs, lastSeq, deadLetters, gaps, recorders } = status
  const rows = (lane: LaneName) => `${isEstimate[lane] ? 'about ' : ''}${depth[lane]}`
  const lines = [
    ['waiting', `${rows('staging')} in staging, ${rows('outbox')} in the outbox`],
    ['lag', `${lagMs} ms`],
    ['last seq', String(lastSeq)],
    ['dead letters', String(deadLetters)],
    ['gaps', String(gaps)],
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
