import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { createRelay } from '../relay/index.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { exportToFile } from '../src/export/index.ts'
import { eraseUser } from '../relay/erase/erase-entries.ts'
import { ErasureFile, readErasures } from '../relay/erase/erasure-file.ts'
import { Erasures } from '../relay/erase/erasures.ts'
import {
  ALL_FIELDS,
  auditErase,
  DRAINED,
  entryOf,
  entryText,
  erase,
  filledLog,
  SECRET,
} from './support/erasures.ts'
import { readerOf, scratchFolder } from './support/exports.ts'
import { openDatabase, silentLogger } from './support/lanes.ts'
import { connectAs } from './support/logins.ts'
import { runRelay, spawnRelay } from './support/audit-relay.ts'
import { emptyDatabase } from './support/database.ts'
import { waitFor } from './support/wait-for.ts'

const [USER, OTHER, GUEST] = [randomUUID(), randomUUID(), randomUUID()] as [string, string, string]
const REASON = ['--reason', 'request 7']
const NOT_NOTED = /AUDIT_STATE_DIR is not set/

test('--user empties what the user did, and of what was done to the user what may name the user', async (t) => {
  const { scratch, relay } = await filledLog(t, [
    { user: USER, target: OTHER },
    { user: OTHER, actor: USER },
    { user: OTHER, target: USER, metadata: { of: USER } },
    { user: OTHER, target: GUEST, more: [GUEST, USER] },
    { user: OTHER, target: GUEST, metadata: { seenBy: [USER] } },
    { user: OTHER, target: GUEST },
  ])
  const before = await Promise.all([3, 4, 5, 6].map((seq) => entryOf(scratch, seq)))
  const state = scratchFolder(t)
  const { code, stdout, stderr } = await auditErase(
    t,
    scratch,
    ['--user', USER, ...REASON, '--yes', '--json'],
    { AUDIT_STATE_DIR: state },
  )
  assert.equal(code, 0, stderr)
  const said = JSON.parse(stdout)
  assert.deepEqual([said.entries, said.own, said.erased, said.held], [4, 2, 4, []])
  assert.deepEqual(said.naming, {
    entries: 1,
    byAction: { 'guest.check_in': 1 },
    first: [{ seq: 5, action: 'guest.check_in', fields: ['metadata'] }],
  })
  for (const seq of [1, 2]) {
    const entry = await entryOf(scratch, seq)
    for (const field of ALL_FIELDS.slice(0, 5)) assert.equal(entry[field], null, `${seq} ${field}`)
    assert.deepEqual([entry.metadata, entry.context, entry.action], [{}, {}, 'guest.check_in'])
  }
  const blank = { target_id: null, more_targets: null, metadata: {}, context: {} }
  assert.deepEqual(await entryOf(scratch, 3), { ...before[0], ...blank })
  assert.deepEqual(await entryOf(scratch, 4), { ...before[1], ...blank })
  assert.deepEqual(await entryOf(scratch, 5), before[2])
  assert.deepEqual(await entryOf(scratch, 6), before[3])

  await relay.drain(DRAINED)
  const own = await entryOf(scratch, 7)
  assert.deepEqual(
    [own.action, own.metadata.seqs, own.metadata.fields],
    ['audit.erase', [[1, 2]], ALL_FIELDS],
  )
  const done = await entryOf(scratch, 8)
  assert.deepEqual(done.metadata.seqs, [[3, 4]])
  assert.deepEqual(done.metadata.fields, ['target_id', 'more_targets', 'metadata', 'context'])

  await auditErase(t, scratch, ['--entry', '5', '--fields', 'metadata', ...REASON, '--yes'])
  const out = path.join(scratchFolder(t), 'about.ndjson')
  const { rows } = await exportToFile(readerOf(t, scratch), { out, about: USER })
  assert.equal(rows, 0, 'nothing names the user')
  const noted = await readErasures(state)
  assert.deepEqual(
    noted.map(({ seq, fields }) => [seq, fields.length]),
    [
      [1, 5],
      [2, 5],
      [3, 3],
      [4, 4],
    ],
  )
})

test('a dry run changes nothing, and lists each place that holds something of the user', async (t) => {
  const { scratch, relay } = await filledLog(t, [
    { user: USER },
    { user: OTHER, metadata: { for: USER } },
  ])
  const { sql } = scratch
  const reader = connectAs(t, scratch, 'audit_reader')
  await reader`select audit.note_read(false, ${OTHER}, ${JSON.stringify({ filter: { user: USER } })}::text::jsonb, '{}')`
  await relay.drain(DRAINED)
  await sql`insert into audit.audit_dead_letter (entry) values (${`{"user_id": "${USER}"}`}), ('{}')`
  await sql`select audit.record(${JSON.stringify({ action: 'a.b', user_id: USER })})`
  await sql`
    insert into audit.audit_archive (partition, format, rows, first_seq, last_seq, digest, url, stored_at)
    values ('audit_log_x', 'ndjson', 1, 1, 1, 'd', 'file:///archive/x', now()),
      ('audit_log_y', 'ndjson', 1, 2, 2, 'e', 'file:///archive/y', now())`
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const [placed] = await keeper`select audit.place_hold('case 7', user_id => ${USER}) as id`
  await keeper`select audit.release_hold(${placed?.['id']})`
  const before = await sql`select * from audit.audit_log order by seq`

  const { code, stdout } = await auditErase(t, scratch, ['--user', USER.toUpperCase(), '--dry-run'])
  assert.equal(code, 0)
  for (const words of [
    /^Something is erased of 1 entry: all fields of 1 /m,
    /^Entries of others that name the user .*: 2 \(1 guest\.check_in, 1 audit\.read\), seq 2, 3\./m,
    /^Dead letters that name the user: 1\. To drop one: audit-relay dead-letters drop/m,
    /^In a lane, naming the user: 2 entries\./m,
    new RegExp(`^Legal holds that name the user, .*: ${placed?.['id']}`, 'm'),
    /^Archived file of audit_log_x: file:\/\/\/archive\/x$/m,
    /backups, replicas, and the WAL/,
    /journals and exit dumps/,
    /names of logins in written_by, which are never erased/,
  ]) {
    assert.match(stdout, words)
  }
  assert.doesNotMatch(stdout, /archive\/y/)
  assert.ok(!stdout.includes(SECRET))
  assert.deepEqual(await sql`select * from audit.audit_log order by seq`, before)
  const [erased] = await sql`select count(*)::integer as erasures from audit.audit_erasure`
  assert.equal(erased?.['erasures'], 0)
})

test('wrong arguments are refused before anything is done', async (t) => {
  const { scratch, relay } = await filledLog(t, [{ user: USER }])
  await erase(connectAs(t, scratch, 'audit_eraser'), [1], ['context'])
  await relay.drain(DRAINED)
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [REASON, /give --user or --entry/],
    [['--user', USER, '--entry', '1', ...REASON], /give --user or --entry/],
    [['--user', USER], /Say why: --reason/],
    [['--user', USER, '--reason', ' ', '--yes'], /--reason must have 1 to 1000 characters/],
    [['--user', 'ada', ...REASON, '--yes'], /--user is no UUID/],
    [['--entry', 'x', ...REASON], /--entry takes numbers of entries/],
    [
      ['--entry', '1', '--fields', 'user_id,action', ...REASON],
      /--fields must be some of .* got "action"/,
    ],
    [['--user', USER, '--dry-run', '--scrub'], /--scrub does not go with --dry-run/],
    [['--entry', '1', '77', ...REASON, '--yes'], /The log has no entry 77\./],
    [['--entry', '2', ...REASON, '--yes'], /Entry 2 is one of the log's own \(audit\.erase\)/],
    [['--entry', '1', ...REASON], /There is no terminal to ask on: erase needs --yes/],
  ]
  for (const [args, message] of cases) {
    const { code, stderr } = await auditErase(t, scratch, args)
    assert.equal(code, 2, args.join(' '))
    assert.match(stderr, message)
  }
  assert.equal((await entryOf(scratch, 1)).user_id, USER)
})

test('a hold ends it with 4 and names the hold, and a login without the role is told so', async (t) => {
  const { scratch } = await filledLog(t, [{ user: USER }, { user: USER, target: GUEST }])
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const [placed] = await keeper`select audit.place_hold('case 7', target_id => ${GUEST}) as id`
  for (const what of [
    ['--user', USER],
    ['--entry', '1', '2'],
  ]) {
    const { code, stdout } = await auditErase(t, scratch, [...what, ...REASON, '--yes'])
    assert.equal(code, 4)
    assert.match(stdout, new RegExp(`On hold, .*: 1 entry, 2 by ${placed?.['id']}\\.`))
  }
  assert.equal((await entryOf(scratch, 1)).user_id, USER)
  const stranger = await auditErase(t, scratch, ['--user', USER, ...REASON, '--yes'], {
    AUDIT_ERASER_DATABASE_URL: scratch.urlAs('audit_keeper'),
  })
  assert.equal(stranger.code, 4)
  assert.match(stranger.stderr, /lacks the role audit_eraser: grant audit_eraser to /)
  const { code, stdout } = await auditErase(t, scratch, ['--entry', '1', ...REASON, '--yes'])
  assert.equal(code, 0)
  assert.match(stdout, /^1 entry erased\.$/m)
  assert.match(stdout, NOT_NOTED)
})

// Goal: an eraser that is killed at any moment is finished by the next run, on file too.
// Method: the process ends between the commit and the file, and the file's last line is cut off.
test('the file of erasures knows after the next run what a killed one has not noted', async (t) => {
  const { scratch } = await filledLog(t, [{ user: USER }, { user: USER }, { user: OTHER }])
  const state = scratchFolder(t)
  const erasures = new Erasures(openDatabase(t, scratch.urlAs('audit_eraser')))
  await erasures.erase([1], ['user_id', 'metadata'], 'killed behind it')
  const file = await ErasureFile.open(state)
  const text = path.join(state, 'erasures.ndjson')
  fs.appendFileSync(text, '{"seq":1,"id":"0190')
  const again = await ErasureFile.open(state)
  const { signal } = new AbortController()
  const options = { reason: 'request 7', file: again, signal }
  assert.equal(await eraseUser(erasures, USER, options), 1)
  assert.equal(await eraseUser(erasures, USER, options), 0)
  assert.deepEqual(
    (await readErasures(state)).map(({ seq, fields }) => [seq, fields]),
    [
      [1, ['user_id', 'metadata']],
      [2, ['user_id', 'request_id', 'metadata', 'context']],
    ],
  )
  assert.equal(fs.statSync(text).mode & 0o777, 0o600)
  assert.ok(!fs.readFileSync(text, 'utf8').includes(SECRET))
  assert.equal(await file.note([]), 0)
  fs.appendFileSync(text, 'not ours\n')
  await assert.rejects(readErasures(state), /Line 3 of .* is no erasure/)
})

test('ids of any kind are erased, with one login for everything', async (t) => {
  const scratch = await emptyDatabase(t)
  await migrateDatabase({ databaseUrl: scratch.url, ids: 'text', roles: 'off' })
  const user = 'auth0|"5f7c"\\ü.*'
  const relay = createRelay({ databaseUrl: scratch.url, logger: silentLogger() })
  t.after(() => relay.stop())
  for (const entry of [
    { user },
    { target: '42', more: [user] },
    { user: '42', metadata: { path: `/users/${user}` } },
    { user: '42', metadata: { user: 'auth0|"5f7c"\\ü.x' } },
  ]) {
    await scratch.sql`select audit.record(${entryText(entry)})`
    await relay.drain(DRAINED)
  }
  const run = (...args: string[]) =>
    runRelay(t, ['erase', ...args, ...REASON, '--yes', '--json'], { DATABASE_URL: scratch.url })
  const { code, stdout, stderr } = await run('--user', user, '--scrub')
  assert.equal(code, 0, stderr)
  const said = JSON.parse(stdout)
  assert.deepEqual(
    [said.erased, said.own, said.naming.first.map(({ seq }: { seq: number }) => seq)],
    [2, 1, [3]],
  )
  assert.equal(said.scrubbed.entries, 2)
  const left = await scratch.sql`
    select seq::integer as seq from audit.audit_log as l where l::text like '%auth0%' order by 1`
  assert.deepEqual(
    left.map(({ seq }) => seq),
    [3, 4],
  )
  assert.equal(JSON.parse((await run('--user', '42')).stdout).erased, 2)
})

// Goal: a kill at any moment leaves whole batches, and the next run does the rest.
// Method: the command is killed once it has said that it erased some.
test('an erasure that is killed is finished by the next run', async (t) => {
  const { scratch } = await filledLog(t, [])
  const entries = 4_000
  await scratch.sql`
    insert into audit.audit_log (id, seq, occurred_at, action, user_id, metadata)
    select audit.new_id(), n, now(), 'guest.check_in', ${USER}, jsonb_build_object('n', n)
    from generate_series(1, ${entries}::integer) as n`
  await scratch.sql`update audit.audit_head set seq = ${entries}`
  const state = scratchFolder(t)
  const environment = {
    AUDIT_ERASER_DATABASE_URL: scratch.urlAs('audit_eraser'),
    AUDIT_STATE_DIR: state,
  }
  const args = ['erase', '--user', USER, ...REASON, '--yes', '--json']
  const erased = async () => {
    const [row] = await scratch.sql`select count(*)::integer as n from audit.audit_erasure`
    return Number(row?.['n'])
  }
  const first = spawnRelay(t, args, environment)
  await waitFor(async () => (await erased()) > 0, { what: 'a batch', intervalMs: 2 })
  first.child.kill('SIGKILL')
  await first.ended
  const before = await erased()
  assert.equal(before % 1_000, 0)
  const { code, stdout, stderr } = await runRelay(t, args, environment)
  assert.equal(code, 0, stderr)
  assert.equal(JSON.parse(stdout).erased, entries - before)
  assert.equal((await readErasures(state)).length, entries)
  const [left] = await scratch.sql`
    select count(*)::integer as entries from audit.audit_log where user_id is not null`
  assert.equal(left?.['entries'], 0)
})
