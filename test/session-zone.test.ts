import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type postgres from 'postgres'
import { scratchDatabase } from './support/database.ts'
import { connectAs } from './support/logins.ts'
import { keepUntil, logOld, makePartition, monthsAgo, partitionOf } from './support/old-log.ts'
import { setPolicy } from './support/policies.ts'

const OLD = partitionOf(monthsAgo(3))
const DAY_MS = 86_400_000

/** A zone that a session may set itself: in some hours its clocks go forward by so many hours. */
function zoneThatJumps(inHours: number, byHours: number): string {
  const at = new Date(Date.now() + inHours * 3_600_000)
  const day = Math.floor((at.getTime() - Date.UTC(at.getUTCFullYear(), 0, 1)) / DAY_MS)
  return `AAA0BBB-${byHours},${day}/${at.getUTCHours()},${(day + 180) % 365}/0`
}

/** The longest jump is a week but an hour, so that "7 days" from now are over in no time. */
const ZONES = [24, 100, 166].map((byHours) => zoneThatJumps(1, byHours))

async function keeperOf(t: TestContext) {
  const scratch = await scratchDatabase(t)
  return { ...scratch, keeper: connectAs(t, scratch, 'audit_keeper') }
}

const inZone = <T>(login: postgres.Sql, zone: string, ask: (one: postgres.Sql) => Promise<T>) =>
  login.begin(async (one) => {
    await one`select set_config('timezone', ${zone}, true)`
    return await ask(one as unknown as postgres.Sql)
  })

test('no time zone of a session makes the grace of a policy shorter', async (t) => {
  const { keeper } = await keeperOf(t)
  for (const [number, zone] of ZONES.entries()) {
    const [row] = await inZone(
      keeper,
      zone,
      (one) => one`
        select extract(epoch from effective_at - now())::double precision / 3600 as hours
        from audit.set_policy(${`temp${number}.*`}, '30 days')`,
    )
    assert.ok(row?.['hours'] >= 168 && row?.['hours'] < 169, `${zone}: ${row?.['hours']} hours`)
  }
})

test('no time zone of a session drops what was removed before the undo is over', async (t) => {
  const { sql, keeper } = await keeperOf(t)
  await makePartition(sql, 3)
  await logOld(sql, [{ months: 3, action: 'temp.a' }])
  await setPolicy(sql, '*', keepUntil(3))
  const [built] = await keeper`select swap from audit.build_kept(${OLD})`
  await keeper`select audit.swap_kept(${OLD}, ${built?.['swap']})`
  await sql`update audit.audit_swap set swapped_at = swapped_at - interval '3 hours'`
  for (const zone of [zoneThatJumps(-1, 166), ...ZONES]) {
    const [row] = await inZone(
      keeper,
      zone,
      (one) => one`
        select (select bool_or(w.is_due) from audit.retention_waits() as w) as is_due, d.dropped
        from audit.drop_removed(${OLD}) as d`,
    )
    assert.deepEqual({ ...row }, { is_due: false, dropped: 0 }, zone)
  }
})

test('no time zone of a session closes a partition early, or moves these days', async (t) => {
  const { sql } = await keeperOf(t)
  for (const zone of [zoneThatJumps(-24, 40), zoneThatJumps(0, 24), ...ZONES]) {
    const [row] = await inZone(
      sql,
      zone,
      (one) => one`
        select extract(epoch from now() - audit.id_time(audit.these_days_from()))::integer / 3600 as before,
          extract(epoch from audit.id_time(audit.these_days_to()) - now())::integer / 3600 as ahead`,
    )
    assert.deepEqual({ ...row }, { before: 48, ahead: 47 }, zone)
  }
})
