import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scratchDatabase } from './support/database.ts'
import { connectAs } from './support/logins.ts'
import { keepUntil, logOld, makePartition, monthsAgo, partitionOf } from './support/old-log.ts'
import { setPolicy } from './support/policies.ts'
import { waitFor } from './support/wait-for.ts'

const OLD = partitionOf(monthsAgo(3))

for (const lane of ['staging', 'outbox', 'import'] as const) {
  for (const kept of ['some', 'none'] as const) {
    test(`a move that waited for a swap logs nothing that it removed: ${lane}, ${kept} stays`, async (t) => {
      const scratch = await scratchDatabase(t)
      const { sql } = scratch
      const keeper = connectAs(t, scratch, 'audit_keeper')
      const relay = await connectAs(t, scratch, 'audit_relay').reserve()
      t.after(() => relay.release())
      const move = () =>
        relay`select logged, parked from audit.move(${lane}, 100, 60000, null, null, null, null)`
      await makePartition(sql, 3)
      await sql`update audit.audit_lane set oldest_id = audit.id_floor(${monthsAgo(3)})`
      await logOld(sql, [
        { months: 3, action: 'temp.a' },
        ...(kept === 'some' ? [{ months: 3, action: 'billing.pay' }] : []),
      ])
      await setPolicy(sql, 'temp.*', keepUntil(3))
      // A session that has moved before has its statements ready.
      await sql`
        insert into ${sql(`audit.audit_${lane}`)} (id, occurred_at, action)
        values (audit.new_id(), now(), 'plain.first')`
      await move()
      // One that is in the log and goes, and another one of its time.
      await sql`
        insert into ${sql(`audit.audit_${lane}`)} (id, occurred_at, action)
        select overlay(l.id::text placing n::text from 36 for 1)::uuid, l.occurred_at, l.action
        from audit.audit_log as l, generate_series(1, 2) as n where l.seq = 1
        union all select l.id, l.occurred_at, l.action from audit.audit_log as l where l.seq = 1`
      const [built] = await keeper`select swap from audit.build_kept(${OLD})`
      let moving: Promise<unknown> = Promise.resolve()
      await keeper.begin(async (one) => {
        const [swapped] =
          await one`select * from audit.swap_kept(${OLD}, ${built?.['swap'] ?? null})`
        assert.equal(swapped?.['refusal'], null)
        moving = move().execute() // else it is asked when it is awaited
        await waitFor(
          async () => {
            const [row] = await sql`select count(*)::integer as n from pg_locks where not granted`
            return row?.['n'] > 0
          },
          { what: 'the move to wait' },
        )
      })
      await moving
      const [row] = await sql`
        select count(*)::integer as n from audit.audit_log where action = 'temp.a'`
      assert.equal(row?.['n'], 0)
    })
  }
}
