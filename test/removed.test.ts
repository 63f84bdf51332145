import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { applyRetention, undoRetention } from '../relay/retention/apply-retention.ts'
import { Database } from '../src/database/connection.ts'
import { databaseFault } from '../src/errors.ts'
import { exportToFile, verifyExport } from '../src/export/index.ts'
import { type Hole, type TailedEntry, tail } from '../src/read/tail.ts'
import { runRelay } from './support/audit-relay.ts'
import { scratchDatabase } from './support/database.ts'
import { pageOn, readerOn } from './support/pages.ts'
import { openDatabase } from './support/lanes.ts'
import { keepUntil, logOld, makePartition, monthsAgo, partitionOf } from './support/old-log.ts'
import { setPolicy } from './support/policies.ts'
import { waitFor } from './support/wait-for.ts'

// Goal: a reader of the log is told which numbers a policy removed, and is told apart from that which
// ones are not there for no reason.

const OLD = partitionOf(monthsAgo(3))

/** A log of which 1, 3 and 4 were removed by a policy, and 6 is missing. */
async function holedLog(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  for (const months of [3, 2]) await makePartition(sql, months)
  await logOld(sql, [
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'billing.pay' },
    { months: 3, action: 'temp.a' },
    { months: 3, action: 'temp.a' },
    { months: 2, action: 'billing.pay' },
  ])
  await sql`update audit.audit_head set seq = seq + 1`
  await logOld(sql, [{ months: 2, action: 'billing.pay' }])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const database = openDatabase(t, scratch.urlAs('audit_keeper'))
  const { removed } = await applyRetention(database)
  const reader = openDatabase(t, scratch.urlAs('audit_reader'))
  return { ...scratch, database, reader, entryId: removed[0]?.entryId ?? '' }
}

function temporaryFile(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-removed-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  return path.join(folder, 'log.ndjson')
}

test('an export calls removed what a policy removed, and missing what nobody accounts for', async (t) => {
  const { reader, database, entryId } = await holedLog(t)
  const out = temporaryFile(t)
  const manifest = await exportToFile(reader, { out })
  assert.deepEqual(manifest.removedSeqs, [
    [1, 1],
    [3, 4],
  ])
  assert.equal(manifest.removedCount, 3)
  assert.deepEqual(manifest.removedBy, [entryId])
  assert.deepEqual(manifest.missingSeqs, [[6, 6]])
  assert.deepEqual((await verifyExport(out)).problems, [])
  const { stdout } = await runRelay(t, ['verify-export', out])
  assert.match(stdout, /3 numbers removed by policy/)

  const part = await exportToFile(reader, { out, force: true, fromSeq: 4, toSeq: 5 })
  assert.deepEqual(part.removedSeqs, [[4, 4]])
  assert.deepEqual(part.missingSeqs, [])
  await undoRetention(database, OLD)
  const whole = await exportToFile(reader, { out, force: true })
  assert.deepEqual([whole.removedSeqs, whole.removedCount, whole.removedBy], [[], 0, []])
  assert.deepEqual(whole.missingSeqs, [[6, 6]])
})

async function takeAll(
  entries: AsyncIterable<{ readonly seq: number }>,
  through: number,
): Promise<number[]> {
  const seqs: number[] = []
  for await (const { seq } of entries) {
    seqs.push(seq)
    if (seq >= through) break
  }
  return seqs
}

test('a tail tells of the numbers that it steps over, and why, before the entry behind them', async (t) => {
  const { reader } = await holedLog(t)
  const told: string[] = []
  const onHole = ({ first, last, why }: Hole) => told.push(`${first}-${last} ${why}`)
  for await (const { seq } of tail(reader, { fromSeq: 1, onHole })) {
    told.push(String(seq))
    if (seq === 7) break
  }
  assert.deepEqual(told, ['1-1 removed', '2', '3-4 removed', '5', '6-6 missing', '7'])

  told.length = 0
  const filter = { action: 'billing.pay' }
  const filtered = tail(reader, { fromSeq: 2, filter, onHole })
  assert.deepEqual(await takeAll(filtered, 7), [2, 5, 7])
  assert.deepEqual(told, ['3-4 removed'])
})

test('a tail goes on after an entry that a policy removed', async (t) => {
  const { reader, database, sql } = await holedLog(t)
  await undoRetention(database, OLD)
  const entries: TailedEntry[] = []
  for await (const entry of tail(reader, { fromSeq: 1 })) {
    entries.push(entry)
    if (entry.seq === 3) break
  }
  await applyRetention(database)
  const after = entries.at(-1)
  assert.ok(after)
  assert.deepEqual(await takeAll(tail(reader, { after }), 7), [5, 7])
  assert.deepEqual(
    await takeAll(tail(reader, { after, filter: { action: 'billing.*' } }), 7),
    [5, 7],
  )
  await sql`delete from audit.audit_removed`
  await assert.rejects(takeAll(tail(reader, { after }), 7), { code: 'AUDIT_HISTORY_CHANGED' })
})

test('a tail with a name says how far it has read, and retention waits for it', async (t) => {
  const scratch = await holedLog(t)
  const { sql, database } = scratch
  await undoRetention(database, OLD)
  const writing = openDatabase(t, scratch.urlAs('audit_reader'))
  const entries = tail(writing, { fromSeq: 1, name: 'siem' })
  await entries.next()
  await entries.return()
  const noted = () => sql`select name, seq::integer as seq from audit.audit_cursor`
  assert.deepEqual([...(await noted())], [], 'nothing was handled')
  await takeAll(tail(writing, { fromSeq: 1, name: 'siem', filter: { action: 'temp.*' } }), 4)
  const behind = new AbortController()
  const following = tail(writing, { fromSeq: 1, name: 'siem', signal: behind.signal })
  for (let count = 0; count < 6; count += 1) await following.next()
  const next = following.next()
  await waitFor(async () => (await noted())[0]?.['seq'] === 7, { what: 'the tail to say so' })
  behind.abort()
  await next
  await sql`update audit.audit_cursor set seq = 3`
  assert.equal((await applyRetention(database)).blocked[0]?.by, 'cursor')

  const failures: unknown[] = []
  const readOnly = new Database({
    url: scratch.urlAs('audit_reader'),
    applicationName: 'test',
    statementTimeoutMs: 10_000,
    isReader: true,
  })
  t.after(() => readOnly.close())
  const onFailure = (error: unknown) => failures.push(databaseFault(error).code)
  const ending = new AbortController()
  const failing = tail(readOnly, { fromSeq: 6, name: 'siem', onFailure, signal: ending.signal })
  assert.equal((await failing.next()).value?.seq, 7)
  const more = failing.next()
  await waitFor(() => failures.length > 0, { what: 'a failure' })
  ending.abort()
  await more
  assert.equal(failures[0], '25006', 'told, and it reads on')
  assert.throws(() => tail(readOnly, { name: '' }), { code: 'AUDIT_FILTER_INVALID' })
})

test('the end of the page says where the log begins and why', async (t) => {
  const scratch = await holedLog(t)
  const page = pageOn(readerOn(t, scratch))
  const shown = await page.text('')
  assert.ok(shown.includes('class="log-begin"'), shown.slice(0, 400))
  const day = new RegExp(
    `Before 1 [A-Z][a-z]+ ${monthsAgo(2).getUTCFullYear()}: removed by policy\\.`,
  )
  assert.match(shown, day)
  assert.ok(!(await page.text('?limit=1')).includes('log-begin'), 'there are older entries')
  const since = monthsAgo(1).toISOString().slice(0, 10)
  assert.ok(!(await page.text(`?from=${since}`)).includes('log-begin'), 'nobody asked for before')
  for (const own of ['audit.*', 'audit.retention']) {
    assert.ok(!(await page.text(`?action=${own}`)).includes('log-begin'), `${own} is kept forever`)
  }
  for (const action of ['audit.read', 'temp.*', 'auditing.start']) {
    assert.ok((await page.text(`?action=${action}`)).includes('log-begin'), action)
  }
  await undoRetention(scratch.database, OLD)
  assert.ok(!(await page.text('')).includes('log-begin'))
})
