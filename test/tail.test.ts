import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRelay } from '../relay/index.ts'
import { Database } from '../src/database/connection.ts'
import { AuditError } from '../src/errors.ts'
import {
  type AuditDatabase,
  type LoggedEntry,
  type TailOptions,
  tail,
  waitMsAfter,
} from '../src/read/tail.ts'
import { asksForPartitions } from './support/asks-partitions.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { tailUnderFire } from './support/tail-under-fire.ts'
import { waitFor } from './support/wait-for.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

function reader(t: TestContext, { urlAs }: ScratchDatabase): Database {
  const url = urlAs('audit_reader')
  const db = new Database({
    url,
    applicationName: 'tail',
    statementTimeoutMs: 5_000,
    isReader: true,
  })
  t.after(() => db.close())
  return db
}

/** Puts entries into the outbox lane, as an application does. */
async function record({ sql }: ScratchDatabase, count: number, action = 'thing.done') {
  await sql`
    select audit.record((
      select jsonb_agg(jsonb_build_object('action', ${action}::text)) from generate_series(1, ${count}::int)
    )::text)`
}

async function moveAll(scratch: ScratchDatabase): Promise<void> {
  const relay = createRelay({ databaseUrl: scratch.urlAs('audit_relay'), logger: silent })
  await relay.drain({ deadlineMs: 20_000 })
  await relay.stop()
}

/** The first entries of a tail. */
async function take(db: AuditDatabase, count: number, options: TailOptions) {
  const entries: LoggedEntry[] = []
  for await (const entry of tail(db, { signal: AbortSignal.timeout(120_000), ...options })) {
    entries.push(entry)
    if (entries.length === count) break
  }
  return entries
}

const seqs = (entries: readonly LoggedEntry[]) => entries.map(({ seq }) => seq)
const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n)

test('a tail reads from the number that it was given, and goes on as the log grows', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  await record(scratch, 1_700)
  await moveAll(scratch)
  assert.deepEqual(seqs(await take(db, 1_691, { fromSeq: 10 })), upTo(1_700, 10))

  const rest = take(db, 40, { fromSeq: 1_691 })
  await record(scratch, 30)
  await moveAll(scratch)
  assert.deepEqual(seqs(await rest), upTo(1_730, 1_691))
})

test('without a number a tail begins after what is there', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  await record(scratch, 5)
  await moveAll(scratch)
  let asked = 0
  const counting = {
    execute: (query: Parameters<Database['execute']>[0]) => {
      asked += 1
      return db.execute(query)
    },
  }
  const entries = tail(counting, { signal: AbortSignal.timeout(60_000) })
  const first = entries.next()
  // It looks for entries when it has been told where the log ends.
  await waitFor(() => asked === 2, { what: 'the first look', intervalMs: 1 })
  await record(scratch, 1)
  await moveAll(scratch)
  assert.equal((await first).value?.seq, 6)
  await entries.return()
})

test('a filtered tail misses nothing among many others, also after dropped partitions', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  // The log begins at 1,000,000; every 9,999th entry is wanted.
  await scratch.sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    select audit.new_id(), 1000000 + n, now(),
      case when n % 9999 = 0 then 'branding.update' else 'thing.done' end
    from generate_series(1, 60000) as n`
  const wanted = [9_999, 19_998, 29_997, 39_996, 49_995, 59_994].map((n) => n + 1_000_000)
  const filter = { action: 'branding.*' }
  assert.deepEqual(seqs(await take(db, 6, { fromSeq: 1, filter })), wanted)
})

// Goal: the promises of the order of commits, seen from the consumer: nothing twice, nothing left
// out, also when a process dies.
// Method: 10 consumers that stop and resume at random places; two relays, of which the one is
// killed by SIGKILL again and again and the other loses its connections; four writers; and a
// transaction that stays open elsewhere all the while. For a minute and more: `npm run test:tail`.
test('consumers that stop and resume see every seq while relays are killed', async (t) => {
  const scratch = await scratchDatabase(t)
  const entries = 20_000
  const stop = new AbortController()
  t.after(() => stop.abort())
  const { relaysKilled, seen } = await tailUnderFire(scratch, {
    ...{ entries, consumers: 10, openForMs: 5_000, deadlineMs: 480_000, stop },
  })
  for (const seqs of seen) assert.deepEqual(seqs, upTo(entries))
  assert.ok(relaysKilled > 0)
})

// Goal: at the end of a busy log a consumer is behind by the time between two looks, and no more.
// Method: counted in looks, because a busy machine makes each of them as long as it likes. How long
// lies between two is tested in virtual time.
test('an entry is in the first look that begins after it was logged', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  let looks = 0
  const counting = {
    execute: (query: Parameters<Database['execute']>[0]) => {
      looks += 1
      return db.execute(query)
    },
  }
  const loggedAt: number[] = []
  const seenAt: number[] = []
  const reading = (async () => {
    for await (const { seq } of tail(counting, {
      fromSeq: 1,
      signal: AbortSignal.timeout(60_000),
    })) {
      seenAt[seq] = looks
      if (seq === 60) break
    }
  })()
  for (let seq = 1; seq <= 60; seq += 1) {
    await scratch.sql`
      insert into audit.audit_log (id, seq, occurred_at, action)
      values (${randomUUID()}, ${seq}, now(), 'thing.done')`
    loggedAt[seq] = looks
    await sleep(25)
  }
  await reading
  for (let seq = 1; seq <= 60; seq += 1) {
    const behind = (seenAt[seq] ?? Number.NaN) - (loggedAt[seq] ?? Number.NaN)
    assert.ok(behind <= 1, `${seq} was seen ${behind} looks later`)
  }
})

test('a slow consumer is not read ahead of', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  await record(scratch, 600)
  await moveAll(scratch)
  let asked = 0
  const counting = {
    execute: (query: Parameters<Database['execute']>[0]) => {
      if (!asksForPartitions(query)) asked += 1
      return db.execute(query)
    },
  }
  const entries = tail(counting, { fromSeq: 1, signal: AbortSignal.timeout(60_000) })
  assert.equal((await entries.next()).value?.seq, 1)
  await sleep(500)
  assert.equal(asked, 1, 'nothing is read while the consumer works')
  for (let n = 2; n <= 600; n += 1) await entries.next()
  assert.equal(asked, 2)
  await entries.return()
})

test('a tail looks 10 times a second while entries come, and once a second while none does', () => {
  assert.equal(waitMsAfter(0), 100)
  assert.equal(waitMsAfter(4_999), 100)
  assert.equal(waitMsAfter(5_000), 400)
  assert.equal(waitMsAfter(29_999), 400)
  assert.equal(waitMsAfter(30_000), 1_000)
  assert.equal(waitMsAfter(Number.POSITIVE_INFINITY), 1_000)
})

test('a tail ends when it is aborted: at the end of the log, and while the database is away', async (t) => {
  const scratch = await scratchDatabase(t)
  const ends = async (db: Database) => {
    const halt = new AbortController()
    let asked = 0
    const counting = {
      execute: (query: Parameters<Database['execute']>[0]) => {
        asked += 1
        return db.execute(query)
      },
    }
    const next = tail(counting, { fromSeq: 1, signal: halt.signal }).next()
    await waitFor(() => asked > 1, { what: 'some looks', intervalMs: 1 })
    halt.abort()
    assert.equal((await next).done, true)
  }
  await ends(reader(t, scratch))
  const url = 'postgres://nobody@127.0.0.1:1/none'
  const away = new Database({ url, applicationName: 'tail', statementTimeoutMs: 5_000 })
  t.after(() => away.close())
  await ends(away)

  const aborted = tail(reader(t, scratch), { fromSeq: 1, signal: AbortSignal.abort() })
  assert.equal((await aborted.next()).done, true)
})

// Goal: an outage costs a tail nothing but time.
// Method: connections are ended on the server at random, and some statements never get there.
test('a tail outlasts the end of its connections, and says so', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = reader(t, scratch)
  let asked = 0
  const shaky = {
    execute: async (query: Parameters<Database['execute']>[0]) => {
      asked += 1
      if (asked % 3 === 0) throw Object.assign(new Error('gone'), { code: 'CONNECTION_CLOSED' })
      return await db.execute(query)
    },
  }
  const failures: unknown[] = []
  const onFailure = (error: unknown) => void failures.push(error)
  const reading = take(shaky, 20, { fromSeq: 1, onFailure })
  await record(scratch, 10)
  await moveAll(scratch)
  for (let n = 0; n < 10; n += 1) {
    await scratch.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'tail' and datname = current_database()`
    await sleep(30)
  }
  await record(scratch, 10)
  await moveAll(scratch)
  assert.deepEqual(seqs(await reading), upTo(20))
  assert.ok(failures.length > 0)
  for (const failure of failures)
    assert.ok(failure instanceof AuditError, 'ours: it quotes nothing')
})

test('a login that may not read the log ends a tail with our error', async (t) => {
  const { urlAs } = await scratchDatabase(t)
  const db = new Database({
    url: urlAs('audit_app'),
    applicationName: 'tail',
    statementTimeoutMs: 5_000,
  })
  t.after(() => db.close())
  await assert.rejects(tail(db, { fromSeq: 1 }).next(), { code: 'AUDIT_DATABASE_FAILED' })
})

for (const [name, options] of Object.entries({
  'a number as text': { fromSeq: '1' },
  'a negative number': { fromSeq: -1 },
  'half a number': { fromSeq: 1.5 },
  infinity: { fromSeq: Number.POSITIVE_INFINITY },
  'a time range': { fromSeq: 1, filter: { from: 0 } },
  'an unknown filter': { fromSeq: 1, filter: { events: 'x' } },
  'an unknown option': { from: 1 },
})) {
  test(`a tail refuses bad input at the call: ${name}`, () => {
    const db = { execute: () => assert.fail('the database was asked') }
    assert.throws(() => tail(db, options as TailOptions), { code: 'AUDIT_FILTER_INVALID' })
  })
}
