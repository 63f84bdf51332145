import type postgres from 'postgres'
import { type Played, some } from './played.ts'

/** Committed: logged. Rolled back: not logged. Unknown: as the order next to it. */
export async function verifyOutbox(sql: postgres.Sql, played: readonly Played[], wrong: string[]) {
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
  let lost = 0
  let surplus = 0
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
      lost += Math.max(0, expected - found.numbers)
      surplus += Math.max(0, found.entries - expected)
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
    'of the outbox, lost': lost,
    'of the outbox, twice or rolled back': surplus,
  }
}
