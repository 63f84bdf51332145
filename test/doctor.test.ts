import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { OURS } from '../relay/doctor/log.ts'
import { applyRetention } from '../relay/retention/apply-retention.ts'
import { createIdGenerator } from '../src/ids/uuid7.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { describeSchema } from './support/catalog.ts'
import { findingsOf } from '../relay/doctor/visit/finding.ts'
import { runRelay } from './support/audit-relay.ts'
import { pgBouncer } from './support/pgbouncer.ts'
import { emptyDatabase, type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { examineWith, faultsOf, urlsOf } from './support/doctor.ts'
import { loginServer } from './support/login-server.ts'
import { connectAs } from './support/logins.ts'
import { serverUrl, withClient } from './support/server.ts'
import { encoded, openDatabase, relayOn, stage } from './support/lanes.ts'
import { keepUntil, logOld, makePartition } from './support/old-log.ts'
import { setPolicy } from './support/policies.ts'

const shown = (value: unknown) => JSON.stringify(value, null, 1)

async function withEntries(t: TestContext, scratch: ScratchDatabase, count: number) {
  const nextId = createIdGenerator()
  const rows = Array.from({ length: count }, () => encoded({ id: nextId(Date.now()) }))
  await stage(openDatabase(t, scratch.url), 'outbox', rows)
  await relayOn(t, scratch).drain({ deadlineMs: 20_000 })
}

test('a healthy database has no finding, fresh and with entries', async (t) => {
  const scratch = await scratchDatabase(t)
  const fresh = await examineWith(urlsOf(scratch))
  assert.deepEqual(await faultsOf(urlsOf(scratch)), [], shown(fresh))
  await withEntries(t, scratch, 25)
  assert.deepEqual(await faultsOf(urlsOf(scratch)), [])
  // Of the login of each role alone nothing is found either, and what it may not see is said.
  for (const url of Object.values(urlsOf(scratch))) {
    assert.deepEqual(await faultsOf({ DATABASE_URL: url }), [])
  }
  const { examined } = await examineWith({ DATABASE_URL: scratch.urlAs('audit_app') })
  const skipped = examined.filter(({ skipped }) => skipped).map(({ what }) => what)
  assert.ok(skipped.includes('seq and head'), shown(skipped))
  assert.ok(skipped.includes('dead letters'), shown(skipped))
})

test('what policies removed is not missing, and the entry that says so is ours', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  await makePartition(sql, 3)
  const old = ['temp.a', 'billing.pay', 'temp.a'].map((action) => ({ months: 3, action }))
  await logOld(sql, old)
  await setPolicy(sql, 'temp.*', keepUntil(3))
  await applyRetention(openDatabase(t, scratch.urlAs('audit_keeper')))
  const { examined } = await examineWith(urlsOf(scratch))
  const said = examined.find(({ what }) => what === 'seq and head')
  assert.match(shown(said), /policies removed 2/)
  assert.deepEqual(await faultsOf(urlsOf(scratch)), [])
  // One that nobody accounts for is still found.
  await sql`update audit.audit_head set seq = seq + 1`
  await logOld(sql, [{ months: 3, action: 'billing.pay' }])
  const [missing] = await faultsOf(urlsOf(scratch))
  assert.match(shown(missing), /entries-missing/)
})

test('doctor knows each entry of our own that the schema writes', () => {
  const folder = path.join(import.meta.dirname, '../src/schema/functions')
  const written = fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.sql'))
    .map((name) => fs.readFileSync(path.join(folder, name), 'utf8'))
    .flatMap((text) =>
      Array.from(text.matchAll(/put_ours\(\s*'([a-z_.]+)'/g), ([, one]) => one ?? ''),
    )
  assert.ok(written.length > 8, shown(written))
  assert.deepEqual(
    written.filter((action) => !OURS.includes(action)),
    [],
  )
})

interface Planted {
  readonly what: string
  readonly kind: string
  readonly sql: string
  /** How many entries are logged before. @default 20 */
  readonly entries?: number
  /** What the finding has to name. */
  readonly names: RegExp
  /** Whether only a person can decide what to do. */
  readonly byHand?: true
}

/** A partition as a careful owner makes it by hand. */
function byHand(from: string, to: string | undefined): string {
  return `create table audit.late partition of audit.audit_log
      for values from ('${from}') to (${to === undefined ? 'maxvalue' : `'${to}'`});
    select audit.guard_log_table('audit.late');
    alter table audit.late owner to audit_owner`
}

const PLANTED: readonly Planted[] = [
  {
    what: 'staging became LOGGED',
    kind: 'table-logged',
    sql: 'alter table audit.audit_staging set logged',
    names: /audit_staging/,
  },
  {
    what: 'the outbox became UNLOGGED',
    kind: 'table-unlogged',
    sql: 'alter table audit.audit_outbox set unlogged',
    names: /audit_outbox/,
  },
  {
    what: 'a trigger of the log is disabled',
    kind: 'guard-off',
    sql: 'alter table audit.audit_log disable trigger audit_log_append_only',
    names: /audit_log lacks the trigger audit_log_append_only/,
  },
  {
    what: 'a trigger of a partition fires only as origin',
    kind: 'guard-off',
    sql: 'alter table audit.audit_log_default enable trigger audit_log_row_append_only',
    names: /audit_log_default/,
  },
  {
    what: 'a partition lost its statement trigger',
    kind: 'guard-off',
    sql: 'drop trigger audit_log_append_only on audit.audit_log_default',
    names: /audit_log_default/,
  },
  {
    what: 'no DEFAULT',
    kind: 'no-default-partition',
    sql: 'drop table audit.audit_log_default',
    names: /DEFAULT/,
  },
  {
    what: 'a partition made by hand',
    kind: 'partition-not-known',
    sql: byHand('0f000000-0000-0000-0000-000000000000', '0f100000-0000-0000-0000-000000000000'),
    names: /audit\.late/,
  },
  {
    what: 'a partition made by hand, without an end',
    kind: 'partition-by-hand',
    sql: byHand('0f000000-0000-0000-0000-000000000000', undefined),
    names: /audit\.late/,
  },
  {
    what: 'the catalogue has other bounds',
    kind: 'catalogue-differs',
    sql: `update audit.audit_partition set to_id = '0f000000-0000-0000-0000-000000000000'
      where from_id = (select from_id from audit.audit_partition order by from_id limit 1)`,
    names: /audit\.audit_log_\d{4}_\d{2} .*readers may miss/,
  },
  {
    what: 'a partition was detached',
    kind: 'partition-gone',
    sql: `do $$ begin execute format('alter table audit.audit_log detach partition audit.%I',
      (select name from audit.audit_partition order by from_id desc limit 1)); end $$`,
    names: /audit_log_\d{4}_\d{2}, and the log has no such/,
  },
  {
    what: 'partitions ran out',
    kind: 'partitions-run-out',
    entries: 0,
    sql: `do $$ declare part regclass; begin
      for part in select relid from pg_partition_tree('audit.audit_log') where level = 1
        and relid <> 'audit.audit_log_default'::regclass loop
        execute format('drop table %s', part);
      end loop; end $$`,
    names: /Today or tomorrow has no partition/,
  },
  {
    what: 'a function has another text',
    kind: 'function-differs',
    sql: `create or replace function audit.is_reserved("action" text) returns boolean
      language sql immutable parallel safe as $$ select false $$`,
    names: /audit\.is_reserved/,
  },
  {
    what: 'a function lost SECURITY DEFINER',
    kind: 'function-differs',
    sql: 'alter function audit.backlog() security invoker',
    names: /audit\.backlog/,
  },
  {
    what: 'a function lost its search_path',
    kind: 'function-differs',
    sql: 'alter function audit.status() reset search_path',
    names: /audit\.status/,
  },
  {
    what: 'a function is missing',
    kind: 'function-missing',
    sql: 'drop function audit.declare_gap()',
    names: /audit\.declare_gap/,
  },
  {
    what: 'a trigger of somebody else on the outbox',
    kind: 'trigger-strange',
    sql: `create function public.slow() returns trigger language plpgsql as $$ begin return new; end $$;
      create trigger slow before insert on audit.audit_outbox for each row execute function public.slow()`,
    names: /slow on audit\.audit_outbox/,
  },
  {
    what: 'PUBLIC may write the log',
    kind: 'grant-too-wide',
    sql: 'grant insert on audit.audit_log to public',
    names: /PUBLIC.*INSERT.*audit_log/,
  },
  {
    what: 'the application may read the log',
    kind: 'grant-too-wide',
    sql: 'grant select on audit.audit_log to audit_app',
    names: /audit_app has SELECT.*audit_log/,
  },
  {
    what: 'everybody may call a function',
    kind: 'grant-too-wide',
    sql: 'grant execute on function audit.drop_dead_letter(bigint) to public',
    names: /EXECUTE.*drop_dead_letter/,
  },
  {
    what: 'one column may be changed',
    kind: 'grant-too-wide',
    sql: 'grant update (action) on audit.audit_log to audit_reader',
    names: /audit_reader has UPDATE/,
  },
  {
    what: 'a grant is missing',
    kind: 'grant-missing',
    sql: 'revoke execute on function audit.lane_state(uuid) from audit_app',
    names: /lane_state to audit_app/,
  },
  {
    what: 'a table belongs to somebody else',
    kind: 'owner',
    sql: 'alter table audit.audit_dead_letter owner to current_user',
    names: /audit_dead_letter/,
  },
  {
    what: 'the head is behind the log',
    kind: 'head-behind',
    sql: 'update audit.audit_head set seq = seq - 5',
    names: /seq 20.*15/,
  },
  {
    what: 'the last entries are gone',
    kind: 'log-ends-early',
    sql: `alter table audit.audit_log disable trigger all;
      do $$ declare part regclass; begin
        for part in select relid from pg_partition_tree('audit.audit_log') loop
          execute format('alter table %s disable trigger all', part);
        end loop; end $$;
      delete from audit.audit_log where seq > 17`,
    names: /at 20.*17/,
    byHand: true,
  },
  {
    what: 'entries in the middle are gone',
    kind: 'entries-missing',
    sql: `do $$ declare part regclass; begin
        for part in select relid from pg_partition_tree('audit.audit_log') loop
          execute format('alter table %s disable trigger all', part);
        end loop; end $$;
      delete from audit.audit_log where seq in (4, 5, 6)`,
    names: /20 entries.*17.*3 are gone/,
    byHand: true,
  },
  {
    what: 'an entry was written by hand, under our name',
    kind: 'reserved-action',
    sql: `insert into audit.audit_log (id, seq, occurred_at, action)
      select audit.new_id(), seq + 1, now(), 'audit.cleaned' from audit.audit_head;
      update audit.audit_head set seq = seq + 1`,
    names: /seq 21/,
    byHand: true,
  },
  {
    what: 'the outbox has no replica identity',
    kind: 'no-replica-identity',
    sql: 'alter table audit.audit_outbox replica identity default',
    names: /audit_outbox/,
  },
  {
    what: 'autovacuum is off for the head',
    kind: 'storage-options',
    sql: 'alter table audit.audit_head set (autovacuum_enabled = off)',
    names: /audit_head/,
  },
  {
    what: 'an index is missing',
    kind: 'index-missing',
    sql: 'drop index audit.audit_log_user',
    names: /audit_log_user/,
  },
  {
    what: 'the partitions lack an index',
    kind: 'index-invalid',
    sql: `drop index audit.audit_log_user;
      create index audit_log_user on only audit.audit_log (user_id, id) where user_id is not null`,
    names: /audit_log_user is invalid/,
  },
  {
    what: 'a column may be null',
    kind: 'column-nullable',
    sql: 'alter table audit.audit_report alter column accepted drop not null',
    names: /audit_report\.accepted/,
  },
  {
    what: 'the fillfactor of the head was reset',
    kind: 'storage-options',
    sql: 'alter table audit.audit_head reset (fillfactor)',
    names: /fillfactor=10/,
  },
  {
    what: 'a function of somebody else in the schema',
    kind: 'function-strange',
    sql: "create function audit.mine(integer) returns integer language sql as 'select $1'; revoke execute on function audit.mine from public; alter function audit.mine owner to audit_owner",
    names: /audit\.mine\(integer\)/,
  },
  {
    what: 'the head is gone',
    kind: 'head-missing',
    sql: 'delete from audit.audit_head',
    names: /audit_head is empty/,
  },
  {
    what: 'the version is gone',
    kind: 'version-missing',
    sql: 'delete from audit.audit_schema_version',
    names: /audit_schema_version is empty/,
  },
  {
    what: 'two entries have one number',
    kind: 'seq-twice',
    sql: `insert into audit.audit_log (id, seq, occurred_at, action)
      select audit.new_id(), 7, now(), 'guest.check_in'`,
    names: /21 entries up to seq 20: 1 have/,
    byHand: true,
  },
  {
    what: 'an application records actions of ours',
    kind: 'reserved-drops',
    sql: `insert into audit.audit_report (id, started_at, seen_at, dropped)
      values ('01990000-0000-7000-8000-000000000002', now(), now(), '{"reserved": 3}')`,
    names: /0002 dropped entries: reserved 3/,
    byHand: true,
  },
  {
    what: 'a check is missing',
    kind: 'check-missing',
    sql: 'alter table audit.audit_log drop constraint audit_log_metadata',
    names: /audit_log_metadata/,
  },
  {
    what: 'row-level security hides entries',
    kind: 'row-security',
    sql: 'alter table audit.audit_log enable row level security',
    names: /audit_log/,
  },
  {
    what: 'the lane is gone',
    kind: 'lanes-missing',
    sql: "delete from audit.audit_lane where lane = 'outbox'",
    names: /audit_lane/,
  },
  {
    what: 'the rows for turns are gone',
    kind: 'turns-missing',
    sql: 'delete from audit.audit_turn where turn > 100',
    names: /102 rows/,
  },
  {
    what: 'entries wait for an hour',
    kind: 'lag',
    sql: `insert into audit.audit_outbox (id, occurred_at, action, metadata, context)
      values (audit.id_floor(now() - interval '1 hour'), now(), 'guest.check_in', '{}', '{}')`,
    names: /1 entries wait, the oldest for 60 min/,
  },
  {
    what: 'a dead letter',
    kind: 'dead-letters',
    sql: "insert into audit.audit_dead_letter (lane, sqlstate, entry) values ('outbox', '22023', '{}')",
    names: /Dead letters: 1/,
    byHand: true,
  },
  {
    what: 'a recorder died',
    kind: 'recorder-died',
    sql: `insert into audit.audit_report (id, started_at, seen_at, accepted, staged)
      values ('01990000-0000-7000-8000-000000000001', now() - interval '1 hour', now() - interval '1 hour', 9, 9)`,
    names: /01990000-0000-7000-8000-000000000001 died.*9 entries are missing/,
    byHand: true,
  },
]

for (const { what, kind, sql, names, byHand, entries = 20 } of PLANTED) {
  test(`found and mended: ${what}`, async (t) => {
    const scratch = await scratchDatabase(t)
    await withEntries(t, scratch, entries)
    await scratch.sql.unsafe(sql)
    const found = await faultsOf(urlsOf(scratch))
    const [finding, ...more] = found.filter((one) => one.kind === kind)
    assert.ok(finding, `${kind} is not found: ${shown(found)}`)
    assert.deepEqual(more, [], 'once')
    assert.match(finding.text, names)
    const { sql: cure, command, advice } = finding.remedy
    assert.ok(cure || command || advice)
    if (byHand) return
    if (cure) await withClient(scratch.url, (sql) => sql.unsafe(cure))
    if (command === 'audit-relay migrate') await migrateDatabase({ databaseUrl: scratch.url })
    else if (command === 'audit-relay run --once')
      await relayOn(t, scratch).drain({ deadlineMs: 20_000 })
    else assert.equal(command, undefined)
    assert.deepEqual(await faultsOf(urlsOf(scratch)), [], shown(finding))
  })
}

/** The kinds that are found as the superuser of the test server, who sees every session. */
async function kindsOf(environment: Readonly<Record<string, string>>) {
  return (await faultsOf(environment)).map(({ kind }) => kind)
}

test('a long transaction is found by who may see it, and its remedy ends it', async (t) => {
  const scratch = await scratchDatabase(t)
  const environment = {
    ...urlsOf(scratch),
    AUDIT_OWNER_DATABASE_URL: scratch.url,
    AUDIT_MAX_LOCK_MS: '1000',
  }
  const holder = connectAs(t, scratch, 'audit_reader')
  await holder`begin isolation level repeatable read`.simple()
  await holder`select count(*) from audit.audit_log`
  await sleep(1_500)
  const found = (await faultsOf(environment)).filter(({ kind }) => kind !== 'owner-member')
  assert.deepEqual(found.map(({ kind }) => kind).sort(), ['log-locked', 'long-transaction'])
  assert.match(shown(found), /audit_test_reader .*idle in transaction.*by its xmin/)
  const blind = await examineWith({
    ...environment,
    AUDIT_OWNER_DATABASE_URL: scratch.urlAs('audit_owner'),
  })
  const notSeen = blind.examined.find(({ what }) => what === 'long transactions and xmin')
  assert.match(notSeen?.skipped?.why ?? '', /grant pg_read_all_stats to audit_test_owner;/)
  const [first] = found
  await scratch.sql.unsafe(first?.remedy.sql ?? '')
  await assert.rejects(holder`select 1`)
  assert.deepEqual(
    (await kindsOf(environment)).filter((kind) => kind !== 'owner-member'),
    [],
  )
})

test('many partitions are found: over two thirds of what is allowed', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`select audit.ensure_partitions(6)`
  const found = () => faultsOf({ ...urlsOf(scratch), AUDIT_MAX_PARTITIONS: '12' })
  assert.deepEqual(await found(), [], 'seven months and DEFAULT are two thirds of 12')
  await scratch.sql`select audit.ensure_partitions(7)`
  const [many] = await found()
  assert.equal(many?.kind, 'partitions-many')
  assert.match(many.text, /has 9 partitions, .*AUDIT_MAX_PARTITIONS \(12\)/)
})

test('a log that is larger than it should be is found, by doctor and by status', async (t) => {
  const scratch = await scratchDatabase(t)
  const [row] = await scratch.sql`select audit.log_bytes()::integer as bytes`
  const bytes = Number(row?.['bytes'])
  assert.ok(bytes > 5 * 9 * 8_192, 'five partitions with nine indexes, and a page in each')
  const found = (most: number) =>
    faultsOf({ ...urlsOf(scratch), AUDIT_MAX_LOG_BYTES: String(most) })
  assert.deepEqual(await found(bytes), [])
  const [large] = await found(bytes - 1)
  assert.equal(large?.kind, 'log-too-large')
  assert.match(large.text, /^The log has \d\.\d MiB on disk, more than AUDIT_MAX_LOG_BYTES \(/)
  const status = (...args: string[]) =>
    runRelay(t, ['status', ...args], { ...urlsOf(scratch), AUDIT_MAX_LOG_BYTES: '1' })
  const text = await status()
  assert.match(text.stdout, /^log size {6}\d\.\d MiB: larger than AUDIT_MAX_LOG_BYTES, 0\.0 MiB$/m)
  assert.equal(JSON.parse((await status('--json')).stdout).logBytes, bytes)
})

test('a login that is more than its role is found', async (t) => {
  const scratch = await scratchDatabase(t)
  const asSuperuser = await kindsOf({ ...urlsOf(scratch), AUDIT_APP_DATABASE_URL: scratch.url })
  assert.deepEqual(asSuperuser, ['superuser'])
  const owning = await faultsOf({ ...urlsOf(scratch), AUDIT_OWNER_DATABASE_URL: scratch.url })
  assert.deepEqual(
    owning.map(({ kind, remedy }) => [kind, remedy.sql]),
    [['owner-member', 'revoke audit_owner from audit_test_owner;']],
  )
})

// Goal: who removes entries by a policy does nothing else, and may do that.
// Method: a server of its own, because a grant to a login counts in all databases of a server.
test("the keeper's login is looked at where it has a URL of its own", async (t) => {
  const server = await loginServer(t)
  await server.database('shop')
  await migrateDatabase({ databaseUrl: server.urlOf('shop') })
  await server.login('shop_relay')
  await server.login('shop_keeper')
  await server.asDba('shop', (sql) => sql`grant audit_relay to shop_relay`)
  const url = server.urlOf('shop', 'shop_keeper')
  const keeping = { AUDIT_KEEPER_DATABASE_URL: url }
  const environment = { DATABASE_URL: server.urlOf('shop', 'shop_relay'), ...keeping }
  const [lacking, ...others] = await faultsOf(environment)
  assert.deepEqual(others, [])
  assert.equal(lacking?.kind, 'keeper-lacks-role')
  assert.match(lacking.text, /^AUDIT_KEEPER_DATABASE_URL: shop_keeper may not apply policies/)
  await server.asDba('shop', (sql) => sql.unsafe(lacking.remedy.sql ?? ''))
  const report = await examineWith(environment)
  const kinds = findingsOf(report).map(({ kind }) => kind)
  assert.ok(!kinds.includes('keeper-lacks-role'), shown(findingsOf(report)))
  const looked = report.examined.find(({ what }) => what === "the keeper's login")
  assert.equal(looked?.said, 'shop_keeper may apply policies')
  assert.deepEqual(await kindsOf(keeping), [], 'it may be the only login here')
  await server.asDba('shop', (sql) => sql`grant audit_relay to shop_keeper`)
  const owner = { AUDIT_OWNER_DATABASE_URL: server.urlOf('shop') }
  const serving = (await faultsOf({ ...environment, ...owner })).filter(
    ({ kind }) => kind === 'keeper-serves',
  )
  assert.deepEqual(
    serving.map(({ remedy }) => remedy.sql),
    ['revoke audit_keeper from shop_keeper;'],
  )
  const superuser = await kindsOf({
    ...environment,
    AUDIT_KEEPER_DATABASE_URL: server.urlOf('shop'),
  })
  assert.ok(superuser.includes('superuser'))
  const without = await examineWith({ DATABASE_URL: server.urlOf('shop', 'shop_relay') })
  const [connection] = without.examined
  assert.equal(connection?.what, 'owner, relay, app, reader (DATABASE_URL)')
})

// Goal: who empties fields of entries does nothing else, and may do that.
test("the eraser's login is looked at where it has a URL of its own", async (t) => {
  const server = await loginServer(t)
  await server.database('shop')
  await migrateDatabase({ databaseUrl: server.urlOf('shop') })
  await server.login('shop_relay')
  await server.login('shop_eraser')
  await server.asDba('shop', (sql) => sql`grant audit_relay to shop_relay`)
  const erasing = { AUDIT_ERASER_DATABASE_URL: server.urlOf('shop', 'shop_eraser') }
  const environment = { DATABASE_URL: server.urlOf('shop', 'shop_relay'), ...erasing }
  const [lacking, ...others] = await faultsOf(environment)
  assert.deepEqual(others, [])
  assert.equal(lacking?.kind, 'eraser-lacks-role')
  assert.match(lacking.text, /^AUDIT_ERASER_DATABASE_URL: shop_eraser may not erase/)
  await server.asDba('shop', (sql) => sql.unsafe(lacking.remedy.sql ?? ''))
  const { examined } = await examineWith(environment)
  const looked = examined.find(({ what }) => what === "the eraser's login")
  assert.equal(looked?.said, 'shop_eraser may erase')
  assert.deepEqual(await kindsOf(erasing), [], 'it may be the only login here')
  await server.asDba('shop', (sql) => sql`grant audit_app to shop_eraser`)
  const owner = { AUDIT_OWNER_DATABASE_URL: server.urlOf('shop') }
  const serving = (await faultsOf({ ...environment, ...owner })).filter(
    ({ kind }) => kind === 'eraser-serves',
  )
  assert.deepEqual(
    serving.map(({ text, remedy }) => [text, remedy.sql]),
    [
      [
        'shop_eraser has audit_eraser and audit_app: who gets hold of it may empty fields of entries.',
        'revoke audit_eraser from shop_eraser;',
      ],
    ],
  )
  const superuser = await kindsOf({
    ...environment,
    AUDIT_ERASER_DATABASE_URL: server.urlOf('shop'),
  })
  assert.ok(superuser.includes('superuser'))
  const without = await examineWith({ DATABASE_URL: server.urlOf('shop', 'shop_relay') })
  assert.ok(without.examined.every(({ what }) => !what.includes('eraser,')))
})

test('a database that cannot be reached, or is not migrated, is one finding', async (t) => {
  const scratch = await emptyDatabase(t)
  assert.deepEqual(await kindsOf({ DATABASE_URL: scratch.url }), ['not-migrated'])
  const wrong = Object.assign(new URL(scratch.url), { password: 'canary' }).href
  const found = await faultsOf({ DATABASE_URL: scratch.url, AUDIT_APP_DATABASE_URL: wrong })
  assert.deepEqual(
    found.map(({ kind }) => kind),
    ['no-connection', 'not-migrated'],
  )
  assert.match(
    shown(found),
    /AUDIT_APP_DATABASE_URL does not connect \(28P01\).*password was refused/s,
  )
  assert.doesNotMatch(shown(found), /canary/)
  await assert.rejects(examineWith({}), { code: 'AUDIT_OPTION_INVALID' })
})

// Goal: it cannot write, whatever the functions of the database do.
// Method: a function that the relay's login may call writes; the catalogue and the rows stay.
test('it writes nothing, also where a function of the schema would', async (t) => {
  const scratch = await scratchDatabase(t)
  await withEntries(t, scratch, 3)
  await scratch.sql`
    create or replace function audit.who_holds_log(
      out pid integer, out login text, out application text, out transaction text,
      out for_ms double precision
    ) returns setof record language sql volatile security definer
    set search_path = pg_catalog, pg_temp as $$
      update audit.audit_head set seq = seq + 1;
      select 1, ''::text, ''::text, ''::text, 0::double precision
    $$`
  const before = await describeSchema(scratch.sql)
  const { examined } = await examineWith(urlsOf(scratch))
  const locks = examined.find(({ what }) => what === 'locks of the log')
  assert.match(locks?.skipped?.why ?? '', /25006/)
  assert.deepEqual(await describeSchema(scratch.sql), before)
  const [head] = await scratch.sql`select seq from audit.audit_head`
  assert.equal(head?.['seq'], '3')
})

test('nothing is found on a log with ids of text', async (t) => {
  const scratch = await emptyDatabase(t)
  await migrateDatabase({ databaseUrl: scratch.url, ids: 'text' })
  await withEntries(t, scratch, 5)
  assert.deepEqual(await faultsOf(urlsOf(scratch)), [])
  for (const name of ['user_id', 'event_id', 'target_id']) {
    await scratch.sql`
      alter table audit.audit_outbox alter column ${scratch.sql(name)} type uuid using null::uuid`
  }
  assert.deepEqual(await kindsOf(urlsOf(scratch)), ['ids-differ'])
  await migrateDatabase({ databaseUrl: scratch.url })
  assert.deepEqual(await kindsOf(urlsOf(scratch)), [])
})

test('a slot that nobody reads is found, and its remedy drops it', async (t) => {
  const scratch = await scratchDatabase(t)
  const slot = `${scratch.name}_slot`
  await scratch.sql`select pg_create_physical_replication_slot(${slot}, true)`
  t.after(() =>
    withClient(
      serverUrl(),
      (sql) => sql`select pg_drop_replication_slot(slot_name) from pg_replication_slots
        where slot_name = ${slot}`,
    ),
  )
  const found = await faultsOf(urlsOf(scratch))
  assert.deepEqual(
    found.map(({ kind }) => kind),
    ['slot-inactive'],
  )
  assert.match(found[0]?.text ?? '', new RegExp(slot))
  await scratch.sql.unsafe(found[0]?.remedy.sql ?? '')
  assert.deepEqual(await kindsOf(urlsOf(scratch)), [])
})

test('a clock that differs from that of the server is found, with by how much', async (t) => {
  const scratch = await scratchDatabase(t)
  const now = Date.now.bind(Date)
  t.mock.method(Date, 'now', () => now() + 90_000)
  const found = (await faultsOf(urlsOf(scratch))).filter(({ kind }) => kind === 'clock')
  assert.equal(found.length, 6, 'each connection may lead to another server')
  assert.match(found[0]?.text ?? '', /^The clock of this machine is (?:8\d|90)\.\d s ahead/)
  assert.equal(found[0]?.severity, 'error')
})

test('a pooler is recognized, and only the URL of the owner must not lead there', async (t) => {
  const scratch = await scratchDatabase(t)
  const urls = urlsOf(scratch)
  const pooler = await pgBouncer(t, Object.values(urls))
  if (pooler === undefined) return
  const pooled = Object.fromEntries(
    Object.entries(urls).map(([name, url]) => [name, pooler.through(url)]),
  )
  const found = findingsOf(await examineWith(pooled))
  const poolers = found.filter(({ kind }) => kind.includes('pooler'))
  assert.deepEqual(
    poolers.map(({ kind, severity }) => [kind, severity]),
    [['owner-through-pooler', 'warning'], ...Array(5).fill(['pooler', 'note'])],
    shown(found),
  )
  assert.deepEqual(await kindsOf(pooled), ['owner-through-pooler'])
  await pooler.end()
})

// Goal: a database with other roles is judged by them.
// Method: roles with a prefix and none at all; each with one grant that is wrong there.
test('nothing is found on a database with a prefix for its roles, and one without roles', async (t) => {
  const prefix = `t${process.pid}_`
  const prefixed = await emptyDatabase(t)
  await migrateDatabase({ databaseUrl: prefixed.url, rolePrefix: prefix })
  t.after(() =>
    withClient(prefixed.url, async (sql) => {
      for (const role of ['owner', 'app', 'relay', 'reader']) {
        await sql`drop owned by ${sql(`${prefix}audit_${role}`)} cascade`
        await sql`drop role ${sql(`${prefix}audit_${role}`)}`
      }
    }),
  )
  const withPrefix = { DATABASE_URL: prefixed.url }
  assert.deepEqual(await faultsOf(withPrefix), [])
  await prefixed.sql`grant usage on schema audit to audit_reader`
  await prefixed.sql`revoke select on audit.audit_log from ${prefixed.sql(`${prefix}audit_reader`)}`
  assert.deepEqual(await kindsOf(withPrefix), ['grant-too-wide', 'grant-missing'])

  const off = await emptyDatabase(t)
  await migrateDatabase({ databaseUrl: off.url, roles: 'off' })
  assert.deepEqual(await faultsOf({ DATABASE_URL: off.url }), [])
  await off.sql`grant select on audit.audit_log to audit_reader`
  assert.deepEqual(await faultsOf({ DATABASE_URL: off.url }), [], 'a team grants what it likes')
  await off.sql`grant insert on audit.audit_log to audit_reader`
  assert.deepEqual(await kindsOf({ DATABASE_URL: off.url }), ['grant-too-wide'])
})
