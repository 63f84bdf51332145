import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { type VerifyRun, ScheduledVerify } from '../relay/seal/scheduled/scheduled-verify.ts'
import { VERIFY_FILE } from '../relay/seal/scheduled/verify-memory.ts'
import { spawnRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { relayOn } from './support/lanes.ts'
import { connectAs, refusalOf } from './support/logins.ts'
import { testKey } from './support/memory-tree.ts'
import { withClient } from './support/server.ts'
import { waitFor } from './support/wait-for.ts'
import { disableTriggers, makeScene, type Scene } from './tamper/scene.ts'

interface Scheduled {
  readonly scratch: ScratchDatabase
  readonly scene: Scene
  readonly stateDir: string
  readonly runs: VerifyRun[]
  readonly lines: string[]
  /** A relay's verifier, as after each start of the relay. Stopped after the test. */
  start(everyMs: number, policy?: string): ScheduledVerify
  /** The entries audit.verify, once they are in the log. */
  logged(): Promise<readonly Record<string, unknown>[]>
}

interface Access {
  readonly roles: Readonly<Record<string, { readonly count: number; readonly logins: string[] }>>
  readonly superusers: { readonly count: number }
  readonly owners: Readonly<Record<string, number>>
  readonly guards: {
    readonly tables: number
    readonly unguarded: readonly string[]
    readonly off: readonly string[]
  }
}

async function scheduled(t: TestContext): Promise<Scheduled> {
  const scratch = await scratchDatabase(t)
  const scene = await makeScene(scratch.url, { sealed: 1_000, unsealed: 50 })
  const stateDir = await fs.mkdtemp(path.join(os.tmpdir(), 'audit-scheduled-'))
  t.after(() => fs.rm(stateDir, { recursive: true, force: true }))
  await fs.writeFile(path.join(stateDir, 'anchor.txt'), scene.notes.join('\n'))
  const runs: VerifyRun[] = []
  const lines: string[] = []
  const say = (_: object, line: string) => void lines.push(line)
  return {
    ...{ scratch, scene, stateDir, runs, lines },
    start(everyMs, policy = scene.policy) {
      const verifier = new ScheduledVerify({
        readerUrl: scratch.urlAs('audit_reader'),
        relayUrl: scratch.urlAs('audit_relay'),
        ...{ stateDir, everyMs, maxLagMs: 3_000_000, statementTimeoutMs: 60_000 },
        policy: async () => policy,
        logger: { debug: say, info: say, warn: say, error: say },
        onRun: (run) => runs.push(run),
      })
      t.after(() => verifier.stop())
      void verifier.start()
      return verifier
    },
    async logged() {
      await relayOn(t, scratch).drain({ deadlineMs: 60_000 })
      const rows = await scratch.sql`
        select metadata from audit.audit_log where action = 'audit.verify' order by seq`
      return rows.map(({ metadata }) => metadata as Record<string, unknown>)
    },
  }
}

test('the first run reads all, the next ones what is new and a part of the rest', async (t) => {
  const { scene, runs, start, logged, stateDir } = await scheduled(t)
  const verifier = start(300)
  await waitFor(() => runs.length >= 2, { what: 'two runs', timeoutMs: 60_000 })
  await verifier.stop()
  assert.deepEqual(
    runs.slice(0, 2).map(({ code, counts }) => [code, counts]),
    [
      [0, {}],
      [0, {}],
    ],
  )
  assert.deepEqual([runs[0]?.rows, runs[1]?.rows], [980, 232 + 256])
  const [first, second] = await logged()
  const { access, durationMs: _, ...rest } = first ?? {}
  assert.deepEqual(rest, {
    ...{ code: 0, size: 1_000, rows: 980, expired: 20, erased: 2, pending: 0, unsealed: 50 },
    ...{ anchored: { 'example.com/log': 1_000 }, anchor: 'file', scope: 'whole' },
    ...{ counts: {}, findings: [] },
  })
  assert.equal(second?.['scope'], 'since 1000 and 1/30')
  const { roles, guards, owners, superusers } = access as Access
  assert.deepEqual(roles['audit_relay'], { count: 1, logins: ['audit_test_relay'] })
  assert.ok((owners['audit_owner'] ?? 0) > 100)
  assert.ok(superusers.count >= 1)
  assert.deepEqual([guards.unguarded, guards.off], [[], []])
  assert.ok(guards.tables > 3)
  const kept = JSON.parse(await fs.readFile(path.join(stateDir, VERIFY_FILE), 'utf8'))
  assert.equal(kept.note, scene.notes.at(-1))
})

test('a run is not repeated before its time, when the relay is started again', async (t) => {
  const { runs, start } = await scheduled(t)
  const first = start(200)
  await waitFor(() => runs.length >= 1, { what: 'a run', timeoutMs: 60_000 })
  await first.stop()
  const count = runs.length
  const second = start(3_600_000)
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  await second.stop()
  assert.equal(runs.length, count)
})

test('what a run found is in the log, with the guards that were off', async (t) => {
  const { scratch, runs, lines, start, logged } = await scheduled(t)
  const session = await scratch.sql.reserve()
  await session`begin`
  await disableTriggers(session)
  await session`update audit.audit_log set action = 'guest.check_out' where seq = 700`
  await session`commit`
  session.release()
  const verifier = start(300)
  await waitFor(() => runs.length >= 2, { what: 'two runs', timeoutMs: 60_000 })
  await verifier.stop()
  assert.deepEqual(runs[1]?.counts, { changed: 1 }, 'the next run begins where the last was green')
  assert.equal(runs[0]?.provedMs, null)
  assert.ok(lines.includes('the log was verified, and is not proved'))
  const [found] = await logged()
  const text = 'seq 700: It is not what was sealed.'
  assert.deepEqual(found?.['findings'], [{ kind: 'changed', seq: 700, text }])
  const { guards } = found?.['access'] as Access
  assert.ok(guards.unguarded.includes('audit_log'))
  assert.ok(guards.off.some((name) => name.startsWith('audit_log_append_only on audit.audit_log')))
})

test('where nothing can be proved yet no entry is written, and it is tried again', async (t) => {
  const { runs, start, logged, stateDir, scene } = await scheduled(t)
  const anchor = path.join(stateDir, 'anchor.txt')
  await fs.rm(anchor)
  const verifier = start(200)
  await new Promise((resolve) => setTimeout(resolve, 900))
  assert.equal(runs.length, 0)
  await fs.writeFile(anchor, scene.notes.join('\n'))
  await waitFor(() => runs.length >= 1, { what: 'a run', timeoutMs: 60_000 })
  await verifier.stop()
  assert.equal(runs[0]?.code, 0)
  assert.equal((await logged())[0]?.['code'], 0)
})

test('a memory that is damaged is forgotten, and all is read', async (t) => {
  const { runs, start, stateDir } = await scheduled(t)
  await fs.writeFile(path.join(stateDir, VERIFY_FILE), '{"ranMs": 1, "provedMs": null, "turn": -1}')
  const verifier = start(200)
  await waitFor(() => runs.length >= 1, { what: 'a run', timeoutMs: 60_000 })
  await verifier.stop()
  assert.equal(runs[0]?.rows, 980)
})

test('where a relay has a seal key, it verifies what it seals', async (t) => {
  const scratch = await scratchDatabase(t)
  const stateDir = await fs.mkdtemp(path.join(os.tmpdir(), 'audit-scheduled-'))
  t.after(() => fs.rm(stateDir, { recursive: true, force: true }))
  await withClient(scratch.urlAs('audit_app'), (app) => {
    return app`select audit.record(${JSON.stringify({ action: 'guest.check_in' })}::text)`
  })
  const relay = spawnRelay(t, ['run'], {
    AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
    AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader'),
    AUDIT_SEAL_KEY: testKey().key,
    AUDIT_STATE_DIR: stateDir,
    AUDIT_SEAL_MAX_LAG_MS: '1000',
    AUDIT_VERIFY_EVERY_MS: '2000',
  })
  const isProved = async () => {
    const rows = await scratch.sql`
      select from audit.audit_log where action = 'audit.verify' and metadata ->> 'code' = '0'`
    return rows.length > 0
  }
  await waitFor(isProved, { what: 'an entry of a run that proved the log', timeoutMs: 120_000 })
  assert.match(relay.output().stdout, /the log was verified: it is as it was sealed/)
})

test('only a relay writes down a result, and no long one', async (t) => {
  const scratch = await scratchDatabase(t)
  const relay = connectAs(t, scratch, 'audit_relay')
  for (const given of ['[]', 'null', JSON.stringify({ text: 'x'.repeat(20_000) })]) {
    const refused = await refusalOf(relay`select audit.note_verify(${given}::text::jsonb)`)
    assert.equal(refused?.code, '22023')
  }
  const reader = connectAs(t, scratch, 'audit_reader')
  assert.equal((await refusalOf(reader`select audit.note_verify('{}')`))?.code, '42501')
})
