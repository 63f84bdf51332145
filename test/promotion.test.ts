import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type postgres from 'postgres'
import { createRelay } from '../relay/index.ts'
import { Database } from '../src/database/connection.ts'
import { HistoryChangedError, type TailedEntry, type TailOptions } from '../src/read/tail.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { declareRestored } from '../src/schema/restored.ts'
import { silentLogger } from './support/lanes.ts'
import { connect } from './support/logins.ts'
import { ownServer } from './support/own-server.ts'
import type { Postgres } from './support/postgres.ts'
import { waitFor } from './support/wait-for.ts'
import { takeFromTail } from './support/take-from-tail.ts'

// Goal: the log knows whether a promoted standby goes on with it or has lost a part of it.
// Method: two real servers, the second one a streaming standby of the first.

interface Pair {
  readonly primary: Postgres
  readonly standby: Postgres
}

/** A migrated primary with five entries in its log, and a standby that streams from it. */
async function streamingPair(t: TestContext, drain: (url: string) => Promise<void>): Promise<Pair> {
  const own = await ownServer()
  t.after(own.remove)
  const primary = own.server
  await migrateDatabase({ databaseUrl: primary.url, logger: silentLogger() })
  await record(t, primary, ['a.1', 'a.2', 'a.3', 'a.4', 'a.5'])
  await drain(primary.url)
  await primary.stop('fast')
  const { hostname, port, username, password } = new URL(primary.url)
  const primary_conninfo = `host=${hostname} port=${port} user=${username} password=${password}`
  const copy = await ownServer({ primary_conninfo }, { from: primary.dataDir })
  t.after(copy.remove)
  await primary.start()
  return { primary, standby: copy.server }
}

/** Drains with a relay of its own, which remembers the log as a relay on another host would. */
function relayWithMemory(t: TestContext) {
  const stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-state-'))
  t.after(() => fs.rmSync(stateDir, { recursive: true }))
  return async (databaseUrl: string): Promise<void> => {
    // The second one remembers what the first one has logged.
    for (let run = 0; run < 2; run += 1) {
      const relay = createRelay({ databaseUrl, logger: silentLogger(), stateDir })
      try {
        await relay.drain({ deadlineMs: 30_000 })
      } finally {
        await relay.stop()
      }
    }
  }
}

async function record(t: TestContext, { url }: Postgres, actions: readonly string[]) {
  const sql = connect(t, url)
  const entries = JSON.stringify(actions.map((action) => ({ action })))
  await sql`select audit.record(${entries})`
  await sql.end()
}

async function read(t: TestContext, { url }: Postgres, count: number, options: TailOptions) {
  const about = { applicationName: 'promotion', statementTimeoutMs: 10_000, isReader: true }
  const db = new Database({ url, ...about })
  t.after(() => db.close())
  return await takeFromTail(db, count, options)
}

/** Sorted, because ids of the same millisecond are in no order. */
const actionsOf = (entries: readonly TailedEntry[]) => entries.map(({ action }) => action).sort()

async function hasReplayed(standby: postgres.Sql, seq: number): Promise<boolean> {
  const [row] = await standby`select seq::integer as seq from audit.audit_head`
  return row?.['seq'] === seq
}

async function promote(t: TestContext, { url }: Postgres): Promise<void> {
  const sql = connect(t, url)
  await sql`select pg_promote(true, 60)`
  const isPrimary = async () => !(await sql`select pg_is_in_recovery() as is`)[0]?.['is']
  await waitFor(isPrimary, { what: 'the standby to be promoted' })
  await sql.end()
}

test('a clean switch to a standby stops nobody, and the log says so in the same history', async (t) => {
  const drain = relayWithMemory(t)
  const { primary, standby } = await streamingPair(t, drain)
  await record(t, primary, ['a.6'])
  await drain(primary.url)
  const seen = await read(t, primary, 6, { fromSeq: 1 })
  assert.deepEqual(actionsOf(seen), ['a.1', 'a.2', 'a.3', 'a.4', 'a.5', 'a.6'])
  const onStandby = connect(t, standby.url)
  await waitFor(() => hasReplayed(onStandby, 6), { what: 'the standby to have entry 6' })
  assert.deepEqual(actionsOf(await read(t, standby, 6, { fromSeq: 1 })), actionsOf(seen))
  await onStandby.end()

  await primary.stop('fast')
  await promote(t, standby)
  await record(t, standby, ['a.7'])
  await drain(standby.url)

  const last = seen.at(-1)
  assert.ok(last)
  const later = await read(t, standby, 3, { after: last })
  // A promoted standby has an empty UNLOGGED lane.
  assert.deepEqual(actionsOf(later), ['a.7', 'audit.gap', 'audit.moved'])
  assert.deepEqual(
    later.map(({ seq }) => seq),
    [7, 8, 9],
  )
  assert.deepEqual([...new Set(later.map(({ history }) => history))], [last.history])
  const moved = later.find(({ action }) => action === 'audit.moved')?.metadata
  assert.deepEqual(
    { ...moved, timeline: Number(moved?.['timeline']) > Number(moved?.['timelineBefore']) },
    { history: last.history, timelineBefore: 1, timeline: true, lastSeq: 6 },
  )
})

test('a standby without the last commits begins another history, and nobody skips an entry', async (t) => {
  const drain = relayWithMemory(t)
  const { primary, standby } = await streamingPair(t, drain)
  const onStandby = connect(t, standby.url)
  await waitFor(() => hasReplayed(onStandby, 5), { what: 'the standby to have entry 5' })
  await onStandby.end()
  await standby.stop('fast')
  await record(t, primary, ['lost.6', 'lost.7'])
  await drain(primary.url)
  const seen = await read(t, primary, 7, { fromSeq: 1 })
  const [, , , , fifth, , seventh] = seen
  assert.ok(fifth && seventh)
  await primary.kill()

  await standby.start()
  await promote(t, standby)
  await record(t, standby, ['new.6'])
  await assert.rejects(drain(standby.url), (error) => {
    assert.equal(Reflect.get(Object(error), 'code'), 'AUDIT_HISTORY_CHANGED')
    assert.match(String(error), /entry 7 any more.* its last one is now 5\./)
    return true
  })
  const { history } = await declareRestored(standby.url)
  await drain(standby.url)

  await assert.rejects(read(t, standby, 1, { after: seventh }), (error) => {
    assert.ok(error instanceof HistoryChangedError)
    assert.equal(error.readAgainFromSeq, 6)
    return true
  })
  const again = await read(t, standby, 3, { fromSeq: 6 })
  assert.deepEqual(actionsOf(again), ['audit.gap', 'audit.restored', 'new.6'])
  assert.deepEqual([...new Set(again.map((entry) => entry.history))], [history])
  const known = new Set(seen.map(({ id }) => id))
  assert.ok(again.every(({ id }) => !known.has(id)))
  await assert.rejects(read(t, standby, 1, { after: fifth }), { readAgainFromSeq: 6 })
})
