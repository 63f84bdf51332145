import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { recordedMs } from '../src/ids/uuid7.ts'
import type { Projection } from '../src/projection/projection.ts'
import type { LoggedEntry } from '../src/read/logged-entry.ts'
import { foldFields } from '../src/timeline/fold-fields.ts'
import { momentOf } from '../src/timeline/moments.ts'
import { compareTimes, type FieldState, history } from '../src/timeline/index.ts'
import { scratchDatabase } from './support/database.ts'
import { erase } from './support/erasures.ts'
import { connectAs } from './support/logins.ts'
import { appendToLog, type GivenEntry } from './support/log-entries.ts'
import { readerOn } from './support/pages.ts'
import { expectedOf, type Happening, lifeOfThing, PATHS, seeded } from './support/shadow-thing.ts'

const RUNS = Number(process.env['AUDIT_FUZZ_RUNS'] ?? 2_000)
const SEED = Number(process.env['AUDIT_FUZZ_SEED'] ?? Date.now() % 2 ** 31)

const told = ({ state, value, since }: Pick<FieldState, 'state' | 'value' | 'since'>) => ({
  ...{ state, value, since: since?.seq },
})

function momentsOf(life: readonly Happening[], targetId: string) {
  const own = new Set(['thing'])
  return life.map(({ entry }) => momentOf(entry, targetId, own))
}

// Goal: a history says what a thing was, or that it is in doubt, and nothing else.
// Method: things live at random, changed by entries and past the log; of each the fold of its entries is
// compared at a random time with the thing itself, and with a plain evaluation.
test('the state of a thing is what it was, or it is in doubt', (t) => {
  t.diagnostic(`seed ${SEED}, ${RUNS} runs`)
  let doubts = 0
  for (let run = 0; run < RUNS; run += 1) {
    const below = seeded(SEED + run)
    const targetId = randomUUID()
    const life = lifeOfThing(below, targetId, true)
    const count = below(life.length + 1)
    const { fields } = foldFields(momentsOf(life, targetId), count)
    const states = new Map(fields.map((field) => [field.path, field]))
    for (const path of PATHS) {
      const field = states.get(path)
      const where = `AUDIT_FUZZ_SEED=${SEED + run} AUDIT_FUZZ_RUNS=1, ${path} after ${count}`
      assert.deepEqual(field && told(field), expectedOf(life, count, path), where)
      if (field?.state === 'in doubt') doubts += 1
      if (field?.state !== 'known') continue
      // A field that is "known" must have what the next entry found, unless something was tried between.
      const isTried = life
        .slice(count)
        .some(({ kind, told: changes }) => kind === 'attempt' && changes.has(path))
      const { next = field } = field
      assert.ok(isTried || (next.value ?? null) === (field.value ?? null), where)
      const teller = life.find(({ entry }) => entry.seq === field.since?.seq)
      assert.ok(
        teller &&
          ((teller.after[path] ?? null) === (field.value ?? null) || teller.kind === 'attempt'),
        where,
      )
    }
  }
  assert.ok(doubts > RUNS / 20)
})

async function thingsIn(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const append = (entries: readonly GivenEntry[]) => appendToLog(scratch.sql, entries)
  return { scratch, db: readerOn(t, scratch), append }
}

const given = (entry: LoggedEntry): GivenEntry => ({
  ...{ ms: recordedMs(entry.id), action: entry.action, targetId: entry.targetId },
  ...{ metadata: entry.metadata, outcome: entry.outcome },
})

test('a history read from the log says the same as the fold of all entries', async (t) => {
  const { db, append } = await thingsIn(t)
  t.diagnostic(`seed ${SEED}`)
  for (let run = 0; run < 60; run += 1) {
    const below = seeded(SEED + run)
    const targetId = randomUUID()
    const life = lifeOfThing(below, targetId, false)
    await append(life.map(({ entry }) => given(entry)))
    const until = life[below(life.length)]?.entry
    const atMs = recordedMs(until?.id ?? '')
    const count = life.findLastIndex(({ entry }) => recordedMs(entry.id) <= atMs) + 1
    const { fields, looked } = await history(db, { targetId, at: atMs })
    const states = new Map(fields.map((field) => [field.path, field]))
    for (const path of PATHS) {
      const field = states.get(path)
      const { state, value } = field ?? {}
      const expected = expectedOf(life, count, path)
      const where = `AUDIT_FUZZ_SEED=${SEED + run}, ${path} after ${count}`
      assert.deepEqual([state, value], [expected?.state, expected?.value], where)
    }
    assert.deepEqual([looked.entries, looked.isAll], [count, true])
  }
})

const [ADA, ORDER, OTHER, TENANT] = [1, 2, 3, 4].map(() => randomUUID()) as [
  ...[string, string, string, string],
]
const NOON = Date.UTC(2026, 4, 3, 12)
const MINUTE = 60_000

const change = (ms: number, metadata: object, more: GivenEntry = {}): GivenEntry => ({
  ...{ ms, action: 'order.update', targetId: ORDER, userId: ADA, metadata },
  ...more,
})

test('a write past the log is shown as doubt, with both entries and both values', async (t) => {
  const { db, append } = await thingsIn(t)
  await append([
    change(NOON, { status: { from: 'new', to: 'paid' } }),
    change(NOON + MINUTE, { status: { from: 'held', to: 'sent' } }),
  ])
  const after = await history(db, { targetId: ORDER })
  const [field] = after.fields
  assert.deepEqual([field?.path, field?.state, field?.value], ['status', 'in doubt', 'sent'])
  assert.equal(field?.doubt?.why, 'past the log')
  assert.deepEqual([field?.doubt?.told.value, field?.doubt?.told.entry.seq], ['paid', 1])
  assert.deepEqual([field?.doubt?.found.value, field?.doubt?.found.entry.seq], ['held', 2])
  assert.deepEqual(after.doubts, [field?.doubt])
  assert.deepEqual(
    after.line.map(({ changes }) => changes[0]?.doubt?.why),
    ['past the log', undefined],
  )
  const between = await history(db, { targetId: ORDER, at: NOON + 1 })
  assert.deepEqual(
    [between.fields[0]?.state, between.fields[0]?.value, between.fields[0]?.next?.value],
    ['in doubt', 'paid', 'held'],
  )
  await append([change(NOON + 2 * MINUTE, { status: { from: 'sent', to: 'done' } })])
  const later = await history(db, { targetId: ORDER })
  assert.deepEqual([later.fields[0]?.state, later.doubts.length], ['known', 1])
})

test('before its first change a field is unknown, and the next entry says what it found', async (t) => {
  const { db, append } = await thingsIn(t)
  await append([
    change(NOON, { note: { from: null, to: 'x' } }),
    change(NOON + MINUTE, { status: { from: 'new', to: 'paid' } }),
  ])
  const { fields, at } = await history(db, { targetId: ORDER, at: new Date(NOON) })
  assert.equal(at.getTime(), NOON)
  assert.deepEqual(
    fields.map(({ path, state, value, since, next }) => [
      path,
      state,
      value,
      since?.seq,
      next?.value,
    ]),
    [
      ['note', 'known', 'x', 1, undefined],
      ['status', 'unknown', undefined, undefined, 'new'],
    ],
  )
  assert.deepEqual((await history(db, { targetId: ORDER, at: NOON - 1 })).life.state, 'unknown')
})

test('a thing that was deleted and made again begins again', async (t) => {
  const { db, append } = await thingsIn(t)
  await append([
    change(NOON, { status: 'new', lines: [1], items: { a: 1 } }, { action: 'order.create' }),
    change(NOON + MINUTE, { before: { status: 'new' }, after: null }, { action: 'order.delete' }),
    change(NOON + 2 * MINUTE, { status: 'draft' }, { action: 'order.create' }),
  ])
  const lifeAt = async (at: number) => {
    const { life, fields } = await history(db, { targetId: ORDER, at })
    const values = fields.map(({ path, state, value }) => [path, state, value])
    return [life.state, life.entry?.seq, values] as const
  }
  assert.deepEqual(await lifeAt(NOON - 1), ['not made yet', 1, []])
  const first = [
    ...[
      ['items.a', 'known', 1],
      ['lines', 'known', [1]],
    ],
    ['status', 'known', 'new'],
  ]
  assert.deepEqual(await lifeAt(NOON), ['there', 1, first])
  const end = [...first.slice(0, 2), ['status', 'known', undefined]]
  assert.deepEqual(await lifeAt(NOON + MINUTE), ['deleted', 2, end])
  assert.deepEqual(await lifeAt(NOON + 3 * MINUTE), [
    ...['there', 3],
    [['status', 'known', 'draft']],
  ])
  assert.deepEqual((await history(db, { targetId: ORDER })).doubts, [])
})

test('what was denied or failed changes nothing, and what was attempted may have', async (t) => {
  const { db, append } = await thingsIn(t)
  await append([
    change(NOON, { status: { from: 'new', to: 'paid' } }),
    change(NOON + 1, { status: { from: 'paid', to: 'sent' } }, { outcome: 'denied' }),
    change(NOON + 2, { status: { from: 'paid', to: 'lost' } }, { outcome: 'failed' }),
  ])
  const before = await history(db, { targetId: ORDER })
  assert.deepEqual([before.fields[0]?.state, before.fields[0]?.value], ['known', 'paid'])
  assert.equal(before.line.length, 1)
  await append([
    change(NOON + 3, { status: { from: 'paid', to: 'sent' } }, { outcome: 'attempted' }),
  ])
  const [tried] = (await history(db, { targetId: ORDER })).fields
  assert.deepEqual(
    [tried?.state, tried?.value, tried?.doubt?.why, tried?.doubt?.found.value],
    ['in doubt', 'paid', 'attempted', 'sent'],
  )
  await append([change(NOON + 4, { status: { from: 'sent', to: 'done' } })])
  const after = await history(db, { targetId: ORDER })
  assert.deepEqual([after.fields[0]?.state, after.doubts], ['known', []])
})

test('changes of several servers within a second are taken in the order in which they fit', async (t) => {
  const { db, append } = await thingsIn(t)
  // The second server's clock is behind.
  await append([
    change(NOON, { status: { from: 'new', to: 'paid' } }),
    change(NOON + 5_000, { status: { from: 'paid', to: 'packed' } }),
    change(NOON + 4_500, { status: { from: 'packed', to: 'sent' } }),
    change(NOON + 9_000, { status: { from: 'sent', to: 'done' } }),
  ])
  const { doubts, fields } = await history(db, { targetId: ORDER, at: NOON + 8_000 })
  assert.deepEqual([doubts, fields[0]?.value, fields[0]?.since?.seq], [[], 'sent', 3])
  // What lies further apart is not turned around.
  await append([
    change(NOON + 20_000, { note: { from: 'b', to: 'c' } }),
    change(NOON + 22_000, { note: { from: 'a', to: 'b' } }),
  ])
  const [note] = (await history(db, { targetId: ORDER, field: 'note' })).fields
  assert.deepEqual([note?.state, note?.value], ['in doubt', 'b'])
})

test('where an entry was erased the field is erased, and no doubt', async (t) => {
  const { scratch, db, append } = await thingsIn(t)
  await append([
    change(NOON, { status: { from: 'new', to: 'paid' } }),
    change(NOON + MINUTE, { status: { from: 'paid', to: 'held' } }, { userId: OTHER }),
  ])
  const eraser = connectAs(t, scratch, 'audit_eraser')
  await erase(eraser, [2], ['metadata'])
  const { fields, line } = await history(db, { targetId: ORDER })
  assert.deepEqual(
    [fields[0]?.state, fields[0]?.value, fields[0]?.since?.seq],
    ['erased', 'paid', 1],
  )
  assert.deepEqual(
    line.map(({ kind }) => kind),
    ['blank', 'change'],
  )
  await append([change(NOON + 2 * MINUTE, { status: { from: 'held', to: 'sent' } })])
  const after = await history(db, { targetId: ORDER })
  assert.deepEqual([after.fields[0]?.state, after.doubts], ['known', []])
  // With its target it is not found any more.
  await erase(eraser, [2])
  const without = await history(db, { targetId: ORDER })
  assert.deepEqual(
    [without.line.length, without.fields[0]?.state, without.doubts],
    [2, 'known', []],
  )
  const between = await history(db, { targetId: ORDER, at: NOON + MINUTE })
  assert.equal(between.fields[0]?.state, 'erased')
})

test('an erasure of another event or of another entity explains nothing', async (t) => {
  const { scratch, db, append } = await thingsIn(t)
  await append([
    change(NOON, { status: { from: 'new', to: 'paid' } }),
    change(NOON + 1_000, { status: { from: 'a', to: 'b' } }, { targetId: OTHER, eventId: TENANT }),
    change(NOON + 2_000, { x: 1 }, { targetId: OTHER, action: 'guest.update' }),
    change(NOON + MINUTE, { status: { from: 'held', to: 'sent' } }),
  ])
  await erase(connectAs(t, scratch, 'audit_eraser'), [2, 3])
  const { fields, doubts } = await history(db, { targetId: ORDER })
  assert.deepEqual([fields[0]?.state, doubts.length], ['in doubt', 1])
})

test('an entry that names a thing among others tells of it where it is of the same entity', async (t) => {
  const { db, append } = await thingsIn(t)
  await append([
    change(NOON, { status: { from: 'new', to: 'paid' } }),
    change(
      NOON + MINUTE,
      { status: { from: 'free', to: 'taken' } },
      {
        ...{ action: 'seat.update', targetId: OTHER, moreTargets: [ORDER] },
      },
    ),
    change(
      NOON + 2 * MINUTE,
      { status: { from: 'paid', to: 'sent' } },
      {
        ...{ targetId: OTHER, moreTargets: [ORDER] },
      },
    ),
  ])
  const { fields, doubts, line, looked } = await history(db, { targetId: ORDER })
  assert.deepEqual([fields[0]?.value, doubts, line.length, looked.entries], ['sent', [], 2, 3])
})

test('a history is of one event, one type and one field where that is asked for', async (t) => {
  const { db, append } = await thingsIn(t)
  await append([
    change(
      NOON,
      { plan: { from: 'a', to: 'b' }, settings: { mfa: { from: 0, to: 1 } } },
      {
        eventId: TENANT,
      },
    ),
    change(NOON + 1, { plan: { from: 'c', to: 'd' } }, { eventId: OTHER, entityType: 'order' }),
  ])
  const paths = async (options: object) => {
    const { fields } = await history(db, { targetId: ORDER, ...options })
    return fields.map(({ path, value }) => [path, value])
  }
  assert.deepEqual(await paths({ eventId: TENANT }), [
    ['plan', 'b'],
    ['settings.mfa', 1],
  ])
  assert.deepEqual(await paths({ entityType: 'order' }), [['plan', 'd']])
  assert.deepEqual(await paths({ field: 'settings' }), [['settings.mfa', 1]])
  assert.deepEqual(await paths({ field: 'sett' }), [])
})

test('the line goes on with older entries, each once, and the state is that of its place', async (t) => {
  const { db, append } = await thingsIn(t)
  await append(
    Array.from({ length: 25 }, (_, n) =>
      change(NOON + Math.floor(n / 3) * 5_000, { n: { from: n, to: n + 1 } }),
    ),
  )
  const found: string[] = []
  let cursor: string | undefined
  let pages = 0
  do {
    const page = await history(db, { targetId: ORDER, limit: 7, cursor })
    found.push(...page.line.map(({ entry }) => entry.id))
    cursor = page.nextCursor ?? undefined
    pages += 1
  } while (cursor !== undefined)
  assert.deepEqual([pages, found.length, new Set(found).size], [4, 25, 25])
  assert.deepEqual(found, [...found].sort().reverse())
  const { fields } = await history(db, { targetId: ORDER, at: NOON + 10_000 })
  assert.deepEqual([fields[0]?.state, fields[0]?.value], ['known', 9])
})

test('a cursor of a history from before a restore is refused', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerOn(t, scratch)
  const targetId = randomUUID()
  await appendToLog(
    scratch.sql,
    [1, 2, 3].map((to) => ({ targetId, metadata: { colour: { from: to - 1, to } } })),
  )
  const { nextCursor } = await history(db, { targetId, limit: 1 })
  assert.ok(nextCursor)
  assert.equal((await history(db, { targetId, cursor: nextCursor })).line.length, 2)
  await scratch.sql`update audit.audit_head set seq = seq - 1`
  await scratch.sql`select audit.declare_restored()`
  await assert.rejects(history(db, { targetId, cursor: nextCursor }), {
    code: 'AUDIT_HISTORY_CHANGED',
  })
})

test('two times beside each other say of each field whether it is the same', async (t) => {
  const { db, append } = await thingsIn(t)
  await append([
    change(NOON, { a: { from: 1, to: 2 }, b: { from: 1, to: 2 }, c: { from: 1, to: 2 } }),
    change(NOON + MINUTE, { b: { from: 2, to: 3 }, c: { from: 7, to: 2 }, d: { from: 1, to: 2 } }),
  ])
  const { fields, from, to } = await compareTimes(db, {
    ...{ targetId: ORDER, from: NOON, to: NOON + MINUTE },
  })
  assert.deepEqual(
    fields.map(({ path, from: before, to: after, is }) => [path, before?.value, after?.value, is]),
    [
      ['a', 2, 2, 'same'],
      ['b', 2, 3, 'different'],
      ['c', 2, 2, 'unsure'],
      ['d', undefined, 2, 'unsure'],
    ],
  )
  assert.deepEqual([from.at, to.at], [new Date(NOON), new Date(NOON + MINUTE)])
})

test('a wrong option of a history is refused by its name', async (t) => {
  const { db } = await thingsIn(t)
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{}, /targetId must be/],
    [{ targetId: 'x' }, /targetId must be a UUID/],
    [{ targetId: ORDER, eventId: 'x' }, /eventId must be a UUID/],
    [{ targetId: ORDER, at: 'now' }, /at must be a Date/],
    [{ targetId: ORDER, limit: 0 }, /limit must be a whole number from 1 to 500/],
    [{ targetId: ORDER, limit: 501 }, /limit must be/],
    [{ targetId: ORDER, field: '' }, /field must be 1 to 1000/],
    [{ targetId: ORDER, target: 1 }, /Unknown option "target"/],
    [{ targetId: ORDER, cursor: 'x' }, /cursor is damaged/],
    [{ targetId: ORDER, cursor: 'x', at: 1 }, /Give at or cursor/],
  ]
  for (const [options, message] of wrong) {
    const refused = { code: 'AUDIT_FILTER_INVALID', message }
    await assert.rejects(history(db, options as Parameters<typeof history>[1]), refused)
  }
  const times = { targetId: ORDER, from: 2, to: 2 }
  await assert.rejects(compareTimes(db, times), { code: 'AUDIT_FILTER_INVALID' })
})

test('a reader who may not see all of an entry has a history of what they see', async (t) => {
  const { db, append } = await thingsIn(t)
  await append([
    change(NOON, { plan: { from: 'a', to: 'b' }, price: { from: 1, to: 2 } }, { eventId: TENANT }),
    change(NOON + 1, { plan: { from: 'b', to: 'c' } }, { eventId: OTHER }),
  ])
  const seenBy = { onlyEventId: TENANT, hides: ['metadata.price', 'userId'] } as const
  const { fields, line, looked } = await history(db, { targetId: ORDER, seenBy })
  assert.deepEqual(
    fields.map(({ path, value, since }) => [path, value, since?.userId]),
    [['plan', 'b', null]],
  )
  assert.deepEqual([line.length, looked.entries], [1, 1])
  const { fields: both } = await compareTimes(db, { targetId: ORDER, from: NOON, seenBy })
  assert.deepEqual(
    both.map(({ path, is }) => [path, is]),
    [['plan', 'same']],
  )
  // Nothing is found by what is hidden.
  const hides = ['targetId', 'moreTargets'] as const
  const hidden = await history(db, { targetId: ORDER, seenBy: { hides } })
  assert.deepEqual([hidden.looked.entries, hidden.fields, hidden.life.state], [0, [], 'unknown'])
})

// Goal: "somebody wrote past the log" is not said to a reader from whom the entry between is hidden, nor to
// one from whom it might be: else what is said would tell them whether there is one.
test('a reader who may not see all that changed a thing is told of no contradiction', async (t) => {
  const { db, append } = await thingsIn(t)
  const status = (from: string, to: string) => ({ status: { from, to } })
  await append([
    change(NOON, status('a', 'b'), { eventId: TENANT }),
    change(NOON + 5_000, status('c', 'd'), { eventId: TENANT }),
  ])
  const told = async (seenBy?: Projection) => {
    const now = await history(db, { targetId: ORDER, seenBy })
    const before = await history(db, { targetId: ORDER, seenBy, at: NOON + 1_000 })
    const [field] = before.fields
    const inLine = now.line.some(({ changes }) => changes.some(({ doubt }) => doubt !== undefined))
    assert.equal(inLine, now.doubts.length > 0)
    return {
      ...{ doubts: now.doubts.length, lacks: now.looked.mayLackChanges, state: field?.state },
      ...{ value: field?.value, next: field?.next?.value, now: now.fields[0]?.value },
    }
  }
  const whole = { doubts: 1, lacks: false, state: 'in doubt', value: 'b', next: 'c', now: 'd' }
  assert.deepEqual(await told(), whole)
  assert.deepEqual(await told({ hides: ['context.ip', 'recorder'], staffAs: 'Support' }), whole)
  const limited = { ...whole, doubts: 0, lacks: true, state: 'unknown' }
  for (const seenBy of [
    ...[{ actions: ['-internal.*'] }, { onlyEventId: TENANT }, { hides: ['moreTargets'] }],
    ...[{ hides: ['metadata.card'] }, { staffAs: 'Support', staff: [OTHER] }],
  ] as const) {
    assert.deepEqual(await told(seenBy), limited, JSON.stringify(seenBy))
  }
})

// Goal: a thing with more entries than anybody looks at takes a bounded time, and nothing is hidden.
// Method: it says how far it looked, the state is that of the newest ones, and the cursor reaches the rest.
test('of a thing with very many entries the newest are looked at, and it says how many', async (t) => {
  const { db, append } = await thingsIn(t)
  const count = 10_700
  const elsewhere = { targetId: OTHER, moreTargets: [ORDER] }
  const entries = Array.from({ length: count }, (_, n) => {
    const metadata = n === 0 ? { first: { from: 1, to: 2 } } : { n: { from: n, to: n + 1 } }
    // They are found by two ways, one of which has three times as many.
    return change(NOON + n * 2_000, metadata, n % 4 === 1 ? elsewhere : {})
  })
  for (let at = 0; at < count; at += 2_000) await append(entries.slice(at, at + 2_000))
  const startMs = performance.now()
  const newest = await history(db, { targetId: ORDER })
  t.diagnostic(`${Math.round(performance.now() - startMs)} ms`)
  const { looked, fields, doubts, nextCursor } = newest
  assert.ok(!looked.isAll && nextCursor !== null && looked.since !== null)
  assert.ok(looked.entries <= 10_499 && looked.entries >= 500, `${looked.entries} entries`)
  assert.deepEqual([fields.length, fields[0]?.value, doubts], [1, count, []])
  const older = await history(db, { targetId: ORDER, at: NOON + 50 * 2_000 })
  assert.deepEqual([older.looked.isAll, older.looked.entries], [true, 51])
  assert.deepEqual(
    older.fields.map(({ path, value }) => [path, value]),
    [
      ['first', 2],
      ['n', 51],
    ],
  )
})
