import fs from 'node:fs'
import postgres from 'postgres'
import { readStatus, type Status } from '../../relay/index.ts'
import { Database } from '../../src/database.ts'
import { type Account, readAccount } from './account.ts'
import type { Inflicted } from './inflict.ts'
import type { Life } from './keep-alive.ts'
import type { Scene } from './scene.ts'

/** A writer tells of what was staged four times a second, and a busy machine later. */
const STAGED_LAG_MS = 2_000
/**
 * What was staged is logged within this, or staged again by a recorder that still lives: with
 * the server away, both relays killed and a busy machine.
 */
const SAFE_AFTER_MS = 60_000

export interface Verdict {
  /** What is wrong, a line each; empty where the account balances. */
  readonly wrong: readonly string[]
  readonly figures: Readonly<Record<string, number | string>>
  /** What became of each recorder's entries. */
  readonly recorders: readonly RecorderFate[]
}

interface RecorderFate {
  readonly name: string
  readonly ending: string
  readonly accepted: number
  readonly logged: number
  /** Never seen staged: they were in memory when it was killed, or when close() ran out of time. */
  readonly neverStaged: number
  /** Given up by close(), by its own count; what was under way then may be logged all the same. */
  readonly givenUp: number
  /** Staged, and gone with the lane. */
  readonly lostInLane: number
}

interface Played {
  readonly name: string
  readonly life: Life
  readonly account: Account
}

interface Logged {
  readonly entries: number
  readonly numbers: number
  readonly drops: number
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
    }
    for (const { name, unexpected } of scene.processes) {
      for (const { number, ending } of unexpected) {
        wrong.push(`${name} (life ${number}) ended with ${ending}, and nobody asked it to`)
      }
    }
    return { wrong, figures, recorders }
  } finally {
    await sql.end({ timeout: 1 })
    await database.close()
  }
}

function accounts(scene: Scene): Played[] {
  return scene.accountFiles().flatMap(({ writer, life: number, file }) => {
    const account = fs.existsSync(file) ? readAccount(file) : undefined
    const life = writer.lives[number - 1]
    return account && life ? [{ name: `${writer.name}.${number}`, life, account }] : []
  })
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
  return { 'entries in the log': entries ?? 0, 'dead letters': dead ?? 0 }
}

async function verifyRecorders(
  sql: postgres.Sql,
  parts: {
    readonly played: readonly Played[]
    readonly crashes: readonly Inflicted[]
    readonly status: Status
    readonly wrong: string[]
    readonly recorders: RecorderFate[]
  },
) {
  const { played, status, wrong } = parts
  const logged = await loggedByRecorder(sql)
  let accepted = 0
  let unflushed = 0
  let lostInLane = 0
  let givenUp = 0
  let lostByLiving = 0
  for (const { name, life, account } of played) {
    const found = logged.get(account.recorderId) ?? { entries: 0, numbers: 0, drops: 0 }
    accepted += account.accepted
    if (found.entries !== found.numbers) {
      wrong.push(`${name}: ${found.entries} entries in the log, ${found.numbers} different ones`)
    }
    const missing = await missingNumbers(sql, account)
    const surplus = found.numbers - (account.accepted - missing.length)
    if (surplus > 0) wrong.push(`${name}: ${surplus} entries in the log that it never recorded`)
    // What was never seen staged: its writer died with it, or says that it gave it up.
    const unseen = missing.filter((n) => n > account.staged).length
    const inLane = missing.filter((n) => n <= account.staged)
    const wasKilled = life.ending === 'SIGKILL' || account.closed === undefined
    if (wasKilled) unflushed += unseen
    else givenUp += unseen
    lostInLane += inLane.length
    const dropped = account.closed?.droppedByReason['timeout'] ?? 0
    if (!wasKilled && unseen > dropped) {
      wrong.push(`${name}: closed with ${dropped} given up, but ${unseen} never came`)
    }
    parts.recorders.push({
      name,
      ending: wasKilled ? 'killed' : 'closed',
      accepted: account.accepted,
      logged: found.numbers,
      neverStaged: unseen,
      givenUp: dropped,
      lostInLane: inLane.length,
    })
    const endedAtMs = life.endedAtMs ?? Number.POSITIVE_INFINITY
    const excuse = { account, endedAtMs, crashes: parts.crashes }
    const unexplained = inLane.filter((n) => !mayHaveBeenEmptied(n, excuse))
    if (unexplained.length > 0) {
      wrong.push(`${name}: ${unexplained.length} staged entries are gone: ${some(unexplained)}`)
    }
    const isLast = life.number === Math.max(...lifeNumbers(played, name))
    if (isLast && missing.length > 0) {
      lostByLiving += missing.length
      wrong.push(
        `${name} lived, and ${missing.length} entries are not in the log: ${some(missing)}`,
      )
    }
    compareStatus(name, { account, found, missing: missing.length, status, wrong })
  }
  return {
    recorders: played.length,
    'accepted by record()': accepted,
    'of killed writers, never staged': unflushed,
    'given up at close, and counted': givenUp,
    'lost with the lane by those that ended': lostInLane,
    'lost by recorders that lived': lostByLiving,
  }
}

function lifeNumbers(played: readonly Played[], name: string): number[] {
  const [writer] = name.split('.')
  return played.filter((one) => one.name.startsWith(`${writer}.`)).map(({ life }) => life.number)
}

/**
 * Whether the lane was emptied while this entry was in it, and its recorder ended before it can
 * have staged it again.
 */
function mayHaveBeenEmptied(
  n: number,
  excuse: {
    readonly account: Account
    readonly endedAtMs: number
    readonly crashes: readonly Inflicted[]
  },
): boolean {
  const { account, endedAtMs, crashes } = excuse
  const [, stagedMs = 0] = account.stagedAt.find(([staged]) => staged >= n) ?? []
  return crashes.some(({ atMs }) => {
    const wasInLane = atMs >= stagedMs - STAGED_LAG_MS && atMs <= stagedMs + SAFE_AFTER_MS
    return wasInLane && endedAtMs <= atMs + SAFE_AFTER_MS
  })
}

/** What the library says of a recorder is what the recorder's own process wrote down. */
function compareStatus(
  name: string,
  parts: {
    readonly account: Account
    readonly found: Logged
    readonly missing: number
    readonly status: Status
    readonly wrong: string[]
  },
): void {
  const { account, found, missing, status, wrong } = parts
  const said = status.recorders.find(({ id }) => id === account.recorderId)
  const inLog = found.entries + found.drops
  if (said === undefined) {
    if (inLog > 0) wrong.push(`${name}: status does not know it, the log has ${inLog} entries`)
    return
  }
  if (said.logged !== inLog) {
    wrong.push(`${name}: status says ${said.logged} logged, the log has ${inLog}`)
  }
  if (said.state !== 'closed') {
    const bound = said.missing + Math.max(0, account.accepted + found.drops - said.accepted)
    const isBounded = said.state === 'died' ? missing <= bound : true
    if (!isBounded) wrong.push(`${name}: ${missing} missing, status allows for ${bound}`)
    return
  }
  const { closed } = account
  if (closed && said.accepted !== closed.recorded) {
    wrong.push(`${name}: status says ${said.accepted} accepted, the recorder ${closed.recorded}`)
  }
  const declared = said.declared + (said.dropped['timeout'] ?? 0)
  if (missing > declared) wrong.push(`${name}: ${missing} missing, only ${declared} declared`)
  if (missing < said.missing) wrong.push(`${name}: ${said.missing} said missing, ${missing} are`)
}

async function loggedByRecorder(sql: postgres.Sql): Promise<Map<string, Logged>> {
  const rows = await sql<(Logged & { id: string })[]>`
    select recorder_id::text as id,
      count(*) filter (where action = 'order.update')::float8 as entries,
      count(distinct metadata ->> 'n') filter (where action = 'order.update')::float8 as numbers,
      count(*) filter (where action = 'audit.drop')::float8 as drops
    from audit.audit_log where recorder_id is not null group by 1`
  return new Map(rows.map(({ id, ...rest }) => [id, rest]))
}

async function missingNumbers(sql: postgres.Sql, account: Account): Promise<number[]> {
  const rows = await sql<{ n: number }[]>`
    select n from generate_series(1, ${account.accepted}::integer) as n
    except
    select (metadata ->> 'n')::integer from audit.audit_log
    where recorder_id = ${account.recorderId} and action = 'order.update'
    order by n`
  return rows.map(({ n }) => n)
}

/** Committed: logged. Rolled back: not logged. Unknown: as the order beside it. */
async function verifyOutbox(sql: postgres.Sql, played: readonly Played[], wrong: string[]) {
  const orders = new Set((await sql`select name from public.orders`).map(({ name }) => name))
  const logged = new Map(
    (
      await sql<{ name: string; entries: number; numbers: number }[]>`
        select metadata ->> 'transaction' as name, count(*)::integer as entries,
          count(distinct metadata ->> 'n')::integer as numbers
        from audit.audit_log where action = 'order.place' group by 1`
    ).map(({ name, ...rest }) => [name, rest]),
  )
  const ends = { committed: 0, 'rolled-back': 0, unknown: 0 }
  let refused = 0
  const problems: string[] = []
  for (const { account } of played) {
    for (const [name, { end, taken }] of account.transactions) {
      ends[end] += 1
      const isThere = orders.delete(name)
      if (end === 'committed' && !isThere) problems.push(`${name} committed, its order is gone`)
      if (end === 'rolled-back' && isThere) problems.push(`${name} rolled back, its order is there`)
      const found = logged.get(name) ?? { entries: 0, numbers: 0 }
      logged.delete(name)
      const expected = isThere ? taken : 0
      if (isThere && taken === 0) refused += 1
      if (found.entries !== expected || found.numbers !== expected) {
        problems.push(`${name} (${end}): ${found.entries} logged of ${expected}`)
      }
    }
  }
  if (orders.size > 0) problems.push(`${orders.size} orders that nobody placed`)
  if (logged.size > 0) problems.push(`${logged.size} logged transactions that nobody began`)
  if (problems.length > 0) wrong.push(`outbox: ${problems.length} wrong: ${some(problems)}`)
  return {
    'transactions committed': ends.committed,
    'transactions rolled back': ends['rolled-back'],
    'transactions with an unknown end': ends.unknown,
    'committed without their entry (best effort)': refused,
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

function some(items: readonly unknown[]): string {
  return items.slice(0, 5).join(', ') + (items.length > 5 ? ' …' : '')
}
