import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import postgres from 'postgres'
import { type VerifyOptions, verifyLog } from '../relay/index.ts'
import type { SQL } from 'drizzle-orm'
import { type AuditDatabase, queryText } from '../src/database/callers-database.ts'
import { Database } from '../src/database/connection.ts'
import { signCheckpoint } from '../src/seal/note.ts'
import { runRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { appendToLog } from './support/log-entries.ts'
import { MemoryTree, testKey } from './support/memory-tree.ts'
import { sealLog } from './support/seal-log.ts'
import { disableTriggers, eraseBlank, makeScene, type Scene } from './tamper/scene.ts'

/** No entry is late for its seal, however slow the machine is. */
const PATIENT_MS = 3_000_000

interface Sealed {
  readonly scratch: ScratchDatabase
  readonly scene: Scene
  readonly reader: Database
  /** Verifies with the log's policy and all of its checkpoints. */
  verify(options?: VerifyOptions): ReturnType<typeof verifyLog>
  /** As a superuser, with the triggers off. */
  tamper(statement: string): Promise<void>
}

async function sealed(t: TestContext): Promise<Sealed> {
  const scratch = await scratchDatabase(t)
  const scene = await makeScene(scratch.url, { sealed: 1_000, unsealed: 50 })
  const reader = new Database({
    url: scratch.urlAs('audit_reader'),
    applicationName: 'test',
    statementTimeoutMs: 60_000,
    isReader: true,
  })
  t.after(() => reader.close())
  return {
    ...{ scratch, scene, reader },
    verify: (options = {}) =>
      verifyLog(reader, {
        ...{ policy: scene.policy, anchor: scene.notes.join('\n'), maxLagMs: PATIENT_MS },
        ...options,
      }),
    async tamper(statement) {
      const session = await scratch.sql.reserve()
      await session`begin`
      await disableTriggers(session)
      await session.unsafe(statement)
      await session`commit`
      session.release()
    },
  }
}

async function folder(t: TestContext): Promise<string> {
  const made = await fs.mkdtemp(path.join(os.tmpdir(), 'audit-verify-'))
  t.after(() => fs.rm(made, { recursive: true, force: true }))
  return made
}

test('the command prints a line for each finding and exits with what they mean', async (t) => {
  const { scratch, scene, tamper } = await sealed(t)
  const made = await folder(t)
  const [policy, anchor] = [path.join(made, 'audit.policy'), path.join(made, 'anchor.txt')]
  await fs.writeFile(policy, scene.policy)
  await fs.writeFile(anchor, scene.notes.join('\n'))
  const verify = (...args: readonly string[]) =>
    runRelay(t, ['verify', '--max-lag', '50m', ...args], {
      AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader'),
    })
  const all = ['--policy', policy, '--anchor', anchor]

  const proved = await verify(...all, '--json')
  assert.equal(proved.code, 0, proved.stderr)
  assert.deepEqual(JSON.parse(proved.stdout), {
    ...{ code: 0, size: 1_000, rows: 980, expired: 20, erased: 2, pending: 0, unsealed: 50 },
    anchored: { 'example.com/log': 1_000 },
    cosigned: {},
    checkpoint: scene.notes.at(-1),
    unopened: 0,
    scope: 'whole',
    findings: [],
    counts: {},
  })
  const plain = await verify(...all)
  assert.equal(
    plain.stdout,
    'Proved: 980 of 1000 sealed entries are as they were sealed; 20 were removed by policy; 2 have ' +
      'fields that were erased; the checkpoint of example.com/log for 1000 is known outside; 50 entries ' +
      'are not sealed yet.\n',
  )

  const alone = await verify('--policy', policy)
  assert.equal(alone.code, 6)
  assert.match(alone.stdout, /^no-anchor: No checkpoint that was kept outside was given/)
  assert.match(alone.stdout, /\nNot proved: 980 of 1000/)
  const bare = await verify('--json')
  assert.equal(bare.code, 6)
  const kinds = JSON.parse(bare.stdout).findings.map(({ kind }: { kind: string }) => kind)
  assert.deepEqual(kinds, ['no-policy', 'no-anchor'])

  await tamper(
    `update audit.audit_log set action = 'guest.check_out' where seq between 300 and 701`,
  )
  const tampered = await verify(...all)
  assert.equal(tampered.code, 5)
  const lines = tampered.stdout.split('\n')
  assert.equal(lines[0], 'changed: seq 300: It is not what was sealed.')
  assert.equal(lines.at(-3), 'changed: 102 more')
  assert.match(lines.at(-2) ?? '', /^Tampered with: 578 of 1000/)
  const listed = JSON.parse((await verify(...all, '--json')).stdout)
  assert.equal(listed.counts.changed, 402)
  assert.deepEqual(listed.findings[0], {
    ...{ kind: 'changed', seq: 300, text: 'seq 300: It is not what was sealed.' },
  })
})

test('wrong options are named before anything is read', async (t) => {
  const made = await folder(t)
  const file = path.join(made, 'not-a-policy')
  await fs.writeFile(file, 'log of ours\n')
  const environment = { AUDIT_READER_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' }
  for (const [args, message] of [
    [['--policy', path.join(made, 'gone')], /--policy: .*gone does not exist/],
    [['--policy', file], /--policy .*not-a-policy: .*is no key/],
    [['--anchor', path.join(made, 'gone')], /--anchor: .*gone does not exist/],
    [['--anchor', made], /--anchor: .* is a folder/],
    [['--since', made], /--since: .* is a folder/],
    [['--sample', '2/30'], /--sample must be one part in 1 to 9999, such as 1\/30, got "2\/30"/],
  ] as const) {
    const { code, stderr } = await runRelay(t, ['verify', ...args], environment)
    assert.match(stderr, message)
    assert.equal(code, 2)
  }
})

test('since an earlier checkpoint only later entries are read, and a sample of the others', async (t) => {
  const { scene, verify, tamper } = await sealed(t)
  const since = scene.notes[3] // of 600
  const later = await verify({ since })
  assert.equal(later.code, 0, JSON.stringify(later.findings))
  assert.deepEqual([later.rows, later.scope], [1_000 - 512, 'since 600'])

  await tamper(`update audit.audit_log set action = 'guest.check_out' where seq = 100`)
  assert.equal((await verify({ since })).code, 0, 'it is not among those that are read')
  const parts = [0, 1].map((turn) => verify({ since, sample: { turn, of: 2 } }))
  const [first, second] = await Promise.all(parts)
  assert.deepEqual([first?.code, second?.code], [5, 0])
  assert.equal(first?.scope, 'since 600 and 1/2')
  assert.deepEqual([first?.rows, second?.rows], [256 - 21 + 488, 256 + 488])
  const sample = await verify({ sample: { turn: 1, of: 2 } })
  assert.deepEqual([sample.code, sample.scope, sample.rows], [0, '1/2', 256 + 232])
  assert.equal((await verify()).code, 5)
})

test('a hash in a tile that is not read is found by a sample of its tile', async (t) => {
  const { scene, verify, tamper } = await sealed(t)
  await tamper(`
    update audit.audit_tile set hashes = set_byte(hashes, 9, 255 - get_byte(hashes, 9))
    where level = 0 and n = 1`)
  const since = scene.notes[3]
  assert.equal((await verify({ since, sample: { turn: 0, of: 2 } })).code, 0)
  const { counts } = await verify({ since, sample: { turn: 1, of: 2 } })
  assert.deepEqual(Object.keys(counts).sort(), ['changed', 'tree'])
})

test('an earlier checkpoint that is not in the tree is a fork, one of another log no beginning', async (t) => {
  const { scene, verify } = await sealed(t)
  const tree = new MemoryTree('other')
  await tree.grow(600)
  const { counts } = await verify({ since: await tree.note(scene.key) })
  assert.deepEqual(counts, { fork: 1 })
  const other = await verify({ since: await tree.note(testKey('example.com/other')) })
  assert.deepEqual([other.code, other.rows], [0, 980], 'everything is read')
  await assert.rejects(verify({ since: 'nothing' }), /no checkpoint in what "since" names/)
})

test('entries that wait for their seal for too long are an outcome of their own', async (t) => {
  const { verify, tamper, scratch, scene } = await sealed(t)
  await tamper(
    `update audit.audit_log set logged_at = now() - interval '90 seconds' where seq = 1020`,
  )
  const late = await verify({ maxLagMs: 60_000 })
  assert.deepEqual([late.code, late.counts], [3, { lagging: 1 }])
  assert.match(late.findings[0]?.text ?? '', /^50 entries are not sealed; the oldest .* 9\d s ago/)
  assert.equal((await verify({ maxLagMs: 60_000, anchor: undefined })).code, 3, '3 before 6')
  await tamper(`update audit.audit_log set action = 'guest.check_out' where seq = 700`)
  assert.equal((await verify({ maxLagMs: 60_000 })).code, 5, '5 before 3')
  for (const maxLagMs of [0, 999, 1.5, 30 * 86_400_000 + 1]) {
    await assert.rejects(verify({ maxLagMs }), { code: 'AUDIT_OPTION_INVALID' })
  }
  await sealLog(scratch.sql, { signer: scene.key.signer })
  const { code, unsealed } = await verify({ maxLagMs: 60_000 })
  assert.deepEqual([code, unsealed], [5, 0])
})

test('a run that goes on from another one notices that newest entries were deleted meanwhile', async (t) => {
  const { scene, verify, tamper } = await sealed(t)
  const { counted } = await verify()
  assert.deepEqual(counted, { throughSeq: 1_000, present: 977, missing: 20 })
  const since = scene.notes.at(-1)
  assert.equal((await verify({ since, counted })).code, 0)
  await tamper(`
    delete from audit.audit_log where seq > 1048;
    update audit.audit_head set seq = 1048`)
  assert.deepEqual((await verify({ since })).counts, {}, 'without the counts it is blind to it')
  const found = await verify({ since, counted })
  assert.deepEqual([found.code, found.counts], [5, { accounts: 1 }])
  assert.match(found.findings[0]?.text ?? '', /^2 entries that were logged since the last run/)
})

test('an erasure or a removal that comes while the log is verified is no finding', async (t) => {
  const { scratch, scene, reader, verify, tamper } = await sealed(t)
  const insider = postgres(scratch.url, { max: 1, onnotice: () => {} })
  t.after(() => insider.end({ timeout: 1 }))
  let isDone = false
  const racing: AuditDatabase = {
    async execute(query) {
      // Behind the first entries, so that their erasures are read from a later snapshot.
      const { text, params } = queryText(query as SQL)
      const isOfErasures = text.includes('audit_erasure') && params[0] === 1
      if (isDone || !isOfErasures) return await reader.execute(query as SQL)
      isDone = true
      await insider`begin`
      const session = insider as unknown as postgres.ReservedSql
      await disableTriggers(session)
      await eraseBlank(session, 700, ['metadata'])
      await insider`update audit.audit_erasure set erased_at = now() where seq = 700`
      await insider`
        insert into audit.audit_removed (partition, first_seq, last_seq, by_entry)
        values ('audit_log_2026_01', 701, 703, gen_random_uuid())`
      await insider`delete from audit.audit_log where seq between 701 and 703`
      await insider`commit`
      return await reader.execute(query as SQL)
    },
  }
  const report = await verifyLog(racing, {
    policy: scene.policy,
    anchor: scene.notes.join('\n'),
    maxLagMs: PATIENT_MS,
  })
  assert.ok(isDone)
  assert.equal(report.code, 0, JSON.stringify(report.findings))
  assert.deepEqual([report.rows, report.expired, report.erased], [980 - 3, 23, 3])
  const soon = await verify()
  assert.deepEqual([soon.code, soon.pending], [0, 2])
  await tamper(`
    update audit.audit_erasure set erased_at = now() - interval '20 minutes' where seq = 700;
    update audit.audit_removed set removed_at = now() - interval '20 minutes'`)
  const later = await verify({ maxLagMs: 600_000 })
  assert.equal(later.counts['erased-unsaid'], 1)
  assert.equal(later.counts.deleted, 3)
})

test('a log that was restored has a second tree, and the policy says where the first one ended', async (t) => {
  const { scratch, scene, verify, tamper } = await sealed(t)
  const { sql } = scratch
  // A checkpoint that was published and is in no copy any more.
  const lost = await signCheckpoint(
    { origin: scene.key.signer.name, size: 1_040, root: Buffer.alloc(32, 7) },
    scene.key.signer,
  )
  const notes = [...scene.notes, lost]
  assert.deepEqual((await verify({ anchor: notes })).counts, { 'rolled-back': 1 })
  await sql`select audit.declare_restored()`
  await sql`select audit.move('outbox', 100, 1000, null, null, null, null)`
  const { signer } = testKey(`${scene.key.signer.name}/2`)
  const { vkeyOf } = await import('../src/seal/note.ts')
  notes.push(await sealLog(sql, { signer, origin: 2 }))
  const second = vkeyOf(signer.name, signer.publicKey)
  const policy = `log ${scene.key.vkey}\nlog ${second}\nquorum none\n`
  assert.deepEqual((await verify({ anchor: notes, policy })).counts, { 'rolled-back': 1 })
  const ended = policy.replace('quorum', `ended ${scene.key.signer.name} 1000\nquorum`)
  // The sealer remembers a later size than the copy has, so that proofs of what is lost stay good.
  const later = ended.replace(' 1000\n', ' 1040\n')
  assert.equal((await verify({ anchor: notes, policy: later })).code, 0)
  const report = await verify({ anchor: notes, policy: ended })
  assert.equal(report.code, 0, JSON.stringify(report.findings))
  assert.deepEqual(report.anchored, { 'example.com/log': 1_000, 'example.com/log/2': 52 })
  assert.deepEqual([report.size, report.rows, report.unsealed], [1_052, 1_032, 0])
  const since = await verify({ anchor: notes, policy: ended, since: notes.at(-1) })
  assert.deepEqual([since.code, since.rows], [0, 52 + 232])
  await tamper(`update audit.audit_log set action = 'guest.check_out' where seq = 1010`)
  assert.deepEqual((await verify({ anchor: notes, policy: ended })).counts, { changed: 1 })
  await tamper(`
    delete from audit.audit_checkpoint where origin = 1 and size > 840;
    update audit.audit_log set action = 'guest.check_out' where seq = 900`)
  const cut = await verify({ anchor: notes, policy: later })
  assert.equal(cut.counts['rolled-back'], 1)
  assert.match(cut.findings[0]?.text ?? '', /ends at seq 840, and .*\/2 begins at seq 1001/)
})

test('an entry that is too large to be read is not proved', async (t) => {
  const { scratch, scene, verify } = await sealed(t)
  await appendToLog(scratch.sql, [{ action: 'thing.update' }])
  await scratch.sql.begin(async (sql) => {
    await disableTriggers(sql as unknown as postgres.ReservedSql)
    await sql`
      update audit.audit_log set metadata = jsonb_build_object('n', repeat('long', 800000))
      where seq = 1051`
  })
  const note = await sealLog(scratch.sql, { signer: scene.key.signer })
  const report = await verify({ anchor: [...scene.notes, note] })
  assert.deepEqual([report.code, report.counts], [1, { unreadable: 1 }])
  assert.equal(report.findings[0]?.text, 'seq 1051: It is too large to be read.')
})

test('progress is told, and a signal ends the run', async (t) => {
  const { verify } = await sealed(t)
  const seen: number[] = []
  await verify({ onProgress: ({ read, total }) => seen.push(read / total) })
  assert.deepEqual([seen.length > 1, seen.at(-1)], [true, 1_030 / 1_050])
  const halt = new AbortController()
  const aborted = verify({ signal: halt.signal, onProgress: () => halt.abort() })
  await assert.rejects(aborted, { name: 'AbortError' })
})
