import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { reportText } from '../relay/cli/operate/print-diagnosis.ts'
import { runRelay } from './support/audit-relay.ts'
import { scratchDatabase } from './support/database.ts'
import { urlsOf } from './support/doctor.ts'

test('doctor prints each finding with its remedy, as text, JSON and SQL', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`alter table audit.audit_staging set logged`
  const only = ['--only', 'table-logged']
  const [text, json, sql] = await Promise.all([
    runRelay(t, ['doctor', ...only], urlsOf(scratch)),
    runRelay(t, ['doctor', '--json', ...only], urlsOf(scratch)),
    runRelay(t, ['doctor', '--sql', ...only], urlsOf(scratch)),
  ])
  assert.deepEqual([text.code, json.code, sql.code], [4, 4, 4], text.stderr)
  assert.match(text.stdout, /^ {2}warning {2}audit\.audit_staging is LOGGED.*\[table-logged\]$/m)
  assert.match(text.stdout, /^ {8}alter table audit\.audit_staging set unlogged;$/m)
  assert.ok(!text.stdout.includes('\u001b'), 'no colours in a file')
  const { findings } = JSON.parse(json.stdout)
  assert.deepEqual(
    findings.map(({ kind, severity, remedy }: Record<string, unknown>) => [kind, severity, remedy]),
    [['table-logged', 'warning', { sql: 'alter table audit.audit_staging set unlogged;' }]],
  )
  await scratch.sql.unsafe(sql.stdout)
  const mended = await runRelay(t, ['doctor', ...only], urlsOf(scratch))
  assert.equal(mended.code, 0, mended.stdout)
  assert.match(mended.stdout, /^Nothing is wrong\.$/m)
})

test('doctor exits with 3 for an error, 1 where no database answers, 2 without a URL', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`update audit.audit_head set seq = 7`
  const [error, nobody, misuse] = await Promise.all([
    runRelay(t, ['doctor'], urlsOf(scratch)),
    runRelay(t, ['doctor'], { DATABASE_URL: 'postgres://audit:canary@127.0.0.1:1/x' }),
    runRelay(t, ['doctor']),
  ])
  assert.equal(error.code, 3, error.stdout + error.stderr)
  assert.match(error.stdout, /\[log-ends-early\]\n {8}\$ audit-relay restored$/m)
  assert.equal(nobody.code, 1)
  assert.match(nobody.stdout, /DATABASE_URL does not connect \(ECONNREFUSED\)/)
  assert.doesNotMatch(nobody.stdout + nobody.stderr, /canary/)
  assert.equal(misuse.code, 2)
  assert.match(misuse.stderr, /set DATABASE_URL, or the URL of a role/)
})

test('in a terminal the groups have signs, and long lines are wrapped', () => {
  const finding = {
    kind: 'lag',
    severity: 'error',
    text: 'It waits, and it waits, and it waits, and it waits.',
    remedy: { command: 'audit-relay run', advice: 'Soon.' },
  } as const
  const report = {
    examined: [
      { area: 'flow', what: 'lag', findings: [finding] },
      { area: 'server', what: 'version', findings: [], said: 'PostgreSQL 18.4' },
      { area: 'log', what: 'seq', findings: [], skipped: { why: 'not permitted' } },
    ],
  } as const
  const shown = stripVTControlCharacters(reportText(report, 40))
  assert.equal(
    shown,
    'Server\n  ✔ version: PostgreSQL 18.4\n\nLog\n  – seq: not permitted\n\n' +
      'Flow\n  ✗ It waits, and it waits, and it\n    waits, and it waits. [lag]\n' +
      '        $ audit-relay run\n      Soon.\n\n1 error.\n',
  )
})

// Goal: cron hears of a figure above its limit, by the exit code and one line, and else of nothing.
test('status --check is red for lag and dead letters above their limits', async (t) => {
  const scratch = await scratchDatabase(t)
  const check = (...args: string[]) =>
    runRelay(t, ['status', '--check', ...args], {
      AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
    })
  const green = await check()
  assert.deepEqual([green.code, green.stderr], [0, ''], green.stderr)
  assert.match(green.stdout, /^green: lag 0 ms, waiting 0, dead letters 0, missing 0\n$/)

  await scratch.sql`insert into audit.audit_outbox (id, occurred_at, action, metadata, context)
    values (audit.id_floor(now() - interval '10 minutes'), now(), 'guest.check_in', '{}', '{}')`
  await scratch.sql`insert into audit.audit_dead_letter (lane, sqlstate) values ('outbox', '22023')`
  const [red, patient, json] = await Promise.all([
    check(),
    check('--max-lag', '2h', '--max-dead-letters', '1', '--max-depth', '0'),
    check('--json', '--max-lag', '2h'),
  ])
  assert.deepEqual([red.code, red.stdout], [3, ''])
  assert.match(
    red.stderr,
    /^red: lag 6\d{5} ms \(at most 300000 ms\), dead letters 1 \(at most 0\)\n$/,
  )
  assert.deepEqual([patient.code, patient.stderr], [3, 'red: waiting 1 (at most 0)\n'])
  const said = JSON.parse(json.stdout)
  assert.deepEqual(
    [said.isRed, said.reasons, said.deadLetters],
    [true, ['dead letters 1 (at most 0)'], 1],
  )
})
