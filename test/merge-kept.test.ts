import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { groupsToMerge } from '../relay/retention/merge-kept.ts'
import { applyRetention, undoRetention } from '../relay/retention/apply-retention.ts'
import { archiverOf } from './support/archives.ts'
import { runRelay } from './support/audit-relay.ts'
import { scratchDatabase } from './support/database.ts'
import { openDatabase } from './support/lanes.ts'
import { connectAs, refusalOf } from './support/logins.ts'
import { idAt, monthsAgo } from './support/old-log.ts'
import { placeHold, setPolicy } from './support/policies.ts'

const DAY_MS = 86_400_000
/** Of a statement, as for reads. */
const MOST_LOCKS = 300
const USER = '0b7a5f0e-93c7-4f0c-9a53-2c1f0b8d6e11'

/** Days of the past as partitions, each with an entry of each of these actions. */
async function days(
  t: TestContext,
  count: number,
  actions: readonly string[] = ['audit.retention'],
) {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const start = monthsAgo(9)
  const day = (number: number) => new Date(start.getTime() + number * DAY_MS)
  const make = async (from: number, to: number) => {
    const starts = Array.from({ length: to - from }, (_, n) => day(from + n).toISOString())
    await sql.begin(async (one) => {
      await one`set local role audit_owner`
      await one`
        select audit.make_partitions(
          array(select audit.id_floor(d::timestamptz) from json_array_elements_text(${JSON.stringify(starts)}::text::json) as d),
          array(select audit.id_floor(d::timestamptz + interval '1 day')
            from json_array_elements_text(${JSON.stringify(starts)}::text::json) as d), null)`
    })
  }
  const log = async (at: number, action: string, userId: string | null = null) => {
    await sql`
      with head as (update audit.audit_head set seq = seq + 1 returning seq)
      insert into audit.audit_log (id, seq, occurred_at, action, user_id)
      select ${idAt(day(at + 0.5), Math.floor(Math.random() * 2 ** 40))}, h.seq, now(), ${action}, ${userId}
      from head as h`
  }
  for (let from = 0; from < count; from += 10) await make(from, Math.min(count, from + 10))
  for (let at = 0; at < count; at += 1) for (const action of actions) await log(at, action)
  await sql`
    update audit.audit_partition as p set closed_at = now(),
      min_seq = (select min(seq) from audit.audit_log as l where l.id >= p.from_id and l.id < p.to_id),
      max_seq = (select max(seq) from audit.audit_log as l where l.id >= p.from_id and l.id < p.to_id)
    where p.to_id <= audit.id_floor(${day(count)})`
  const partitions = async () => {
    const rows = await sql`
      select p.name, (audit.id_time(p.to_id) - audit.id_time(p.from_id))::text as width,
        p.min_seq::integer as min, p.max_seq::integer as max
      from audit.audit_partition as p join audit.partition_bounds() as b on b.name = p.name
        and b.first_id = p.from_id and b.end_id = p.to_id
      where p.to_id <= audit.id_floor(${day(count)}) order by p.from_id`
    return rows.map(({ name, width, min, max }) => ({ name, width, min, max }))
  }
  const entries = async () => [...(await sql`select l.* from audit.audit_log as l order by l.seq`)]
  const names = (await partitions()).map(({ name }) => String(name))
  const database = openDatabase(t, scratch.urlAs('audit_keeper'))
  const keeper = connectAs(t, scratch, 'audit_keeper')
  return { ...scratch, database, keeper, day, log, partitions, entries, names }
}

test('small neighbours of which nothing is due become one, with all of their entries', async (t) => {
  const { sql, database, partitions, entries, names } = await days(t, 14)
  await setPolicy(sql, 'temp.*', '20 days')
  const before = await entries()
  const { merged, removed, blocked } = await applyRetention(database)
  assert.deepEqual([removed, blocked], [[], []])
  assert.deepEqual(merged, [{ into: names[0], partitions: names, entries: 14 }])
  assert.deepEqual(await partitions(), [{ name: names[0], width: '14 days', min: 1, max: 14 }])
  assert.deepEqual(await entries(), before)
  const left = await sql`
    select relname from pg_class where relnamespace = 'audit'::regnamespace and relkind = 'r'
      and relname ~ '(_merged|_parted)$'`
  assert.deepEqual([...left], [])
  for (const change of ['update TABLE set seq = 0', 'delete from TABLE', 'truncate TABLE']) {
    const refusal = await refusalOf(sql.unsafe(change.replace('TABLE', `audit.${names[0]}`)))
    assert.match(refusal?.message ?? '', /append-only/)
  }
  assert.deepEqual((await applyRetention(database)).merged, [], 'that was all')
})

test('seven are too few, and more than 14 are merged in turns', async (t) => {
  const few = await days(t, 7)
  await setPolicy(few.sql, 'temp.*', '20 days')
  assert.deepEqual((await applyRetention(few.database)).merged, [])
  assert.equal((await few.partitions()).length, 7)
  const many = await days(t, 33)
  await setPolicy(many.sql, 'temp.*', '20 days')
  const { merged } = await applyRetention(many.database)
  assert.deepEqual(
    merged.map(({ partitions }) => partitions.length),
    [14, 14],
  )
  assert.equal((await many.entries()).length, 33)
})

test('a merged partition is no wider than a quarter of what is kept in it, and takes in nothing due or on hold', async (t) => {
  const { sql, database, partitions, log, names } = await days(t, 30, [
    'audit.retention',
    'billing.pay',
  ])
  await setPolicy(sql, 'billing.*', '400 days')
  await setPolicy(sql, 'temp.*', '20 days')
  await placeHold(sql, USER)
  await log(9, 'temp.held', USER)
  const { merged } = await applyRetention(database)
  assert.deepEqual(
    merged.map(({ partitions: of }) => of),
    [names.slice(0, 9), names.slice(10, 24)],
  )
  assert.equal((await partitions()).length, 9)
})

const planned = (number: number, keepDays: number | null, rows = 1) => ({
  partition: `day ${number}`,
  from: new Date(number * DAY_MS).toISOString(),
  to: new Date((number + 1) * DAY_MS).toISOString(),
  ...{ rows, bytes: 0, due: 0, held: 0, goes: 0, cursors: [] },
  actions: [{ ...{ action: 'a.b', rows, policy: null, keep: null, keepDays, due: 0, held: 0 } }],
})

test('what is merged is bounded by the policies, by rows and by what is large', () => {
  const sizes = (of: readonly ReturnType<typeof planned>[]) =>
    groupsToMerge(of, new Set()).map(({ length }) => length)
  const days = (count: number, keepDays: number | null, rows?: number) =>
    Array.from({ length: count }, (_, number) => planned(number, keepDays, rows))
  assert.deepEqual(sizes(days(20, 40)), [10, 10])
  assert.deepEqual(sizes(days(20, 31)), [], 'seven days of 31 are too few')
  assert.deepEqual(sizes(days(20, null, 2_000)), [10, 10])
  assert.deepEqual(sizes(days(20, null, 5_001)), [])
  const mixed = days(20, null).map((one, at) => (at === 9 ? planned(9, 4) : one))
  assert.deepEqual(sizes(mixed), [9, 10], 'one that must stay narrow stands alone')
  const apart = Array.from({ length: 10 }, (_, number) => planned(number * 60, null))
  assert.deepEqual(sizes(apart), [], 'a year is the most')
})

test('the database itself refuses to merge what must stay apart', async (t) => {
  const { sql, keeper, partitions, log, names, day } = await days(t, 10)
  await setPolicy(sql, 'temp.*', '20 days')
  const merge = async (of: readonly string[]) => {
    const [row] = await keeper`
      select merged, reason from audit.merge_kept(
        array(select json_array_elements_text(${JSON.stringify(of)}::text::json)))`
    return row?.['reason']
  }
  const pick = (...of: number[]) => of.map((at) => names[at] ?? '')
  const [a = '', b = ''] = names
  for (const of of [[], [a], Array<string>(15).fill(a)]) {
    assert.match(await merge(of), /from 2 to 14 partitions can be merged/)
  }
  assert.match((await refusalOf(merge([b, a])))?.message ?? '', /in the order of their time/)
  assert.match((await refusalOf(merge([a, a])))?.message ?? '', /in the order of their time/)
  assert.equal((await refusalOf(merge(['audit_head', a])))?.code, '22023')
  assert.match(await merge(pick(0, 2)), /another partition lies between them/)
  await sql`update audit.audit_partition set closed_at = null where name = ${a}`
  assert.match(await merge(pick(0, 1)), /is not closed yet/)
  await sql`update audit.audit_partition set closed_at = now() where name = ${a}`
  await log(3, 'temp.a')
  assert.match(await merge(pick(2, 3)), /are due/)
  await applyOnly(keeper, names[3] ?? '')
  assert.match(await merge(pick(2, 3)), /waits for its drop/)
  await setPolicy(sql, 'billing.*', '300 days')
  await log(5, 'billing.pay')
  await keeper`select audit.ensure_partitions_between(${day(80)}, ${day(80)})`
  await sql`update audit.audit_partition set closed_at = now()`
  const [far] = await sql`
    select name from audit.audit_partition where from_id = audit.id_floor(${day(80)})`
  const between = names.slice(6)
  assert.match(
    await merge([names[5] ?? '', ...between, String(far?.['name'])]),
    /wider than a quarter of a policy/,
  )
  assert.equal(await merge([...between, String(far?.['name'])]), null, 'those are kept forever')
  assert.deepEqual(
    (await partitions()).map(({ name }) => name),
    [...names.slice(0, 6)],
    'the merged one ends later',
  )
})

async function applyOnly(keeper: ReturnType<typeof connectAs>, partition: string) {
  const [built] = await keeper`select swap from audit.build_kept(${partition})`
  await keeper`select audit.swap_kept(${partition}, ${built?.['swap'] ?? null})`
}

test('a merge of the most partitions takes no more locks than the table of locks has room for', async (t) => {
  const { sql, keeper, names } = await days(t, 14)
  await setPolicy(sql, 'temp.*', '20 days')
  const locks = await keeper.begin(async (one) => {
    const [row] = await one`
      select merged, reason from audit.merge_kept(
        array(select json_array_elements_text(${JSON.stringify(names)}::text::json)))`
    assert.equal(row?.['reason'], null)
    const [held] = await one`
      select count(distinct relation)::integer as n from pg_locks where pid = pg_backend_pid()`
    return Number(held?.['n'])
  })
  assert.ok(locks <= MOST_LOCKS, `${locks} relations`)
})

test('what was removed of a merged partition comes back by an undo, and from its archive', async (t) => {
  const { sql, database, keeper, partitions, entries, names, log, ...scratch } = await days(t, 12)
  await log(2, 'temp.a')
  await log(4, 'temp.a')
  await setPolicy(sql, 'temp.*', '20 days')
  const before = await entries()
  const { archiver } = archiverOf(t, { sql, ...scratch })
  for (const partition of names) await archiver.archive({ partition })
  const options = {
    archiver: {
      archive: (partition: string, kept: string) => archiver.archive({ partition, kept }),
    },
  }
  const first = await applyRetention(database, options)
  assert.equal(first.removed.length, 2)
  assert.deepEqual(first.merged, [], 'what waits for its drop stays apart, and cuts the others')
  await sql`update audit.audit_retention set undo = '0'`
  const second = await applyRetention(database, options)
  assert.equal(second.dropped.length, 2)
  const { merged } = await applyRetention(database, options)
  assert.deepEqual(
    [...second.merged, ...merged].map(({ partitions: of }) => of.length),
    [12],
  )
  const due = await sql`select partition from audit.archive_due()`
  assert.deepEqual([...due], [], 'all of it was archived, under other names')
  for (const partition of [names[4] ?? '', names[2] ?? '']) {
    const run = await runRelay(t, ['archive', 'restore', partition], {
      AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_keeper'),
    })
    assert.equal(run.code, 0, run.stderr)
  }
  assert.deepEqual(await entries(), before)
  assert.equal((await partitions()).length, 1)
  assert.deepEqual([...(await sql`select from audit.audit_removed`)], [])
  // It can be removed again, of the one partition that there is now, and undone.
  await sql`update audit.audit_retention set undo = '7 days'`
  const again = await applyRetention(database, options)
  assert.deepEqual(
    again.removed.map(({ removed }) => removed),
    [2],
  )
  assert.ok('entryId' in (await undoRetention(database, again.removed[0]?.partition ?? '')))
  assert.deepEqual(await entries(), before)
})

test('a reader that holds the log keeps nobody waiting for a merge, which is no failure', async (t) => {
  const { sql, database, partitions } = await days(t, 8)
  await setPolicy(sql, 'temp.*', '20 days')
  const reader = await sql.reserve()
  await reader`begin`
  await reader`select from audit.audit_log limit 1`
  const steps: string[] = []
  const { blocked, merged } = await applyRetention(database, {
    deadlineMs: 0,
    onStep: (text) => steps.push(text),
  })
  await reader`commit`
  reader.release()
  assert.deepEqual([blocked, merged], [[], []])
  assert.match(steps.join('\n'), /stays as it is, because a lock was not had/)
  assert.equal((await partitions()).length, 8)
})
