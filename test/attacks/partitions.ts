import type { Arena } from './arena.ts'
import { type Attack, type Outcome, succeeded, unless } from './attack.ts'
import { leftIn, put } from './doors.ts'
import { idAt } from '../support/log-entries.ts'
import { watchLogLock } from '../support/log-lock.ts'

const LOCKED_MS = 200
const ROWS_A_SECOND = 10_000
const MAX_ROWS = 300_000

/** Rows of a month without a partition, as an older version would have logged them. */
async function fillDefault({ sql }: Arena, rows: number, months: number): Promise<void> {
  await sql`
    with head as (update audit.audit_head set seq = seq + ${rows}::integer returning seq)
    insert into audit.audit_log (id, seq, occurred_at, action)
    select (left(audit.id_floor(date_trunc('month', now()) + make_interval(months => ${months}::integer, secs => n))::text, 15)
      || '7' || substr(gen_random_uuid()::text, 17))::uuid, head.seq - ${rows}::integer + n, now(), 'a.b'
    from head, generate_series(1, ${rows}::integer) as n`
}

async function whilePartitionsAreMade(arena: Arena, rows: number): Promise<Outcome> {
  await fillDefault(arena, rows, 5)
  const problems: string[] = []
  const stop = watchLogLock(arena.sql)
  const relay = arena.startRelay({ monthsAhead: 6 })
  const untilMs = performance.now() + 60_000
  const isMade = async () => {
    const [row] = await arena.sql`
      select count(*)::integer as parts, (select count(*)::integer from audit.audit_log_default) as rest
      from pg_inherits where inhparent = 'audit.audit_log'::regclass`
    return row?.['parts'] === 8 && row['rest'] === 0
  }
  let slowestMs = 0
  do {
    slowestMs = Math.max(slowestMs, await arena.timeToLog())
  } while (!(await isMade()) && performance.now() < untilMs)
  const lockedMs = Math.round(await stop())
  if (!(await isMade())) problems.push('the partitions were not made')
  if (lockedMs > LOCKED_MS) problems.push(`the log was locked for ${lockedMs} ms`)
  if (relay.health().failures > 0) problems.push(`${relay.health().failures} failures`)
  const { sql } = arena
  const [row] = await sql`
    select count(*)::integer - count(distinct seq)::integer as twice,
      max(seq)::integer - count(*)::integer as missing from audit.audit_log`
  if (row?.['twice'] !== 0 || row['missing'] !== 0)
    problems.push(`${row?.['missing']} entries lost`)
  return unless(problems, `locked for ${lockedMs} ms at most, entries took ${slowestMs} ms at most`)
}

export const partitions: readonly Attack[] = [
  {
    name: 'DEFAULT is full of a month that has no partition yet',
    by: 'no one',
    lasts: true,
    play: (arena) =>
      whilePartitionsAreMade(arena, Math.min(MAX_ROWS, Math.ceil(ROWS_A_SECOND * arena.seconds))),
  },
  {
    name: 'ids of months without a partition, thousands at once',
    by: 'audit_app',
    async play(arena) {
      const app = arena.as('audit_app')
      for (let n = 0; n < 5; n += 1) {
        const entries = Array.from({ length: 200 }, (_, at) => ({
          id: idAt(Date.now() + (150 + at) * 86_400_000),
        }))
        await put(app, 'stage', entries)
        await put(app, 'record', entries)
      }
      await arena.moveAll()
      const [row] = await arena.sql`select count(*)::integer as count from audit.audit_log_default`
      const { letters, refusedWith } = await leftIn(arena)
      return row?.['count'] === 0
        ? unless([], `DEFAULT is empty, ${letters} dead letters (${refusedWith})`)
        : succeeded(`${row?.['count']} entries in DEFAULT`)
    },
  },
  {
    name: 'the log is held while months are due',
    by: 'audit_reader',
    lasts: true,
    async play(arena) {
      const reader = arena.as('audit_reader')
      await reader`begin`
      await reader`select count(*) from audit.audit_log`
      const relay = arena.startRelay({ monthsAhead: 6 })
      const untilMs = performance.now() + arena.seconds * 1_000
      let slowestMs = 0
      do {
        slowestMs = Math.max(slowestMs, await arena.timeToLog())
      } while (performance.now() < untilMs)
      const { reason } = relay.health()
      await reader`rollback`
      if (slowestMs > 5_000) return succeeded(`an entry took ${slowestMs} ms`)
      return reason === undefined
        ? unless([], `entries took ${slowestMs} ms at most`)
        : succeeded(`the relay is ${reason}`)
    },
  },
]
