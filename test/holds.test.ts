import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { runRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { relayOn } from './support/lanes.ts'
import { connect, connectAs, refusalOf } from './support/logins.ts'

const [USER, EVENT, TARGET, OTHER] = Array.from({ length: 4 }, () => randomUUID()) as [
  string,
  string,
  string,
  string,
]

interface Hold {
  readonly reason?: string | null
  readonly user?: string
  readonly event?: string
  readonly target?: string
  readonly request?: string
  readonly from?: string
  readonly to?: string
}

/** Places and releases as a login with the role `audit_keeper` and nothing else. */
function keeperOn(t: TestContext, scratch: ScratchDatabase) {
  const keeper = connectAs(t, scratch, 'audit_keeper')
  return {
    keeper,
    async place(hold: Hold): Promise<string> {
      const { reason = 'case 7', user, event, target, request, from, to } = hold
      const [row] = await keeper`
        select audit.place_hold(${reason}, ${user ?? null}, ${event ?? null}, ${target ?? null},
          ${request ?? null}, ${from ?? null}::timestamptz, ${to ?? null}::timestamptz) as id`
      return row?.['id']
    },
    async release(id: string): Promise<boolean> {
      const [row] = await keeper`select audit.release_hold(${id}) as released`
      return row?.['released']
    },
  }
}

interface Entry {
  readonly id?: string
  readonly at?: string
  readonly user?: string
  readonly event?: string
  readonly target?: string
  readonly request?: string
  readonly actor?: string
  readonly more?: readonly string[]
}

async function isHeld({ sql }: ScratchDatabase, entry: Entry): Promise<boolean> {
  const { id = ID_OF_2024, at = '2024-03-01', user, event, target, request, actor, more } = entry
  const [row] = await sql`
    select audit.is_held(${id}, ${at}, ${user ?? null}, ${event ?? null}, ${target ?? null},
      ${request ?? null}, ${actor ?? null}, ${more === undefined ? null : [...more]}) as held`
  return row?.['held']
}

/** Made on 2024-03-01. */
const ID_OF_2024 = '018df7a1-0000-7000-8000-000000000000'

test('a hold holds what meets its condition, wherever the id stands, and nothing else', async (t) => {
  const scratch = await scratchDatabase(t)
  const { place, release } = keeperOn(t, scratch)
  const cases: readonly (readonly [Hold, readonly Entry[], readonly Entry[]])[] = [
    [{ user: USER }, [{ user: USER }, { actor: USER }], [{ target: USER }, { user: OTHER }, {}]],
    [{ event: EVENT }, [{ event: EVENT }], [{ event: OTHER }, { target: EVENT }]],
    [
      { target: TARGET },
      [{ target: TARGET }, { more: [TARGET] }, { target: OTHER, more: [OTHER, TARGET] }],
      [{ user: TARGET }, { actor: TARGET }, { more: [OTHER] }],
    ],
    [{ request: 'r-1' }, [{ request: 'r-1' }], [{ request: 'r-2' }, { request: 'R-1' }]],
    [
      { user: USER, event: EVENT },
      [{ user: USER, event: EVENT }],
      [{ user: USER }, { event: EVENT }, { user: USER, event: OTHER }],
    ],
  ]
  for (const [hold, held, free] of cases) {
    const id = await place(hold)
    for (const one of held) assert.equal(await isHeld(scratch, one), true, JSON.stringify(one))
    for (const one of free) assert.equal(await isHeld(scratch, one), false, JSON.stringify(one))
    assert.equal(await release(id), true)
    for (const one of held) assert.equal(await isHeld(scratch, one), false, 'released')
  }
})

test('a time holds what happened in it and what was recorded in it, its end left out', async (t) => {
  const scratch = await scratchDatabase(t)
  const { place, release } = keeperOn(t, scratch)
  const [row] = await scratch.sql`select audit.id_time(${ID_OF_2024}) as at`
  const recorded: Date = row?.['at']
  assert.equal(recorded.toISOString().slice(0, 10), '2024-03-01')
  const next = new Date(recorded.getTime() + 1).toISOString()

  const alone = await place({ from: '2020-01-01Z', to: '2021-01-01Z' })
  assert.equal(await isHeld(scratch, { at: '2020-01-01 00:00:00Z' }), true)
  assert.equal(await isHeld(scratch, { at: '2020-12-31 23:59:59.999999Z' }), true)
  assert.equal(await isHeld(scratch, { at: '2021-01-01 00:00:00Z' }), false)
  assert.equal(await isHeld(scratch, { at: '2019-12-31 23:59:59.999999Z' }), false)
  await release(alone)

  const byId = await place({ from: recorded.toISOString(), to: next })
  assert.equal(await isHeld(scratch, { at: '2020-06-01Z' }), true, 'recorded in it')
  await release(byId)
  const behind = await place({ from: next })
  assert.equal(await isHeld(scratch, { at: '2020-06-01Z' }), false)
  assert.equal(await isHeld(scratch, { at: '2030-06-01Z' }), true, 'it happened in it')
  await release(behind)
  const before = await place({ user: USER, to: recorded.toISOString() })
  assert.equal(await isHeld(scratch, { user: USER, at: '2030-06-01Z' }), false)
  assert.equal(await isHeld(scratch, { user: USER, at: '2020-06-01Z' }), true)
  assert.equal(await isHeld(scratch, { at: '2020-06-01Z' }), false, 'another user')
  await release(before)
})

test('a hold needs a reason and a condition that an entry can meet', async (t) => {
  const scratch = await scratchDatabase(t)
  const { place } = keeperOn(t, scratch)
  const refused: readonly (readonly [Hold, RegExp])[] = [
    [{ user: USER, reason: null }, /a reason of 1 to 1000/],
    [{ user: USER, reason: '  ' }, /a reason of 1 to 1000/],
    [{ user: USER, reason: 'x'.repeat(1001) }, /a reason of 1 to 1000/],
    [{}, /a user, an event, a target, a request or a time/],
    [{ from: '2020-01-01', to: '2020-01-01' }, /must end after it begins/],
    [{ user: 'user_7' }, /no UUID cannot be the user/],
    [{ event: '' }, /cannot be the event/],
    [{ target: '7' }, /cannot be the target/],
    [{ request: '' }, /cannot be the request/],
  ]
  for (const [hold, message] of refused) {
    const refusal = await refusalOf(place(hold))
    assert.equal(refusal?.code, '22023', JSON.stringify(hold))
    assert.match(refusal?.message ?? '', message)
  }
  const [{ count } = { count: -1 }] =
    await scratch.sql`select count(*)::integer from audit.audit_hold`
  assert.equal(count, 0)
  // As a log of text ids has it, in any case of letters.
  await place({ user: USER.toUpperCase() })
  assert.equal(await isHeld(scratch, { user: USER }), true)
})

test('with text ids a hold takes any id, and its case counts', async (t) => {
  const scratch = await scratchDatabase(t)
  for (const table of ['audit_log', 'audit_staging', 'audit_outbox']) {
    await scratch.sql.unsafe(
      `alter table audit.${table} alter user_id type text, alter event_id type text, ` +
        'alter target_id type text, alter actor_id type text, alter more_targets type text[]',
    )
  }
  const { place } = keeperOn(t, scratch)
  await place({ user: 'user_7' })
  await place({ target: USER.toUpperCase() })
  assert.equal((await refusalOf(place({ event: '' })))?.code, '22023')
  assert.equal(await isHeld(scratch, { actor: 'user_7' }), true)
  assert.equal(await isHeld(scratch, { user: 'USER_7' }), false)
  assert.equal(await isHeld(scratch, { more: [USER.toUpperCase()] }), true)
  assert.equal(await isHeld(scratch, { target: USER }), false)
})

test('placing and releasing leave their entries and their row, which is never gone', async (t) => {
  const scratch = await scratchDatabase(t)
  const { keeper, place, release } = keeperOn(t, scratch)
  const id = await place({ user: USER, from: '2020-01-01 12:00+01', reason: ' case 7 ' })
  const second = await place({ request: 'r'.repeat(300), reason: 'case 8' })
  assert.equal(await release(id), true)
  assert.equal(await release(id), false, 'once')
  assert.equal(await release(randomUUID()), false)
  await relayOn(t, scratch).drain({ deadlineMs: 60_000 })
  const entries = await scratch.sql`
    select action, metadata - 'placedAt' as metadata, context, written_by
    from audit.audit_log order by occurred_at`
  const login = new URL(scratch.urlAs('audit_keeper')).username
  const by = { context: { databaseLogin: login }, written_by: login }
  assert.deepEqual(
    entries.map((row) => ({ ...row })),
    [
      {
        action: 'audit.hold',
        metadata: { hold: id, reason: 'case 7', userId: USER, from: '2020-01-01T11:00:00+00:00' },
        ...by,
      },
      {
        action: 'audit.hold',
        metadata: { hold: second, reason: 'case 8', requestId: 'r'.repeat(256) },
        ...by,
      },
      {
        action: 'audit.hold_release',
        metadata: { hold: id, reason: 'case 7', placedBy: login },
        ...by,
      },
    ],
  )
  const inForce = await keeper`select id, request_id from audit.holds_in_force()`
  assert.deepEqual(
    inForce.map((row) => ({ ...row })),
    [{ id: second, request_id: 'r'.repeat(256) }],
  )
  const reader = connectAs(t, scratch, 'audit_reader')
  const all = await reader`
    select id, placed_by, released_by, released_at is not null as is_released, from_at
    from audit.list_holds(true)`
  assert.deepEqual(
    all.map((row) => ({ ...row })),
    [
      {
        ...{ id, placed_by: login, released_by: login, is_released: true },
        from_at: '2020-01-01T11:00:00Z',
      },
      { id: second, placed_by: login, released_by: null, is_released: false, from_at: null },
    ],
  )
  assert.equal((await reader`select from audit.list_holds()`).length, 1)
  const [status] = await scratch.sql`
    select s.holds::integer as status, b.holds as backlog from audit.status() as s, audit.backlog() as b`
  assert.deepEqual({ ...status }, { status: 1, backlog: 1 })
})

/** A dead letter with this text. */
async function bury({ sql }: ScratchDatabase, entry: unknown): Promise<number> {
  const text = typeof entry === 'string' ? entry : JSON.stringify(entry)
  const [row] = await sql`
    insert into audit.audit_dead_letter (lane, origin, entry, id, died_at)
    values ('staging', 'record', ${text}, null, '2026-03-01Z') returning number::integer as number`
  return row?.['number']
}

const READABLE: readonly (readonly [Hold, readonly object[], readonly object[]])[] = [
  [
    { user: USER },
    [
      { user_id: USER, userId: OTHER },
      { actorId: USER.toUpperCase() },
      { user: 1, userId: { id: USER } },
      { actor_id: USER, action: '' },
    ],
    [{ user_id: OTHER }, { target_id: USER }, { metadata: { user_id: USER } }, {}],
  ],
  [{ event: EVENT }, [{ event_id: EVENT }, { eventId: EVENT }], [{ user_id: EVENT }]],
  [
    { target: TARGET },
    [
      { target_id: TARGET },
      { targetId: { id: TARGET } },
      { more_targets: [OTHER, TARGET] },
      { moreTargets: [{ id: TARGET }] },
    ],
    [{ target_id: OTHER, more_targets: [OTHER] }],
  ],
  [
    { request: 'r-1' },
    [{ request_id: 'r-1' }, { requestId: 'r-1' }],
    [{ request_id: 'r-2' }, { metadata: { requestId: 'r-1' } }],
  ],
  [
    { from: '2020-01-01Z', to: '2021-01-01Z' },
    [
      { occurred_at: '2020-06-01T00:00:00Z' },
      { occurredAt: Date.UTC(2020, 5, 1) },
      { occurred_at: '2026-01-01', id: '0172701a-0000-7000-8000-000000000000' }, // of 2020-06-01
    ],
    [{ occurred_at: '2019-06-01T00:00:00Z' }, {}],
  ],
  // What says no time would get that of its arrival.
  [
    { from: '2026-02-28Z', to: '2026-03-02Z' },
    [{}, { occurred_at: 'soon' }, { occurred_at: '2020-01-01' }],
    [],
  ],
]

test('a dead letter that a hold is about cannot be dropped', async (t) => {
  const scratch = await scratchDatabase(t)
  const { place, release } = keeperOn(t, scratch)
  const relay = connectAs(t, scratch, 'audit_relay')
  const drop = async (letter: number) => {
    const refusal = await refusalOf(relay`select audit.drop_dead_letter(${letter})`)
    return refusal && `${refusal.code}: ${refusal.message}`
  }
  for (const [hold, held, free] of READABLE) {
    const id = await place(hold)
    for (const entry of held) {
      const letter = await bury(scratch, entry)
      const expected = `55006: dead letter ${letter} is held by the legal hold ${id}`
      assert.equal(await drop(letter), expected, JSON.stringify(entry))
    }
    const together = await bury(scratch, [...free, ...held])
    assert.match((await drop(together)) ?? '', /^55006/, 'one of several entries')
    for (const entry of free) {
      assert.equal(await drop(await bury(scratch, entry)), undefined, JSON.stringify(entry))
    }
    await release(id)
    assert.equal(await drop(together), undefined, 'released')
  }
})

test('a dead letter that cannot be read is held by any hold', async (t) => {
  const scratch = await scratchDatabase(t)
  const { place, release } = keeperOn(t, scratch)
  const relay = connectAs(t, scratch, 'audit_relay')
  const unreadable = ['{"user_id": "cut o', '7', '[7]', '[]', '', 'null', '{"userId":"\\u0000"}']
  const numbers: number[] = []
  for (const text of unreadable) numbers.push(await bury(scratch, text))
  const [none] = await scratch.sql`
    insert into audit.audit_dead_letter (lane, origin, entry) values ('staging', 'record', null)
    returning number::integer as number`
  numbers.push(none?.['number'])
  const id = await place({ user: USER })
  for (const number of numbers) {
    const refusal = await refusalOf(relay`select audit.drop_dead_letter(${number})`)
    assert.equal(
      refusal?.message,
      `dead letter ${number} cannot be read, and the legal hold ${id} is in force`,
    )
  }
  await release(id)
  for (const number of numbers) {
    const [row] = await relay`select audit.drop_dead_letter(${number}) as dropped`
    assert.equal(row?.['dropped'], true)
  }
})

// Goal: between the look for holds and the deletion no hold can come.
// Method: a transaction that has placed a hold stays open while somebody drops the letter.
test('who drops a letter waits for a hold that is being placed, and the other way round', async (t) => {
  const scratch = await scratchDatabase(t)
  const { keeper } = keeperOn(t, scratch)
  const relay = connectAs(t, scratch, 'audit_relay')
  const letter = await bury(scratch, { user_id: USER })
  await keeper`begin`
  await keeper`select audit.place_hold('case 7', ${USER})`
  const beside = await refusalOf(relay`select audit.drop_dead_letter(${letter})`)
  assert.equal(beside?.code, '55P03', 'it cannot know yet, and gives up')
  await keeper`commit`
  const held = await refusalOf(relay`select audit.drop_dead_letter(${letter})`)
  assert.equal(held?.code, '55006')

  const free = await bury(scratch, { user_id: OTHER })
  await relay`begin`
  await relay`select audit.drop_dead_letter(${free})`
  const waiting = keeper`select audit.place_hold('case 8', ${OTHER})`.execute()
  for (let waits = 0; waits === 0; ) {
    const [row] = await scratch.sql`
      select count(*)::integer as count from pg_locks
      where relation = 'audit.audit_hold'::regclass and not granted`
    waits = row?.['count']
  }
  await relay`commit`
  await waiting
})

test('a transaction with an old snapshot drops no letter', async (t) => {
  const scratch = await scratchDatabase(t)
  const relay = connect(t, scratch.urlAs('audit_relay'))
  const letter = await bury(scratch, { user_id: USER })
  await relay`begin isolation level repeatable read`
  const refusal = await refusalOf(relay`select audit.drop_dead_letter(${letter})`)
  assert.equal(refusal?.code, '25000')
})

test('audit-relay hold places, lists and releases, for people and for machines', async (t) => {
  const scratch = await scratchDatabase(t)
  const keeping = { AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_keeper') }
  const run = (...args: string[]) => runRelay(t, ['hold', ...args], keeping)
  assert.equal((await run('list')).stdout, 'There are no holds in force.\n')
  const placed = await run(
    'place',
    '--user',
    USER,
    '--from',
    '2026-05-01',
    '--reason',
    'case\u202e 7',
  )
  assert.equal(placed.code, 0, placed.stderr)
  const [, id = ''] = /^Held by ([0-9a-f-]{36})\. The log says so\.\n$/.exec(placed.stdout) ?? []
  const json = await run('place', '--to', '2026-05-01T02:00+02:00', '--reason', 'tax', '--json')
  const { id: second } = JSON.parse(json.stdout)
  const listed = await run('list')
  const login = new URL(scratch.urlAs('audit_keeper')).username
  assert.match(
    listed.stdout,
    new RegExp(
      `^${id}  user ${USER}, from 2026-05-01T00:00:00Z\n  "case\\\\u202e 7", placed by ${login} at `,
    ),
  )
  assert.equal((await run('release', id)).stdout, `${id} is released. The log says so.\n`)
  const gone = await run('release', id)
  assert.deepEqual([gone.code, gone.stdout], [1, `No hold ${id} is in force.\n`])
  const reading = { AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader') }
  const all = await runRelay(t, ['hold', 'list', '--released', '--json'], reading)
  const holds = JSON.parse(all.stdout)
  assert.deepEqual(
    holds.map(({ id, userId, from, to, releasedBy }: Record<string, unknown>) => ({
      ...{ id, userId, from, to, releasedBy },
    })),
    [
      { id, userId: USER, from: '2026-05-01T00:00:00Z', to: null, releasedBy: login },
      { id: second, userId: null, from: null, to: '2026-05-01T00:00:00Z', releasedBy: null },
    ],
  )
  const odd = await run('place', '--user', 'user_7', '--reason', 'case 8')
  assert.equal(odd.code, 2)
  assert.match(odd.stderr, /is no UUID, and the ids of this log are UUIDs/)
})

test('audit-relay dead-letters drop says which hold forbids it, and drops the others', async (t) => {
  const scratch = await scratchDatabase(t)
  const { place } = keeperOn(t, scratch)
  const held = await bury(scratch, { user_id: USER })
  const free = await bury(scratch, { user_id: OTHER })
  const unreadable = await bury(scratch, '{')
  const id = await place({ user: USER })
  const relaying = { AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay') }
  const drop = (...args: string[]) =>
    runRelay(t, ['dead-letters', 'drop', '--yes', ...args], relaying)
  const text = await drop(String(held), String(unreadable), '99')
  assert.equal(text.code, 4, text.stderr)
  assert.equal(
    text.stdout,
    [
      '0 dropped; the log records it.',
      'There is no dead letter 99.',
      `${held} stays: the legal hold ${id} is about it ("audit-relay hold list").`,
      `${unreadable} stays: it cannot be read, and the legal hold ${id} is in force.`,
      '',
    ].join('\n'),
  )
  const json = await drop(String(free), String(held), '--json')
  assert.equal(json.code, 4)
  assert.deepEqual(JSON.parse(json.stdout), {
    dropped: [free],
    missing: [],
    held: [{ number: held, hold: id, isReadable: true }],
  })
})
