import type postgres from 'postgres'
import type { Status } from '../../relay/index.ts'
import type { Account } from './account.ts'
import type { Inflicted } from './inflict.ts'
import { compareStatus } from './verify-status.ts'
import { type Played, some } from './played.ts'

/** A writer tells of what was staged four times a second, and a busy machine later. */
const STAGED_LAG_MS = 2_000
/**
 * What was staged is logged within this, or staged again by a recorder that still lives: with
 * the server away, both relays killed and a busy machine.
 */
const SAFE_AFTER_MS = 60_000

export interface RecorderFate {
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

export interface Logged {
  readonly entries: number
  readonly numbers: number
}

/** What each recorder accepted, entry by entry: in the log, or gone with a reason. */
export async function verifyRecorders(
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
  let twice = 0
  let withoutReason = 0
  for (const { name, life, account } of played) {
    const found = logged.get(account.recorderId) ?? { entries: 0, numbers: 0 }
    accepted += account.accepted
    twice += found.entries - found.numbers
    if (found.entries !== found.numbers) {
      wrong.push(`${name}: ${found.entries} entries in the log, ${found.numbers} different ones`)
    }
    const missing = await missingNumbers(sql, account)
    const surplus = found.numbers - (account.accepted - missing.length)
    withoutReason += Math.max(0, surplus)
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
      withoutReason += unseen - dropped
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
    withoutReason += unexplained.length
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
    'of recorders, unexplained': withoutReason,
    'of recorders, logged twice': twice,
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

async function loggedByRecorder(sql: postgres.Sql): Promise<Map<string, Logged>> {
  const rows = await sql<(Logged & { id: string })[]>`
    select recorder_id::text as id,
      count(*) filter (where action = 'order.update')::float8 as entries,
      count(distinct metadata ->> 'n') filter (where action = 'order.update')::float8 as numbers
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
