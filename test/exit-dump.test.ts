import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createCapture } from '../src/capture/capture.ts'
import type { CapturedEntry } from '../src/capture/captured-entry.ts'
import { createEncoder } from '../src/encode/encoder.ts'
import { EntryBuffer } from '../src/flush/buffer.ts'
import { DropCounter } from '../src/flush/drop-counter.ts'
import { Flusher } from '../src/flush/flusher.ts'
import { compileRedactor } from '../src/redact/redactor.ts'
import { dumpFolder, whyUnfit } from '../src/exit-dump/dump-folder.ts'
import { type DumpHeader, writeDump } from '../src/exit-dump/dump-file.ts'
import { runRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { memoryLogger, relayOn, silentLogger } from './support/lanes.ts'
import { recorderOn } from './support/recorders.ts'
import { smallDisk } from './support/small-disk.ts'
import { waitFor } from './support/wait-for.ts'

const DYING = fileURLToPath(new URL('support/dying-process.ts', import.meta.url))
const UNREACHABLE = 'postgres://app@127.0.0.1:1/shop'
const ENTRIES = 1_000

function temporaryFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-exit-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

interface Death {
  readonly way: 'exit' | 'throw' | 'rejection' | 'kill'
  readonly url: string
  readonly folder: string
  readonly entries?: number
  readonly livesMs?: number
  readonly environment?: Readonly<Record<string, string>>
}

/** Runs a process to its end. @returns what it wrote to stderr, and how it ended */
async function die({ way, url, folder, entries = ENTRIES, livesMs = 0, environment }: Death) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', DYING, way, String(entries), url, String(livesMs)],
    {
      env: { PATH: process.env['PATH'], AUDIT_JOURNAL_DIR: folder, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const [code, signal] = await once(child, 'close')
  return { stderr, ended: code ?? signal }
}

async function logged({ sql }: ScratchDatabase) {
  const [log] = await sql`
    select count(*)::integer as entries, count(distinct id)::integer as ids,
      count(*) filter (where context ? 'recovered')::integer as recovered
    from audit.audit_log where action = 'order.paid'`
  return { ...log }
}

// Goal: the most common deaths of a Node process lose nothing of what was accepted.
// Method: ten processes for each way record and end at once, or after their first batch was staged.
// Two recoverers at once take over the files.
for (const [way, code] of [
  ['exit', 0] as const,
  ['throw', 1] as const,
  ['rejection', 1] as const,
]) {
  test(`a process that ends by ${way} loses none of 1,000 entries, ten times`, async (t) => {
    const scratch = await scratchDatabase(t)
    const url = scratch.urlAs('audit_app')
    const folder = temporaryFolder(t)
    for (let times = 0; times < 5; times += 1) {
      const deaths = await Promise.all([
        die({ way, url, folder }),
        die({ way, url, folder, livesMs: 300 }),
      ])
      for (const { ended, stderr } of deaths) assert.equal(ended, code, stderr)
    }
    const recovered = await Promise.all([
      runRelay(t, ['recover', folder, '--json'], {
        AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
      }),
      runRelay(t, ['recover', folder], { AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay') }),
    ])
    for (const { code: exit, stderr } of recovered) assert.equal(exit, 0, stderr)
    assert.deepEqual(fs.readdirSync(folder), [])
    await relayOn(t, scratch).drain({ deadlineMs: 30_000 })
    assert.deepEqual(await logged(scratch), {
      entries: 10 * ENTRIES,
      ids: 10 * ENTRIES,
      recovered: 10 * ENTRIES,
    })
    const status = await runRelay(t, ['status', '--json'], {
      AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
    })
    const { recorders } = JSON.parse(status.stdout)
    assert.equal(recorders.length, 10)
    for (const recorder of recorders) {
      assert.equal(recorder.state, 'closed')
      assert.equal(recorder.logged, recorder.accepted)
      assert.equal(recorder.missing, 0)
    }
  })
}

test('the next recorder of the same database takes over what was left, and says so', async (t) => {
  const scratch = await scratchDatabase(t)
  const folder = temporaryFolder(t)
  await die({ way: 'exit', url: scratch.urlAs('audit_app'), folder, entries: 50 })
  assert.equal(fs.readdirSync(folder).length, 1)
  const logger = memoryLogger()
  recorderOn(t, scratch, { logger, journalDir: folder })
  await waitFor(() => fs.readdirSync(folder).length === 0, { what: 'the file to be taken over' })
  await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
  assert.deepEqual(await logged(scratch), { entries: 50, ids: 50, recovered: 50 })
  const said = logger.lines.find(({ message }) => message.includes('are staged'))
  assert.ok(said)
  assert.equal((said.fields as { entries: number }).entries, 50)
})

test('files of another database stay, and recover says so', async (t) => {
  const [own, other] = await Promise.all([scratchDatabase(t), scratchDatabase(t)])
  const folder = temporaryFolder(t)
  // It has staged its first entry, so it knows which database is its own.
  await die({ way: 'exit', url: other.urlAs('audit_app'), folder, entries: 5, livesMs: 1_000 })
  const before = fs.readdirSync(folder)
  assert.equal(before.length, 1)
  const recovered = await runRelay(t, ['recover', folder], {
    AUDIT_RELAY_DATABASE_URL: own.urlAs('audit_relay'),
  })
  assert.match(recovered.stdout, /of another database\. It stays\./)
  assert.equal(recovered.code, 0)
  assert.deepEqual(fs.readdirSync(folder), before)
  const recorder = recorderOn(t, own, { journalDir: folder })
  await recorder.close()
  assert.deepEqual(fs.readdirSync(folder), before)
})

test('a recorder that never reached a database leaves its entries for one with its URL', async (t) => {
  const scratch = await scratchDatabase(t)
  const folder = temporaryFolder(t)
  const { stderr } = await die({ way: 'throw', url: UNREACHABLE, folder, entries: 7 })
  assert.doesNotMatch(stderr, /audit-outbox:/)
  const recorder = recorderOn(t, scratch, { journalDir: folder })
  await recorder.close()
  assert.equal(fs.readdirSync(folder).length, 1, 'another URL leaves it alone')
  const { stdout } = await runRelay(t, ['recover', folder, '--json'], {
    AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
  })
  assert.equal(JSON.parse(stdout).staged, 7, 'somebody gave this folder to audit-relay')
})

test('what a statement in flight holds is left, too', async () => {
  const capture = createCapture({ maxEntryBytes: 32_768, redactor: compileRedactor(undefined) })
  const encoder = createEncoder({
    recorderId: headerFor(0).recorder,
    maxEntryBytes: 32_768,
    redactor: capture.redactor,
  })
  const buffer = new EntryBuffer<CapturedEntry>({ maxEntries: 100, maxBytes: 1_000_000 })
  let isBusy: boolean | undefined
  const flusher = new Flusher({
    ...{ buffer, encoder, drops: new DropCounter(silentLogger()), logger: silentLogger() },
    stage: () => new Promise(() => {}), // the server does not answer
    flushIntervalMs: 1,
    maxBatchEntries: 3,
    onStaged: () => {},
    onRefused: () => {},
    onBusy: (busy) => {
      isBusy = busy
    },
  })
  for (let n = 0; n < 5; n += 1) {
    const captured = capture.captureEntry({ action: 'a.b', metadata: { n } }, undefined, Date.now())
    assert.ok(captured && buffer.push(captured))
    flusher.wake()
  }
  await waitFor(() => buffer.waiting === 2, { what: 'the first batch to be sent' })
  assert.equal(isBusy, true)
  const rows = [...flusher.takeUnstaged()].map((row) => JSON.parse(row))
  assert.deepEqual(
    rows.map((row) => [row[2], row[9].n]),
    [1, 2, 3, 4, 5].map((seq) => [seq, seq - 1]),
  )
})

test('a signal without a handler leaves nothing, as documented', async (t) => {
  const folder = temporaryFolder(t)
  const { ended } = await die({ way: 'kill', url: UNREACHABLE, folder, entries: 5 })
  assert.equal(ended, 'SIGTERM')
  assert.deepEqual(fs.readdirSync(folder), [])
})

test('without an exit dump, and where none can be written, one line says how many are lost', async (t) => {
  const folder = temporaryFolder(t)
  const off = await die({
    ...({ way: 'exit', url: UNREACHABLE, folder, entries: 5 } as const),
    environment: { NO_DUMP: '1' },
  })
  assert.match(off.stderr, /^audit-outbox: 5 entries were not staged .* lost/m)
  const file = path.join(folder, 'file')
  fs.writeFileSync(file, '')
  const noFolder = await die({ way: 'exit', url: UNREACHABLE, folder: file, entries: 5 })
  assert.match(noFolder.stderr, /^audit-outbox: 5 of 5 entries .* are lost \(.*EEXIST\)/m)
  assert.match(noFolder.stderr, /AUDIT_JOURNAL_DIR/)
})

test('our own choice of a folder is used only where nobody else can write', (t) => {
  const parent = temporaryFolder(t)
  const at = (name: string) => ({ path: path.join(parent, name), isChosen: false })
  fs.mkdirSync(at('ours').path, { mode: 0o700 })
  assert.equal(whyUnfit(at('ours')), undefined)
  fs.mkdirSync(at('shared').path)
  fs.chmodSync(at('shared').path, 0o777)
  assert.match(whyUnfit(at('shared')) ?? '', /other users/)
  fs.symlinkSync(at('ours').path, at('link').path)
  assert.match(whyUnfit(at('link')) ?? '', /symbolic link/)
  if (process.getuid?.() === 0) {
    fs.chownSync(at('ours').path, 65_534, 65_534)
    assert.match(whyUnfit(at('ours')) ?? '', /another user/)
  }
  assert.match(dumpFolder(undefined).path, /audit-outbox-\d+$/)
})

function headerFor(entries: number): DumpHeader {
  return {
    format: 'audit-outbox exit dump',
    version: 1,
    recorder: '0190e1d2-0000-4000-8000-000000000001',
    key: 'a key that nobody has shown',
    startedAt: new Date(0).toISOString(),
    endedAt: new Date().toISOString(),
    pid: 4_242,
    database: null,
    target: 'somewhere',
    accepted: entries,
    staged: 0,
    dropped: {},
    entries,
  }
}

const idOf = (n: number) => {
  const ms = Date.now().toString(16).padStart(12, '0')
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7000-8000-${n.toString(16).padStart(12, '0')}`
}
const rowOf = (n: number, context: object = {}, metadata: object = {}) =>
  JSON.stringify([
    ...[idOf(n), new Date().toISOString(), n, null, null, null, 'order.paid', null, null],
    ...[metadata, context],
  ])

test('a full disk keeps the rows that it has room for, and the account says what was lost', async (t) => {
  const scratch = await scratchDatabase(t)
  const home = temporaryFolder(t)
  const disk = smallDisk(t, home, 4)
  if (disk === undefined) return
  const entries = 20_000
  const rows = Array.from({ length: entries }, (_, n) =>
    rowOf(n + 1, {}, { text: 'x'.repeat(500) }),
  )
  const folder = { path: disk.folder, isChosen: true }
  const { kept, failure } = writeDump(folder, headerFor(entries), rows)
  assert.match(failure ?? '', /ENOSPC/)
  assert.ok(kept > 1_000 && kept < entries)
  const { stdout, stderr } = await runRelay(t, ['recover', disk.folder, '--json'], {
    AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
  })
  assert.equal(stderr, '')
  assert.deepEqual([JSON.parse(stdout).staged, JSON.parse(stdout).lost], [kept, entries - kept])
  await relayOn(t, scratch).drain({ deadlineMs: 30_000 })
  assert.equal((await logged(scratch))['entries'], kept)
  const [row] = await scratch.sql`
    select accepted::integer, (dropped ->> 'timeout')::integer as lost from audit.audit_report`
  assert.deepEqual({ ...row }, { accepted: entries, lost: entries - kept })
})

test('damaged lines are counted and kept, what is no dump stays, and a torn file is taken later', async (t) => {
  const scratch = await scratchDatabase(t)
  const folder = temporaryFolder(t)
  const relay = { AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay') }
  const lines = [
    JSON.stringify(headerFor(3)),
    rowOf(1),
    '{"not":"a row"}',
    rowOf(2),
    rowOf(3).slice(0, 40),
  ]
  fs.writeFileSync(path.join(folder, 'a.ndjson'), lines.join('\n'))
  fs.writeFileSync(path.join(folder, 'b.ndjson'), 'something else\n')
  fs.symlinkSync('/etc/passwd', path.join(folder, 'c.ndjson'))
  const torn = path.join(folder, 'd.ndjson.unfinished')
  fs.writeFileSync(torn, [JSON.stringify(headerFor(2)), rowOf(4), rowOf(5).slice(0, 30)].join('\n'))
  const first = await runRelay(t, ['recover', folder], relay)
  assert.equal(first.code, 1)
  assert.match(first.stdout, /a\.ndjson: damaged\. 2 entries staged, 2 lost/)
  assert.match(first.stdout, /b\.ndjson: not a dump/)
  assert.match(first.stdout, /c\.ndjson: not a dump/)
  assert.ok(fs.existsSync(torn), 'its process may still be writing')
  const old = new Date(Date.now() - 120_000)
  fs.utimesSync(torn, old, old)
  await runRelay(t, ['recover', folder], relay)
  assert.deepEqual(fs.readdirSync(folder).toSorted(), [
    ...['a.ndjson.damaged', 'b.ndjson', 'c.ndjson', 'd.ndjson.unfinished.damaged'],
  ])
  await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
  assert.equal((await logged(scratch))['entries'], 3)
})

test("a caller's own context key of the name stays, under another name", async (t) => {
  const scratch = await scratchDatabase(t)
  const folder = temporaryFolder(t)
  const given = { recovered: { from: 'a wreck' }, ship: 'x' }
  const lines = [JSON.stringify(headerFor(2)), rowOf(1, given), rowOf(2, {}, { recovered: 1 })]
  fs.writeFileSync(path.join(folder, 'a.ndjson'), `${lines.join('\n')}\n`)
  await runRelay(t, ['recover', folder], { AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay') })
  await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
  const rows = await scratch.sql`select context, metadata from audit.audit_log order by id`
  assert.deepEqual(rows[0]?.['context']['recovered (given)'], given.recovered)
  assert.equal(rows[0]?.['context'].recovered.from, 'exit dump')
  assert.deepEqual(rows[1]?.['metadata'], { recovered: 1 })
  assert.equal(rows[1]?.['context'].recovered.pid, 4_242)
})

test('a file with a wrong key stays, and holds up no other file', async (t) => {
  const scratch = await scratchDatabase(t)
  const folder = temporaryFolder(t)
  const audit = recorderOn(t, scratch, { exitDump: false })
  audit.record({ action: 'order.paid' })
  await audit.flush()
  const recorder = String(audit.stats().recorderId)
  const lines = [JSON.stringify({ ...headerFor(1), recorder }), rowOf(1)]
  fs.writeFileSync(path.join(folder, 'a.ndjson'), `${lines.join('\n')}\n`)
  const good = [JSON.stringify(headerFor(1)), rowOf(2)]
  fs.writeFileSync(path.join(folder, 'b.ndjson'), `${good.join('\n')}\n`)
  const { code, stdout } = await runRelay(t, ['recover', folder], {
    AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
  })
  assert.equal(code, 1)
  assert.match(stdout, /a\.ndjson: refused \(42501\)\. It stays\./)
  assert.match(stdout, /b\.ndjson: 1 entry of recorder/)
  assert.deepEqual(fs.readdirSync(folder), ['a.ndjson'])
})
