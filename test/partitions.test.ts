import assert from 'node:assert/strict'
import { test } from 'node:test'
import type postgres from 'postgres'
import { scratchDatabase } from './support/database.ts'
import { connect, connectAs, refusalOf } from './support/logins.ts'
import { waitFor } from './support/wait-for.ts'

const THIS_MONTH = Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth())

/** The first millisecond of the month that many months from now. */
function monthStart(monthsAhead: number): number {
  const start = new Date(THIS_MONTH)
  return start.setUTCMonth(start.getUTCMonth() + monthsAhead)
}

function partitionOf(monthsAhead: number): string {
  const month = new Date(monthStart(monthsAhead)).toISOString().slice(0, 7)
  return `audit.audit_log_${month.replace('-', '_')}`
}

/** The smallest or the greatest UUIDv7 of a millisecond. */
function uuidv7(ms: number, which: 'smallest' | 'greatest' = 'smallest'): string {
  const time = ms.toString(16).padStart(12, '0')
  const rest = which === 'smallest' ? '7000-8000-000000000000' : '7fff-bfff-ffffffffffff'
  return `${time.slice(0, 8)}-${time.slice(8)}-${rest}`
}

async function log(sql: postgres.Sql, ids: readonly string[]): Promise<void> {
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    select id, n, now(), 'branding.update'
    from unnest(${`{${ids.join(',')}}`}::text::uuid[]) with ordinality as t (id, n)`
}

/** Which entry lies where, by seq. */
async function placed(sql: postgres.Sql) {
  return sql<{ seq: string; id: string; partition: string }[]>`
    select seq, id, tableoid::regclass::text as partition from audit.audit_log order by seq`
}

async function partitions(sql: postgres.Sql): Promise<readonly string[]> {
  const rows = await sql<{ line: string }[]>`
    select c.oid::regclass::text || ' ' || pg_get_expr(c.relpartbound, c.oid) as line
    from pg_class as c join pg_inherits on inhrelid = c.oid
    where inhparent = 'audit.audit_log'::regclass order by 1`
  return rows.map(({ line }) => line)
}

test('an entry lies in the partition of the month in which its id was made', async (t) => {
  const { sql } = await scratchDatabase(t)
  const expected = [0, 1, 2, 3].flatMap((ahead) => [
    { id: uuidv7(monthStart(ahead)), partition: partitionOf(ahead) },
    { id: uuidv7(monthStart(ahead + 1) - 1, 'greatest'), partition: partitionOf(ahead) },
  ])
  const elsewhere = [
    uuidv7(monthStart(0) - 1, 'greatest'), // last month
    uuidv7(monthStart(-12)), // last year
    uuidv7(monthStart(4)), // not made yet
    uuidv7(2 ** 48 - 1, 'greatest'), // the year 10889
    '9b2d3a4c-6f1e-4c7a-8b1d-2f3e4a5b6c7d', // a UUIDv4
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
  ].map((id) => ({ id, partition: 'audit.audit_log_default' }))

  await log(
    sql,
    [...expected, ...elsewhere].map(({ id }) => id),
  )
  const found = await placed(sql)
  assert.deepEqual(
    found.map(({ id, partition }) => ({ id, partition })),
    [...expected, ...elsewhere],
  )
})

test('the months are those of UTC in any time zone of the session', async (t) => {
  const { sql, url } = await scratchDatabase(t)
  const session = connect(t, url)
  await session`set timezone = 'Pacific/Kiritimati'`
  await session`set datestyle = 'SQL, DMY'`
  await session`select audit.ensure_partitions(4)`
  await log(sql, [uuidv7(monthStart(4)), uuidv7(monthStart(5) - 1, 'greatest')])
  const found = await placed(sql)
  assert.deepEqual(
    found.map(({ partition }) => partition),
    [partitionOf(4), partitionOf(4)],
  )
})

test('ensure_partitions makes what is missing, and nothing when called again', async (t) => {
  const scratch = await scratchDatabase(t)
  const relay = connectAs(t, scratch, 'audit_relay')
  const made = async (months: number) => {
    const [row] = await relay`select audit.ensure_partitions(${months}) as count`
    return row?.['count']
  }
  assert.equal(await made(0), 0)
  assert.equal(await made(3), 0)
  assert.equal(await made(15), 12)
  assert.equal(await made(15), 0)
  assert.equal((await partitions(scratch.sql)).length, 17)
})

// Goal: entries of a month that nobody had prepared are moved to it, and stay what they were.
// Method: rows of two missing months, and others, in DEFAULT; compare everything before and after.
test('ensure_partitions moves what waits in DEFAULT, and keeps every row and its seq', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const ids = [
    uuidv7(monthStart(5)),
    uuidv7(monthStart(4)),
    uuidv7(monthStart(4) - 1, 'greatest'),
    uuidv7(monthStart(6) - 1, 'greatest'),
    uuidv7(monthStart(6)),
    uuidv7(monthStart(-12)),
    '9b2d3a4c-6f1e-4c7a-8b1d-2f3e4a5b6c7d',
  ]
  await log(sql, ids)
  const whole = () => sql`select * from audit.audit_log order by seq`
  const before = await whole()
  const relay = connectAs(t, scratch, 'audit_relay')

  const [made] = await relay`select audit.ensure_partitions(5) as count`

  assert.equal(made?.['count'], 2)
  assert.deepEqual([...(await whole())], [...before])
  assert.deepEqual(
    (await placed(sql)).map(({ partition }) => partition),
    [
      partitionOf(5),
      partitionOf(4),
      partitionOf(3),
      partitionOf(5),
      'audit.audit_log_default',
      'audit.audit_log_default',
      'audit.audit_log_default',
    ],
  )
  const owner = connectAs(t, scratch, 'audit_owner')
  for (const table of [partitionOf(4), partitionOf(5), 'audit.audit_log_default']) {
    for (const statement of [`update ${table} set seq = 0`, `delete from ${table}`]) {
      for (const attempt of [statement, `${statement} where false`, `truncate ${table}`]) {
        const refusal = await refusalOf(owner.unsafe(attempt))
        assert.match(refusal?.message ?? 'done', /append-only/, attempt)
      }
    }
  }
  const leftovers = await sql`
    select conrelid::regclass::text from pg_constraint where conname = 'audit_log_bounds'
    union all select oid::regclass::text from pg_class where relname = 'audit_log_default_next'`
  assert.deepEqual([...leftovers], [])
  const [duplicate] = ids
  assert.equal((await refusalOf(log(sql, [duplicate ?? ''])))?.code, '23505', 'ids stay unique')

  // The next time, in the same session, with a DEFAULT that is another table.
  const [again] = await relay`select audit.ensure_partitions(6) as count`
  assert.equal(again?.['count'], 1)
  assert.equal((await placed(sql))[4]?.partition, partitionOf(6))
})

test('an unprepared month can be read and written by everyone as any other', async (t) => {
  const scratch = await scratchDatabase(t)
  await log(scratch.sql, [uuidv7(monthStart(4))])
  await connectAs(t, scratch, 'audit_relay')`select audit.ensure_partitions(4)`
  await log(connectAs(t, scratch, 'audit_owner'), [uuidv7(monthStart(4) + 1), uuidv7(0)])
  const found = await placed(connectAs(t, scratch, 'audit_reader'))
  assert.equal(found.length, 3)
})

test('any number of ensure_partitions at once make each month once', async (t) => {
  const scratch = await scratchDatabase(t)
  await log(scratch.sql, [uuidv7(monthStart(4)), uuidv7(monthStart(6))])
  const relays = Array.from({ length: 4 }, () => connectAs(t, scratch, 'audit_relay'))
  const made = await Promise.all(
    relays.map((relay) => relay`select audit.ensure_partitions(9) as count`),
  )
  const counts = made.map(([row]) => Number(row?.['count']))
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    6,
  )
  assert.equal((await partitions(scratch.sql)).length, 11)
  assert.deepEqual(
    (await placed(scratch.sql)).map(({ partition }) => partition),
    [partitionOf(4), partitionOf(6)],
  )
})

test('a session that writes while entries are moved out of DEFAULT waits, and loses nothing', async (t) => {
  const scratch = await scratchDatabase(t)
  await log(scratch.sql, [uuidv7(monthStart(4))])
  let count = 1
  let isDone = false
  const write = async (writer: postgres.Sql) => {
    while (!isDone) {
      count += 1
      await log(writer, [uuidv7(monthStart(4 + (count % 3)) + count)])
    }
  }
  const writers = Array.from({ length: 4 }, () => write(connectAs(t, scratch, 'audit_owner')))
  const relay = connectAs(t, scratch, 'audit_relay')
  for (const months of [4, 5, 6]) {
    const written = count
    await waitFor(() => count > written + 50, { what: 'the writers to write' })
    await relay`select audit.ensure_partitions(${months})`
  }
  isDone = true
  await Promise.all(writers)
  const found = await placed(scratch.sql)
  assert.equal(found.length, count)
  const months = new Set(found.map(({ partition }) => partition))
  assert.deepEqual([...months].sort(), [4, 5, 6].map(partitionOf).sort())
})

// Goal: a reader that takes its time delays nobody for long, and breaks nothing.
// Method: hold a reader's lock; look at everything before and after.
test('a blocked ensure_partitions gives up after five tries, and changes nothing', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  await log(sql, [uuidv7(monthStart(4))])
  const before = [await partitions(sql), await placed(sql)]
  const reader = connect(t, scratch.url)
  await reader`begin`
  await reader`select count(*) from audit.audit_log`
  const relay = connectAs(t, scratch, 'audit_relay')
  await relay`set statement_timeout = '30s'` // the end of one that would wait without end

  const startedMs = performance.now()
  const blocked = refusalOf(relay`select audit.ensure_partitions(5)`)
  await waitFor(
    async () => {
      const [row] = await sql`
        select exists (select from pg_locks as l
          where not granted and l.database = (select oid from pg_database where datname = current_database())
        ) as waits`
      return row?.['waits'] === true
    },
    { what: 'ensure_partitions to wait for the reader' },
  )
  assert.equal((await blocked)?.code, '55P03')
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs > 1_500, `five tries and four pauses of at least 0.3 s took ${tookMs} ms`)
  assert.deepEqual([await partitions(sql), await placed(sql)], before)

  await reader`commit`
  const [made] = await relay`select audit.ensure_partitions(5) as count`
  assert.equal(made?.['count'], 2)
  assert.equal((await placed(sql))[0]?.partition, partitionOf(4))
})

test('a number of months that makes no sense is refused, by name', async (t) => {
  const { sql } = await scratchDatabase(t)
  const before = await partitions(sql)
  for (const months of [-1, 121, 2_147_483_647, null]) {
    const refusal = await refusalOf(sql`select audit.ensure_partitions(${months}::integer)`)
    assert.equal(refusal?.code, '22023', String(months))
    assert.match(refusal.message, /^months must be from 0 to 120, got/)
  }
  assert.deepEqual(await partitions(sql), before)
})

test('ids made by the database are UUIDv7 of this moment', async (t) => {
  const { sql } = await scratchDatabase(t)
  const rows = await sql<{ id: string; floor: string }[]>`
    select audit.new_id()::text as id, audit.id_floor(clock_timestamp())::text as floor
    from generate_series(1, 1000)`
  const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
  assert.equal(new Set(rows.map(({ id }) => id)).size, 1000)
  for (const { id, floor } of rows) {
    assert.match(id, shape)
    const ms = (uuid: string) => Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16)
    assert.ok(Math.abs(ms(id) - ms(floor)) <= 1_000, id)
    assert.ok(Math.abs(ms(id) - Date.now()) < 60_000, id)
  }
})
