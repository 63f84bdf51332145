import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type postgres from 'postgres'
import { namesFromLabels } from 'audit-outbox/page'
import { Follower } from '../relay/follow/follower.ts'
import { openFollowStatements } from '../relay/follow/follow-statements.ts'
import { labelConsumer } from '../relay/names/label-consumer.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { declareRestored } from '../src/schema/restored.ts'
import { runRelay } from './support/audit-relay.ts'
import { applyRetention } from '../relay/retention/apply-retention.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { auditErase, DRAINED, entryText, erase, filledLog } from './support/erasures.ts'
import { openDatabase, PATIENT_MS, relayOn, silentLogger } from './support/lanes.ts'
import { appendToLog, type GivenEntry } from './support/log-entries.ts'
import { connectAs, refusalOf } from './support/logins.ts'
import { keepUntil, makePartition, monthsAgo } from './support/old-log.ts'
import { readerOn } from './support/pages.ts'
import { setPolicy } from './support/policies.ts'
import { Random } from './simulation/random.ts'

// Goal: the names that users had are found when the accounts are gone, by those who may know them, and
// no longer than an entry has them.
// Method: entries with names in a real log; the names are collected and compared with what a naive model
// says of the same entries.

const [ADA, GRACE, LINUS] = [randomUUID(), randomUUID(), randomUUID()]
const [ONE, OTHER] = [randomUUID(), randomUUID()]

const named = (userId: string, name: string, more: GivenEntry = {}): GivenEntry => ({
  userId,
  context: { user: { id: userId, name } },
  ...more,
})

async function logWith(t: TestContext, entries: readonly GivenEntry[]) {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, entries)
  const relay = connectAs(t, scratch, 'audit_relay')
  const take = (from: number, to: number) => relay`select audit.take_labels(${from}, ${to})`
  return { ...scratch, scratch, relay, take, ...namesFromLabels(readerOn(t, scratch)) }
}

async function labels(sql: postgres.Sql) {
  const rows = await sql`
    select subject, event, name, first_seq::integer as first, last_seq::integer as last
    from audit.audit_label order by subject, event, name`
  return rows.map(({ subject, event, name, first, last }) => [subject, event, name, first, last])
}

test('the names that entries give are those that a naive look at them finds', async (t) => {
  const seed = Number(process.env['AUDIT_FUZZ_SEED'] ?? Date.now() % 2 ** 31)
  t.diagnostic(`AUDIT_FUZZ_SEED=${seed}`)
  const numbers = new Random(seed)
  const random = () => numbers.next()
  const [ids, names] = [
    [ADA, GRACE, LINUS],
    ['Ada', 'Ada Byron', 'Grace', ' ', '', 'x'.repeat(250)],
  ]
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T
  const odd = [{}, null, 'Ada', { name: 'Ada' }, { id: ADA }, { id: ADA, name: 7 }, [ADA, 'Ada']]
  const context = () => {
    const one = () =>
      random() < 0.2 ? pick(odd) : { id: pick([...ids, ADA.toUpperCase()]), name: pick(names) }
    return random() < 0.2 ? {} : { user: one(), ...(random() < 0.5 ? { actor: one() } : {}) }
  }
  const entries = Array.from({ length: 400 }, () => ({
    userId: random() < 0.1 ? null : pick(ids),
    actorId: random() < 0.7 ? null : pick(ids),
    eventId: pick([null, ONE, OTHER]),
    context: context(),
  }))
  const { sql, take } = await logWith(t, entries)

  const model = new Map<string, [string, string, string, number, number]>()
  for (const [index, { userId, actorId, eventId, context }] of entries.entries()) {
    const seq = index + 1
    for (const [id, said] of [
      [userId, (context as Record<string, unknown>)['user']],
      [actorId, (context as Record<string, unknown>)['actor']],
    ] as const) {
      const { id: saidId, name } = Object(said) as { id?: unknown; name?: unknown }
      if (id === null || typeof name !== 'string' || String(saidId).toLowerCase() !== id) continue
      const label = name.slice(0, 200).trim()
      if (label === '') continue
      const key = JSON.stringify([id, eventId ?? '', label])
      model.set(key, [id, eventId ?? '', label, model.get(key)?.[3] ?? seq, seq])
    }
  }
  const wanted = [...model.values()].sort()

  // In parts of any size, out of order, some of them twice and two at once.
  const cuts = [
    ...new Set([1, 401, ...Array.from({ length: 12 }, () => 1 + Math.floor(random() * 400))]),
  ]
  const bounds = cuts.sort((one, other) => one - other)
  const parts = bounds.slice(1).map((to, at) => [bounds[at] as number, to - 1] as const)
  const doubled = [...parts, ...parts.slice(0, 3)].sort(() => random() - 0.5)
  await Promise.all(doubled.map(([from, to]) => take(from, to)))
  assert.deepEqual((await labels(sql)).sort(), wanted)
})

test('only numbers that fit in a statement are taken, and of many names the last 20 stay', async (t) => {
  const entries = Array.from({ length: 25 }, (_, at) => named(ADA, `Ada ${at + 1}`))
  const { sql, take } = await logWith(t, entries)
  for (const [from, to] of [
    [0, 1],
    [2, 1],
    [1, 65_537],
  ] as const) {
    assert.equal((await refusalOf(take(from, to)))?.code, '22023', `${from} to ${to}`)
  }
  await take(1, 65_536)
  const known = await labels(sql)
  assert.deepEqual(
    known.map(([, , , first]) => first).sort((one, other) => Number(one) - Number(other)),
    Array.from({ length: 20 }, (_, at) => at + 6),
  )
})

test('the newest name is shown, former names are found, and words by their beginnings', async (t) => {
  const { take, names, find } = await logWith(t, [
    named(ADA, 'Ada Byron'),
    named(ADA, 'Ada Lovelace'),
    named(GRACE, 'Grace Hopper'),
    named(LINUS, 'linus@lovelace.example'),
  ])
  await take(1, 4)
  assert.deepEqual(
    [...(await names([ADA, GRACE, randomUUID()], {}))].sort(),
    [
      [ADA, 'Ada Lovelace'],
      [GRACE, 'Grace Hopper'],
    ].sort(),
  )
  assert.deepEqual(await find('byron', {}), [ADA])
  assert.deepEqual(await find('LOVE', {}), [LINUS, ADA], 'the one who acted last comes first')
  assert.deepEqual(await find('ada love', {}), [ADA])
  for (const none of ['velace', '%', 'da', 'a_a', "'"])
    assert.deepEqual(await find(none, {}), [], none)
  assert.equal((await names([], {})).size, 0)
})

test('of more than 20 people of one name 21 are found, so that it can be told', async (t) => {
  const { take, find } = await logWith(
    t,
    Array.from({ length: 30 }, () => named(randomUUID(), 'Ada')),
  )
  await take(1, 30)
  assert.equal((await find('ada', {})).length, 21)
})

test('a viewer of one event learns no name of another one', async (t) => {
  const { take, names, find } = await logWith(t, [
    named(ADA, 'Ada of one', { eventId: ONE }),
    named(ADA, 'Ada of the other', { eventId: OTHER }),
    named(GRACE, 'Grace', { eventId: OTHER }),
    named(LINUS, 'Linus'),
  ])
  await take(1, 4)
  const viewer = { onlyEventId: ONE }
  assert.deepEqual([...(await names([ADA, GRACE, LINUS], viewer))], [[ADA, 'Ada of one']])
  for (const [text, found] of [
    ['ada', [ADA]],
    ['other', []],
    ['grace', []],
    ['linus', []],
  ] as const) {
    assert.deepEqual(await find(text, viewer), found, text)
  }
})

test('erasing a user erases the names, and keeps those of others', async (t) => {
  const { scratch } = await filledLog(t, [
    { user: ADA, context: { user: { id: ADA, name: 'Ada' } } },
    { user: GRACE, context: { user: { id: GRACE, name: 'Grace' } } },
    {
      user: ADA,
      actor: GRACE,
      context: { user: { id: ADA, name: 'Ada L' }, actor: { id: GRACE, name: 'Grace' } },
    },
    { user: LINUS, target: ADA, context: { user: { id: LINUS, name: 'Linus' } } },
  ])
  const relay = connectAs(t, scratch, 'audit_relay')
  await relay`select audit.take_labels(1, 4)`
  assert.equal((await labels(scratch.sql)).length, 4)

  const dry = await auditErase(t, scratch, ['--user', ADA, '--dry-run'])
  assert.match(dry.stdout, /^Names of the user that are known from entries, .*: 2\./m)
  const args = ['--user', ADA.toUpperCase(), '--reason', 'request 7', '--yes', '--json']
  const done = await auditErase(t, scratch, args)
  assert.equal(done.code, 0, done.stderr)
  assert.equal(JSON.parse(done.stdout).names, 2)
  // Of Grace an older entry has the name; the only one of Linus was emptied.
  assert.deepEqual(await labels(scratch.sql), [[GRACE, '', 'Grace', 2, 2]])
  await relay`select audit.take_labels(1, 4)`
  assert.deepEqual(await labels(scratch.sql), [[GRACE, '', 'Grace', 2, 2]], 'they do not come back')
})

test('erasing other fields leaves the names', async (t) => {
  const { scratch } = await filledLog(t, [
    { user: ADA, context: { user: { id: ADA, name: 'Ada' } } },
  ])
  await connectAs(t, scratch, 'audit_relay')`select audit.take_labels(1, 1)`
  const args = ['--user', ADA, '--fields', 'metadata', '--reason', 'x', '--yes']
  assert.equal((await auditErase(t, scratch, args)).code, 0)
  assert.deepEqual(await labels(scratch.sql), [[ADA, '', 'Ada', 1, 1]])
  await erase(connectAs(t, scratch, 'audit_eraser'), [1], ['user_id'])
  assert.deepEqual(
    await labels(scratch.sql),
    [],
    'the entry does not say any more whose name it was',
  )
})

test('an erasure on disk rewrites the names, too', async (t) => {
  const { scratch } = await filledLog(t, [
    { user: ADA, context: { user: { id: ADA, name: 'Ada' } } },
  ])
  await connectAs(t, scratch, 'audit_relay')`select audit.take_labels(1, 1)`
  const args = ['--user', ADA, '--reason', 'x', '--yes', '--scrub', '--json']
  const done = await auditErase(t, scratch, args)
  assert.equal(done.code, 0, done.stderr)
  const places = JSON.parse(done.stdout).scrubbed.tables.map(
    ({ place }: { place: string }) => place,
  )
  assert.ok(places.includes('audit.audit_label'))
  const [size] = await scratch.sql`select pg_relation_size('audit.audit_label')::integer as bytes`
  assert.equal(size?.['bytes'], 0)
})

test('a name goes when a policy has removed the last entry that has it', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  for (const ago of [3, 2]) await makePartition(sql, ago)
  await sql`update audit.audit_lane set oldest_id = audit.id_floor(${monthsAgo(3)})`
  const ms = monthsAgo(3).getTime() + 86_400_000
  await appendToLog(sql, [
    named(ADA, 'Ada', { ms, action: 'temp.a' }),
    named(GRACE, 'Grace', { ms, action: 'other.a' }),
    named(GRACE, 'Grace', { ms, action: 'temp.a' }),
    named(LINUS, 'Linus', { ms, action: 'temp.a' }),
    named(LINUS, 'Linus'),
  ])
  const relay = connectAs(t, scratch, 'audit_relay')
  await relay`select audit.take_labels(1, 5)`
  await setPolicy(sql, 'temp.*', keepUntil(3))
  await applyRetention(openDatabase(t, scratch.urlAs('audit_keeper')))

  const [first] = await relay`select audit.tidy_labels(1) as looked`
  assert.equal(first?.['looked'], 1, 'no more than it was asked for')
  await sql`select audit.names_on()`
  await sql`update audit.audit_follow set seq = 5`
  await followerOf(t, scratch).drain()
  const expected = [
    [GRACE, '', 'Grace', 2, 2],
    [LINUS, '', 'Linus', 4, 5],
  ]
  assert.deepEqual((await labels(sql)).sort(), expected.sort())
  const [last] = await relay`select audit.tidy_labels(10) as looked`
  assert.equal(last?.['looked'], 0)
})

test('a restore takes back what was taken of entries that are gone', async (t) => {
  const { sql, relay, take } = await logWith(t, [
    named(ADA, 'Ada'),
    named(ADA, 'Ada'),
    named(GRACE, 'Grace'),
  ])
  await take(1, 3)
  await relay`select audit.rewind_labels(2)`
  assert.deepEqual(await labels(sql), [[ADA, '', 'Ada', 1, 1]])
})

function followerOf(t: TestContext, { urlAs }: ScratchDatabase): Follower {
  const statements = openFollowStatements({
    url: urlAs('audit_relay'),
    statementTimeoutMs: PATIENT_MS,
  })
  const consumers = [labelConsumer(statements)]
  const follower = new Follower({ statements, consumers, logger: silentLogger() })
  t.after(() => follower.stop())
  return follower
}

test('the command turns it on and off, and a relay collects behind the move', async (t) => {
  const { scratch, sql } = await logWith(t, [
    named(ADA, 'Ada'),
    { userId: GRACE },
    named(GRACE, 'Grace', { userId: ADA }),
    ...Array.from({ length: 5_000 }, () => ({})),
    named(LINUS, 'Linus'),
  ])
  const names = async (...args: string[]) => {
    const keeper = { AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_keeper') }
    const { code, stdout, stderr } = await runRelay(t, ['names', ...args, '--json'], keeper)
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }
  const off = { on: false, head: null, seq: null, names: 0, people: 0 }
  assert.deepEqual(await names('status'), off)
  const follower = followerOf(t, scratch)
  await follower.drain()
  assert.deepEqual(await labels(sql), [], 'nothing is collected until it is turned on')

  assert.deepEqual(await names('on'), { on: true })
  assert.deepEqual(await names('on'), { on: true }, 'again')
  await follower.drain()
  const both = [
    [ADA, '', 'Ada', 1, 1],
    [LINUS, '', 'Linus', 5_004, 5_004],
  ]
  assert.deepEqual((await labels(sql)).sort(), both.sort())
  const on = { on: true, head: 5_004, seq: 5_004, names: 2, people: 2 }
  assert.deepEqual(await names('status'), on)

  assert.deepEqual(await names('off'), { on: false, forgotten: 2 })
  await follower.drain()
  assert.deepEqual(await names('status'), off)
})

test('what was erased while a relay was reading is not collected', async (t) => {
  const { scratch } = await filledLog(t, [
    { user: ADA, context: { user: { id: ADA, name: 'Ada' } } },
  ])
  await scratch.sql`select audit.names_on()`
  const statements = openFollowStatements({
    url: scratch.urlAs('audit_relay'),
    statementTimeoutMs: PATIENT_MS,
  })
  const eraser = connectAs(t, scratch, 'audit_eraser')
  const consumer = labelConsumer(statements)
  let reads = 0
  const between = {
    ...statements,
    async entries(name: string, from: number, to: number) {
      const entries = await statements.entries(name, from, to)
      reads += 1
      if (reads === 1) await erase(eraser, [1])
      return entries
    },
  }
  const follower = new Follower({
    statements: between,
    consumers: [consumer],
    logger: silentLogger(),
  })
  t.after(() => follower.stop())
  await follower.drain()
  assert.ok(reads > 1, 'it was read again')
  assert.deepEqual(await labels(scratch.sql), [])
})

test('a restore of an older copy erases the names again', async (t) => {
  const { scratch, relay, ids } = await filledLog(t, [
    { user: ADA, context: { user: { id: ADA, name: 'Ada' } } },
    { user: GRACE, context: { user: { id: GRACE, name: 'Grace' } } },
  ])
  await relay.stop()
  await connectAs(t, scratch, 'audit_relay')`select audit.take_labels(1, 2)`
  // This database is the copy: what its eraser's file knows was erased elsewhere.
  const fields = [
    'user_id',
    'actor_id',
    'target_id',
    'more_targets',
    'request_id',
    'metadata',
    'context',
  ]
  const { erasures } = await declareRestored(scratch.url, [{ id: String(ids[0]), fields }])
  assert.equal(erasures?.erased, 1)
  assert.deepEqual(await labels(scratch.sql), [[GRACE, '', 'Grace', 2, 2]])
})

test('with text ids the case of an id counts, and its names are erased as well', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  await migrateDatabase({ databaseUrl: scratch.url, ids: 'text', logger: silentLogger() })
  const said = (user: string, name: string) => ({ user: { id: user, name } })
  for (const [user, context] of [
    ['user_Ab', said('user_Ab', 'Ada')],
    ['user_ab', said('user_Ab', 'Ada')],
    ['user_ab', said('user_ab', 'Abe')],
  ] as const) {
    await sql`select audit.record(${entryText({ user, context })})`
  }
  await relayOn(t, scratch).drain(DRAINED)
  await connectAs(t, scratch, 'audit_relay')`select audit.take_labels(1, 3)`
  const known = await labels(sql)
  assert.deepEqual(
    known.map(([subject, , name]) => [subject, name]),
    [
      ['user_Ab', 'Ada'],
      ['user_ab', 'Abe'],
    ],
  )
  const [ada] =
    await sql`select seq::integer from audit.audit_log where context -> 'user' ->> 'id' = user_id and user_id = 'user_Ab'`
  await erase(connectAs(t, scratch, 'audit_eraser'), [Number(ada?.['seq'])])
  assert.deepEqual(
    (await labels(sql)).map(([subject]) => subject),
    ['user_ab'],
  )
})
