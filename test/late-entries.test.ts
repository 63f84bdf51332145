import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Moved, moveStatement } from '../relay/move/move-statement.ts'
import { scratchDatabase } from './support/database.ts'
import { encoded, openDatabase, relayOn, stage } from './support/lanes.ts'
import { idAt } from './support/log-entries.ts'
import { makePastMonths } from './support/past-months.ts'

const DAY_MS = 86_400_000
/** Before these days, far before, of these days, and behind them. */
const AGES_DAYS = [3, 5, 40, 400, 1, 0, -1, -3, -40]

// Goal: an id is logged once, whatever its age, though the move looks into few partitions.
// Method: ids of all ages, staged again as they were, and once more with another content.
test('an id of any age that is staged again is logged once, and with another content it is a letter', async (t) => {
  const scratch = await scratchDatabase(t)
  await makePastMonths(scratch.sql, 3)
  const database = openDatabase(t, scratch.url)
  const relay = relayOn(t, scratch)
  const ids = AGES_DAYS.map((days) => idAt(Date.now() - days * DAY_MS))
  const staged = async (lane: 'staging' | 'outbox', columns: object) => {
    await stage(
      database,
      lane,
      ids.map((id) => encoded({ id, ...columns })),
    )
    await relay.drain({ deadlineMs: 60_000 })
    const [row] = await scratch.sql`
      select (select count(*) from audit.audit_log)::integer as logged,
        count(*)::integer as letters, array_agg(distinct sqlstate) as states
      from audit.audit_dead_letter`
    return { ...row }
  }
  assert.deepEqual(await staged('staging', {}), { logged: ids.length, letters: 0, states: null })
  assert.deepEqual(await staged('staging', {}), { logged: ids.length, letters: 0, states: null })
  assert.deepEqual(await staged('outbox', {}), { logged: ids.length, letters: 0, states: null })
  assert.deepEqual(await staged('outbox', { metadata: { other: true } }), {
    ...{ logged: ids.length, letters: ids.length, states: ['23505'] },
  })
})

// Method: two entries in one batch, numbered in the order of their ids: the late one is the first.
test('an entry that comes late raises the greatest number of its closed partition, and of no other', async (t) => {
  const scratch = await scratchDatabase(t)
  await makePastMonths(scratch.sql, 6)
  const database = openDatabase(t, scratch.url)
  const [month] = await scratch.sql<{ name: string; id: string }[]>`
    select name, from_id as id from audit.audit_partition order by from_id limit 1`
  assert.ok(month)
  await stage(database, 'staging', [encoded({ id: idAt(Date.now()) }), encoded({ id: month.id })])
  await relayOn(t, scratch).drain({ deadlineMs: 60_000 })
  const raised = await scratch.sql`
    select p.name, p.max_seq from audit.audit_partition as p where p.max_seq > 0`
  assert.deepEqual([...raised], [{ name: month.name, max_seq: '1' }])
})

// Goal: a move costs the same in a log of many partitions: it locks those of these days.
test('a move locks the partitions of these days, and not those of years', async (t) => {
  const scratch = await scratchDatabase(t)
  await makePastMonths(scratch.sql, 60)
  await stage(openDatabase(t, scratch.url), 'staging', [
    ...Array.from({ length: 20 }, () => encoded({ id: idAt(Date.now()) })),
    encoded({ id: idAt(Date.now()), action: 'a.b', metadata: {} }),
  ])
  const database = openDatabase(t, scratch.url)
  const statement = moveStatement({ lane: 'staging', batchEntries: 1_000, lockTimeoutMs: 1_000 })
  const session = await scratch.sql.reserve()
  t.after(() => session.release())
  await session`begin`
  const [moved] = await session`
    select logged from audit.move('staging', 1000, 1000, null, null, null, null)`
  assert.equal(moved?.['logged'], 21)
  const locked = await session`
    select distinct c.relname from pg_locks as l join pg_class as c on c.oid = l.relation
    where l.pid = pg_backend_pid() and c.relname like 'audit\\_log\\_2%' and c.relkind = 'r'`
  await session`rollback`
  assert.ok(locked.length <= 3, `it locked ${locked.length} partitions`)
  const [again] = await database.execute<Moved>(statement)
  assert.equal(again?.logged, 21)
})
