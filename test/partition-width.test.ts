import assert from 'node:assert/strict'
import { test } from 'node:test'
import type postgres from 'postgres'
import { idFloor, recordedMs } from '../src/ids/uuid7.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { appendToLog, idAt } from './support/log-entries.ts'
import { connectAs, refusalOf } from './support/logins.ts'
import { relayOn } from './support/lanes.ts'

const DAY_MS = 86_400_000

async function ensure(sql: postgres.Sql, width: string, most = 300, months = 3): Promise<number> {
  const [row] = await sql`
    select audit.ensure_partitions(${months}, ${width}, ${most}) as made`
  return Number(row?.['made'])
}

/** As a relay does it. */
async function ensureAll(sql: postgres.Sql, width: string, most?: number): Promise<number> {
  let made = 0
  for (;;) {
    const more = await ensure(sql, width, most)
    if (more === 0) return made
    made += more
  }
}

interface Part {
  readonly name: string
  readonly fromMs: number
  readonly toMs: number
}

/** The partitions, oldest first, from Postgres and from the catalogue, which have to agree. */
async function partitions(sql: postgres.Sql): Promise<readonly Part[]> {
  const actual = await sql<{ name: string; from: string; to: string }[]>`
    select name, first_id::text as from, end_id::text as to
    from audit.partition_bounds() order by first_id`
  const known = await sql`
    select name, from_id::text as from, to_id::text as to from audit.audit_partition order by from_id`
  assert.deepEqual([...actual], [...known])
  return actual.map(({ name, from, to }) => ({
    name,
    fromMs: recordedMs(from),
    toMs: recordedMs(to),
  }))
}

const days = ({ fromMs, toMs }: Part) => (toMs - fromMs) / DAY_MS
const dated = (ms: number) =>
  `audit_log_${new Date(ms).toISOString().slice(0, 10).replaceAll('-', '_')}`

/** Months that are closed, as if they had held so many entries each; the newest first. */
async function closedMonths(scratch: ScratchDatabase, rows: readonly number[]): Promise<void> {
  const { sql } = scratch
  for (const [at, count] of rows.entries()) {
    await sql`
      insert into audit.audit_partition (name, from_id, to_id, min_seq, max_seq, rows, closed_at)
      select 'month_' || ${at}::integer, audit.id_floor(m.start - interval '1 month'),
        audit.id_floor(m.start), 1, 2, ${count}::bigint, now()
      from (
        select date_trunc('month', now(), 'UTC') - make_interval(months => ${at}::integer) as start
      ) as m`
  }
}

async function widthOf(sql: postgres.Sql, wanted = 'auto', most = 300): Promise<string> {
  const [row] = await sql`select audit.partition_width(${wanted}, ${most}) as width`
  return String(row?.['width'])
}

// Goal: the documented rates.
// Method: two closed months of a rate at, below and above each bound. A month counts as 30.44 days.
test('auto makes months up to 2 million entries a month, weeks up to 8 million, else days', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  assert.equal(await widthOf(sql), 'month', 'of a new log nothing is known')
  const [row] = await sql`
    select extract(epoch from m.end - (m.end - interval '2 months'))::float8 / 86400 as days
    from (select date_trunc('month', now(), 'UTC') as end) as m`
  const months = Number(row?.['days']) / 30.44
  for (const [rate, width] of [
    [0, 'month'],
    [1_999_999, 'month'],
    [2_000_001, 'week'],
    [7_999_999, 'week'],
    [8_000_001, 'day'],
    [50_000_000, 'day'],
  ] as const) {
    await sql`delete from audit.audit_partition where name like 'month_%'`
    const total = rate * months
    // They differ, and only their sum counts; what was long ago does not.
    await closedMonths(scratch, [Math.floor(total * 0.7), Math.ceil(total * 0.3), 90_000_000])
    assert.equal(await widthOf(sql), width, `${rate}`)
  }
})

test('before a partition is closed, auto goes by the entries of the open one', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const [row] = await sql`select audit.entries_a_month() as rate`
  assert.equal(row?.['rate'], 0)
  const thisMonth = Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth())
  const [first = thisMonth] = [Math.max(thisMonth, Date.now() - 2 * DAY_MS)]
  const spans = (Date.now() - first) / DAY_MS
  await appendToLog(
    sql,
    Array.from({ length: 5_000 }, () => ({ ms: first + 1 })),
  )
  await sql`analyze audit.audit_log`
  const [after] = await sql`select audit.entries_a_month() as rate`
  const rate = Number(after?.['rate'])
  // In the first day of a month nothing can be said yet.
  const expected = spans >= 1 ? (5_000 / spans) * 30.44 : 0
  assert.ok(Math.abs(rate - expected) <= expected * 0.02, `${rate}, not ${expected}`)
})

test('weeks begin on Monday and days at midnight of UTC, behind what is there, for 31 days', async (t) => {
  for (const [width, span] of [
    ['week', 7],
    ['day', 1],
  ] as const) {
    const scratch = await scratchDatabase(t)
    await ensureAll(connectAs(t, scratch, 'audit_relay'), width)
    const found = await partitions(scratch.sql)
    const now = Date.now()
    const [past, ...others] = found
    assert.ok(past)
    const isFirst = past.fromMs === Math.floor(now / DAY_MS) * DAY_MS
    const ahead = isFirst ? found : others
    for (const [at, part] of ahead.entries()) {
      const isWhole = days(part) === span
      const isMonday = new Date(part.fromMs).getUTCDay() === 1
      assert.ok(isWhole || (at === 0 && days(part) < span), part.name)
      assert.ok(span === 1 || isMonday || at === 0, part.name)
      assert.equal(part.name, dated(part.fromMs))
      assert.equal(part.toMs, ahead[at + 1]?.fromMs ?? part.toMs, 'none is missing')
    }
    const lastMs = found.at(-1)?.toMs ?? 0
    assert.ok(lastMs > now + 31 * DAY_MS && lastMs <= now + (31 + span) * DAY_MS)
    assert.ok(ahead[0] && ahead[0].fromMs <= now && ahead[0].toMs > now)
    assert.equal(await ensure(scratch.sql, width), 0)
  }
})

test('a narrower width replaces partitions that are empty, and no other', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const ids = await appendToLog(sql, [{ ms: Date.now() }, { ms: Date.now() + 40 * DAY_MS }])
  const before = await partitions(sql)
  const held = async () =>
    (
      await sql<{ part: string }[]>`
        select distinct tableoid::regclass::text as part from audit.audit_log order by 1`
    ).map(({ part }) => part.replace('audit.', ''))
  const withRows = await held()
  assert.equal(withRows.length, 2)

  await ensureAll(connectAs(t, scratch, 'audit_relay'), 'day')

  const after = await partitions(sql)
  const kept = before.filter(({ name }) => after.some((part) => part.name === name))
  assert.deepEqual(kept.map(({ name }) => name).sort(), withRows)
  assert.deepEqual(await held(), withRows)
  const [log] = await sql`select count(*)::integer as count from audit.audit_log`
  assert.equal(log?.['count'], ids.length)
  const tables = await sql`select from pg_class where relname = ${before.at(-1)?.name ?? ''}`
  assert.equal(tables.length, 0, 'the month far ahead was empty')
  for (const part of after.filter((one) => !withRows.includes(one.name))) {
    assert.equal(days(part), 1, part.name)
  }
  // Its triggers and its owner are as those of any other.
  const owner = connectAs(t, scratch, 'audit_owner')
  const refusal = await refusalOf(owner.unsafe(`truncate audit.${after.at(-1)?.name}`))
  assert.match(refusal?.message ?? 'done', /append-only/)
})

test('a day may have the name of the week that it replaces', async (t) => {
  const scratch = await scratchDatabase(t)
  const relay = connectAs(t, scratch, 'audit_relay')
  await ensureAll(relay, 'week')
  const weeks = await partitions(scratch.sql)
  await ensureAll(relay, 'day')
  const found = await partitions(scratch.sql)
  const last = weeks.at(-1)
  assert.ok(found.some((part) => part.name === last?.name && days(part) === 1))
  const leftovers =
    await scratch.sql`select from pg_class where relkind = 'r' and relname like '%_next%'`
  assert.equal(leftovers.length, 0)
})

test('a wider width begins behind what is there, and overlaps nothing', async (t) => {
  const scratch = await scratchDatabase(t)
  const relay = connectAs(t, scratch, 'audit_relay')
  await ensureAll(relay, 'week')
  const weeks = await partitions(scratch.sql)
  await ensureAll(relay, 'month')
  const found = await partitions(scratch.sql)
  assert.deepEqual(found.slice(0, weeks.length), weeks)
  const [cut, ...months] = found.slice(weeks.length)
  assert.equal(cut?.fromMs, weeks.at(-1)?.toMs)
  const isWhole = new Date(cut?.fromMs ?? 0).getUTCDate() === 1
  assert.equal(cut?.name, isWhole ? dated(cut?.fromMs ?? 0).slice(0, -3) : dated(cut?.fromMs ?? 0))
  for (const part of months) {
    assert.equal(part.name, dated(part.fromMs).slice(0, -3))
    assert.equal(new Date(part.fromMs).getUTCDate(), 1)
  }
})

test('entries that wait in DEFAULT move into the days that are made', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  await sql.unsafe(`do $$ declare part text; begin
    for part in select name from audit.partition_bounds() loop
      execute format('drop table audit.%I', part);
    end loop; end $$`)
  const ids = [0, 1, 2].map((ahead) => idAt(Date.now() + ahead * DAY_MS))
  await appendToLog(
    sql,
    [0, 1, 2].map((ahead) => ({ ms: Date.now() + ahead * DAY_MS })),
  )
  await ensureAll(connectAs(t, scratch, 'audit_relay'), 'day')
  const found = await sql`select tableoid::regclass::text as part from audit.audit_log order by seq`
  assert.deepEqual(
    found.map(({ part }) => part),
    ids.map((id) => `audit.${dated(recordedMs(id))}`),
  )
})

test('at most maxPartitions of our own are made, and the error says what to do', async (t) => {
  const scratch = await scratchDatabase(t)
  const relay = connectAs(t, scratch, 'audit_relay')
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const before = await partitions(scratch.sql)
  assert.equal(before.length, 4)
  assert.equal(await ensure(relay, 'month', 6, 5), 2)
  await assert.rejects(ensure(relay, 'month', 6, 6), {
    code: '54000',
    message: 'the log has 6 partitions and needs 1 more, which is over the maximum of 6',
    hint: /AUDIT_PARTITION_WIDTH.*AUDIT_MAX_PARTITIONS/,
  })
  const narrower = await refusalOf(ensure(relay, 'day', 20))
  assert.equal(narrower?.code, '54000')
  assert.equal((await partitions(scratch.sql)).length, 6, 'nothing was replaced')
  const past = await refusalOf(
    keeper`select audit.ensure_partitions_between('2020-01-01', '2020-02-01', 7)`,
  )
  assert.equal(past?.code, '54000')
  const tooMany = keeper`
    select audit.ensure_partitions_between('1970-01-01', '9999-01-01', 2147483647)`
  assert.match((await refusalOf(tooMany))?.message ?? 'made', /over the maximum of 3000$/)
  await scratch.sql.unsafe(
    `create table audit.mine partition of audit.audit_log for values from ('${idFloor(0)}') to ('${idFloor(1)}')`,
  )
  assert.equal(await ensure(relay, 'month', 7, 6), 1, 'one that is made by hand does not count')
})

test('auto takes no width of which half a year would not fit', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  await closedMonths(scratch, [50_000_000, 50_000_000])
  for (const [most, width] of [
    [187, 'day'],
    [186, 'week'],
    [30, 'week'],
    [29, 'month'],
  ] as const) {
    assert.equal(await widthOf(sql, 'auto', most), width, `${most} with the 4 that are there`)
  }
  assert.equal(await widthOf(sql, 'day', 12), 'day', 'what was asked for by name stays')
})

test('a partition is at most a quarter as wide as the shortest policy', async (t) => {
  const scratch = await scratchDatabase(t)
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const relay = connectAs(t, scratch, 'audit_relay')
  for (const [keep, width] of [
    ['124 days', 'month'],
    ['123 days', 'week'],
    ['28 days', 'week'],
    ['27 days', 'day'],
    ['4 days', 'day'],
  ] as const) {
    await keeper`select audit.set_policy('temp.*', ${keep}::interval)`
    // What keeps less counts a week after its entry was logged. It is looked at before.
    await relay`select audit.move('outbox', 9, 1000, null, null, null, null)`
    for (const wanted of ['auto', 'month']) {
      assert.equal(await widthOf(scratch.sql, wanted), width, `${wanted}, kept for ${keep}`)
    }
  }
  assert.equal(await widthOf(scratch.sql, 'day'), 'day')
})

test('another word for a width is refused', async (t) => {
  const { sql } = await scratchDatabase(t)
  for (const width of ['year', '', null, 'MONTH']) {
    const refusal = await refusalOf(sql`select audit.ensure_partitions(3, ${width})`)
    assert.equal(refusal?.code, '22023', String(width))
    assert.match(refusal.message, /^width must be auto, month, week or day, got/)
  }
})

test('a relay makes partitions as wide as its option says, and closes past ones', async (t) => {
  const scratch = await scratchDatabase(t)
  await connectAs(t, scratch, 'audit_keeper')`
    select audit.ensure_partitions_between(now() - interval '40 days', now() - interval '40 days')`
  const relay = relayOn(t, scratch, { partitionWidth: 'week' })
  await relay.drain({ deadlineMs: 60_000 })
  const found = await partitions(scratch.sql)
  assert.equal(days(found.at(-1) ?? { name: '', fromMs: 0, toMs: 0 }), 7)
  const closed =
    await scratch.sql`select name from audit.audit_partition where closed_at is not null`
  assert.ok(closed.length >= 1)
})
