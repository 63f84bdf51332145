import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type postgres from 'postgres'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { numberedId } from './support/lanes.ts'
import { connect, connectAs, refusalOf } from './support/logins.ts'
import { testLogin } from './support/server.ts'

const USER = '0190a000-0000-7000-8000-0000000000aa'
const RECORDER = '0190a000-0000-7000-8000-000000000001'
const OTHER_RECORDER = '0190a000-0000-7000-8000-000000000002'

/** `audit.record(text)` as the application calls it, and what became of the entries. */
async function recording(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const app = connectAs(t, scratch, 'audit_app')
  await app`set statement_timeout = '20s'` // a statement that waits without end fails soon
  const recordText = async (text: string | null): Promise<number> => {
    const [row] = await app`select audit.record(${text}::text) as taken`
    return row?.['taken']
  }
  const record = (entries: unknown) => recordText(JSON.stringify(entries))
  return { ...scratch, app, record, recordText, ...outcome(scratch) }
}

function outcome({ sql }: ScratchDatabase) {
  return {
    staged: () => sql`select * from audit.audit_outbox order by action, id`,
    dead: () => sql`select * from audit.audit_dead_letter order by number`,
  }
}

test("one entry in the columns' names is staged as it was given", async (t) => {
  const { record, staged, dead } = await recording(t)
  const entry = {
    id: numberedId(1),
    occurred_at: '2026-01-02T03:04:05.678+01:00',
    user_id: '0190A000-0000-7000-8000-0000000000AA',
    event_id: '0190a000-0000-7000-8000-0000000000bb',
    target_id: '0190a000-0000-7000-8000-0000000000cc',
    action: 'branding.update',
    entity_type: 'branding',
    request_id: 'request-1',
    metadata: { colour: 'red', deep: [{ n: 1.5 }, null] },
    context: { ip: '192.0.2.1' },
  }
  assert.equal(await record(entry), 1)
  const [row] = await staged()
  assert.deepEqual(
    { ...row },
    {
      ...entry,
      occurred_at: new Date(entry.occurred_at),
      user_id: USER,
      ...{ outcome: null, actor_id: null, actor_kind: null, more_targets: null },
      recorder_id: null,
      recorder_seq: null,
      written_by: testLogin('audit_app').name,
      ours: false,
    },
  )
  assert.deepEqual([...(await dead())], [])
})

test('what an entry leaves out, or gives as null, is filled in', async (t) => {
  const { record, staged } = await recording(t)
  const before = Date.now()
  assert.equal(await record({ action: 'a.b' }), 1)
  const all = ['id', 'occurred_at', 'user_id', 'entity_type', 'request_id', 'metadata', 'context']
  assert.equal(
    await record({ action: 'a.b', ...Object.fromEntries(all.map((name) => [name, null])) }),
    1,
  )
  for (const row of await staged()) {
    assert.match(row['id'], /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
    assert.ok(Math.abs(row['occurred_at'].getTime() - before) < 60_000)
    assert.deepEqual([row['user_id'], row['entity_type'], row['request_id']], [null, null, null])
    assert.deepEqual([row['metadata'], row['context']], [{}, {}])
  }
})

test('an array is staged whole, and an empty one is nothing', async (t) => {
  const { record, staged, dead } = await recording(t)
  assert.equal(await record([{ action: 'a.a' }, { action: 'a.b' }, { action: 'a.c' }]), 3)
  assert.equal(await record([]), 0)
  assert.deepEqual(
    (await staged()).map(({ action }) => action),
    ['a.a', 'a.b', 'a.c'],
  )
  assert.equal((await dead()).length, 0)
})

test('what is no entry at all ends as a dead letter, as it was given', async (t) => {
  const { recordText, staged, dead } = await recording(t)
  const given = ['not JSON', '', '{"action":"a.b"', '7', '"text"', 'null', '[7, null, "x", [{}]]']
  for (const text of given) assert.equal(await recordText(text), 0, text)
  assert.deepEqual(
    (await dead()).map(({ entry }) => entry),
    [...given.slice(0, -1), '7', 'null', '"x"', '[{}]'],
  )
  for (const { lane, sqlstate } of await dead()) {
    assert.equal(lane, 'outbox')
    assert.match(sqlstate, /^22/)
  }
  assert.equal(await recordText(null), 0)
  assert.equal((await staged()).length, 0)
})

test('an entry without an action ends as a dead letter, and is not counted as taken', async (t) => {
  const { record, staged, dead } = await recording(t)
  const id = '0190a000-0000-7000-8000-000000000001'
  const nameless = [{ id, metadata: { n: 1 } }, { action: '' }, { action: null }]
  assert.equal(await record([...nameless, { action: 'a.b' }]), 1)
  assert.deepEqual(
    (await dead()).map((row) => [row['sqlstate'], row['id'], JSON.parse(row['entry'])]),
    [
      ['23502', id, nameless[0]],
      ['23502', null, nameless[1]],
      ['23502', null, nameless[2]],
    ],
  )
  assert.equal((await staged()).length, 1)
})

test('an id that is no UUID becomes null, and the context keeps what was given', async (t) => {
  const { record, staged, dead } = await recording(t)
  const given = {
    action: 'a.b',
    user_id: 'user-7',
    event_id: 12,
    target_id: `{${USER}}`,
    context: { ip: '192.0.2.1' },
  }
  assert.equal(await record(given), 1)
  const [row] = await staged()
  assert.deepEqual([row?.['user_id'], row?.['event_id'], row?.['target_id']], [null, null, null])
  assert.deepEqual(row?.['context'], {
    ip: '192.0.2.1',
    invalid: { userId: 'user-7', eventId: '12', targetId: `{${USER}}` },
    degraded: ['userId.invalid', 'eventId.invalid', 'targetId.invalid'],
  })

  assert.equal(await record({ action: 'b.a', id: 'my-id', user_id: '', event_id: USER }), 1)
  const [, second] = await staged()
  assert.deepEqual([second?.['user_id'], second?.['event_id']], [null, USER])
  assert.deepEqual(second?.['context'], { invalid: { id: 'my-id' }, degraded: ['id.invalid'] })
  assert.equal((await dead()).length, 0)
})

// Goal: a wrong id never ends the caller's transaction, in whatever way it is wrong.
// Method: next to ids that are right, so that the whole array is looked at.
test('only what has the usual form of a UUID is taken as one', async (t) => {
  const { app, record, staged, dead } = await recording(t)
  const wrong = [
    USER.replaceAll('-', ''),
    `{${USER}}`,
    `${USER} `,
    ` ${USER.slice(1)}`,
    `${USER}0`,
    USER.slice(1),
    `g${USER.slice(1)}`,
    `é${USER.slice(1)}`,
    `-${USER.slice(1)}`,
    `${USER.slice(0, -1)}-`,
    `${USER.slice(0, -1)},`,
    '-'.repeat(36),
    '_'.repeat(36),
    USER.replace('-', '0').replace('0', '-'),
    `0123-4567${'-0123'.repeat(5)}-0`,
  ]
  const entries = wrong.map((id) => ({
    action: 'a.b',
    user_id: id,
    target_id: USER,
    event_id: null,
  }))
  const right = { action: 'a.b', user_id: USER.toUpperCase(), target_id: USER }
  assert.equal(await record([right, ...entries]), wrong.length + 1)
  for (const entry of entries) {
    const [row] =
      await app`select audit.record_in(${JSON.stringify([right, entry])}::text) as taken`
    assert.equal(row?.['taken'], 2, entry.user_id)
  }
  const rows = (await staged()).slice(0, wrong.length + 1)
  const given = rows.map((row) => row['user_id'] ?? row['context']['invalid']['userId'])
  assert.deepEqual(given.sort(), [USER.toLowerCase(), ...wrong].sort())
  assert.ok(rows.every((row) => row['target_id'] === USER))
  assert.equal((await dead()).length, 0)
})

test('texts that are too long for the log are cut, empty ones become null', async (t) => {
  const { sql, record, staged } = await recording(t)
  const long = '€'.repeat(1_000)
  const given = { action: long, entity_type: long, request_id: long, user_id: long }
  assert.equal(await record([given, { action: 'a.b', entity_type: '', request_id: '' }]), 2)
  const [short, cut] = await staged()
  assert.deepEqual([short?.['entity_type'], short?.['request_id']], [null, null])
  assert.deepEqual(
    [cut?.['action'], cut?.['entity_type'], cut?.['request_id']].map((text) => text.length),
    [128, 256, 256],
  )
  assert.equal(cut?.['context'].invalid.userId.length, 256)
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action, entity_type, request_id)
    select id, row_number() over (), occurred_at, action, entity_type, request_id
    from audit.audit_outbox` // the log takes what was cut
})

test('metadata and context that are no objects become one', async (t) => {
  const { record, staged } = await recording(t)
  assert.equal(
    await record([
      { action: 'a.a', metadata: [1, 2], context: 'text' },
      { action: 'a.b', metadata: 'text', context: [false] },
    ]),
    2,
  )
  assert.deepEqual(
    (await staged()).map(({ metadata, context }) => [metadata, context]),
    [
      [{ value: [1, 2] }, { value: 'text', degraded: ['metadata.wrapped', 'context.wrapped'] }],
      [{ value: 'text' }, { value: [false], degraded: ['metadata.wrapped', 'context.wrapped'] }],
    ],
  )
})

// Goal: a bad entry of any kind costs no other entry.
// Method: one of each kind among a thousand; what is taken apart must add up.
test('of 1,000 entries with 5 bad ones 995 are taken', async (t) => {
  const { recordText, staged, dead } = await recording(t)
  const bad = new Map([
    [0, '{"metadata":{}}'],
    [
      333,
      '{"action":"a.b","id":"0190a000-0000-7000-8000-000000000001","metadata":{"x":"\\u0000"}}',
    ],
    [334, '{"action":"a.b","metadata":{"x":"\\ud800"}}'],
    [667, '{"action":"a.b","metadata":{"x":1e999999}}'],
    [999, '["a.b"]'],
  ])
  const entries = Array.from({ length: 1_000 }, (_, n) => bad.get(n) ?? `{"action":"a.n${n}"}`)

  assert.equal(await recordText(`[${entries.join(',')}]`), 995)

  assert.equal((await staged()).length, 995)
  const letters = await dead()
  assert.deepEqual(
    letters.map(({ entry, sqlstate }) => [entry, sqlstate]),
    [...bad.values()].map((entry, n) => [entry, ['23502', '22P05', '22P02', '22003', '22023'][n]]),
  )
})

test('1,000 entries that are all bad hold their transaction up for a moment only', async (t) => {
  const { record, dead } = await recording(t)
  const entries = Array.from({ length: 1_000 }, () => ({ action: '', occurred_at: 'soon' }))
  const startedMs = performance.now()
  assert.equal(await record(entries), 0)
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs < 8_000, `took ${tookMs} ms`)
  assert.equal((await dead()).length, 1_000)
})

test('an entry is there if and only if its transaction commits', async (t) => {
  const { app, staged, dead } = await recording(t)
  const both = `[{"action":"a.b"}, {"action":"", "occurred_at":"soon"}]`
  for (const [end, count] of [
    ['rollback', 0],
    ['commit', 1],
  ] as const) {
    await app`begin`
    await app`select audit.record(${both})`
    await app.unsafe(end)
    assert.equal((await staged()).length, count, end)
    assert.equal((await dead()).length, count, end)
  }
})

/** Calls it inside a transaction, and proves that the transaction is alive afterwards. */
async function inTransaction(app: postgres.Sql, begin: string, text: string) {
  await app.unsafe(begin)
  const startedMs = performance.now()
  const [row] = await app`select audit.record(${text}) as taken`
  const tookMs = performance.now() - startedMs
  const [alive] = await app`select 'alive' as state`
  assert.equal(alive?.['state'], 'alive')
  await app`commit`
  return { taken: row?.['taken'], tookMs }
}

test('it never aborts its transaction: nonsense, depth, zeroes, half characters', async (t) => {
  const { app, dead } = await recording(t)
  const given = [
    'not JSON',
    `{"action":"a.b","metadata":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
    '["\\u0000"]',
    '{"action":"\\u0000"}',
    '{"action":"a.b","id":"\\u0000","occurred_at":"soon"}',
    '{"action":"a.b","metadata":{"\\u0000":"\\udc00"}}',
    '{"action":"\\ud800"}',
    '"\\u0000"',
  ]
  for (const text of given) {
    const { taken } = await inTransaction(app, 'begin', text)
    assert.equal(taken, 0, text.slice(0, 80))
  }
  const letters = await dead()
  assert.equal(letters.length, given.length)
  for (const [n, { entry }] of letters.entries()) {
    const text = given[n] ?? ''
    assert.ok(text.includes(entry), text.slice(0, 80))
  }
})

test('it never aborts its transaction: read-only', async (t) => {
  const { app, staged, dead } = await recording(t)
  for (const text of ['{"action":"a.b"}', 'not JSON']) {
    const { taken } = await inTransaction(app, 'begin read only', text)
    assert.equal(taken, 0)
  }
  assert.equal((await staged()).length + (await dead()).length, 0)
})

test('it waits for a locked lane no longer than about a second', async (t) => {
  const { url, app, staged } = await recording(t)
  const blocker = connect(t, url)
  await blocker`begin`
  await blocker`lock table audit.audit_outbox in access exclusive mode`
  await app`set lock_timeout = '1h'`
  const { taken, tookMs } = await inTransaction(app, 'begin', '{"action":"a.b"}')
  assert.equal(taken, 0)
  assert.ok(tookMs > 800 && tookMs < 2_500, `took ${tookMs} ms`)
  const [row] = await app`select current_setting('lock_timeout') as value`
  assert.equal(row?.['value'], '1h', 'the setting of the caller is his own again')
  await blocker`rollback`
  assert.equal((await staged()).length, 0)
})

test('what it could not take is a warning with an SQLSTATE, and quotes nothing', async (t) => {
  const scratch = await scratchDatabase(t)
  const notices: postgres.Notice[] = []
  const app = connect(t, scratch.urlAs('audit_app'), (notice) => notices.push(notice))
  await inTransaction(app, 'begin read only', '{"action":"canary.entry"}')
  const [notice] = notices
  assert.equal(notice?.['message'], 'audit.record could not take the entries (SQLSTATE 25006)')
  assert.doesNotMatch(JSON.stringify(notices), /canary/)
})

test("a trigger on an application's own table records what happens there", async (t) => {
  const { sql, app, url, staged } = await recording(t)
  await sql.unsafe(`
    create table public.branding (id uuid primary key, colour text not null);
    grant insert, update on public.branding to audit_app;
    grant select on public.branding to audit_app;
    create function public.audit_branding() returns trigger language plpgsql as $$
    begin
      perform audit.record(jsonb_build_object(
        'action', 'branding.' || lower(tg_op), 'target_id', new.id, 'metadata', to_jsonb(new),
        'occurred_at', now()
      )::text);
      return null;
    end $$;
    create trigger audited after insert or update on public.branding
    for each row execute function public.audit_branding()`)

  await app`insert into public.branding values (${USER}, 'red')`
  await app`begin`
  await app`update public.branding set colour = 'blue'`
  await app`rollback`
  await app`update public.branding set colour = 'green'`

  assert.deepEqual(
    (await staged()).map((row) => [row['action'], row['target_id'], row['metadata'].colour]),
    [
      ['branding.insert', USER, 'red'],
      ['branding.update', USER, 'green'],
    ],
  )

  // And the table can be written while the lane cannot.
  const blocker = connect(t, url)
  await blocker`begin`
  await blocker`lock table audit.audit_outbox in access exclusive mode`
  await app`update public.branding set colour = 'white'`
  await blocker`rollback`
  const [row] = await sql`select colour from public.branding`
  assert.equal(row?.['colour'], 'white')
  assert.equal((await staged()).length, 2)
})

async function reportsOf(sql: postgres.Sql, id: string) {
  const [row] = await sql`
    select accepted::integer, staged::integer, dropped, coalesce(logged, 0)::integer as logged,
      started_at, seen_at, closed_at
    from audit.audit_report left join audit.audit_recorder using (id) where id = ${id}`
  return row
}

test('reports only ever grow: one that arrives late changes nothing, a closed one stays closed', async (t) => {
  const scratch = await scratchDatabase(t)
  const app = connectAs(t, scratch, 'audit_app')
  const report = (accepted: number, staged: number, dropped: object, closed: boolean) => app`
    select audit.report(${RECORDER}, 'the key of a recorder', '2026-01-01Z', ${accepted}, ${staged},
      ${JSON.stringify(dropped)}::text::jsonb, ${closed})`
  const counts = async () => {
    const row = await reportsOf(scratch.sql, RECORDER)
    return [row?.['accepted'], row?.['staged'], row?.['dropped'], row?.['closed_at'] !== null]
  }

  await report(5, 3, { full: 1 }, false)
  assert.deepEqual(await counts(), [5, 3, { full: 1 }, false])
  const first = await reportsOf(scratch.sql, RECORDER)
  assert.deepEqual(first?.['started_at'], new Date('2026-01-01Z'))
  await report(5, 5, { full: 4, timeout: 1 }, false)
  assert.deepEqual(await counts(), [5, 5, { full: 4, timeout: 1 }, false])
  await report(5, 3, { full: 2 }, false) // late
  assert.deepEqual(await counts(), [5, 5, { full: 4, timeout: 1 }, false])
  await report(9, 9, { full: 4, timeout: 1 }, true)
  const closed = await reportsOf(scratch.sql, RECORDER)
  await report(7, 7, {}, false) // late
  assert.deepEqual(await counts(), [9, 9, { full: 4, timeout: 1 }, true])
  const last = await reportsOf(scratch.sql, RECORDER)
  assert.deepEqual(last?.['closed_at'], closed?.['closed_at'])
  assert.ok(last?.['seen_at'] >= closed?.['seen_at'])
  assert.equal(last?.['logged'], 0, 'what was logged is not reported')
})

test('lane_state names the epoch and the first number of this recorder that still waits', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const app = connectAs(t, scratch, 'audit_app')
  const state = async () => {
    const [row] = await app`select epoch, first_waiting from audit.lane_state(${RECORDER})`
    return row
  }
  const [lane] = await sql`select epoch from audit.audit_lane where lane = 'staging'`
  assert.deepEqual({ ...(await state()) }, { epoch: lane?.['epoch'], first_waiting: null })

  await sql`
    insert into audit.audit_staging (id, occurred_at, action, recorder_id, recorder_seq)
    select gen_random_uuid(), now(), 'a.b', case when n > 50 then ${RECORDER} else ${OTHER_RECORDER} end::uuid, n
    from generate_series(1, 100) as n`
  assert.equal((await state())?.['first_waiting'], '51')
  await sql`delete from audit.audit_staging where recorder_seq between 51 and 60`
  assert.equal((await state())?.['first_waiting'], '61')
  await sql`delete from audit.audit_staging where recorder_seq > 60`
  assert.equal((await state())?.['first_waiting'], null)

  await sql`truncate audit.audit_sentinel` // as a crash does
  const [emptied] = await app`select epoch from audit.lane_state(${RECORDER})`
  assert.equal(emptied?.['epoch'], null)
  assert.equal((await refusalOf(app`select from audit.audit_sentinel`))?.code, '42501')
})
