import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { scratchDatabase } from './support/database.ts'
import { connectAs, refusalOf } from './support/logins.ts'
import { idAt, keepUntil, logOld, monthsAgo } from './support/old-log.ts'
import { setPolicy } from './support/policies.ts'

const DAY_MS = 86_400_000

for (const order of ['first', 'last'] as const) {
  test(`an undo brings removed partitions back where one was made of their time since: the ${order} one first`, async (t) => {
    const { sql, urlAs, ...scratch } = await scratchDatabase(t)
    const keeper = connectAs(t, { sql, urlAs, ...scratch }, 'audit_keeper')
    const start = monthsAgo(9)
    const day = (number: number) => new Date(start.getTime() + number * DAY_MS)
    await sql.begin(async (one) => {
      await one`set local role audit_owner`
      await one`
      select audit.make_partitions(
        array[audit.id_floor(${day(0)}), audit.id_floor(${day(1)}), audit.id_floor(${day(2)})],
        array[audit.id_floor(${day(1)}), audit.id_floor(${day(2)}), audit.id_floor(${day(3)})], null)`
    })
    for (const number of [0, 1, 2]) {
      await sql`
      insert into audit.audit_log (id, seq, occurred_at, action)
      values (${idAt(day(number + 0.5), number)}, ${number + 1}, ${day(number)},
        ${number < 2 ? 'temp.a' : 'billing.pay'})`
    }
    await sql`update audit.audit_head set seq = 3`
    await setPolicy(sql, 'temp.*', '130 days')
    const names =
      await sql`select name from audit.audit_partition where to_id <= audit.id_floor(${day(2)}) order by from_id`
    for (const { name } of names) {
      const [built] = await keeper`select swap from audit.build_kept(${name})`
      await keeper`select audit.swap_kept(${name}, ${built?.['swap'] ?? null})`
    }
    // As an import does: the two days become one partition, with the name of the first.
    await keeper`select audit.ensure_partitions_between(${day(0)}, ${day(27)})`
    for (const { name } of order === 'first' ? names : [...names].reverse()) {
      const [undone] = await keeper`select * from audit.undo_retention(${name})`
      assert.equal(undone?.['reason'], null)
    }
    const wrong = await sql`
    select p.name from audit.audit_partition as p
    full join audit.partition_bounds() as b on b.name = p.name
    where (p.from_id, p.to_id) is distinct from (b.first_id, b.end_id)`
    assert.deepEqual([...wrong], [], 'the catalogue has the bounds of the log')
    const rows = await sql`select seq::integer from audit.audit_log order by seq`
    assert.deepEqual(
      rows.map(({ seq }) => seq),
      [1, 2, 3],
    )
  })
}

/** Days of a month in the past, each with an entry, of which a policy removes the first two. */
async function removedDays(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const start = monthsAgo(9)
  const day = (number: number) => new Date(start.getTime() + number * DAY_MS)
  await sql.begin(async (one) => {
    await one`set local role audit_owner`
    await one`
      select audit.make_partitions(
        array[audit.id_floor(${day(0)}), audit.id_floor(${day(1)}), audit.id_floor(${day(2)})],
        array[audit.id_floor(${day(1)}), audit.id_floor(${day(2)}), audit.id_floor(${day(3)})], null)`
  })
  const log = (seq: number, at: number, action: string) => sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    values (${idAt(day(at), seq)}, ${seq}, ${day(at)}, ${action})`
  await log(1, 0.5, 'temp.a')
  await log(2, 1.5, 'temp.a')
  await log(3, 2.5, 'billing.pay')
  await sql`update audit.audit_head set seq = 3`
  await setPolicy(sql, 'temp.*', '130 days')
  const names = await sql`
    select name from audit.audit_partition where to_id <= audit.id_floor(${day(2)}) order by from_id`
  for (const { name } of names) {
    const [built] = await keeper`select swap from audit.build_kept(${name})`
    await keeper`select audit.swap_kept(${name}, ${built?.['swap'] ?? null})`
  }
  const state = async () => {
    const wrong = await sql`
      select p.name from audit.audit_partition as p
      full join audit.partition_bounds() as b on b.name = p.name
      where (p.from_id, p.to_id) is distinct from (b.first_id, b.end_id)
        or p.min_seq > (select min(l.seq) from audit.audit_log as l where l.id >= p.from_id and l.id < p.to_id)
        or p.max_seq < (select max(l.seq) from audit.audit_log as l where l.id >= p.from_id and l.id < p.to_id)`
    assert.deepEqual([...wrong], [], 'the catalogue has the bounds and numbers of the log')
    const rows = await sql`select seq::integer from audit.audit_log order by seq`
    return rows.map(({ seq }) => seq)
  }
  const [first, second] = names.map(({ name }) => String(name))
  return { ...scratch, keeper, day, log, state, first: first ?? '', second: second ?? '' }
}

// Goal: what was removed comes back whatever was made of its time since.
// Method: an import makes a wider partition, and an entry of it lies before what comes back, or behind.
for (const undone of ['first', 'second'] as const) {
  test(`an undo joins a wider partition that holds entries of other days: the ${undone} day`, async (t) => {
    const { sql, keeper, day, log, state, ...days } = await removedDays(t)
    await keeper`select audit.ensure_partitions_between(${day(0)}, ${day(27)})`
    await log(4, undone === 'first' ? 1.2 : 0.2, 'late.outside')
    await log(5, undone === 'first' ? 0.7 : 1.7, 'late.inside')
    await sql`update audit.audit_head set seq = 5`
    const [one] = await keeper`select * from audit.undo_retention(${days[undone]})`
    assert.equal(one?.['reason'], null)
    assert.deepEqual(await state(), undone === 'first' ? [1, 3, 4, 5] : [2, 3, 4, 5])
    const [said] = await sql`
      select metadata from audit.audit_outbox where action = 'audit.retention_undo'`
    assert.equal(said?.['metadata'].cameSince, 2)
    const other = days[undone === 'first' ? 'second' : 'first']
    const [two] = await keeper`select * from audit.undo_retention(${other})`
    assert.equal(two?.['reason'], null)
    assert.deepEqual(await state(), [1, 2, 3, 4, 5])
    const removed = await sql`select from audit.audit_removed`
    assert.equal(removed.length, 0)
    for (const { name } of await sql`select name from audit.audit_partition`) {
      const refusal = await refusalOf(sql.unsafe(`delete from audit.${name}`))
      assert.match(refusal?.message ?? 'done', /append-only/)
    }
  })
}

test('an undo says what to do where DEFAULT holds entries of its time, and then brings it back', async (t) => {
  const { sql, keeper, log, state, first } = await removedDays(t)
  await log(4, 0.7, 'late.inside')
  await sql`update audit.audit_head set seq = 4`
  const undo = () => keeper`select * from audit.undo_retention(${first})`
  const [refused] = await undo()
  const [statement] =
    /select audit\.ensure_partitions_between\([^)]+\)/.exec(refused?.['reason']) ?? []
  assert.ok(statement, refused?.['reason'])
  await keeper.unsafe(statement)
  const [undone] = await undo()
  assert.equal(undone?.['reason'], null)
  assert.deepEqual(await state(), [1, 3, 4])
})

test('an undo says what is in its way that was made by hand', async (t) => {
  const { sql, keeper, day, first, second } = await removedDays(t)
  await sql`create schema elsewhere`
  const [ids] = await sql`
    select audit.id_floor(${day(0)}) as first, audit.id_floor(${day(1)}) as last`
  await sql.unsafe(`create table elsewhere.one partition of audit.audit_log
    for values from ('${ids?.['first']}') to ('${ids?.['last']}')`)
  const [hand] = await keeper`select * from audit.undo_retention(${first})`
  assert.match(
    hand?.['reason'],
    /elsewhere\.one was made by hand for its time: detach that one first/,
  )
  const [other] = await sql`
    select name from audit.audit_partition where from_id >= audit.id_floor(${day(2)}) order by from_id limit 1`
  await sql.unsafe(`alter table audit.${other?.['name']} rename to ${second}`)
  const [taken] = await keeper`select * from audit.undo_retention(${second})`
  assert.match(taken?.['reason'], /another time has its name: rename the partition/)
  const rows = await sql`select seq::integer from audit.audit_log`
  assert.deepEqual([...rows], [{ seq: 3 }])
})

test('what comes back as DEFAULT gives a partition that was made since the entries of its time', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const keeper = connectAs(t, scratch, 'audit_keeper')
  await logOld(sql, [
    { months: 5, action: 'temp.a' },
    { months: 4, action: 'temp.a' },
    { months: 1, action: 'billing.pay' },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(4))
  const [built] = await keeper`select swap from audit.build_kept('audit_log_default')`
  await keeper`select audit.swap_kept('audit_log_default', ${built?.['swap'] ?? null})`
  const [made] = await keeper`
    select audit.ensure_partitions_between(${monthsAgo(4)}, ${monthsAgo(4)}) as n`
  assert.equal(made?.['n'], 1)
  const [partition] = await sql`
    select name from audit.audit_partition where from_id <= audit.id_floor(${monthsAgo(4)})`
  const [undone] = await keeper`select * from audit.undo_retention('audit_log_default')`
  assert.equal(undone?.['reason'], null)
  const where = await sql`
    select l.seq::integer, l.tableoid::regclass::text as name from audit.audit_log as l order by l.seq`
  assert.deepEqual(
    where.map(({ seq, name }) => [seq, name]),
    [
      [1, 'audit.audit_log_default'],
      [2, `audit.${partition?.['name']}`],
      [3, 'audit.audit_log_default'],
    ],
  )
  const refusal = await refusalOf(sql`delete from audit.audit_log_default`)
  assert.match(refusal?.message ?? 'done', /append-only/)
})
