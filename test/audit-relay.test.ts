import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Status } from '../relay/index.ts'
import { runRelay, START_MS, spawnRelay } from './support/audit-relay.ts'
import { emptyDatabase, type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { encoded, numberedId, openDatabase, stage } from './support/lanes.ts'
import { waitFor } from './support/wait-for.ts'

test('audit-relay --help says what it can do, and --version which one it is', async (t) => {
  const [help, version, ofRun, ofDrop] = await Promise.all([
    runRelay(t, ['--help']),
    runRelay(t, ['status', '-v']),
    runRelay(t, ['--once', '-h']),
    runRelay(t, ['dead-letters', 'drop', '--help']),
  ])
  assert.deepEqual([help.code, version.code, ofRun.code, ofDrop.code], [0, 0, 0, 0])
  assert.match(ofRun.stdout, /^Usage: audit-relay run /)
  assert.match(ofDrop.stdout, /^Usage: audit-relay dead-letters drop /)
  for (const word of ['run', 'migrate', 'status', '--once', 'AUDIT_POLL_MAX_MS', 'Exit codes']) {
    assert.ok(help.stdout.includes(word), `--help names ${word}`)
  }
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
})

test('every wrong setting is reported at once, without quoting a URL, and exits with 2', async (t) => {
  const { code, stderr } = await runRelay(t, [], {
    AUDIT_RELAY_DATABASE_URL: 'mysql://app:hunter2@db/shop',
    AUDIT_BATCH_ENTRIES: '0',
    AUDIT_POLL_MIN_MS: 'soon',
    AUDIT_LOG_LEVEL: 'loud',
  })
  assert.equal(code, 2)
  assert.match(stderr, /AUDIT_RELAY_DATABASE_URL must begin with postgres:\/\//)
  assert.match(stderr, /AUDIT_BATCH_ENTRIES must be a whole number from 1 to 50000, got "0"/)
  assert.match(stderr, /AUDIT_POLL_MIN_MS .* got "soon"/)
  assert.match(stderr, /AUDIT_LOG_LEVEL must be one of .* got "loud"/)
  assert.doesNotMatch(stderr, /hunter2/)
})

test('wrong usage is explained on standard error, without a stack, and exits with 2', async (t) => {
  const environment = { DATABASE_URL: 'postgres://127.0.0.1:1/x' }
  const [misspelt, bound, group] = await Promise.all([
    runRelay(t, ['statsu'], environment),
    runRelay(t, ['--once', '--max-rows', '0'], environment),
    runRelay(t, ['dead-letters'], environment),
  ])
  assert.deepEqual(misspelt, {
    code: 2,
    stdout: '',
    stderr:
      'audit-relay: Unknown command "statsu". Did you mean "status"?\nSee "audit-relay --help".\n',
  })
  assert.deepEqual(bound, {
    code: 2,
    stdout: '',
    stderr:
      'audit-relay: --max-rows must be a whole number of at least 1, got "0".\n' +
      'See "audit-relay run --help".\n',
  })
  assert.deepEqual([group.code, group.stdout], [2, ''])
  assert.match(group.stderr, /^Usage: audit-relay dead-letters/)
})

test('a reader that goes away is no failure', async (t) => {
  const relay = spawnRelay(t, ['--help'], {})
  relay.child.stdout?.destroy()
  assert.deepEqual([await relay.ended, relay.output().stderr], [0, ''])
})

test('--once exits with 0 when drained, 3 with rows left, 4 with dead letters', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const environment = {
    AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
    AUDIT_BATCH_ENTRIES: '10',
  }
  await stage(
    database,
    'staging',
    Array.from({ length: 30 }, () => encoded()),
  )
  const bounded = await runRelay(t, ['run', '--once', '--max-rows', '20'], environment)
  assert.equal(bounded.code, 3, bounded.stderr)
  assert.equal((await runRelay(t, ['--once'], environment)).code, 0)
  await stage(database, 'outbox', [encoded({ action: null }), encoded()])
  assert.equal((await runRelay(t, ['--once', '--deadline', '30s'], environment)).code, 4)
  const [logged] = await scratch.sql`select count(*)::integer as entries from audit.audit_log`
  assert.equal(logged?.['entries'], 31)
})

test('--once on a database that is away tries until its deadline and exits with 1', async (t) => {
  const { code, stdout, stderr } = await runRelay(t, ['--once', '--deadline', '1500ms'], {
    DATABASE_URL: 'postgres://app:hunter2@127.0.0.1:1/x',
  })
  assert.equal(code, 1)
  assert.match(stderr, /ECONNREFUSED/)
  assert.match(stderr, /Nothing listens there/)
  assert.doesNotMatch(stdout + stderr, /hunter2/)
})

test('--once on a database without our schema says to migrate', async (t) => {
  const { url } = await emptyDatabase(t)
  const { code, stderr } = await runRelay(t, ['--once', '--deadline', '1s'], { DATABASE_URL: url })
  assert.equal(code, 1)
  assert.match(stderr, /audit-relay migrate/)
})

test('migrate brings a database up to date, and then finds nothing to do', async (t) => {
  const { url } = await emptyDatabase(t)
  const first = await runRelay(t, ['migrate'], { AUDIT_OWNER_DATABASE_URL: url })
  assert.match(first.stdout, /^Applied: 0000_tables, /)
  assert.equal(first.code, 0)
  const second = await runRelay(t, ['migrate'], { AUDIT_OWNER_DATABASE_URL: url })
  assert.equal(second.stdout, 'The schema is up to date.\n')
  assert.equal(second.code, 0)
})

test('status prints the state for people and, with --json, for machines', async (t) => {
  const scratch = await scratchDatabase(t)
  await stage(openDatabase(t, scratch.url), 'staging', [encoded({ id: numberedId(1) })])
  const environment = { AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay') }
  const [json, text] = await Promise.all([
    runRelay(t, ['status', '--json'], environment),
    runRelay(t, ['status'], environment),
  ])
  const status = JSON.parse(json.stdout) as Status
  assert.deepEqual(Object.keys(status), [
    'depth',
    'lagMs',
    'lastSeq',
    'deadLetters',
    'gaps',
    'holds',
    'logBytes',
    'retention',
    'seal',
    'search',
    'recorders',
  ])
  assert.deepEqual(status.depth, { staging: 1, outbox: 0 })
  assert.deepEqual(
    [status.lastSeq, status.deadLetters, status.gaps, status.recorders],
    [0, 0, 0, []],
  )
  assert.match(text.stdout, /waiting +1 in staging, 0 in the outbox/)
})

/** Makes each move take a while, so that a signal comes in the middle of one, and of the backlog. */
async function slowLog({ sql }: ScratchDatabase): Promise<void> {
  await sql.unsafe(`
    create function public.slow() returns trigger language plpgsql as
      $$ begin perform pg_sleep(0.05); return null; end $$;
    create trigger slow after insert on audit.audit_log
      for each statement execute function public.slow()`)
}

test('SIGTERM finishes the batch in hand and exits with 0', async (t) => {
  const STOP_TIMEOUT_MS = 60_000
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await slowLog(scratch)
  await stage(
    database,
    'staging',
    Array.from({ length: 20_000 }, () => encoded()),
  )
  const relay = spawnRelay(t, ['run'], {
    AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
    AUDIT_BATCH_ENTRIES: '100',
    AUDIT_STOP_TIMEOUT_MS: String(STOP_TIMEOUT_MS),
  })
  const logged = async () => {
    const [row] = await scratch.sql`select seq::integer as seq from audit.audit_head`
    return Number(row?.['seq'])
  }
  await waitFor(async () => (await logged()) > 0, { timeoutMs: START_MS, what: 'a batch' })
  const signalledMs = performance.now()
  relay.child.kill('SIGTERM')
  assert.equal(await relay.ended, 0, relay.output().stderr)
  assert.ok(performance.now() - signalledMs < STOP_TIMEOUT_MS, 'before its stop timeout')
  const [counts] = await scratch.sql`
    select (select count(*) from audit.audit_staging)::integer as staged,
      (select count(*) from audit.audit_log)::integer as logged`
  assert.equal(counts?.['staged'] + counts?.['logged'], 20_000)
  assert.ok(counts?.['staged'] > 0, 'it was stopped in the middle')
  assert.match(relay.output().stdout, /relay stopped/)
})

// Goal: nothing that was staged depends on a relay's life.
// Method: relays are killed in the middle of their work, again and again, until all is moved.
test('SIGKILL loses nothing that was staged, and doubles nothing', async (t) => {
  const ENTRIES = 30_000
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const entries = Array.from({ length: ENTRIES }, (_, n) => encoded({ id: numberedId(n) }))
  await stage(database, 'staging', entries)
  await slowLog(scratch)
  const environment = {
    AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
    AUDIT_BATCH_ENTRIES: '50',
  }
  const logged = async () => {
    const [row] = await scratch.sql`select seq::integer as seq from audit.audit_head`
    return Number(row?.['seq'])
  }
  for (let kill = 0; kill < 4; kill += 1) {
    const before = await logged()
    const relay = spawnRelay(t, ['run'], environment)
    const hasMoved = async () => (await logged()) > before
    await waitFor(hasMoved, { timeoutMs: START_MS, what: 'a batch', intervalMs: 5 })
    relay.child.kill('SIGKILL')
    assert.equal(await relay.ended, 'SIGKILL')
  }
  const interrupted = await logged()
  assert.ok(interrupted < ENTRIES, 'the kills came in the middle')
  const last = await runRelay(t, ['--once'], { ...environment, AUDIT_BATCH_ENTRIES: '1000' })
  assert.equal(last.code, 0, last.stderr)
  const [log] = await scratch.sql`
    select count(*)::integer as entries, count(distinct id)::integer as ids, max(seq)::integer as last
    from audit.audit_log`
  assert.deepEqual({ ...log }, { entries: ENTRIES, ids: ENTRIES, last: ENTRIES })
})
