import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { declareRestored } from '../src/schema/restored.ts'
import { runRelay } from './support/audit-relay.ts'
import type { ScratchDatabase } from './support/database.ts'
import { auditErase, DRAINED, entryOf, entryText, filledLog } from './support/erasures.ts'
import { readerOf, scratchFolder } from './support/exports.ts'
import { relayOn } from './support/lanes.ts'
import { connect, connectAs, refusalOf } from './support/logins.ts'
import { checkSeal, exportedLines, sealerOn, testKeys } from './support/seals.ts'
import { serverUrl, type TestRole, withClient } from './support/server.ts'
import { waitFor } from './support/wait-for.ts'

// Goal: what was erased stays erased after a restore of a copy that is older than the erasure.
// Method: a copy of the database is made, something is erased in the first one, and the copy goes on.

const [USER, OTHER] = [randomUUID(), randomUUID()] as [string, string]

/** A copy of the database as it is now, such as a backup. Gone after the test. */
async function copyOf(t: TestContext, { name, url, urlAs }: ScratchDatabase) {
  const copy = `${name}_copy`
  await withClient(serverUrl(), async (admin) => {
    await waitFor(
      async () => {
        await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`
        const made = await refusalOf(admin.unsafe(`create database ${copy} template ${name}`))
        return made === undefined
      },
      { what: 'a moment without a session' },
    )
  })
  const led = (to: string) => Object.assign(new URL(to), { pathname: `/${copy}` }).href
  const sql = connect(t, led(url))
  t.after(() =>
    withClient(serverUrl(), (admin) => admin.unsafe(`drop database ${copy} with (force)`)),
  )
  return { name: copy, url: led(url), urlAs: (role: TestRole) => led(urlAs(role)), sql }
}

async function restoredWith(t: TestContext, { url }: Pick<ScratchDatabase, 'url'>, folder: string) {
  return await runRelay(t, ['restored', '--erasures', folder], { AUDIT_OWNER_DATABASE_URL: url })
}

test('restored --erasures erases again, by id, in the log and in the lanes', async (t) => {
  const { scratch, relay } = await filledLog(t, [{ user: USER, target: OTHER }, { user: OTHER }])
  const waiting = randomUUID().replace(/^.{13}-./, '01a21de6-7bdd-7')
  await scratch.sql`select audit.record(${entryText({ id: waiting, user: USER })})`
  await relay.stop()
  const copy = await copyOf(t, scratch)

  const state = scratchFolder(t)
  await scratch.sql`select audit.record(${entryText({ user: USER })})`
  await relayOn(t, scratch).drain(DRAINED)
  const args = ['--user', USER, '--reason', 'request 7', '--yes']
  const done = await auditErase(t, scratch, args, { AUDIT_STATE_DIR: state })
  assert.equal(done.code, 0, done.stderr)
  const erased = await entryOf(scratch, 1)
  assert.equal((await entryOf(copy, 1)).user_id, USER, 'the copy is older')

  // A relay that moved before the restore was declared would give the waiting entry a number.
  const said = await restoredWith(t, copy, state)
  assert.equal(said.code, 0, said.stderr)
  assert.match(
    said.stdout,
    /^1 entries were erased again, and 1 that wait in a lane\. 1 are not in this copy\.$/m,
  )
  assert.deepEqual(await entryOf(copy, 1), erased)
  const { deadLetters } = await relayOn(t, copy).drain(DRAINED)
  assert.equal(deadLetters, 0)
  const [left] = await copy.sql`
    select count(*)::integer as entries from audit.audit_log as l where l::text like ${`%${USER}%`}`
  assert.equal(left?.['entries'], 0)
  const entries = await copy.sql`
    select metadata from audit.audit_log where action = 'audit.erase' order by seq`
  assert.deepEqual(
    entries.map(({ metadata }) => [metadata.seqs, metadata.ids, metadata.reason]),
    [
      [[[1, 1]], undefined, 'erased before the restore'],
      [undefined, [waiting], 'erased before the restore'],
    ],
  )
})

test('what a hold of the copy is about is named, and the rest is erased', async (t) => {
  const { scratch } = await filledLog(t, [{ user: USER }, { user: OTHER }])
  const keeper = connectAs(t, scratch, 'audit_keeper')
  await keeper`select audit.place_hold('case 7', user_id => ${OTHER})`
  const rows = await scratch.sql`select id from audit.audit_log order by seq`
  const known = rows.map(({ id }) => ({ id, fields: ['user_id', 'metadata'] }))
  const { erasures } = await declareRestored(scratch.url, known)
  assert.deepEqual(erasures, { erased: 1, staged: 0, held: [2], absent: 0 })
  assert.equal((await entryOf(scratch, 2)).user_id, OTHER)
  const refusal = await refusalOf(keeper`select audit.erase_again('[]', 'x')`)
  assert.equal(refusal?.code, '42501')
})

test('what was not sealed in the copy is sealed without what was erased', async (t) => {
  const { scratch, relay, add } = await filledLog(t, [{ user: USER }])
  const keys = testKeys()
  const sealer = sealerOn(t, scratch, { keys })
  await sealer.drain()
  await add({ user: USER })
  const rows = await scratch.sql`select id from audit.audit_log order by seq`
  const known = rows.map(({ id }) => ({ id, fields: ['user_id', 'metadata'] }))
  await declareRestored(scratch.url, known)
  const erasures = await scratch.sql`
    select seq::integer, opening is not null as is_opened from audit.audit_erasure order by seq`
  assert.deepEqual(
    [...erasures],
    [
      { seq: 1, is_opened: true },
      { seq: 2, is_opened: false },
    ],
  )
  await relay.drain(DRAINED)
  const next = sealerOn(t, scratch, { keys })
  const { name, refusal } = await next.drain()
  assert.deepEqual([name, refusal], ['example.com/audit/2', null])
  const lines = await exportedLines(readerOf(t, scratch))
  const plain = lines.map((line) => line.replace(/,"erased":\[[^\]]*\]\}$/, '}'))
  const [first] =
    await scratch.sql`select first_seq::integer as seq from audit.audit_origin where origin = 2`
  assert.equal(first?.['seq'], 2)
  // The first tree has the erased leaf, which needs its opening; the second one has plain leaves.
  await assert.rejects(checkSeal(scratch.sql, plain, keys))
})

test('a folder without the file, or with another one, changes nothing', async (t) => {
  const { scratch } = await filledLog(t, [{ user: USER }])
  const { code, stderr } = await restoredWith(t, scratch, scratchFolder(t))
  assert.equal(code, 2)
  assert.match(stderr, /erasures\.ndjson does not exist/)
  const [row] = await scratch.sql`select count(*)::integer as histories from audit.audit_history`
  assert.equal(row?.['histories'], 1)
})
