import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { type TestContext, test } from 'node:test'
import { namespacedUuid } from '../relay/import/mapping/import-id.ts'
import { type Mapping, readMapping } from '../relay/import/mapping/mapping.ts'
import { READY_MADE } from '../relay/import/mapping/ready-made.ts'
import { openDatabase as openOldDatabase } from '../relay/import/reading/old-database.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { runRelay, spawnRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { bringIn, fileWith, folderFor, MAPPING, minutes, oldRows } from './support/imports.ts'
import { relayOn, silentLogger } from './support/lanes.ts'
import { waitFor } from './support/wait-for.ts'

const SPATIE = READY_MADE['spatie'] as Mapping

/** The table of spatie/laravel-activitylog on Postgres. */
const ACTIVITY_LOG = `
  create table public.activity_log (
    id bigint primary key, log_name varchar(255), description text not null,
    subject_type varchar(255), event varchar(255), subject_id bigint,
    causer_type varchar(255), causer_id bigint, properties json, batch_uuid uuid,
    created_at timestamp(0), updated_at timestamp(0)
  )`

function oldDatabase(scratch: ScratchDatabase, mapping: Mapping) {
  const checked = readMapping(JSON.stringify(mapping), 'map.json')
  return openOldDatabase({ url: scratch.url, variable: 'OLD_URL', mapping: checked })
}

test('the table of Spatie, by a query over its key, page after page', async (t) => {
  const scratch = await scratchDatabase(t)
  void relayOn(t, scratch).start()
  await scratch.sql.unsafe(ACTIVITY_LOG)
  await scratch.sql`
    insert into public.activity_log
    select 9007199254740000 + n, 'default', 'updated', 'App\\Models\\BlogPost', 'updated', n % 5,
      'App\\Models\\User', n % 3, json_build_object('attributes', json_build_object('n', n)), null,
      timestamp '2026-03-29 00:00:00' + n * interval '1 second', null
    from generate_series(1, 10001) as n`
  await scratch.sql`
    insert into public.activity_log (id, log_name, description, created_at)
    values (1, 'auth', 'logged in', '2026-01-02 03:04:05')`
  const mapping = { ...SPATIE, timeZone: 'Europe/Berlin' }
  const log = oldDatabase(scratch, mapping)
  t.after(() => log.close())
  const result = await bringIn(t, scratch, { from: log, mapping })
  assert.deepEqual([result.read, result.logged, result.refused], [10_002, 10_002, 0])
  const entries = await scratch.sql`
    select * from audit.audit_log where action in ('blog_post.update', 'auth.logged_in') order by id`
  assert.equal(entries.length, 10_002)
  const [login, , second] = entries
  assert.equal(login?.['action'], 'auth.logged_in')
  assert.equal(login?.['occurred_at'].toISOString(), '2026-01-02T02:04:05.000Z')
  assert.equal(second?.['action'], 'blog_post.update')
  assert.equal(second?.['entity_type'], 'blog_post')
  assert.equal(second?.['user_id'], namespacedUuid('App\\Models\\User', '2'))
  assert.equal(second?.['target_id'], namespacedUuid('App\\Models\\BlogPost', '2'))
  assert.deepEqual(second?.['metadata'], { attributes: { n: 2 }, description: 'updated' })
  assert.equal(second?.['context'].imported.key, '9007199254740002')
  assert.equal(second?.['context'].causerId, 2)
  assert.equal(second?.['occurred_at'].toISOString(), '2026-03-28T23:00:02.000Z')
})

test('a query that cannot be read in the order of its key is refused in words', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`create table public.old (id integer, at timestamptz default now(), action text default 'a.b')`
  await scratch.sql`insert into public.old (id) values (1), (2), (2)`
  const mapping: Mapping = {
    query: 'select * from public.old;',
    entry: { occurredAt: 'at', action: 'action' },
  }
  const reading = (given: Mapping) =>
    bringIn(t, scratch, { from: oldDatabase(scratch, given), mapping: given })
  await assert.rejects(reading(mapping), /Two rows of the query have the key "2"/)
  const { sql } = scratch
  await sql`update public.old set id = null where ctid = (select max(ctid) from public.old)`
  await assert.rejects(reading(mapping), /A row of the query has no key: "id" is null/)
  await assert.rejects(
    reading({ ...mapping, query: 'select * from old' }),
    /names a table that is not there. Name the schema, too/,
  )
  await assert.rejects(reading({ ...mapping, key: 'uuid' }), /names a column that is not there/)
  await assert.rejects(
    reading({ ...mapping, query: 'select 1 as id from (delete from public.old returning 1) x' }),
    /it is no SQL/,
  )
  const entry = { ...mapping.entry, userId: 'user_id' }
  await assert.rejects(
    reading({ ...mapping, query: 'select * from public.old where id is not null', entry }),
    /The query has no column "user_id", which the mapping names. It has: id, at, action/,
  )
  const [runs] = await sql`select count(*)::integer as runs from audit.audit_import_run`
  assert.equal(runs?.['runs'], 0, 'a mapping that was mended is no other mapping')
})

test('files of CloudTrail as AWS delivers them, one after the other', async (t) => {
  const scratch = await scratchDatabase(t)
  void relayOn(t, scratch).start()
  const record = {
    eventID: 'e1',
    eventTime: '2026-09-01T10:00:00Z',
    eventSource: 'ec2.amazonaws.com',
    eventName: 'RunInstances',
    awsRegion: 'eu-central-1',
    sourceIPAddress: '203.0.113.7',
    userIdentity: { type: 'IAMUser', arn: 'arn:aws:iam::1:user/ada' },
    requestParameters: { instanceType: 't3.micro', password: 'canary' },
    recipientAccountId: '123456789012',
    requestID: 'r-1',
  }
  const denied = { ...record, eventID: 'e2', errorCode: 'AccessDenied' }
  const mapping = READY_MADE['cloudtrail']
  const from = fileWith(
    t,
    'trail.json.gz',
    gzipSync(JSON.stringify({ Records: [record, denied, denied] })),
  )
  const result = await bringIn(t, scratch, { from, mapping })
  assert.deepEqual([result.read, result.logged, result.repeated], [3, 2, 1])
  const entries = await scratch.sql`
    select * from audit.audit_log where action = 'ec2.run_instances' order by outcome nulls first`
  assert.deepEqual(
    entries.map((entry) => entry['outcome']),
    [null, 'denied'],
  )
  const [entry] = entries
  assert.equal(entry?.['user_id'], namespacedUuid('aws', 'arn:aws:iam::1:user/ada'))
  assert.equal(entry?.['request_id'], 'r-1')
  assert.equal(entry?.['context'].ip, '203.0.113.7')
  assert.doesNotMatch(JSON.stringify(entries), /canary/)
})

test('a plain table as CSV, in a log with text ids: numbers stay what they were', async (t) => {
  const scratch = await scratchDatabase(t)
  await migrateDatabase({ databaseUrl: scratch.url, ids: 'text', logger: silentLogger() })
  void relayOn(t, scratch).start()
  const from = fileWith(
    t,
    'old.csv',
    'user_id,event_id,action,entity_type,target_id,metadata,request_id,created_at\r\n' +
      '42,,guest.check_in,guest,7,"{""gate"": ""A, B""}",,2026-09-01 10:00:00.123456+00\r\n' +
      'auth0|x,e-1,guest.leave,guest,8,not json,r-1,2026-09-01 12:00:00+02\r\n',
  )
  const result = await bringIn(t, scratch, { from, mapping: READY_MADE['plain'] })
  assert.equal(result.logged, 2)
  const entries = await scratch.sql`
    select *, occurred_at::text as at from audit.audit_log where entity_type = 'guest' order by id`
  const [later, first] = entries
  assert.equal(first?.['user_id'], '42')
  assert.equal(first?.['event_id'], null)
  assert.equal(first?.['target_id'], '7')
  assert.deepEqual(first?.['metadata'], { gate: 'A, B' })
  assert.match(first?.['at'], /10:00:00.123456/)
  assert.equal(later?.['user_id'], 'auth0|x')
  assert.deepEqual(later?.['metadata'], { value: 'not json' })
  assert.equal(later?.['context'].imported.key, '2')
})

test('ids that are no UUIDs, where nothing makes UUIDs of them, are kept in the context', async (t) => {
  const scratch = await scratchDatabase(t)
  void relayOn(t, scratch).start()
  const from = fileWith(t, 'old.ndjson', oldRows(minutes(2)))
  const mapping = { ...MAPPING, entry: { ...MAPPING.entry, userId: 'user_id' } }
  const result = await bringIn(t, scratch, { from, mapping })
  assert.deepEqual([...result.marks], [['userId.invalid', 2]])
  const [entry] = await scratch.sql`
    select user_id, context from audit.audit_log where action = 'guest.check_in' order by id`
  assert.equal(entry?.['user_id'], null)
  assert.equal(entry?.['context'].invalid.userId, '0')
  assert.deepEqual(entry?.['context'].degraded, ['userId.invalid'])
})

function mapFile(t: TestContext, mapping: unknown = MAPPING): string {
  return fileWith(t, 'map.json', JSON.stringify(mapping))
}

test('audit-relay import: a dry run, a kill, the same again, and what cannot be', async (t) => {
  const scratch = await scratchDatabase(t)
  const folder = folderFor(t)
  const rows = [...minutes(45_000), { id: 'bad', action: 'a.b' }]
  const file = path.join(folder, 'old.ndjson')
  fs.writeFileSync(file, oldRows(rows))
  const environment = { AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_keeper') }
  const refused = path.join(folder, 'refused.ndjson')
  const command = ['import', file, '--map', mapFile(t), '--name', 'old-log', '--json']

  const dry = await runRelay(t, [...command, '--dry-run'], environment)
  assert.equal(dry.code, 1)
  const preview = JSON.parse(dry.stdout)
  assert.equal(preview.entries.length, 20)
  assert.deepEqual(preview.reasons, { 'it has no time': 1 })
  assert.equal(preview.from, '2026-09-01T00:00:00.000Z')
  assert.deepEqual(preview.months, { '2026-09': 43_200, '2026-10': 1_800 })
  assert.match(dry.stderr, /^row 45001 \(key bad\) was refused: it has no time$/m)
  const [runs] = await scratch.sql`select count(*)::integer as runs from audit.audit_import_run`
  assert.equal(runs?.['runs'], 0, 'it has written nothing')

  void relayOn(t, scratch).start()
  const killed = spawnRelay(t, command, environment)
  const hasRead = async () => {
    const [run] = await scratch.sql`select read::integer as read from audit.audit_import_run`
    return (run?.['read'] ?? 0) > 0
  }
  await waitFor(hasRead, { what: 'the first window to be in the log', timeoutMs: 120_000 })
  killed.child.kill('SIGKILL')
  await killed.ended

  const again = await runRelay(t, [...command, '--refused', refused], environment)
  assert.equal(again.code, 1, again.stderr)
  const { seconds: _, mapping, ...result } = JSON.parse(again.stdout)
  assert.match(mapping, /^[0-9a-f]{64}$/)
  assert.deepEqual(result, {
    ...{ name: 'old-log', goesOn: true, read: 45_001, logged: 45_000, refused: 1 },
    ...{ repeated: 0, deadLetters: 0, reasons: { 'it has no time': 1 }, marks: {} },
  })
  assert.deepEqual(JSON.parse(fs.readFileSync(refused, 'utf8')), {
    ...{ row: 45_001, key: 'bad', reason: 'it has no time', text: JSON.stringify(rows.at(-1)) },
  })
  assert.equal(fs.statSync(refused).mode & 0o777, 0o600)
  const [counts] = await scratch.sql`
    select count(*)::integer as entries, count(distinct metadata -> 'n')::integer as rows,
      (select max(seq) - count(*) from audit.audit_log)::integer as holes
    from audit.audit_log where action = 'guest.check_in'`
  assert.deepEqual({ ...counts }, { entries: 45_000, rows: 45_000, holes: 0 })

  const other = mapFile(t, { ...MAPPING, timeZone: 'Europe/Berlin' })
  const forbidden = await runRelay(
    t,
    ['import', file, '--map', other, '--name', 'old-log'],
    environment,
  )
  assert.equal(forbidden.code, 4)
  assert.match(forbidden.stderr, /begun with another mapping/)
})

test('audit-relay import: what is wrong is said before anything is done', async (t) => {
  const csv = fileWith(t, 'old.csv', 'id,at\n1,2026-01-01\n')
  const map = mapFile(t)
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [[csv], /Give --map/],
    [[csv, '--map', map], /Give --name/],
    [['--map', map, '--name', 'x'], /Give files, or --from-env/],
    [
      [csv, '--map', 'nowhere.json', '--name', 'x'],
      /"nowhere.json" does not exist.*Ready-made ones are spatie/,
    ],
    [[csv, '--map', map, '--name', 'x', '--dry-run'], /has no column "created_at", "action"/],
    [['--from-env', 'OLD', '--map', map, '--name', 'x'], /The variable OLD is not set/],
    [[csv, '--map', map, '--name', 'x', '--time-zone', 'Nowhere'], /timeZone must be a zone/],
    [['old.xml', '--map', map, '--name', 'x'], /does not tell its format/],
  ]
  for (const [args, message] of wrong) {
    const { code, stderr } = await runRelay(t, ['import', ...args])
    assert.equal(code, 2, stderr)
    assert.match(stderr, message)
  }
  const printed = await runRelay(t, ['import', '--print-map', 'plain'])
  assert.deepEqual(JSON.parse(printed.stdout), READY_MADE['plain'])
})
