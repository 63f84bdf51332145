import assert from 'node:assert/strict'
import { test } from 'node:test'
import type postgres from 'postgres'
import { idFloor } from '../src/ids/uuid7.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { appendToLog } from './support/log-entries.ts'
import { connect, connectAs, refusalOf } from './support/logins.ts'
import { waitFor } from './support/wait-for.ts'

const DAY_MS = 86_400_000
const THIS_MONTH = Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth())

/** The first millisecond of the month that many months from now. */
function monthStart(monthsAhead: number): number {
  const start = new Date(THIS_MONTH)
  return start.setUTCMonth(start.getUTCMonth() + monthsAhead)
}

function nameOfMonth(monthsAhead: number): string {
  const month = new Date(monthStart(monthsAhead)).toISOString().slice(0, 7)
  return `audit_log_${month.replace('-', '_')}`
}

const bounds = (fromMs: number, toMs: number) =>
  `for values from ('${idFloor(fromMs)}') to ('${idFloor(toMs)}')`

/** As the owner makes one by hand. */
async function makeByHand(
  t: Parameters<typeof connectAs>[0],
  scratch: ScratchDatabase,
  name: string,
  fromMs: number,
  toMs: number,
) {
  const owner = connectAs(t, scratch, 'audit_owner')
  await owner.unsafe(
    `create table audit.${name} partition of audit.audit_log ${bounds(fromMs, toMs)};
     select audit.guard_log_table('audit.${name}')`,
  )
}

interface Part {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly min: string | null
  readonly max: string | null
  readonly rows: string | null
  readonly closed: boolean
}

async function catalogue(sql: postgres.Sql): Promise<readonly Part[]> {
  return await sql<Part[]>`
    select name, from_id::text as from, to_id::text as to, min_seq::text as min, max_seq::text as max,
      rows::text as rows, closed_at is not null as closed
    from audit.audit_partition order by from_id`
}

async function actual(sql: postgres.Sql) {
  return await sql<{ name: string; from: string; to: string }[]>`
    select name, first_id::text as from, end_id::text as to
    from audit.partition_bounds() order by first_id`
}

async function made(sql: postgres.Sql, call: string): Promise<number> {
  const [row] = await sql.unsafe(`select audit.${call} as count`)
  return Number(row?.['count'])
}

const between = (fromMs: number, toMs: number) =>
  `ensure_partitions_between('${new Date(fromMs).toISOString()}', '${new Date(toMs).toISOString()}')`

test('each partition is in the catalogue with its range, and DEFAULT is not', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  await made(connectAs(t, scratch, 'audit_relay'), 'ensure_partitions(5)')
  const parts = await catalogue(sql)
  assert.deepEqual(
    parts.map(({ name, from, to }) => ({ name, from, to })),
    [...(await actual(sql))],
  )
  assert.deepEqual(
    parts.map(({ name, from, to, min, max, rows, closed }) => [
      name,
      from,
      to,
      min,
      max,
      rows,
      closed,
    ]),
    [0, 1, 2, 3, 4, 5].map((ahead) => [
      nameOfMonth(ahead),
      idFloor(monthStart(ahead)),
      idFloor(monthStart(ahead + 1)),
      ...[null, null, null, false],
    ]),
  )
  const reader = connectAs(t, scratch, 'audit_reader')
  assert.equal((await reader`select from audit.audit_partition`).length, 6)
})

test('a partition that could not be attached is not in the catalogue', async (t) => {
  const scratch = await scratchDatabase(t)
  const before = await catalogue(scratch.sql)
  const reader = connect(t, scratch.url)
  await reader`begin`
  await reader`select count(*) from audit.audit_log`
  const relay = connectAs(t, scratch, 'audit_relay')
  const refusal = await refusalOf(relay`select audit.ensure_partitions(5)`)
  assert.equal(refusal?.code, '55P03')
  assert.deepEqual(await catalogue(scratch.sql), before)
})

test('a partition made by hand is taken into the catalogue, and ours fill the room beside it', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const [start, end] = [monthStart(4) + 9 * DAY_MS, monthStart(4) + 10 * DAY_MS + 3_600_000]
  await makeByHand(t, scratch, 'mine', start, end)
  assert.equal(await made(connectAs(t, scratch, 'audit_relay'), 'ensure_partitions(4)'), 2)
  const parts = (await catalogue(sql)).slice(4)
  const month = nameOfMonth(4)
  assert.deepEqual(
    parts.map(({ name, from, to }) => [name, from, to]),
    [
      [`${month}_01`, idFloor(monthStart(4)), idFloor(start)],
      ['mine', idFloor(start), idFloor(end)],
      [`${month}_11_010000000`, idFloor(end), idFloor(monthStart(5))],
    ],
  )
  assert.equal(await made(sql, 'ensure_partitions(4)'), 0)
})

test('one that is made by hand is adopted also where nothing is missing', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeByHand(t, scratch, 'old_one', monthStart(-9), monthStart(-8))
  assert.equal(await made(connectAs(t, scratch, 'audit_relay'), 'ensure_partitions(3)'), 0)
  const [first] = await catalogue(scratch.sql)
  assert.deepEqual([first?.name, first?.from], ['old_one', idFloor(monthStart(-9))])
})

test('a partition without an end stays out of the catalogue, and is not overlapped', async (t) => {
  const scratch = await scratchDatabase(t)
  const owner = connectAs(t, scratch, 'audit_owner')
  await owner.unsafe(
    `create table audit.early partition of audit.audit_log for values from (minvalue) to ('${idFloor(DAY_MS)}');
     create table audit.late partition of audit.audit_log for values from ('${idFloor(monthStart(5))}') to (maxvalue)`,
  )
  const before = await catalogue(scratch.sql)
  assert.equal(await made(connectAs(t, scratch, 'audit_relay'), 'ensure_partitions(6)'), 1)
  assert.deepEqual(
    (await catalogue(scratch.sql)).map(({ name }) => name),
    [...before.map(({ name }) => name), nameOfMonth(4)],
  )
})

test('a month that a partition of another name holds is not made', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeByHand(t, scratch, 'two_months', monthStart(4), monthStart(6))
  assert.equal(await made(connectAs(t, scratch, 'audit_relay'), 'ensure_partitions(6)'), 1)
  assert.deepEqual(
    (await catalogue(scratch.sql)).slice(4).map(({ name }) => name),
    ['two_months', nameOfMonth(6)],
  )
})

test('a table that has the name of a partition is refused, with what to do', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql.unsafe(`create table audit.${nameOfMonth(4)} (x integer)`)
  const relay = connectAs(t, scratch, 'audit_relay')
  const refusal = await refusalOf(relay`select audit.ensure_partitions(4)`)
  assert.equal(refusal?.code, '42P07')
  assert.match(refusal.message, new RegExp(`audit.${nameOfMonth(4)} is a table already`))
})

test('partitions between two instants are made for the past, and take their rows from DEFAULT', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const owner = connectAs(t, scratch, 'audit_owner')
  const given = [
    monthStart(-2),
    monthStart(-3) + 20 * DAY_MS,
    monthStart(-1) - 1,
    monthStart(-3) - 1,
    monthStart(-1),
  ]
  const ids = await appendToLog(
    sql,
    given.map((ms) => ({ ms })),
  )
  const whole = () => sql`select * from audit.audit_log order by seq`
  const before = await whole()

  assert.equal(await made(owner, between(monthStart(-3) + 20 * DAY_MS, monthStart(-2))), 2)
  assert.equal(await made(owner, between(monthStart(-3) + 20 * DAY_MS, monthStart(-2))), 0)

  assert.deepEqual([...(await whole())], [...before])
  const placed = await sql`
    select id, tableoid::regclass::text as place from audit.audit_log order by seq`
  assert.deepEqual(
    placed.map(({ id, place }) => [id, place]),
    ids.map((id, at) => [
      id,
      `audit.${[nameOfMonth(-2), nameOfMonth(-3), nameOfMonth(-2)][at] ?? 'audit_log_default'}`,
    ]),
  )
  assert.deepEqual(
    (await catalogue(sql)).slice(0, 2).map(({ name }) => name),
    [nameOfMonth(-3), nameOfMonth(-2)],
  )
})

test('at most 12 are made in a call, and none below 1970, above 9999 or backwards', async (t) => {
  const scratch = await scratchDatabase(t)
  const owner = connectAs(t, scratch, 'audit_owner')
  const call = between(monthStart(-30), monthStart(5))
  assert.equal(await made(owner, call), 12)
  assert.equal(await made(owner, call), 12)
  assert.equal(await made(owner, call), 8)
  assert.equal(await made(owner, call), 0)
  assert.equal(
    await made(owner, between(monthStart(6), monthStart(6))),
    1,
    'one instant has a month',
  )
  for (const range of [
    "'1969-12-31 23:59:59+00', '1970-02-01'",
    "'2020-01-01', '9999-12-31 00:00:01+00'",
    "'2020-01-02', '2020-01-01'",
    "null, '2020-01-01'",
    "'2020-01-01', null",
    "'-infinity', 'infinity'",
  ]) {
    const refusal = await refusalOf(
      owner.unsafe(`select audit.ensure_partitions_between(${range})`),
    )
    assert.equal(refusal?.code, '22023', range)
  }
  const relay = connectAs(t, scratch, 'audit_relay')
  assert.equal((await refusalOf(relay.unsafe(`select audit.${call}`)))?.code, '42501')
})

test('partitions between two instants wait for a session that makes some, and give up', async (t) => {
  const scratch = await scratchDatabase(t)
  const other = connectAs(t, scratch, 'audit_owner')
  await other`begin`
  await other`select from audit.audit_turn where turn = -1 for no key update`
  const owner = connectAs(t, scratch, 'audit_owner')
  await owner`set statement_timeout = '30s'`
  const call = `select audit.${between(monthStart(-2), monthStart(-1))} as count`
  assert.equal((await refusalOf(owner.unsafe(call)))?.code, '55P03')
  const waiting = owner.unsafe(call).execute()
  await waitFor(() => someoneWaits(scratch.sql), { what: 'the call to wait' })
  await other`commit`
  const [row] = await waiting
  assert.equal(row?.['count'], 2)
})

/** Whether a session of this database waits for a lock. */
async function someoneWaits(sql: postgres.Sql): Promise<boolean> {
  const [row] = await sql`
    select exists (select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock') as waits`
  return row?.['waits'] === true
}

/** A log with partitions for days around three days ago. @returns the midnights, oldest first */
async function daysAgo(scratch: ScratchDatabase, t: Parameters<typeof connectAs>[0]) {
  const { sql } = scratch
  const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS
  await sql.unsafe(
    `do $$ declare part text; begin
       for part in select name from audit.partition_bounds() loop
         execute format('drop table audit.%I', part);
       end loop;
       delete from audit.audit_partition;
     end $$`,
  )
  const starts = [6, 5, 4, 3].map((days) => midnight - days * DAY_MS)
  for (const start of starts) {
    await makeByHand(t, scratch, `day_${start}`, start, start + DAY_MS)
  }
  await sql`select audit.adopt_partitions()`
  return starts
}

/** One entry with this very id. */
async function log(sql: postgres.Sql, id: string) {
  await sql`
    with head as (update audit.audit_head set seq = seq + 1 returning seq)
    insert into audit.audit_log (id, seq, occurred_at, action)
    select ${id}::text::uuid, head.seq, now(), 'a.b' from head`
}

async function closeAll(sql: postgres.Sql): Promise<readonly string[]> {
  const closed: string[] = []
  for (;;) {
    const [row] = await sql<{ name: string | null }[]>`select audit.close_partition() as name`
    if (row?.name == null) return closed
    closed.push(row.name)
  }
}

// Goal: a partition is closed three days after its end, with its bounds, and not a moment before.
// Method: days around that instant; ends are put a little before and behind it.
test('a partition is closed three days after its end, and not before', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const starts = await daysAgo(scratch, t)
  const at = (day: number, ms: number) => ({ ms: (starts[day] ?? 0) + ms })
  await log(sql, idFloor(starts[0] ?? 0)) // the first id of a partition belongs to it
  await appendToLog(sql, [at(0, 5), at(3, 0), at(0, DAY_MS - 1), at(2, 9), { ms: Date.now() }])
  await log(sql, idFloor(starts[1] ?? 0))
  const relay = connectAs(t, scratch, 'audit_relay')
  assert.deepEqual(
    await closeAll(relay),
    starts.slice(0, 3).map((start) => `day_${start}`),
  )
  assert.deepEqual(
    (await catalogue(sql)).map(({ min, max, rows, closed }) => [min, max, rows, closed]),
    [
      ['1', '4', '3', true],
      ['7', '7', '1', true], // and not to the one before
      ['5', '5', '1', true],
      [null, null, null, false],
    ],
  )
  assert.deepEqual(await closeAll(relay), [], 'each once')

  const edge = async (aheadMs: number) => {
    const [row] =
      await sql`select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as now`
    const end = Number(row?.['now']) - 3 * DAY_MS + aheadMs
    await makeByHand(t, scratch, `edge_${end}`, end - 1, end)
    await sql`insert into audit.audit_partition (name, from_id, to_id) values
      (${`edge_${end}`}, ${idFloor(end - 1)}::text::uuid, ${idFloor(end)}::text::uuid)`
    return `edge_${end}`
  }
  await sql.unsafe(`drop table audit.day_${starts[3]}`)
  await sql`delete from audit.audit_partition where name = ${`day_${starts[3]}`}`
  const [, late] = [await edge(0), await edge(30_000)]
  const closed = await closeAll(relay)
  assert.equal(closed.length, 1)
  assert.equal(closed.includes(late), false, 'its end is not three days ago')
})

// Goal: no entry that is logged while a partition is closed lies above its max_seq.
// Method: a session logs a late entry as a move does, and holds the head; the closing waits for it.
test('the greatest seq is read when no move is under way', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const [start = 0] = await daysAgo(scratch, t)
  await appendToLog(sql, [{ ms: start }])
  const mover = connectAs(t, scratch, 'audit_owner')
  await mover`begin`
  await appendToLog(mover, [{ ms: start + 1 }])
  const relay = connectAs(t, scratch, 'audit_relay')
  await relay`set statement_timeout = '30s'`
  const closing = relay`select audit.close_partition() as name`.execute()
  await waitFor(() => someoneWaits(sql), { what: 'the closing to wait for the head' })
  await mover`commit`
  const [row] = await closing
  assert.equal(row?.['name'], `day_${start}`)
  const [first] = await catalogue(sql)
  assert.deepEqual([first?.min, first?.max], ['1', '2'])
})

test('an empty partition holds no number once it is closed', async (t) => {
  const scratch = await scratchDatabase(t)
  await daysAgo(scratch, t)
  await appendToLog(scratch.sql, [{}, {}])
  await closeAll(connectAs(t, scratch, 'audit_relay'))
  const [first] = await catalogue(scratch.sql)
  assert.deepEqual(
    [first?.min, first?.max, first?.rows],
    ['3', '0', '0'],
    'from the next one to none',
  )
})

test('a closing that cannot have the head gives up after five tries, and changes nothing', async (t) => {
  const scratch = await scratchDatabase(t)
  await daysAgo(scratch, t)
  const before = await catalogue(scratch.sql)
  const mover = connectAs(t, scratch, 'audit_owner')
  await mover`begin`
  await mover`select from audit.audit_head for no key update`
  const relay = connectAs(t, scratch, 'audit_relay')
  await relay`set statement_timeout = '30s'`
  const startedMs = performance.now()
  assert.equal((await refusalOf(relay`select audit.close_partition()`))?.code, '55P03')
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs > 1_500, `five tries and four pauses of at least 0.3 s took ${tookMs} ms`)
  await mover`commit`
  assert.deepEqual(await catalogue(scratch.sql), before)
})

test('a closing under a snapshot that is kept is refused, because it would miss late entries', async (t) => {
  const scratch = await scratchDatabase(t)
  await daysAgo(scratch, t)
  const relay = connectAs(t, scratch, 'audit_relay')
  await relay`set default_transaction_isolation = 'repeatable read'`
  const refusal = await refusalOf(relay`select audit.close_partition()`)
  assert.equal(refusal?.code, '25000')
  assert.match(refusal.message, /at the isolation level repeatable read/)
})

test('a partition whose bounds differ from the catalogue stays open, and one of another owner does not', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const starts = await daysAgo(scratch, t)
  const [first, second, third] = starts.map((start) => `day_${start}`)
  await sql`update audit.audit_partition set to_id = ${idFloor((starts[0] ?? 0) + 1)}::text::uuid
    where name = ${first ?? ''}`
  await sql.unsafe(`alter table audit.${second} owner to current_user`)
  await sql.unsafe(`alter table audit.${third} owner to audit_owner`)
  assert.deepEqual(await closeAll(connectAs(t, scratch, 'audit_relay')), [second, third])
})
