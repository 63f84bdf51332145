import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type { Sealer } from '../relay/seal/sealer.ts'
import { eraseEntries } from '../relay/erase/erase-entries.ts'
import { Erasures } from '../relay/erase/erasures.ts'
import { verifyLog } from '../relay/index.ts'
import { proveEntry } from '../src/export/index.ts'
import { verifyProof } from '../src/seal/index.ts'
import { vkeyOf } from '../src/seal/key.ts'
import { ALL_FIELDS, DRAINED, erase, filledLog } from './support/erasures.ts'
import { leaves, tile } from './support/erased-leaves.ts'
import { readerOf } from './support/exports.ts'
import { openDatabase } from './support/lanes.ts'
import { connectAs, refusalOf } from './support/logins.ts'
import { LOG_NAME, sealerOn, testKeys } from './support/seals.ts'
import { waitFor } from './support/wait-for.ts'

const [USER, OTHER] = [randomUUID(), randomUUID()] as [string, string]

/** A sealed log: the leaf of each entry is what a tile holds of it. */
async function sealedLog(t: TestContext) {
  const log = await filledLog(t, [
    { user: USER, actor: OTHER, target: OTHER, more: [USER, OTHER], metadata: { n: 1.0, b: '"' } },
    { user: OTHER, metadata: {} },
    { user: USER },
  ])
  const sealer = sealerOn(t, log.scratch, { keys: testKeys() })
  await sealer.drain()
  return { ...log, sealer, eraser: connectAs(t, log.scratch, 'audit_eraser') }
}

test('the leaf of an erased entry is still the one that was sealed, and its salt is gone', async (t) => {
  const { scratch, relay, sealer, eraser } = await sealedLog(t)
  const { sql } = scratch
  const sealed = await tile(scratch)
  assert.equal(sealed.length, 3)
  assert.deepEqual(await leaves(t, scratch), sealed)
  const [before] = await sql`select encode(salts, 'hex') as salts from audit.audit_salt where n = 0`

  await erase(eraser, [1], ['user_id', 'more_targets', 'metadata'])
  assert.deepEqual(await leaves(t, scratch), sealed)
  await erase(eraser, [1], ['actor_id', 'context', 'user_id'])
  assert.deepEqual(await leaves(t, scratch), sealed)
  await erase(eraser, [1, 2])
  assert.deepEqual(await leaves(t, scratch), sealed)
  const [opened] = await sql`select opening from audit.audit_erasure where seq = 1`
  const kinds = Object.entries(opened?.['opening'] as Record<string, object>).map(
    ([field, of]) => `${field} ${Object.keys(of)}`,
  )
  assert.deepEqual(kinds.sort(), ALL_FIELDS.map((field) => `${field} erased`).sort())
  const [second] = await sql`select opening from audit.audit_erasure where seq = 2`
  assert.deepEqual(Object.keys(second?.['opening'].metadata), ['salt'], 'it was empty before')

  const [after] = await sql`select encode(salts, 'hex') as salts from audit.audit_salt where n = 0`
  const saltOf = (row: typeof after, seq: number) => row?.['salts'].slice(seq * 32, seq * 32 + 32)
  for (const seq of [1, 2]) assert.equal(saltOf(after, seq), '0'.repeat(32))
  assert.equal(saltOf(after, 3), saltOf(before, 3))

  await relay.drain(DRAINED)
  const report = await sealer.drain()
  assert.deepEqual([report.size, report.missing, report.refusal], [6, 0, null])
  assert.deepEqual(await leaves(t, scratch), await tile(scratch))
})

test('what is not sealed yet is waited for, and no longer than it was said', async (t) => {
  const { scratch, add, sealer, eraser } = await sealedLog(t)
  await add({ user: USER })
  assert.equal((await refusalOf(erase(eraser, [1, 4])))?.code, '55000')
  const erasures = new Erasures(openDatabase(t, scratch.urlAs('audit_eraser')))
  const told: string[] = []
  const options = {
    ...{ reason: 'request 7', fields: ['user_id'] as const, signal: new AbortController().signal },
    onWait: (why: string) => told.push(why),
  }
  await assert.rejects(eraseEntries(erasures, [4], { ...options, sealDeadlineMs: 100 }), {
    code: 'AUDIT_DEADLINE_PASSED',
    message: /is not sealed yet: look whether a relay with a seal key, or audit-relay seal, runs/,
  })
  told.length = 0
  const erased = eraseEntries(erasures, [4], options)
  await waitFor(() => told.length > 0, { what: 'the erasure to wait' })
  await sealer.drain()
  assert.equal(await erased, 1)
})

test('an entry that was erased before the log was sealed is sealed as it is', async (t) => {
  const { scratch } = await filledLog(t, [{ user: USER, target: OTHER }])
  const eraser = connectAs(t, scratch, 'audit_eraser')
  await erase(eraser, [1], ['user_id', 'context'])
  const sealer: Sealer = sealerOn(t, scratch, { keys: testKeys() })
  await sealer.drain()
  const sealed = (await tile(scratch)).slice(0, 1)
  assert.deepEqual(await leaves(t, scratch), sealed)
  const [first] = await scratch.sql`select opening from audit.audit_erasure`
  assert.equal(first?.['opening'], null)
  await erase(eraser, [1], ['target_id'])
  assert.deepEqual(await leaves(t, scratch), sealed)
})

test('no sealer begins while entries of a log without a seal are erased', async (t) => {
  const { scratch } = await filledLog(t, [{ user: USER }])
  const eraser = connectAs(t, scratch, 'audit_eraser')
  const relay = connectAs(t, scratch, 'audit_relay')
  await eraser`begin`
  await erase(eraser, [1])
  const begun = refusalOf(relay`select audit.begin_seal(1::smallint, 'example.com/audit')`)
  assert.equal((await begun)?.code, '55P03')
  await eraser`commit`
})

test('an erased field that is filled again, or another one that is changed, is another leaf', async (t) => {
  const { scratch, eraser } = await sealedLog(t)
  await erase(eraser, [3], ['user_id'])
  const sealed = await tile(scratch)
  const { sql } = scratch
  await sql`alter table audit.audit_log disable trigger all`
  const [place] =
    await sql`select tableoid::regclass::text as name from audit.audit_log where seq = 3`
  await sql.unsafe(`alter table ${place?.['name']} disable trigger all`)
  await sql`update audit.audit_log set metadata = '{}' where seq = 3`
  assert.notEqual((await leaves(t, scratch))[2], sealed[2])
  await sql`update audit.audit_log set user_id = ${USER} where seq = 3`
  await assert.rejects(leaves(t, scratch), /user_id was erased, and the line holds a value there/)
})

// Goal: nobody can tell an erasure from the proof, and verify finds nothing wrong with it.
test('proofs of erased entries are valid, those given out before too, and verify is green', async (t) => {
  const keys = testKeys()
  const { scratch, relay } = await filledLog(t, [
    { user: USER, actor: OTHER, target: OTHER, more: [USER, OTHER] },
    { user: OTHER },
    { user: USER },
  ])
  const sealer = sealerOn(t, scratch, { keys })
  await sealer.drain()
  const db = readerOf(t, scratch)
  const policy = `log ${vkeyOf(LOG_NAME, keys.signers[0].publicKey)}\nquorum none\n`
  const before = await proveEntry(db, 1)
  const eraser = connectAs(t, scratch, 'audit_eraser')
  await erase(eraser, [1], ['user_id', 'metadata'])
  await erase(eraser, [3])
  await relay.drain(DRAINED)
  await sealer.drain()

  for (const seq of [1, 2, 3, 4, 5]) {
    const { line, proof } = await proveEntry(db, seq)
    assert.equal(verifyProof(line, proof, policy).seq, seq)
    if (seq === 1) assert.match(line, /"seal":\{"user_id":\{"erased":"[0-9a-f]{64}"\}/)
  }
  assert.equal(verifyProof(before.line, before.proof, policy).seq, 1)
  const filled = before.line.replace(/,"seal":.*$/s, '')
  const { line, proof } = await proveEntry(db, 1)
  const refilled = `${filled}${line.slice(line.indexOf(',"seal":'))}`
  assert.throws(() => verifyProof(refilled, proof, policy), { code: 'AUDIT_NOT_PROVED' })

  const [newest] = await scratch.sql`
    select note from audit.audit_checkpoint order by size desc limit 1`
  const report = await verifyLog(db, { policy, anchor: String(newest?.['note']) })
  assert.deepEqual([report.code, report.findings], [0, []])
})
