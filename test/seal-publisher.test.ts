import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Anchor } from '../relay/seal/anchors/anchor.ts'
import { witnessAnchor } from '../relay/seal/anchors/witness-anchor.ts'
import { Publisher } from '../relay/seal/publisher.ts'
import { openSealStatements } from '../relay/seal/seal-statements.ts'
import { AuditError } from '../src/errors.ts'
import { openCheckpoint, vkeyOf } from '../src/seal/index.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { PATIENT_MS, silentLogger } from './support/lanes.ts'
import { appendToLog } from './support/log-entries.ts'
import { LOG_NAME, sealerOn, testKeys } from './support/seals.ts'
import { waitFor } from './support/wait-for.ts'
import { startWitness } from './support/witness.ts'

interface Scene {
  readonly scratch: ScratchDatabase
  readonly keys: ReturnType<typeof testKeys>
  seal(count: number): Promise<void>
  publisher(anchors: readonly Anchor[], everyMs?: number): Publisher
}

async function setUp(t: TestContext): Promise<Scene> {
  const scratch = await scratchDatabase(t)
  const keys = testKeys()
  const sealer = sealerOn(t, scratch, { keys })
  const statements = openSealStatements({
    url: scratch.urlAs('audit_relay'),
    statementTimeoutMs: PATIENT_MS,
  })
  t.after(() => statements.close())
  return {
    scratch,
    keys,
    async seal(count) {
      await appendToLog(
        scratch.sql,
        Array.from({ length: count }, () => ({})),
      )
      await sealer.drain()
    },
    publisher(anchors, everyMs = 60_000) {
      const publisher = new Publisher({
        ...{ anchors, statements, everyMs, logger: silentLogger() },
        newest: () => sealer.newest,
        tilesOf: (tree) => sealer.tilesOf(tree),
      })
      t.after(() => publisher.stop())
      return publisher
    },
  }
}

test('a witness cosigns what grew, and its line is kept with the checkpoint', async (t) => {
  const { scratch, keys, seal, publisher } = await setUp(t)
  const logKey = vkeyOf(LOG_NAME, keys.signers[0].publicKey)
  const witness = await startWitness(t, logKey)
  const anchor = witnessAnchor({ vkey: witness.vkey, url: witness.url })
  const publishing = publisher([anchor])
  assert.deepEqual(await publishing.publishOnce(), new Map(), 'nothing is sealed yet')
  for (const size of [300, 300, 700]) {
    if (witness.newest()?.size !== size) await seal(size - (witness.newest()?.size ?? 0))
    assert.deepEqual(await publishing.publishOnce(), new Map())
    assert.equal(witness.newest()?.size, size)
  }
  const rows = await scratch.sql`
    select size::integer, name from audit.audit_cosignature order by size`
  assert.deepEqual(
    rows.map(({ size }) => size),
    [300, 700],
  )
  const [newest] = await scratch.sql`select note from audit.newest_checkpoint()`
  assert.equal(openCheckpoint(newest?.['note'], [logKey]).size, 700)
  assert.match(newest?.['note'], /\n\u2014 witness\.example\/w1 .*\n$/)
  assert.deepEqual(
    publishing.read().map(({ size, isForked }) => [size, isForked]),
    [[700, false]],
  )
})

test('an anchor that is away delays no other one, and gets the newest when it is back', async (t) => {
  const { seal, publisher } = await setUp(t)
  const taken: Record<string, number[]> = { good: [], bad: [], hanging: [] }
  let isAway = true
  const sizeIn = (note: string) => Number(note.split('\n')[1])
  const anchor = (name: string, publish: (size: number) => Promise<void>): Anchor => ({
    name,
    async publish(note) {
      await publish(sizeIn(note))
      taken[name]?.push(sizeIn(note))
      return []
    },
    newest: async () => undefined,
  })
  const publishing = publisher(
    [
      anchor('hanging', () => new Promise(() => {})),
      anchor('bad', async () => {
        if (isAway) throw new AuditError('AUDIT_ANCHOR_FAILED', 'away')
      }),
      anchor('good', async () => {}),
    ],
    20,
  )
  await seal(1)
  void publishing.start()
  await waitFor(() => taken['good']?.at(-1) === 1, { what: 'the first checkpoint' })
  await seal(1)
  await waitFor(() => taken['good']?.at(-1) === 2, { what: 'the second checkpoint' })
  assert.deepEqual(taken['bad'], [])
  const ages = () => Object.fromEntries(publishing.read().map((one) => [one.name, one.ageMs]))
  await waitFor(() => (ages()['bad'] ?? 0) > (ages()['good'] ?? 0) + 50, {
    what: 'its age to grow',
  })
  isAway = false
  await waitFor(() => taken['bad']?.at(-1) === 2, { what: 'the one that was away' })
  assert.deepEqual([taken['good'], taken['bad']], [[1, 2], [2]], 'nothing is published twice')
  await publishing.stop()
})

test('an anchor that knows another log is told, and sealing goes on', async (t) => {
  const { seal, publisher } = await setUp(t)
  const forked: Anchor = {
    name: 'forked',
    publish: () => Promise.reject(new AuditError('AUDIT_SEAL_FORKED', 'another log')),
    newest: async () => undefined,
  }
  const publishing = publisher([forked])
  await seal(1)
  const failures = await publishing.publishOnce()
  assert.equal(failures.get('forked')?.code, 'AUDIT_SEAL_FORKED')
  assert.deepEqual(
    publishing.read().map(({ size, isForked }) => [size, isForked]),
    [[null, true]],
  )
  await seal(1)
})
