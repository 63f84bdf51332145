import assert from 'node:assert/strict'
import { randomInt, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import type postgres from 'postgres'
import { readStatus } from '../relay/telemetry/status.ts'
import type { AuditDatabase } from '../src/database/callers-database.ts'
import { exportToStream } from '../src/export/index.ts'
import { idFloor } from '../src/ids/uuid7.ts'
import { histogram } from '../src/page/histogram/histogram.ts'
import { UTC } from '../src/query/zone.ts'
import { windowsOf } from '../src/read/id-windows.ts'
import type { LogPartition } from '../src/read/partitions.ts'
import { seqPlan } from '../src/read/seq-plan.ts'
import { tail } from '../src/read/tail.ts'
import { lastSeq } from '../src/read/tail-query.ts'
import { entry, type LogFilter, timeline } from '../src/read/timeline.ts'
import { scratchDatabase } from './support/database.ts'
import { idAt } from './support/log-entries.ts'
import { closePartitions, countingReader, makePartitions } from './support/partitions.ts'
import { takeFromTail } from './support/take-from-tail.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** With DEFAULT. */
const MOST_PARTITIONS = 20
const MOST_LOCKS = 300
const FEW_EVENTS = Array.from({ length: 4 }, () => randomUUID())

interface Logged {
  readonly id: string
  readonly seq: number
  readonly eventId: string
  readonly action: string
}

/** Logs entries as a relay does: a late one raises the last number of its closed partition. */
async function logAll(
  sql: postgres.Sql,
  given: readonly Omit<Logged, 'seq'>[],
): Promise<readonly Logged[]> {
  return await sql.begin(async (tx) => {
    const [head] = await tx`
      update audit.audit_head set seq = seq + ${given.length}::bigint returning seq::integer as seq`
    const logged = given.map((one, n) => ({
      ...one,
      seq: Number(head?.['seq']) - given.length + n + 1,
    }))
    await tx`
      insert into audit.audit_log (id, seq, occurred_at, event_id, action)
      select (e ->> 'id')::uuid, (e ->> 'seq')::bigint, now(), (e ->> 'eventId')::uuid, e ->> 'action'
      from jsonb_array_elements(${JSON.stringify(logged)}::text::jsonb) as e`
    await tx`
      update audit.audit_partition as p set max_seq = greatest(p.max_seq, late.seq)
      from (
        select p.name, max((e ->> 'seq')::bigint) as seq
        from jsonb_array_elements(${JSON.stringify(logged)}::text::jsonb) as e
        join audit.audit_partition as p
          on (e ->> 'id')::uuid >= p.from_id and (e ->> 'id')::uuid < p.to_id
        group by p.name
      ) as late
      where late.name = p.name and p.max_seq is not null`
    return logged
  })
}

/** An entry as the recorder would have made it at a moment. */
function made(ms: number): Omit<Logged, 'seq'> {
  return {
    id: idAt(ms),
    eventId: FEW_EVENTS[randomInt(FEW_EVENTS.length)] ?? '',
    action: randomInt(5) === 0 ? 'thing.rare' : 'other.common',
  }
}

const byId = (one: Logged, other: Logged) => (one.id < other.id ? -1 : 1)
const ids = (entries: readonly { readonly id: string }[]) => entries.map(({ id }) => id)

function passes({ id, eventId, action }: Logged, filter: LogFilter): boolean {
  return (
    (filter.eventId === undefined || filter.eventId === eventId) &&
    (filter.action === undefined || action.startsWith(filter.action.replace('*', ''))) &&
    (filter.from === undefined || id >= idFloor(Number(filter.from))) &&
    (filter.to === undefined || id < idFloor(Number(filter.to)))
  )
}

/** All pages on and back again. */
async function walk(db: AuditDatabase, options: Parameters<typeof timeline>[1]) {
  let page = await timeline(db, options)
  const forth = [page.entries]
  while (page.nextCursor !== null) {
    page = await timeline(db, { ...options, cursor: page.nextCursor })
    forth.push(page.entries)
  }
  const back = [page.entries]
  while (page.prevCursor !== null) {
    page = await timeline(db, { ...options, cursor: page.prevCursor })
    back.unshift(page.entries)
  }
  return { forth: ids(forth.flat()), back: ids(back.flat()) }
}

/** The numbers in an export, in their order. */
async function exported(db: AuditDatabase, options: Parameters<typeof exportToStream>[2]) {
  const stream = new PassThrough()
  const written = text(stream)
  const manifest = await exportToStream(db, stream, options)
  stream.end()
  const lines = (await written).split('\n').filter((line) => line !== '')
  return { seqs: lines.map((line) => Number(JSON.parse(line).seq)), manifest }
}

// Goal: in whatever partitions the entries lie, every reader finds each one once and in its place.
// Method: compare with a plain list. Partitions of random widths with gaps, entries in them, between
// them, before and after them, in order and late, while the readers' catalogue is of some time ago.
test('pages, tails and exports find what a plain list has, in random partitions', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const startMs = Date.now() - 400 * DAY_MS
  const bounds: [string, string][] = []
  const moments: number[] = [startMs - DAY_MS, Date.now(), Date.now() + 300 * DAY_MS]
  for (let ms = startMs; bounds.length < 64; ) {
    const toMs = ms + randomInt(1, 96) * HOUR_MS
    bounds.push([idFloor(ms), idFloor(toMs)])
    moments.push(ms, toMs - 1, toMs)
    ms = toMs + (randomInt(6) === 0 ? randomInt(1, 20) * HOUR_MS : 0)
  }
  await makePartitions(sql, bounds)
  const endMs = Date.parse(new Date(startMs + 64 * 5 * DAY_MS).toISOString())
  const anywhere = () =>
    randomInt(3) === 0
      ? (moments[randomInt(moments.length)] ?? startMs)
      : startMs + randomInt(endMs - startMs)
  const inOrder = Array.from({ length: 500 }, () => made(anywhere())).sort((one, other) =>
    one.id < other.id ? -1 : 1,
  )
  const all = [...(await logAll(sql, inOrder))]
  const { db, touched } = countingReader(t, scratch)

  for (let round = 0; round < 10; round += 1) {
    if (round % 3 === 0) await closePartitions(sql, idFloor(anywhere()))
    // Late entries: all that the reader knows of the partitions is of an earlier time.
    if (round > 1) {
      const late = Array.from({ length: randomInt(1, 12) }, () => made(anywhere()))
      all.push(...(await logAll(sql, late)))
    }
    const [fromMs, toMs] = [anywhere(), anywhere()].sort((one, other) => one - other)
    const filter: LogFilter = {
      ...(randomInt(2) === 0 ? { eventId: FEW_EVENTS[0] } : {}),
      ...(randomInt(2) === 0 ? { action: 'thing.*' } : {}),
      ...(randomInt(3) === 0 ? { from: fromMs, to: (toMs ?? 0) + 1 } : {}),
    }
    const wanted = all.filter((one) => passes(one, filter)).sort(byId)
    const order = randomInt(2) === 0 ? 'newest' : 'oldest'
    const expected = ids(order === 'newest' ? wanted.toReversed() : wanted)
    const asked = { ...filter, order, limit: randomInt(20, 200) } as const
    const { forth, back } = await walk(db, asked)
    assert.deepEqual(forth, expected, `on: ${JSON.stringify(asked)}`)
    assert.deepEqual(back, expected, `back: ${JSON.stringify(asked)}`)

    const { from, to, ...withoutTime } = filter
    const inLog = all.toSorted((one, other) => one.seq - other.seq)
    const fromSeq = randomInt(all.length) + 1
    const tailed = inLog.filter((one) => one.seq >= fromSeq && passes(one, withoutTime))
    if (tailed.length > 0) {
      const found = await takeFromTail(db, tailed.length, { fromSeq, filter: withoutTime })
      assert.deepEqual(ids(found), ids(tailed), `tail from ${fromSeq}`)
    }
    const toSeq = randomInt(fromSeq, all.length + 1)
    const { seqs, manifest } = await exported(db, { filter, fromSeq, toSeq })
    assert.deepEqual(
      seqs,
      inLog
        .filter((one) => one.seq >= fromSeq && one.seq <= toSeq && passes(one, filter))
        .map(({ seq }) => seq),
    )
    if (Object.keys(filter).length === 0) assert.deepEqual(manifest.missingSeqs, [])
  }
  assert.ok(touched.partitions <= MOST_PARTITIONS, JSON.stringify(touched))
  assert.ok(touched.locks <= MOST_LOCKS, JSON.stringify(touched))
})

// Goal: the catalogue of a minute ago hides no entry that came late to a closed partition.
// Method: a tail at the end of the log, and an entry into the first partition, which it leaves out.
test('a tail that runs finds a late entry in a partition that it leaves out', async (t) => {
  const scratch = await scratchDatabase(t)
  const startMs = Date.now() - 100 * DAY_MS
  const dayOf = (day: number) => idFloor(startMs + day * DAY_MS)
  await makePartitions(
    scratch.sql,
    Array.from({ length: 40 }, (_, day) => [dayOf(day), dayOf(day + 1)] as const),
  )
  const noon = (day: number) => made(startMs + (day + 0.5) * DAY_MS)
  await logAll(
    scratch.sql,
    Array.from({ length: 40 }, (_, day) => noon(day)),
  )
  await closePartitions(scratch.sql, dayOf(40))
  const { db, touched } = countingReader(t, scratch)
  const signal = AbortSignal.timeout(60_000)
  for (const filter of [{}, { action: 'thing.rare' }]) {
    const entries = tail(db, { fromSeq: 1, filter, signal })
    await entries.next()
    const rare = { ...noon(3), action: 'thing.rare' }
    const [late] = await logAll(scratch.sql, [rare])
    for await (const { id } of entries) if (id === late?.id) break
  }
  assert.equal(signal.aborted, false)
  assert.ok(touched.partitions <= MOST_PARTITIONS, JSON.stringify(touched))
})

// Goal: a page that nobody has time for is a shorter page, and no error and no loss.
// Method: the server ends each statement but the first one of a page.
test('a page that takes too long ends behind its last whole window, and the next goes on there', async (t) => {
  const scratch = await scratchDatabase(t)
  const startMs = Date.now() - 100 * DAY_MS
  const dayOf = (day: number) => idFloor(startMs + day * DAY_MS)
  await makePartitions(
    scratch.sql,
    Array.from({ length: 60 }, (_, day) => [dayOf(day), dayOf(day + 1)] as const),
  )
  const all = await logAll(
    scratch.sql,
    Array.from({ length: 60 }, (_, day) => made(startMs + (day + 0.5) * DAY_MS)),
  )
  const { db } = countingReader(t, scratch)
  for (const order of ['newest', 'oldest'] as const) {
    await timeline(db, { order }) // the catalogue is known from here on
    const found: string[] = []
    let pages = 0
    let cursor: string | null | undefined
    do {
      let asked = 0
      const slow = {
        query: (text: string, params: unknown[]) => {
          const isPage = text.includes('"recorderSeq"')
          if (isPage) asked += 1
          const cancelled = Object.assign(new Error('cancelled'), { code: '57014' })
          return isPage && asked > 1 ? Promise.reject(cancelled) : db.query(text, params)
        },
      }
      const page = await timeline(slow, { order, limit: 500, cursor: cursor ?? undefined })
      found.push(...ids(page.entries))
      cursor = page.nextCursor
      pages += 1
    } while (cursor !== null)
    const expected = all.toSorted(byId)
    assert.deepEqual(found, ids(order === 'newest' ? expected.toReversed() : expected))
    assert.ok(pages > 2, `${pages} pages`)
  }
})

// Goal: a log of 33 years in months costs a reader no more locks than one of a year.
// Method: run every read of ours in a transaction, and count in it.
test('no statement of a read takes more than 300 locks at 400 partitions', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const first = new Date()
  const monthOf = (ahead: number) =>
    idFloor(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + ahead, 1))
  await makePartitions(
    sql,
    Array.from({ length: 396 }, (_, n) => [monthOf(n - 396), monthOf(n - 395)] as const),
  )
  const at = (month: number) => made(Date.now() - month * 30 * DAY_MS)
  const all = await logAll(sql, [at(390), at(300), at(40), at(10), at(1), at(0), made(0)])
  const { db, touched } = countingReader(t, scratch)
  const limits = (what: string) => {
    const { locks, partitions } = touched
    assert.ok(partitions <= MOST_PARTITIONS && locks <= MOST_LOCKS, `${what}: ${locks} locks`)
  }
  for (const closed of [false, true]) {
    if (closed) await closePartitions(sql, monthOf(0))
    for (const order of ['newest', 'oldest'] as const) {
      for (const filter of [{}, { eventId: randomUUID() }, { action: 'none.*', entityType: 'x' }]) {
        const found = await timeline(db, { ...filter, order })
        if (Object.keys(filter).length === 0) assert.equal(found.entries.length, all.length)
        limits(`a page, ${order}`)
      }
    }
    assert.equal((await entry(db, all[0]?.id ?? ''))?.seq, all[0]?.seq)
    limits('an entry')
    for (const filter of [{}, { eventId: all[0]?.eventId }]) {
      await takeFromTail(db, 1, { fromSeq: 1, filter })
      limits('a tail')
    }
    assert.equal(await lastSeq(db), all.length)
    assert.equal((await exported(db, {})).seqs.length, all.length)
    limits('an export')
    assert.equal(
      (await exported(db, { filter: { from: 0, to: Date.now() } })).seqs.length > 0,
      true,
    )
    limits('an export of a time')
    for (const countUpTo of [10_000, 2, 1]) {
      for (const filter of [{}, { eventId: all[0]?.eventId }]) {
        await histogram(db, {
          filter,
          zone: UTC,
          nowMs: Date.now(),
          countUpTo,
        })
        limits('a histogram')
      }
    }
  }
  const relay = countingReader(t, scratch, 'audit_relay')
  await readStatus(relay.db)
  for (let look = 0; look < 8; look += 1) {
    const { rows } = await relay.db.query(
      'select i.id::text as id from audit.identify($1::text::uuid, $2::text::bigint, $3::text::uuid) as i',
      [null, null, null],
    )
    assert.equal(Reflect.get(Object(rows[0]), 'id'), all.at(-1)?.id)
  }
  assert.ok(relay.touched.locks <= MOST_LOCKS, JSON.stringify(relay.touched))
})

function partition(n: number, numbers: Partial<LogPartition> = {}): LogPartition {
  const [fromId, toId] = [idFloor(n * DAY_MS), idFloor((n + 1) * DAY_MS)]
  const unknown = { minSeq: undefined, maxSeq: undefined, rows: undefined, isEmpty: false }
  return { fromId, toId, ...unknown, ...numbers }
}

const map = (partitions: readonly LogPartition[]) => ({ partitions, lastSeq: 1_000 })

test('a small log, and one without a catalogue, is asked as a whole', () => {
  for (const count of [0, 4, 18]) {
    const small = map(Array.from({ length: count }, (_, n) => partition(n)))
    const asked = { range: {}, isDescending: true, nowMs: 0 }
    assert.deepEqual(windowsOf(small, asked), [{}])
    assert.deepEqual(seqPlan(small, { nextSeq: 5 }), { windows: [{}], lastSeq: undefined })
  }
})

test('windows lie next to each other: 3 partitions, 10, then as many as a statement may touch', () => {
  const nowMs = 98.5 * DAY_MS
  // Each is followed by a gap.
  const toId = (n: number) => idFloor((n + 0.5) * DAY_MS)
  const large = map(Array.from({ length: 102 }, (_, n) => partition(n, { toId: toId(n) })))
  const asked = { range: {}, nowMs }
  const descending = windowsOf(large, { ...asked, isDescending: true })
  const sizeOf = ({ fromId = '', toId = 'g' }) =>
    large.partitions.filter((one) => one.fromId >= fromId && one.fromId < toId).length
  // Two more, whose time has not come by more than a day.
  assert.deepEqual(descending.map(sizeOf), [5, 10, 18, 18, 18, 18, 15])
  assert.equal(descending[0]?.toId, undefined)
  assert.equal(descending.at(-1)?.fromId, undefined)
  for (const [at, { fromId }] of descending.entries()) {
    assert.equal(fromId, descending[at + 1]?.toId)
  }
  const ascending = windowsOf(large, { ...asked, isDescending: false })
  for (const [at, { toId }] of ascending.entries()) assert.equal(toId, ascending[at + 1]?.fromId)
  assert.equal(ascending[0]?.fromId, undefined)
  assert.ok(ascending.every((window) => sizeOf(window) <= 18))
})

test('many empty partitions of the future are stepped over, and the rest of the future is not', () => {
  const nowMs = 20.5 * DAY_MS
  const future = Array.from({ length: 80 }, (_, n) => partition(n + 20, { isEmpty: true }))
  const large = map([...Array.from({ length: 20 }, (_, n) => partition(n)), ...future])
  const asked = { range: {}, isDescending: true, nowMs, mayStepOver: true }
  const [newest] = windowsOf(large, asked)
  assert.equal(newest?.toId, undefined)
  const run = { fromId: partition(22).fromId, toId: partition(99).toId, partitions: 78 }
  assert.deepEqual(newest?.stepsOver, [run])
  const written = map(large.partitions.with(90, partition(90)))
  assert.ok(windowsOf(written, asked).every(({ stepsOver }) => stepsOver === undefined))
})

test('a plan by numbers leaves out what is before and behind, and never what it does not know', () => {
  const known = Array.from({ length: 60 }, (_, n) =>
    partition(n, { minSeq: n * 10 + 1, maxSeq: n * 10 + 10 }),
  )
  const unknown = [partition(60), partition(61, { isEmpty: true })]
  const runsAt = (nextSeq: number, lastSeq?: number) => {
    const plan = seqPlan(map([...known, ...unknown]), { nextSeq, lastSeq })
    assert.equal(plan.windows.length, 1)
    return { ...plan, runs: plan.windows[0]?.stepsOver?.map(({ partitions }) => partitions) }
  }
  assert.deepEqual(runsAt(600).runs, [59, 1], 'the last number of a partition may be asked for')
  assert.deepEqual(runsAt(601).runs, [60, 1])
  const early = runsAt(1)
  assert.equal(early.lastSeq, 170, '17 known ones and the one that is not known')
  assert.deepEqual(early.runs, [43, 1])
  assert.deepEqual(runsAt(591, 595).runs, [59, 1])
  assert.deepEqual(runsAt(51, 61).runs, [5, 53, 1], 'the first number of a partition, too')
})
