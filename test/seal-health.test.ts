import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sealHealth } from '../relay/http/seal-health.ts'
import { newKey } from '../src/seal/index.ts'
import { runRelay, spawnRelay } from './support/audit-relay.ts'
import { copyOf, scratchDatabase } from './support/database.ts'
import { scratchFolder } from './support/exports.ts'
import { appendToLog } from './support/log-entries.ts'
import { LOG_NAME } from './support/seals.ts'
import { waitFor } from './support/wait-for.ts'

const SEALS = { name: LOG_NAME, size: 5, unsealed: 3, missing: 0, refusal: null, anchors: [] }
const ANCHOR = { name: 'file', size: 5, ageMs: 1, isForked: false }

test('a process is healthy that seals, and neither refuses nor is forked', () => {
  const reasonOf = (report: Parameters<typeof sealHealth>[0]) => sealHealth(report).reason
  assert.equal(reasonOf(SEALS), undefined)
  assert.equal(reasonOf({ ...SEALS, name: null, size: 0 }), undefined, 'before its first look')
  assert.equal(reasonOf({ ...SEALS, anchors: [ANCHOR, ANCHOR] }), undefined)
  assert.equal(reasonOf({ ...SEALS, anchors: [ANCHOR, { ...ANCHOR, isForked: true }] }), 'forked')
  assert.equal(reasonOf({ ...SEALS, refusal: 'It is another copy.' }), 'refused')
  assert.equal(reasonOf(undefined), 'off')
  assert.equal(sealHealth({ ...SEALS, refusal: 'It is another copy.' }).hint, 'It is another copy.')
})

// Goal: a person who watches a relay hears of a sealer that refuses, and no rollout is held up by it.
// Method: a relay with the memory of a sealer runs on an older copy of the database, until that is
// declared a restore.
test('a relay whose sealer refuses moves on, and says so where it is asked for the seal', async (t) => {
  const scratch = await scratchDatabase(t)
  const environment = {
    AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
    AUDIT_SEAL_KEY: newKey(LOG_NAME).key,
    AUDIT_STATE_DIR: scratchFolder(t),
  }
  const sealOnce = async () => {
    await appendToLog(scratch.sql, [{}])
    assert.equal((await runRelay(t, ['seal', '--once'], environment)).code, 0)
  }
  await sealOnce()
  const older = await copyOf(t, scratch)
  await sealOnce()
  await older.sql`select audit.record('{"action":"a.b"}')`

  const relay = spawnRelay(t, ['run'], {
    ...environment,
    AUDIT_RELAY_DATABASE_URL: older.urlAs('audit_relay'),
    AUDIT_HTTP_PORT: '0',
  })
  const ask = async (path: string) => {
    const url = /"url":"([^"]+)","paths"/.exec(relay.output().stdout)?.[1]
    const response = url && (await fetch(`${url}${path}`).catch(() => undefined))
    return response
      ? { status: response.status, body: JSON.parse(await response.text()) }
      : undefined
  }
  const timeoutMs = 120_000
  await waitFor(async () => (await ask('sealz'))?.body.reason === 'refused', {
    what: 'the sealer to refuse',
    timeoutMs,
  })
  const refused = await ask('sealz')
  assert.equal(refused?.status, 503)
  assert.match(refused.body.hint, /2 leaves .* were sealed, and the database has 1\./)
  await waitFor(async () => (await ask('readyz'))?.status === 200, {
    what: 'the relay to be ready',
    timeoutMs,
  })
  assert.equal((await ask('readyz'))?.body.seal, 'refused')

  const restored = await runRelay(t, ['restored'], { AUDIT_OWNER_DATABASE_URL: older.url })
  assert.equal(restored.code, 0, restored.stderr)
  await waitFor(async () => (await ask('sealz'))?.status === 200, {
    what: 'the sealer to go on',
    timeoutMs,
  })
  assert.equal((await ask('sealz'))?.body.name, `${LOG_NAME}/2`)
  assert.equal((await ask('readyz'))?.body.seal, 'on')
})
