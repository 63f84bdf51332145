import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { scratchDatabase } from './support/database.ts'
import { connect, connectAs, refusalOf } from './support/logins.ts'

const USER = '0190a000-0000-7000-8000-0000000000aa'
const OTHER = '0190a000-0000-7000-8000-0000000000bb'

interface Context {
  readonly degraded?: readonly string[]
  readonly redacted?: readonly string[]
  readonly invalid?: Readonly<Record<string, string>>
  readonly [key: string]: unknown
}

/** `audit.record` as any program calls it, and the rows that came of it, in the order of actions. */
async function recording(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const app = connectAs(t, scratch, 'audit_app')
  const recordText = async (text: string, door: 'record' | 'record_in' = 'record') => {
    const [row] = await app.unsafe(`select audit.${door}($1::text) as taken`, [text])
    return row?.['taken'] as number
  }
  const rows = async () => {
    const found = await scratch.sql`
      select action, entity_type, request_id, user_id, event_id, target_id, metadata, context,
        to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as occurred_at,
        abs(extract(epoch from occurred_at - clock_timestamp()))::float8 as age_s
      from audit.audit_outbox order by action, id`
    await scratch.sql`truncate audit.audit_outbox`
    return found.map((row) => ({ ...row, context: row['context'] as Context })) as Array<
      Readonly<Record<string, unknown>> & { readonly context: Context }
    >
  }
  const stored = async (entry: object) => {
    assert.equal(await recordText(JSON.stringify({ action: 'a.b', ...entry })), 1)
    const [row] = await rows()
    assert.ok(row)
    return row
  }
  return { ...scratch, app, recordText, rows, stored }
}

test("an entry in the library's names is stored as in the columns' names, without a mark", async (t) => {
  const { recordText, rows } = await recording(t)
  const at = '2026-01-02T03:04:05.678Z'
  const [id, context] = ['0190a000-0000-7000-8000-0000000000cc', { ip: '::1' }]
  const camel = {
    ...{ action: 'a.b', userId: USER, eventId: OTHER, targetId: id, entityType: 'branding' },
    ...{ requestId: 'r-1', occurredAt: at, metadata: { a: 1 }, context },
  }
  const columns = {
    ...{ action: 'a.b', user_id: USER, event_id: OTHER, target_id: id, entity_type: 'branding' },
    ...{ request_id: 'r-1', occurred_at: at, metadata: { a: 1 }, context },
  }
  const both = { ...camel, ...columns }
  const nulls = { ...camel, user_id: null, entity_type: null, occurred_at: null }
  for (const door of ['record', 'record_in'] as const) {
    assert.equal(await recordText(JSON.stringify([columns, camel, both, nulls]), door), 4)
    const [first, ...others] = await rows()
    assert.deepEqual(
      [first?.['user_id'], first?.['request_id'], first?.context],
      [USER, 'r-1', context],
    )
    for (const row of others) assert.deepEqual({ ...row, age_s: 0 }, { ...first, age_s: 0 })
  }
})

test('of two spellings that differ the column wins, and the other one is kept and marked', async (t) => {
  const { stored } = await recording(t)
  const row = await stored({
    ...{ user_id: USER, userId: OTHER, entity_type: 'a', entityType: 'b', requestId: null },
    ...{ request_id: 'r', occurred_at: '2026-01-02T03:04:05Z', occurredAt: '2026-01-02T03:04:06Z' },
  })
  assert.deepEqual([row['user_id'], row['entity_type'], row['request_id']], [USER, 'a', 'r'])
  assert.equal(row['occurred_at'], '2026-01-02 03:04:05.000000')
  assert.deepEqual(row.context, {
    ...{ userId: OTHER, entityType: 'b', occurredAt: '2026-01-02T03:04:06Z' },
    degraded: ['entityType.twice', 'occurredAt.twice', 'userId.twice'],
  })
})

test('every other key that is given is kept in the context, and marked', async (t) => {
  const { stored } = await recording(t)
  const row = await stored({
    ...{ actor: { name: 'ada' }, ip: '192.0.2.1', list: [1, null], nothing: null, recorder_seq: 7 },
    context: { ip: '::1', agent: 'x' },
  })
  assert.deepEqual(row.context, {
    ...{ ip: '::1', agent: 'x', 'entry.ip': '192.0.2.1' },
    ...{ actor: { name: 'ada' }, list: [1, null], nothing: null, recorder_seq: 7 },
    degraded: ['entry.unknownKey'],
  })
  // Names that are the product's own, or taken again and again.
  const odd = await stored({
    ...{ degraded: 'x', invalid: [1], redacted: {}, user_agent: 1 },
    context: { 'entry.degraded': 1, user_agent: 2, 'entry.user_agent': 3, redacted: 'no' },
  })
  assert.deepEqual(odd.context, {
    ...{ 'entry.degraded': 1, 'entry.entry.degraded': 'x', 'entry.invalid': [1] },
    ...{ 'entry.redacted': 'no', 'entry.entry.redacted': {} },
    ...{ user_agent: 2, 'entry.user_agent': 3, 'entry.entry.user_agent': 1 },
    degraded: ['context.reserved', 'entry.unknownKey'],
  })
  // A context that is no object has a place for it, too.
  const wrapped = await stored({ context: 'text', ip: '::1' })
  assert.deepEqual(wrapped.context, {
    ...{ value: 'text', ip: '::1', degraded: ['context.wrapped', 'entry.unknownKey'] },
  })
})

test('notes that the library made stay notes, and new ones are added', async (t) => {
  const { stored } = await recording(t)
  const row = await stored({
    user_id: 'u-7',
    context: { degraded: ['metadata.depth', 'userId.invalid'], invalid: { eventId: 'e' } },
  })
  assert.deepEqual(row.context, {
    degraded: ['metadata.depth', 'userId.invalid'],
    invalid: { userId: 'u-7', eventId: 'e' },
  })
})

test('every text that is cut is marked', async (t) => {
  const { stored } = await recording(t)
  const long = 'x'.repeat(300)
  const row = await stored({
    ...{ action: `a.${long}`, entity_type: long, request_id: long, id: long, occurred_at: long },
    ...{ user_id: long, event_id: long, target_id: long },
  })
  for (const kept of Object.values(row.context.invalid ?? {})) assert.equal(kept.length, 256)
  assert.deepEqual(
    [...(row.context.degraded ?? [])].sort(),
    ['id', 'occurredAt', 'userId', 'eventId', 'targetId']
      .flatMap((name) => [`${name}.invalid`, `${name}.truncated`])
      .concat(['action.truncated', 'entityType.truncated', 'requestId.truncated'])
      .sort(),
  )
})

test('a number is kept where an id belongs, and an object gives its id', async (t) => {
  const { stored } = await recording(t)
  const row = await stored({ user_id: 42, event_id: { id: USER, name: 'x' }, targetId: { id: 7 } })
  assert.deepEqual([row['user_id'], row['event_id'], row['target_id']], [null, USER, null])
  assert.deepEqual(row.context, {
    invalid: { userId: '42', targetId: '7' },
    degraded: ['userId.invalid', 'eventId.object', 'targetId.object', 'targetId.invalid'],
  })
  const odd = await stored({
    userId: { password: 'hunter2-long', name: 'x' },
    event_id: [1],
    target_id: true,
  })
  assert.doesNotMatch(JSON.stringify(odd), /hunter2/)
  assert.deepEqual(odd.context.redacted, ['userId.password'])
  assert.deepEqual(odd.context.degraded, ['userId.invalid', 'eventId.invalid', 'targetId.invalid'])
})

test('a time of more than a day ahead is kept and marked', async (t) => {
  const { stored } = await recording(t)
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
  for (const occurred_at of [inHours(25), Date.parse(inHours(25)), '9999-12-31T23:59:59.999Z']) {
    const row = await stored({ occurred_at })
    assert.deepEqual(row.context, { degraded: ['occurredAt.skewed'] })
    const kept = Date.parse(`${String(row['occurred_at']).replace(' ', 'T')}Z`)
    assert.equal(kept, new Date(occurred_at).getTime())
  }
  assert.deepEqual((await stored({ occurred_at: inHours(23) })).context, {})
})

const ZONES = ['UTC', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Chatham'] as const

// Goal: what a time means does not depend on the session that writes it down.
// Method: the same texts in sessions of other zones and date styles.
test('times are read in the same way whatever the session has set', async (t) => {
  const { app, stored } = await recording(t)
  const at = '2026-01-02 03:04:05.000000'
  const sure = [
    ...['2026-01-02T03:04:05Z', '2026-01-02 03:04:05+00', '2026-01-02T05:04:05+02:00'],
    ...['2026-01-02T03:04:05z', '2026-01-02 03:04:05 +00', '2026-01-01T23:34:05-0330'],
    ...['2026-01-02 03:04:05 UTC', '2026-01-02 04:04:05 Europe/Berlin', '2026-01-02T03:04:05,000Z'],
  ]
  const local = [
    '2026-01-02T03:04:05',
    '2026-01-02T03:04:05',
    '2026-01-02 03:04:05.000',
    ' 2026-01-02T03:04:05 ',
  ]
  for (const zone of ZONES) {
    for (const style of ['ISO, MDY', 'SQL, DMY', 'German']) {
      await app.unsafe(`set timezone = '${zone}'; set datestyle = '${style}'`)
      for (const occurred_at of sure) {
        const row = await stored({ occurred_at })
        assert.deepEqual([row['occurred_at'], row.context], [at, {}], `${occurred_at} in ${zone}`)
      }
      for (const [n, occurred_at] of local.entries()) {
        const row = await stored(n === 0 ? { occurredAt: occurred_at } : { occurred_at })
        const marked = { degraded: ['occurredAt.zone'] }
        assert.deepEqual(
          [row['occurred_at'], row.context],
          [at, marked],
          `${occurred_at} in ${zone}`,
        )
      }
      const [own] = await app`select current_setting('timezone') as zone`
      assert.equal(own?.['zone'], zone, "the session's own setting stays")
    }
  }
  for (const names of ['Default', 'India', 'Australia']) {
    await app.unsafe(`set timezone_abbreviations = '${names}'`)
    const row = await stored({ occurred_at: '2026-01-02 05:04:05 IST' })
    assert.deepEqual([row['occurred_at'], row.context], [at, {}], names)
  }
  const day = await stored({ occurred_at: '2019-03-01' })
  assert.deepEqual(
    [day['occurred_at'], day.context.degraded],
    ['2019-03-01 00:00:00.000000', ['occurredAt.zone']],
  )
  const fine = await stored({ occurred_at: '2026-01-02T03:04:05.1234567Z' })
  assert.equal(fine['occurred_at'], '2026-01-02 03:04:05.123457')
  assert.deepEqual(fine.context, {
    degraded: ['occurredAt.rounded'],
    invalid: { occurredAt: '2026-01-02T03:04:05.1234567Z' },
  })
})

test('a number is milliseconds, or seconds where it can only be those, which is marked', async (t) => {
  const { stored } = await recording(t)
  for (const [given, at, degraded] of [
    [1_767_323_045_678, '2026-01-02 03:04:05.678000', undefined],
    [-1, '1969-12-31 23:59:59.999000', undefined],
    [0, '1970-01-01 00:00:00.000000', undefined],
    [1_767_323_045, '2026-01-02 03:04:05.000000', ['occurredAt.seconds']],
    [1_767_323_045.5, '2026-01-02 03:04:05.500000', ['occurredAt.seconds']],
    [100_000_000, '1973-03-03 09:46:40.000000', ['occurredAt.seconds']],
    [99_999_999, '1970-01-02 03:46:39.999000', undefined],
    [100_000_000_000, '1973-03-03 09:46:40.000000', undefined],
    [253_402_300_799_999, '9999-12-31 23:59:59.999000', ['occurredAt.skewed']],
  ] as const) {
    const row = await stored({ occurred_at: given })
    assert.deepEqual([row['occurred_at'], row.context.degraded], [at, degraded], `${given}`)
  }
})

const UNREADABLE = [
  ...['soon', 'yesterday', 'now', '2026-13-01', '2026-02-30T00:00:00Z', '1767225600000'],
  ...['2016-12-31T23:59:60Z', '2026-01-02T24:00:00Z', '2026-01-02T03:04:05+99:00', '02/01/2026'],
  ...['2026-01-02 03:04:05 Nowhere/City', true, [2026], { at: 1 }],
]
const SKEWED = [
  ...['infinity', '-infinity', '0044-03-15 00:00:00+00 BC', '-000043-03-15T00:00:00Z'],
  ...['0000-01-01T00:00:00Z', '10000-01-01T00:00:00Z', '9999-12-31T23:59:59-01:00', 1e15, -1e15],
]

test('a time that cannot be read keeps its text, and now is stored; record_in says what is wrong', async (t) => {
  const { stored, recordText, sql } = await recording(t)
  for (const [list, mark, code, message] of [
    [
      UNREADABLE,
      'occurredAt.invalid',
      '22007',
      /occurred_at is no time: give ISO 8601 text such as/,
    ],
    [SKEWED, 'occurredAt.skewed', '22008', /occurred_at is not between the years 1 and 9999/],
  ] as const) {
    for (const occurred_at of list) {
      const text = typeof occurred_at === 'string' ? occurred_at : undefined
      const row = await stored({ occurred_at })
      const kept = row.context.invalid?.['occurredAt']
      assert.equal(kept ?? '', text ?? kept, `${occurred_at}`)
      assert.ok(kept, `${occurred_at}`)
      assert.ok((row['age_s'] as number) < 60, `${occurred_at}: ${row['occurred_at']}`)
      assert.deepEqual(row.context.degraded, [mark], `${occurred_at}`)
      const entry = JSON.stringify([{ action: 'a.a' }, { action: 'a.b', occurredAt: occurred_at }])
      const refusal = await refusalOf(recordText(entry, 'record_in'))
      assert.equal(refusal?.code, code, `${occurred_at}`)
      assert.match(refusal?.message ?? '', message)
    }
  }
  const empty = await stored({ occurred_at: '' })
  assert.deepEqual(
    [empty.context.degraded, empty.context.invalid],
    [['occurredAt.invalid'], undefined],
  )
  const [counts] = await sql`select count(*)::integer as letters from audit.audit_dead_letter`
  assert.equal(counts?.['letters'], 0)
})

test('values whose key names a secret are censored at any depth, and what identifies stays', async (t) => {
  const { recordText, rows } = await recording(t)
  const secret = 'zQ7PLANTED9Kz'
  const metadata = {
    ...{ password: secret, h: { Authorization: `Bearer ${secret}` }, list: [[{ apiKey: secret }]] },
    ...{ old: { password_hash: secret, name: 'ada' }, pin: 4711, tokens: 1500, empty: { otp: '' } },
    ...{ accessKey: { accessKeyId: 'AKIA7', secret, status: 'Active', deep: [{ x: secret }] } },
    ...{ hasPassword: true, 'p\u00e4ssw\u00f6rd': secret, nothing: { secret: null } },
    status_code: 200,
  }
  const entry = {
    action: 'a.b',
    metadata,
    context: { cookie: secret },
    token: secret,
    user_id: USER,
  }
  for (const door of ['record', 'record_in'] as const) {
    assert.equal(await recordText(JSON.stringify([{ action: 'a.a' }, entry]), door), 2)
    const [plain, row] = await rows()
    assert.deepEqual([plain?.['metadata'], plain?.context], [{}, {}])
    assert.doesNotMatch(JSON.stringify(row), new RegExp(secret))
    assert.deepEqual(row?.['metadata'], {
      ...{ password: '[Redacted]', h: { Authorization: '[Redacted]' } },
      ...{ list: [[{ apiKey: '[Redacted]' }]], old: { password_hash: '[Redacted]', name: 'ada' } },
      ...{ pin: '[Redacted]', tokens: 1500, empty: { otp: '' } },
      accessKey: {
        ...{
          accessKeyId: 'AKIA7',
          secret: '[Redacted]',
          status: 'Active',
          deep: [{ x: '[Redacted]' }],
        },
      },
      ...{ hasPassword: true, 'p\u00e4ssw\u00f6rd': '[Redacted]', nothing: { secret: null } },
      status_code: 200,
    })
    assert.deepEqual([...(row?.context.redacted ?? [])].sort(), [
      ...[
        'context.cookie',
        'context.token',
        'metadata.accessKey.deep[0].x',
        'metadata.accessKey.secret',
      ],
      ...['metadata.h.Authorization', 'metadata.list[0][0].apiKey', 'metadata.old.password_hash'],
      ...['metadata.password', 'metadata.pin', 'metadata.p\u00e4ssw\u00f6rd'],
    ])
    assert.equal(row?.context['token'], '[Redacted]')
    assert.deepEqual(row?.context.degraded, ['entry.unknownKey'])
  }
})

test('no spelling of a key and no way around hides a secret from the first look', async (t) => {
  const { recordText, rows } = await recording(t)
  const secret = 'zQ7PLANTED9Kz'
  const metadata = [
    `{"pass\\u0077ord":"${secret}"}`,
    `{"\\u0070assword" : "${secret}"}`,
    `{"a \\" password":"${secret}"}`,
    `{"a\\\\password":"${secret}"}`,
    `{"password"\n\t :\r\n"${secret}"}`,
    `{"PASSWORD":"${secret}","PassWord2":"${secret}"}`,
    `{"x":"y:\\"password\\"","${'x'.repeat(90)}password":"${secret}"}`,
    `{"p\\u200bassword":"${secret}"}`,
    `[[[[{"x":{"password":["${secret}"]}}]]]]`,
  ]
  for (const given of metadata) {
    assert.equal(await recordText(`{"action":"a.b","metadata":${given}}`), 1, given)
    const [row] = await rows()
    assert.doesNotMatch(JSON.stringify(row), new RegExp(secret), given)
    assert.equal(row?.context.redacted?.length, given.includes('PassWord2') ? 2 : 1, given)
  }
  const deep = `${'{"a":'.repeat(60)}{"password":"${secret}"}${'}'.repeat(60)}`
  assert.equal(await recordText(`{"action":"a.b","metadata":${deep}}`), 1)
  assert.doesNotMatch(JSON.stringify(await rows()), new RegExp(secret))
})

// Goal: what needs no look gets none, whether it is given alone or in an array.
// Method: each look counts as a call of a function, which only a superuser's setting shows.
test('an entry that is as the lane wants it is taken without a close look', async (t) => {
  const { sql, url } = await recording(t)
  const own = connect(t, url)
  await own`set track_functions = 'all'`
  const plain = {
    action: 'a.b',
    user_id: USER,
    occurred_at: '2026-01-02T03:04:05Z',
    metadata: { a: 1 },
  }
  const odd = { ...plain, password: 'hunter2-is-long' }
  const looks = async (entries: unknown) => {
    await own`select audit.record(${JSON.stringify(entries)}::text)`
    await own`select pg_stat_force_next_flush()`
    const [row] = await sql`
      select coalesce(sum(calls), 0)::integer as calls from pg_stat_user_functions
      where funcname = 'examine'`
    return row?.['calls'] as number
  }
  assert.equal(await looks(plain), 0)
  assert.equal(await looks([plain, { ...plain, context: { status_code: 200 } }]), 0)
  assert.equal(await looks(odd), 1)
})

test('what the library has redacted is taken as it is', async (t) => {
  const { app, rows } = await recording(t)
  const entry = { action: 'a.b', metadata: { password: 'as the library gave it' } }
  for (const door of ['record', 'record_in']) {
    await app.unsafe(`select audit.${door}($1::text, true)`, [JSON.stringify([entry])])
    const [row] = await rows()
    assert.deepEqual([row?.['metadata'], row?.context], [entry.metadata, {}])
  }
  await app.unsafe('select audit.record($1::text, null)', [JSON.stringify(entry)])
  assert.deepEqual((await rows())[0]?.['metadata'], { password: '[Redacted]' })
})

test('a trigger that logs whole rows of a table with secrets stores none', async (t) => {
  const { sql, app, rows } = await recording(t)
  await sql.unsafe(`
    create table public.account (id uuid primary key, name text, password_hash text, api_key text);
    grant insert, update, select on public.account to audit_app;
    create function public.audit_account() returns trigger language plpgsql as $$
    begin
      perform audit.record(json_build_object(
        'action', 'account.' || lower(tg_op), 'target_id', new.id,
        'metadata', json_build_object('old', to_jsonb(old), 'new', to_jsonb(new)))::text);
      return null;
    end $$;
    create trigger audited after insert or update on public.account
    for each row execute function public.audit_account()`)
  const id = randomUUID()
  await app`insert into public.account values (${id}, 'ada', '$2b$10$PLANTED', 'PLANTED-key-1')`
  await app`update public.account set password_hash = '$2b$10$PLANTED2'`
  const found = await rows()
  assert.equal(found.length, 2)
  assert.doesNotMatch(JSON.stringify(found), /PLANTED/)
  assert.equal(found[0]?.['target_id'], id)
  assert.match(JSON.stringify(found[1]?.['metadata']), /"name":"ada"/)
})
