import fs from 'node:fs'
import path from 'node:path'
import postgres from 'postgres'
import { readStatus } from '../../relay/index.ts'
import { Database } from '../../src/database/connection.ts'
import type { Inflicted } from './inflict.ts'
import { accounts } from './played.ts'
import type { Scene } from './scene.ts'
import { verifySeal } from './verify-seal.ts'
import { verifyOutbox } from './verify-outbox.ts'
import { type RecorderFate, verifyRecorders } from './verify-recorders.ts'

export interface Verdict {
  /** What is wrong, a line each; empty where the account balances. */
  readonly wrong: readonly string[]
  readonly figures: Readonly<Record<string, number>>
  /** What became of each recorder's entries. */
  readonly recorders: readonly RecorderFate[]
}

/** Compares what the writers wrote down with what is in the log, entry by entry. */
export async function verify(scene: Scene, crashes: readonly Inflicted[]): Promise<Verdict> {
  const sql = postgres(scene.url, { max: 1, onnotice: () => {} })
  const database = new Database({
    url: scene.relayUrl,
    applicationName: 'chaos verify',
    statementTimeoutMs: 120_000,
  })
  try {
    const played = accounts(scene)
    const wrong: string[] = []
    const status = await readStatus(database)
    const recorders: RecorderFate[] = []
    const figures = {
      ...(await verifyLog(sql, wrong)),
      ...(await verifyRecorders(sql, { played, crashes, status, wrong, recorders })),
      ...(await verifyOutbox(sql, played, wrong)),
      ...(await verifyGaps(sql, crashes, wrong)),
      ...(await verifySeal(scene, wrong)),
      ...verifyProcesses(scene, wrong),
    }
    return { wrong, figures, recorders }
  } finally {
    await sql.end({ timeout: 1 })
    await database.close()
  }
}

/** The log by itself: numbers without a hole, nothing twice, nothing waiting or refused. */
async function verifyLog(sql: postgres.Sql, wrong: string[]) {
  const [log] = await sql<Record<string, number>[]>`
    select count(*)::float8 as entries, count(distinct id)::float8 as ids,
      count(distinct seq)::float8 as numbers, coalesce(min(seq), 1)::float8 as first,
      coalesce(max(seq), 0)::float8 as last,
      (select seq from audit.audit_head)::float8 as head,
      (select count(*) from audit.audit_staging)::float8 as staging,
      (select count(*) from audit.audit_outbox)::float8 as outbox,
      (select count(*) from audit.audit_dead_letter)::float8 as dead
    from audit.audit_log`
  const { entries, ids, numbers, first, last, head, staging, outbox, dead } = log ?? {}
  if (entries !== ids) wrong.push(`${entries} entries in the log have ${ids} ids`)
  if (entries !== numbers || first !== 1 || last !== entries) {
    wrong.push(`seq has holes: ${entries} entries, ${numbers} numbers, ${first} to ${last}`)
  }
  if (head !== last) wrong.push(`the head stands at ${head}, the log ends at ${last}`)
  if (staging !== 0 || outbox !== 0) wrong.push(`lanes hold ${staging} and ${outbox} rows`)
  if (dead !== 0) wrong.push(`${dead} dead letters`)
  return {
    'entries in the log': entries ?? 0,
    'ids in it twice': (entries ?? 0) - (ids ?? 0),
    'holes in seq': (last ?? 0) - (numbers ?? 0),
    'dead letters': dead ?? 0,
  }
}

async function verifyGaps(sql: postgres.Sql, crashes: readonly Inflicted[], wrong: string[]) {
  const [found] = await sql<{ resets: number; gaps: number }[]>`
    select resets::integer as resets,
      (select count(*) from audit.audit_log where action = 'audit.gap')::integer as gaps
    from audit.audit_lane where lane = 'staging'`
  const { resets = 0, gaps = 0 } = found ?? {}
  if (gaps !== resets) wrong.push(`${resets} resets of the lane, ${gaps} gaps in the log`)
  if (resets > crashes.length) wrong.push(`${resets} resets of the lane, ${crashes.length} crashes`)
  if (crashes.length > 0 && resets === 0) wrong.push('the lane was emptied, and nobody noticed')
  return { 'crashes of the server': crashes.length, 'gaps declared': gaps }
}

/** Nobody ended but who was asked to, and nothing was thrown that nobody caught. */
function verifyProcesses(scene: Scene, wrong: string[]) {
  let ended = 0
  let uncaught = 0
  for (const { name, unexpected, logFile } of scene.processes) {
    for (const { number, ending } of unexpected) {
      ended += 1
      wrong.push(`${name} (life ${number}) ended with ${ending}, and nobody asked it to`)
    }
    const found = fs.readFileSync(logFile, 'utf8').match(UNCAUGHT)?.length ?? 0
    uncaught += found
    if (found > 0) wrong.push(`${path.basename(logFile)} tells of ${found} uncaught errors`)
  }
  return { 'ended by our own code': ended, 'uncaught exceptions': uncaught }
}

/** As Node says it of an exception, of a rejection and of a warning about one. */
const UNCAUGHT =
  /^(Uncaught|node:internal.*|.*(Unhandled|Uncaught)\w* ?(Rejection|Exception).*)$/gim
