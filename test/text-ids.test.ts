import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type postgres from 'postgres'
import { applyRetention, undoRetention } from '../relay/retention/apply-retention.ts'
import { AuditError } from '../src/errors.ts'
import { tail } from '../src/read/tail.ts'
import { timeline } from '../src/read/timeline.ts'
import { type MigrateOptions, migrateDatabase, type RewritePlan } from '../src/schema/migrate.ts'
import { migrationSql } from '../src/schema/printed/print-sql.ts'
import { describeSchema } from './support/catalog.ts'
import { auditRelay } from './support/commands.ts'
import { emptyDatabase, type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { openDatabase, relayOn, silentLogger } from './support/lanes.ts'
import { appendToLog } from './support/log-entries.ts'
import { connect, connectAs } from './support/logins.ts'
import { keepUntil, logOld, makePartition } from './support/old-log.ts'
import { readerOn } from './support/pages.ts'
import { setPolicy } from './support/policies.ts'
import { recorderOn } from './support/recorders.ts'
import { waitFor } from './support/wait-for.ts'

/** An archiver that cannot archive one partition, so that this one is built and not swapped. */
const failFor = (partition: string) => (name: string) =>
  name === partition ? Promise.reject(new Error('away')) : Promise.resolve({})

const USER = '0190a0a0-1111-7222-8333-444455556666'

function migrate({ url }: Pick<ScratchDatabase, 'url'>, options: MigrateOptions = {}) {
  return migrateDatabase({ databaseUrl: url, logger: silentLogger(), ...options })
}

/** The catalogue without the numbers of rows, which a log with entries has more of. */
async function catalogueOf(sql: postgres.Sql): Promise<readonly string[]> {
  const lines = await describeSchema(sql)
  return lines.filter((line) => !line.startsWith('rows |'))
}

/** The types of the columns of ids. A hold names ids of any kind as text. */
async function kindsIn(sql: postgres.Sql) {
  const rows = await sql`
    select c.relname as table, format_type(a.atttypid, null) as type, l.collname as collation
    from pg_attribute as a join pg_class as c on c.oid = a.attrelid
    left join pg_collation as l on l.oid = a.attcollation
    where c.relnamespace = 'audit'::regnamespace and c.relkind in ('r', 'p')
      and c.relname not in ('audit_hold', 'audit_view') and a.attname in ('user_id', 'event_id', 'target_id')`
  return new Set(rows.map(({ type, collation }) => [type, collation].filter(Boolean).join(' ')))
}

const noted = async (sql: postgres.Sql) =>
  (await sql`select ids from audit.audit_schema_version`)[0]?.['ids']

test('migrate makes uuid columns, and with --ids text columns of text in collation C', async (t) => {
  const [plain, text] = [await emptyDatabase(t), await emptyDatabase(t)]
  await migrate(plain)
  assert.deepEqual(await kindsIn(plain.sql), new Set(['uuid']))
  assert.equal(await noted(plain.sql), 'uuid')
  const { applied, idsChanged } = await migrate(text, { ids: 'text' })
  assert.deepEqual([applied.length, idsChanged], [4, 'text'])
  assert.deepEqual(await kindsIn(text.sql), new Set(['text C']))
  assert.equal(await noted(text.sql), 'text')

  const before = await describeSchema(text.sql)
  assert.deepEqual(await migrate(text), { applied: [], repaired: [] }, 'it keeps what is there')
  assert.deepEqual(await migrate(text, { ids: 'text' }), { applied: [], repaired: [] })
  assert.deepEqual(await describeSchema(text.sql), before)
  await assert.rejects(migrate(text, { ids: 'uuid' }), (error) => {
    assert.ok(error instanceof AuditError && error.code === 'AUDIT_SCHEMA_MISMATCH')
    assert.match(error.message, /has text ids, and they cannot be made UUIDs.*Nothing was changed/)
    return true
  })
  assert.deepEqual(await describeSchema(text.sql), before)
})

test('the SQL of --ids text makes the same database', async (t) => {
  const [printed, migrated] = [await emptyDatabase(t), await emptyDatabase(t)]
  const { code, stdout } = await auditRelay(['migrate', '--sql', '--ids', 'text'])
  assert.equal(code, 0)
  assert.equal(stdout.trimEnd(), migrationSql({ ids: 'text' }).trimEnd())
  await connect(t, printed.url).unsafe(stdout)
  await migrate(migrated, { ids: 'text' })
  assert.deepEqual(await describeSchema(printed.sql), await describeSchema(migrated.sql))
  assert.deepEqual(await migrate(printed, { ids: 'text' }), { applied: [], repaired: [] })
  assert.equal(
    (await auditRelay(['migrate', '--sql'])).stdout.includes('pg_catalog.text collate'),
    false,
  )
})

test('wrong options of migrate are explained, and exit with 2', async (t) => {
  const { url } = await scratchDatabase(t)
  for (const args of [
    ['--ids', 'int'],
    ['--ids', 'TEXT'],
    ['--ids'],
    ['--rewrite'],
    ['--ids', 'uuid', '--rewrite'],
    ['--ids', 'text', '--yes'],
    ['--sql', '--ids', 'text', '--rewrite'],
  ]) {
    const { code, stderr } = await auditRelay(['migrate', ...args], { url })
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
  }
})

/** A log with entries in this month and in DEFAULT, and some that wait in the lanes. */
async function usedDatabase(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const entries = Array.from({ length: 500 }, (_, n) => ({
    userId: n % 3 === 0 ? null : USER,
    eventId: USER,
    metadata: { n },
    ...(n % 50 === 0 ? { ms: Date.UTC(2020, 0, 1) + n } : {}),
  }))
  await appendToLog(scratch.sql, entries)
  const audit = recorderOn(t, scratch)
  audit.record({ action: 'thing.wait', userId: USER })
  assert.equal(await audit.flush(), true)
  return { ...scratch, audit }
}

async function contentOf({ sql }: ScratchDatabase) {
  return await sql`
    select seq, id, user_id::text, event_id::text, target_id::text, action, logged_at, written_by,
      metadata, context, (select history from audit.audit_head) as history
    from audit.audit_log order by seq`
}

// Goal: a log in use becomes text and loses nothing of what it was. Method: compare its content, and its
// catalogue with that of a database that was text from the beginning.
test('a log with entries becomes text only when it is asked for, and stays the same log', async (t) => {
  const [used, fresh] = [await usedDatabase(t), await emptyDatabase(t)]
  await migrate(fresh, { ids: 'text' })
  const before = [await catalogueOf(used.sql), await contentOf(used)]
  for (const args of [
    ['--ids', 'text'],
    ['--ids', 'text', '--rewrite'],
  ]) {
    const { code, stderr } = await auditRelay(['migrate', ...args], { url: used.url })
    assert.equal(code, args.length === 2 ? 1 : 2, stderr)
    assert.match(stderr, args.length === 2 ? /--ids text --rewrite/ : /needs --yes here/)
    assert.match(stderr, /Nothing was changed/)
  }
  await assert.rejects(migrate(used, { ids: 'text', rewrite: () => false }), /Nothing was changed/)
  assert.deepEqual([await catalogueOf(used.sql), await contentOf(used)], before)

  const args = ['migrate', '--ids', 'text', '--rewrite', '--yes']
  const { code, stdout, stderr } = await auditRelay(args, { url: used.url })
  assert.equal(code, 0, stderr)
  assert.match(
    stderr,
    /holds about 500 entries, [\d.]+ MB .* takes \d+ s to \d+ s: measured were 40 MB for each second of CPU/,
  )
  assert.match(stdout, /The ids are text now\./)
  assert.deepEqual(await kindsIn(used.sql), new Set(['text C']))
  assert.equal(await noted(used.sql), 'text')
  assert.deepEqual(await contentOf(used), before[1])
  assert.deepEqual(await catalogueOf(used.sql), await catalogueOf(fresh.sql))
  const [indexes] = await used.sql`
    select count(*)::integer as invalid from pg_index where not indisvalid or not indisready`
  assert.equal(indexes?.['invalid'], 0)

  used.audit.record({ action: 'thing.after', userId: 'user_2abc' })
  await used.audit.flush()
  assert.equal((await relayOn(t, used).drain({ deadlineMs: 10_000 })).logged, 2)
  const db = readerOn(t, used)
  const { entries } = await timeline(db, { userId: 'user_2abc' })
  assert.deepEqual(
    entries.map(({ action, seq }) => [action, seq]),
    [['thing.after', 502]],
  )
  assert.equal((await timeline(db, { userId: USER, limit: 500 })).entries.length, 334)
  assert.deepEqual(await migrate(used), { applied: [], repaired: [] })
})

// Goal: what retention has taken out of the log can be brought back after a rewrite.
// Method: an old month is removed, and another one is built for its removal; then the ids become text.
test('a rewrite takes along what may come back into the log', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const [older, newer] = [await makePartition(sql, 4), await makePartition(sql, 3)]
  await logOld(sql, [
    { months: 4, action: 'temp.a', userId: USER },
    { months: 3, action: 'other.a', userId: USER },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(4))
  await setPolicy(sql, 'other.*', keepUntil(3))
  const keeper = openDatabase(t, scratch.urlAs('audit_keeper'))
  await applyRetention(keeper, { archiver: { archive: failFor(newer) } })
  const [waiting] = await sql`select count(*)::integer as n from audit.audit_log`
  assert.equal(waiting?.['n'], 1)
  const [built] = await sql`select swap from audit.audit_swap where state = 'built'`
  assert.ok(built)
  await sql`create table audit.restored_a (like audit.audit_log)`
  await sql`alter table audit.restored_a owner to audit_owner`

  const { idsChanged } = await migrate(scratch, { ids: 'text', rewrite: () => true })
  assert.equal(idsChanged, 'text')
  const stale = await sql`
    select * from audit.swap_kept(${newer}, ${built['swap']})`
  assert.equal(stale[0]?.['refusal'], 'changed', 'what was built before has ids of another kind')
  assert.ok('entryId' in (await undoRetention(keeper, older)))
  const rows = await sql`select user_id from audit.audit_log order by seq`
  assert.deepEqual(
    rows.map(({ user_id }) => user_id),
    [USER, USER],
  )
  await sql`drop table audit.${sql(`${newer}_kept`)}`
  assert.deepEqual(await kindsIn(sql), new Set(['text C']))
  const { removed } = await applyRetention(keeper)
  assert.deepEqual(
    removed.map(({ partition }) => partition),
    [older, newer],
  )
})

test('a rewrite waits for a run of retention, and asks where all of a log waits for its drop', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  await makePartition(sql, 3)
  await logOld(sql, [{ months: 3, action: 'temp.a', userId: USER }])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  await applyRetention(openDatabase(t, scratch.urlAs('audit_keeper')))
  await assert.rejects(migrate(scratch, { ids: 'text' }), /--ids text --rewrite/)
  const running = connect(t, scratch.url)
  await running`begin`
  const [me] = await running`select audit.begin_retention(), pg_backend_pid() as pid`
  const migrating = migrate(scratch, { ids: 'text', rewrite: () => true })
  await waitFor(
    async () => {
      // What a session has run last is seen until it runs something else.
      const tries = await sql`
        select from pg_stat_activity
        where datname = current_database() and pid not in (pg_backend_pid(), ${me?.['pid']})
          and query ~* 'begin_retention|^rollback' and query !~ 'pg_stat_activity'`
      return tries.length > 0
    },
    { what: 'the rewrite to ask' },
  )
  assert.deepEqual(await kindsIn(sql), new Set(['uuid']))
  await running`commit`
  assert.equal((await migrating).idsChanged, 'text')
})

test('the plan of a rewrite says how much there is, and what it needs', async (t) => {
  const used = await usedDatabase(t)
  let plan: RewritePlan | undefined
  const progress: number[] = []
  await migrate(used, {
    ids: 'text',
    rewrite: (asked) => {
      plan = asked
      return true
    },
    onProgress: ({ writtenBytes }) => progress.push(writtenBytes),
  })
  assert.equal(plan?.entries, 500)
  assert.ok(plan.bytes > 500 * 200 && plan.bytes < 10e6, String(plan.bytes))
  assert.ok(plan.neededBytes > plan.bytes)
  assert.ok(plan.seconds.least >= 1 && plan.seconds.most >= plan.seconds.least)
})

// Goal: a process that was started before the change works on after it, with the plans that it keeps.
// Method: each function is called on the same connections before and after.
test('sessions that were there before the change go on after it', async (t) => {
  const scratch = await usedDatabase(t)
  const [app, reader] = [connectAs(t, scratch, 'audit_app'), connectAs(t, scratch, 'audit_reader')]
  const relaySession = connectAs(t, scratch, 'audit_relay')
  const relay = relayOn(t, scratch)
  const db = readerOn(t, scratch)
  const recorder = { id: crypto.randomUUID(), key: 'k'.repeat(24) }
  let number = 0
  const useAll = async (user: string) => {
    for (let times = 0; times < 7; times += 1) {
      const entry = JSON.stringify({ action: 'thing.sql', user_id: user })
      await app`select audit.record(${entry}::text)`
      await app`select audit.record_in(${entry}::text)`
      await app`select audit.record(${JSON.stringify({ action: 'thing.sql', userId: user })}::text)`
      number += 1
      const row = `[["${idOf(number)}","2026-01-01T00:00:00Z",${number},"${user}",null,null,"thing.sql",null,null,{},{}]]`
      const isUuid = user === USER
      await app`select audit.stage(${recorder.id}::uuid, ${recorder.key},
        ${isUuid ? [row] : []}::text[], ${isUuid ? [] : [row]}::text[])`
      await reader`select audit.note_read(false, ${user}, '{}', '{}')`
      scratch.audit.record({ action: 'thing.recorded', userId: user })
      await scratch.audit.flush()
      await relay.drain({ deadlineMs: 10_000 })
    }
    // A row that a relay parks, and an operator puts back.
    await app`select audit.record(${JSON.stringify({ action: 'thing.parked', user_id: user })}::text)`
    const [waiting] = await relaySession`select place, id from audit.list_places('outbox', 1)`
    await relaySession`
      select audit.park('outbox', ${waiting?.['place']}, ${waiting?.['id']}::uuid, '23514')`
    const [letter] = await relaySession`
      select audit.retry_dead_letter(number) as outcome from audit.list_letters(1)`
    assert.equal(letter?.['outcome'], 'retried')
    await relay.drain({ deadlineMs: 10_000 })
    return (await timeline(db, { userId: user, action: 'thing.*', limit: 500 })).entries.length
  }
  const before = await useAll(USER)
  const followed = tail(db, { fromSeq: 1, filter: { userId: USER } })
  assert.equal((await followed.next()).done, false)
  await migrate(scratch, { ids: 'text', rewrite: () => true })
  assert.equal((await followed.next()).done, false, 'a tail goes on')
  await followed.return(undefined)
  assert.equal(await useAll(USER), before + 36)
  assert.equal(await useAll('user_2abc'), 36)
  const [dead] = await scratch.sql`select count(*)::integer as letters from audit.audit_dead_letter`
  assert.equal(dead?.['letters'], 0)
})

function idOf(n: number): string {
  const ms = Date.now().toString(16).padStart(12, '0')
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7000-8000-${n.toString(16).padStart(12, '0')}`
}

// Goal: the way back, by a restore of an earlier copy, is noticed as well. Method: change the columns by
// hand, as the restored database would have them.
test('readers and recorders notice that a database has uuid columns again', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  await migrate(scratch, { ids: 'text' })
  const audit = recorderOn(t, scratch)
  const relay = relayOn(t, scratch)
  const db = readerOn(t, scratch)
  audit.record({ action: 'thing.before', userId: USER })
  await audit.flush()
  await relay.drain({ deadlineMs: 10_000 })
  assert.equal((await timeline(db, { userId: USER })).entries.length, 1)
  for (const table of ['audit_log', 'audit_staging', 'audit_outbox']) {
    await sql.unsafe(`alter table audit.${table} alter user_id type uuid using user_id::uuid,
      alter event_id type uuid using event_id::uuid, alter target_id type uuid using target_id::uuid`)
  }
  audit.record({ action: 'thing.after', userId: 'user_2abc' })
  audit.record({ action: 'thing.after', userId: USER })
  await audit.flush()
  await relay.drain({ deadlineMs: 10_000 })
  assert.equal((await timeline(db, { userId: USER })).entries.length, 2)
  await assert.rejects(timeline(db, { userId: 'user_2abc' }), /must be a UUID/)
  const [kept] = await sql`
    select context -> 'invalid' ->> 'userId' as id from audit.audit_log where user_id is null`
  assert.equal(kept?.['id'], 'user_2abc')
})

// Goal: nothing is lost or delayed for good while the log is rewritten. Method: recorders and two relays
// work all the time; a login holds a lane open in the middle.
test('recording and moving go on around a rewrite, and lose nothing', async (t) => {
  const used = await usedDatabase(t)
  const relays = [relayOn(t, used), relayOn(t, used)]
  for (const relay of relays) void relay.start()
  const app = connectAs(t, used, 'audit_app')
  let isOver = false
  let recorded = 1
  const load = (async () => {
    while (!isOver) {
      used.audit.record({ action: 'thing.load', userId: USER, targetId: `t-${recorded}` })
      await app`select audit.record_in(${JSON.stringify({ action: 'thing.load', user_id: USER })}::text)`
      recorded += 2
      await sleep(2)
    }
  })()
  await sleep(200)
  // An application's transaction that has recorded and stays open for a moment.
  const open = connectAs(t, used, 'audit_app')
  const held = open.begin(async (tx) => {
    await tx`select audit.record_in('{"action": "thing.load"}')`
    await sleep(1_500)
  })
  await migrate(used, { ids: 'text', rewrite: () => true })
  await held
  await sleep(200)
  isOver = true
  await load
  assert.equal(await used.audit.flush(), true)
  await waitFor(
    async () => {
      const [row] = await used.sql`select count(*)::integer as entries from audit.audit_log`
      return row?.['entries'] === 500 + recorded + 1
    },
    { what: 'all of them to be logged' },
  )
  const [log] = await used.sql`
    select max(seq)::integer as last, count(distinct seq)::integer as seqs,
      count(*) filter (where target_id like 't-%')::integer as text_ids
    from audit.audit_log`
  assert.equal(log?.['last'], log?.['seqs'])
  assert.ok(Number(log?.['text_ids']) > 0, 'the recorder has noticed')
  const [dead] = await used.sql`select count(*)::integer as letters from audit.audit_dead_letter`
  assert.equal(dead?.['letters'], 0)
})

// Goal: a rewrite that ends between its two transactions is finished by the next migration, and works
// until then. Method: make the log's columns text, as the first transaction does.
test('between its two steps everything works, and the next migration ends it', async (t) => {
  const used = await usedDatabase(t)
  const change = (table: string) =>
    used.sql.unsafe(`alter table audit.${table} alter user_id type text collate "C",
      alter event_id type text collate "C", alter target_id type text collate "C",
      alter actor_id type text collate "C", alter more_targets type text[] collate "C"`)
  await change('audit_log')
  used.audit.record({ action: 'thing.between', userId: USER, actorId: USER, moreTargets: [USER] })
  used.audit.record({ action: 'thing.between', userId: 'user_2abc' })
  await used.audit.flush()
  const relay = relayOn(t, used)
  assert.equal((await relay.drain({ deadlineMs: 10_000 })).logged, 3)
  const db = readerOn(t, used)
  const between = { userId: USER, action: 'thing.between', moreTargets: USER }
  assert.equal((await timeline(db, between)).entries.length, 1)
  const { idsChanged } = await migrate(used)
  assert.equal(idsChanged, 'text')
  assert.deepEqual(await kindsIn(used.sql), new Set(['text C']))
  used.audit.record({ action: 'thing.after', userId: 'user_2abc' })
  await used.audit.flush()
  await relay.drain({ deadlineMs: 10_000 })
  assert.equal((await timeline(db, { userId: 'user_2abc' })).entries.length, 1)
})

test('partitions of later months have text ids as well', async (t) => {
  const scratch = await scratchDatabase(t)
  await migrate(scratch, { ids: 'text' })
  await scratch.sql`select audit.ensure_partitions(6)`
  assert.deepEqual(await kindsIn(scratch.sql), new Set(['text C']))
})

test('a view on the ids stops a rewrite with a message, and nothing was changed', async (t) => {
  const used = await usedDatabase(t)
  await used.sql`create view public.who as select user_id from audit.audit_log`
  const before = await catalogueOf(used.sql)
  await assert.rejects(migrate(used, { ids: 'text', rewrite: () => true }), (error) => {
    assert.ok(error instanceof AuditError)
    assert.match(error.message, /used by a view or rule.*[Dd]rop the view/)
    return true
  })
  assert.deepEqual(await catalogueOf(used.sql), before)
})
