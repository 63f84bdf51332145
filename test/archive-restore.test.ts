import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import {
  archiverOf,
  fillNasty,
  fillOctober,
  filesBelow,
  makeOctober,
  OCTOBER,
} from './support/archives.ts'
import { runRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { FakeS3 } from './support/fake-s3.ts'
import { connectAs, refusalOf } from './support/logins.ts'
import { keepUntil, logOld, makePartition, monthsAgo } from './support/old-log.ts'
import { setPolicy } from './support/policies.ts'
import { S3Store } from '../relay/archive/stores/s3-store.ts'
import { readS3Settings } from '../relay/archive/stores/s3-settings.ts'

const RESTORED = `restored_${OCTOBER}`
const keeperOf = ({ urlAs }: ScratchDatabase) => ({
  AUDIT_KEEPER_DATABASE_URL: urlAs('audit_keeper'),
})

/** The rows that are in one of two tables and not in the other, every column compared. */
async function differences({ sql }: ScratchDatabase, one: string, other: string) {
  const [row] = await sql.unsafe(`
    select count(*)::integer as n from (
      (select row(a.*)::text from audit.${one} as a except all select row(b.*)::text from audit.${other} as b)
      union all
      (select row(b.*)::text from audit.${other} as b except all select row(a.*)::text from audit.${one} as a)
    ) as d`)
  return row?.['n']
}

/** A partition of nasty entries, archived in a format. */
async function archived(t: TestContext, format: 'ndjson' | 'parquet') {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 200)
  await fillNasty(scratch)
  const { sql } = scratch
  await sql.unsafe(`alter table audit.${OCTOBER} disable trigger all`)
  if (format === 'parquet') {
    await sql.unsafe(`delete from audit.${OCTOBER} where occurred_at = '294276-12-31 23:59:59+00'`)
  }
  const made = archiverOf(t, scratch, { format, maxFileRows: 150 })
  await made.archiver.archive({ partition: OCTOBER })
  return { scratch, folder: made.folder }
}

for (const format of ['ndjson', 'parquet'] as const) {
  test(`a partition is restored beside the log, equal in every column: ${format}`, async (t) => {
    const { scratch } = await archived(t, format)
    const { sql } = scratch
    const [before] = await sql`select count(*)::integer as n from audit.audit_log`
    const run = await runRelay(
      t,
      ['archive', 'restore', OCTOBER, '--beside', '--json'],
      keeperOf(scratch),
    )
    assert.equal(run.code, 0, run.stderr)
    const said = JSON.parse(run.stdout)
    assert.deepEqual([said.tables, said.rows, said.files.length], [[RESTORED], before?.['n'], 2])
    assert.equal(await differences(scratch, RESTORED, OCTOBER), 0)
    const indexes = async (table: string) => {
      const rows = await sql`
        select regexp_replace(indexdef, ' INDEX \\S+ ON \\S+ ', ' ') as text
        from pg_indexes where schemaname = 'audit' and tablename = ${table} order by 1`
      return rows.map(({ text }) => text)
    }
    assert.deepEqual(await indexes(RESTORED), await indexes(OCTOBER))
    const [after] = await sql`select count(*)::integer as n from audit.audit_log`
    assert.deepEqual(after, before, 'the log is as it was')

    const reader = connectAs(t, scratch, 'audit_reader')
    const [read] = await reader`select count(*)::integer as n from ${reader(`audit.${RESTORED}`)}`
    assert.deepEqual(read, before)
    for (const role of ['audit_keeper', 'audit_app', 'audit_relay'] as const) {
      const login = connectAs(t, scratch, role)
      assert.equal(
        (await refusalOf(login`select from ${login(`audit.${RESTORED}`)}`))?.code,
        '42501',
      )
    }

    const dropped = await runRelay(t, ['archive', 'drop', OCTOBER], keeperOf(scratch))
    assert.deepEqual(dropped, {
      ...{ code: 0, stdout: `1 restored table of ${OCTOBER} dropped.\n`, stderr: '' },
    })
    const [gone] = await sql`select to_regclass(${`audit.${RESTORED}`}) as there`
    assert.equal(gone?.['there'], null)
  })
}

test('entries that left a partition in several turns come back as one table', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 60)
  const { sql } = scratch
  await sql.unsafe(`
    create table audit.${OCTOBER}_kept (like audit.audit_log including all);
    insert into audit.${OCTOBER}_kept select * from audit.${OCTOBER} where action = 'guest.check_in';
    alter table audit.${OCTOBER}_kept owner to audit_owner`)
  const { archiver } = archiverOf(t, scratch)
  await archiver.archive({ partition: OCTOBER, kept: `${OCTOBER}_kept` })
  await archiver.archive({ partition: `${OCTOBER}_kept` })
  await sql`update audit.audit_archive set partition = ${OCTOBER}`
  // The manifest of the second file names the other table, so it is told as it is.
  const refused = await runRelay(t, ['archive', 'restore', OCTOBER, '--beside'], keeperOf(scratch))
  assert.equal(refused.code, 2)
  assert.match(
    refused.stderr,
    /holds entries of audit_log_2025_10_kept, not of audit_log_2025_10\./,
  )
  await sql`delete from audit.audit_archive where rows = 12`
  await archiver.archive({ partition: OCTOBER }) // the whole one, which overlaps with the first
  const run = await runRelay(t, ['archive', 'restore', OCTOBER, '--beside'], keeperOf(scratch))
  assert.equal(run.code, 0, run.stderr)
  assert.equal(await differences(scratch, RESTORED, OCTOBER), 0)
})

test('a file with one entry changed, moved or left out is refused, and so is a changed table', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 30)
  const { archiver, folder } = archiverOf(t, scratch)
  await archiver.archive({ partition: OCTOBER })
  const file = path.join(folder, filesBelow(folder)[0] ?? '')
  const original = fs.readFileSync(file)
  const lines = gunzipSync(original).toString().trimEnd().split('\n')
  const write = (changed: readonly string[]) =>
    fs.writeFileSync(file, gzipSync(`${changed.join('\n')}\n`))
  const verify = () => runRelay(t, ['archive', 'verify', folder, '--json'])
  const restore = () => runRelay(t, ['archive', 'restore', OCTOBER, '--beside'], keeperOf(scratch))

  write(lines.map((line, n) => (n === 7 ? line.replace('"n": 7', '"n": 8') : line)))
  const changed = await verify()
  assert.equal(changed.code, 5)
  const { files } = JSON.parse(changed.stdout)
  assert.match(files[0].problems.join('\n'), /SHA-256 is another one.*content digest is another/s)
  const refused = await restore()
  assert.equal(refused.code, 3)
  assert.match(refused.stderr, /does not hold the entries that its manifest speaks of/)

  write([...lines.slice(0, 10), lines[11] ?? '', lines[10] ?? '', ...lines.slice(12)])
  assert.match((await verify()).stdout, /1 entries are out of order/)
  write(lines.slice(1))
  assert.match(
    (await verify()).stdout,
    /It has 29 entries; 30 were written.*seq 2 to 30, not 1 to 30/s,
  )
  fs.writeFileSync(file, original.subarray(0, original.length - 9))
  assert.match((await verify()).stdout, /damaged or cut off/)
  fs.writeFileSync(file, original)
  assert.equal((await verify()).code, 0)

  // Who changes the file and its manifest does not change what the database has noted.
  const told = `${file}.manifest.json`
  const manifest = JSON.parse(fs.readFileSync(told, 'utf8'))
  fs.writeFileSync(
    told,
    JSON.stringify({ ...manifest, archive: { ...manifest.archive, digest: 'a'.repeat(64) } }),
  )
  const noted = await runRelay(t, ['archive', 'verify', '--database'], keeperOf(scratch))
  assert.equal(noted.code, 5)
  assert.match(noted.stdout, /manifest has another content digest than the database noted/)
  fs.rmSync(told)
  const empty = await verify()
  assert.equal(empty.code, 5, 'a folder without an archived file has not what was archived')
  assert.match(empty.stdout, /No archived file with a manifest lies in it/)
  assert.match(
    (await runRelay(t, ['archive', 'verify', file])).stdout,
    /is not what was archived\.\n {2}file:.* has no manifest next to it/,
  )
  fs.rmSync(file)
  assert.match((await runRelay(t, ['archive', 'verify', file])).stdout, /file:.* does not exist/)
  const unknown = await runRelay(
    t,
    ['archive', 'verify', '--database', 'audit_log_1999_01'],
    keeperOf(scratch),
  )
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /No archived file of audit_log_1999_01 is noted/)
})

test('the database takes no restored table but one that holds what it noted', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 5)
  const { archiver } = archiverOf(t, scratch)
  const { files } = await archiver.archive({ partition: OCTOBER })
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const [rows] = await scratch.sql`
    select json_agg(to_json(l) order by l.seq)::text as lines from audit.audit_log as l`
  const restore = async (lines: string, digest: string) => {
    await keeper`select audit.begin_restore(${OCTOBER})`
    await keeper`select audit.restore_rows(${OCTOBER}, ${lines}::text::json)`
    const [row] = await keeper`select audit.join_restored(${OCTOBER}, ${digest}) as name`
    return row?.['name']
  }
  const lines = String(rows?.['lines'])
  const digest = files[0]?.digest ?? ''
  const forged = lines.replace('"action":"guest.check_in"', '"action":"guest.check_out"')
  assert.notEqual(forged, lines)
  assert.equal(await restore(forged, digest), null)
  assert.equal(await restore(lines, digest), RESTORED)
  // Forged entries with their own digest are readable, under a name that says what they are.
  await keeper`select audit.drop_restored(${OCTOBER})`
  await keeper`select audit.begin_restore(${OCTOBER})`
  await keeper`select audit.restore_rows(${OCTOBER}, ${forged}::text::json)`
  const [own] = await keeper`
    select digest from audit.archive_digest(${`${RESTORED}_part`}, null, 0, 9)`
  const [claimed] = await keeper`select audit.join_restored(${OCTOBER}, ${own?.['digest']}) as name`
  assert.equal(claimed?.['name'], `${RESTORED}_claimed`)
  assert.equal((await refusalOf(keeper`select audit.begin_restore('x; drop')`))?.code, '22023')
})

test('files of a bucket and of another database are restored, too', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 20)
  const s3 = await FakeS3.start(t)
  const settings = readS3Settings(s3.environment)
  const store = new S3Store(new URL('s3://audit/log'), {
    ...{ settings, keepMs: undefined, legalHold: false },
  })
  const { archiver } = archiverOf(t, scratch, { store })
  await archiver.archive({ partition: OCTOBER })
  const environment = { ...keeperOf(scratch), ...s3.environment }
  const run = await runRelay(t, ['archive', 'restore', OCTOBER, '--beside'], environment)
  assert.deepEqual(run, {
    ...{ code: 0, stderr: '', stdout: `20 entries of ${OCTOBER} are in audit.${RESTORED}.\n` },
  })
  const verified = await runRelay(t, ['archive', 'verify', '--database', OCTOBER], environment)
  assert.equal(verified.code, 0, verified.stdout)
  const other = archiverOf(t, scratch)
  await other.archiver.archive({ partition: OCTOBER })

  const elsewhere = await scratchDatabase(t)
  const from = ['archive', 'restore', OCTOBER, '--beside', '--from', other.folder]
  const claimed = await runRelay(t, from, keeperOf(elsewhere))
  assert.equal(claimed.code, 0, claimed.stderr)
  assert.equal(claimed.stdout, `20 entries of ${OCTOBER} are in audit.${RESTORED}_claimed.\n`)
  const unknown = await runRelay(
    t,
    ['archive', 'restore', OCTOBER, '--beside'],
    keeperOf(elsewhere),
  )
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /No archived file of audit_log_2025_10 is noted/)
})

test('archived files are searched without the database', async (t) => {
  for (const format of ['ndjson', 'parquet'] as const) {
    const { scratch, folder } = await archived(t, format)
    const user = '00000000-0000-4000-8000-000000000003'
    const given = ['archive', 'query', folder, '--user', user, '--action', 'guest.*']
    const found = await runRelay(t, given)
    assert.equal(found.code, 0, found.stderr)
    const rows = await scratch.sql`
      select seq from audit.audit_log
      where user_id = ${user} and action like 'guest.%' order by seq`
    assert.ok(rows.length > 3)
    assert.deepEqual(
      found.stdout
        .trimEnd()
        .split('\n')
        .map((line) => String(JSON.parse(line).seq)),
      rows.map(({ seq }) => seq),
    )
  }
  const missing = await runRelay(t, ['archive', 'query', '/no/such/folder'])
  assert.equal(missing.code, 2)
  assert.match(missing.stderr, /The folder \/no\/such\/folder does not exist/)
})

/** A log of which a policy has removed an old month, archived, whose table is gone. */
async function removed(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const partition = await makePartition(sql, 3)
  await sql`update audit.audit_lane set oldest_id = audit.id_floor(${monthsAgo(3)})`
  await logOld(
    sql,
    Array.from({ length: 40 }, (_, n) => ({
      months: 3,
      action: n % 4 === 0 ? 'billing.pay' : 'temp.a',
    })),
  )
  await sql.unsafe(`create table public.before as select * from audit.${partition}`)
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const { archiver, folder } = archiverOf(t, scratch)
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const remove = async () => {
    const [built] = await keeper`select swap from audit.build_kept(${partition})`
    const archived = await archiver.archive({ partition, kept: `${partition}_kept` })
    const [swapped] = await keeper`
      select reason, entry_id from audit.swap_kept(
        ${partition}, ${built?.['swap']}, ${JSON.stringify(archived)}::text::jsonb)`
    assert.equal(swapped?.['reason'], null)
  }
  const drop = async () => {
    await sql`update audit.audit_retention set undo = '0'`
    await keeper`select audit.drop_removed(${partition})`
  }
  const restore = () => runRelay(t, ['archive', 'restore', partition], keeperOf(scratch))
  return { scratch, sql, partition, folder, remove, drop, restore }
}

test('a removed partition comes back into the log, with its numbers and a trace', async (t) => {
  const { scratch, sql, partition, folder, remove, drop, restore } = await removed(t)
  await remove()
  const waiting = await restore()
  assert.equal(waiting.code, 3)
  assert.match(waiting.stderr, /still wait for their drop: "audit-relay retention undo"/)
  await drop()
  const numbers = async () => {
    const [row] = await sql`
      select (select count(*) from audit.audit_log)::integer as logged,
        (select count(*) from audit.audit_removed)::integer as runs,
        (select line_id from audit.audit_retention) as line`
    return { ...row }
  }
  const before = await numbers()
  assert.deepEqual([before['logged'], before['runs']], [10, 10])
  assert.ok(before['line'])
  // A late entry that is there meanwhile stays.
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    select overlay(gen_random_uuid()::text placing left(l.id::text, 19) from 1 for 19)::uuid, 41,
      now(), 'late.one' from audit.audit_log as l where l.seq = 1`

  const back = await restore()
  assert.equal(back.code, 0, back.stderr)
  assert.equal(back.stdout, `30 entries of ${partition} are back in the log.\n`)
  assert.deepEqual(await numbers(), { logged: 41, runs: 0, line: null })
  const [different] = await sql.unsafe(`
    select count(*)::integer as n from public.before as b
    join audit.${partition} as p using (id) where row(b.*)::text <> row(p.*)::text`)
  assert.equal(different?.['n'], 0)
  const [entry] = await sql`
    select o.metadata, o.written_by from audit.audit_outbox as o
    where o.action = 'audit.archive_restore'`
  assert.equal(entry?.['metadata'].partition, partition)
  assert.equal(entry?.['metadata'].broughtBack, 30)
  assert.equal(entry?.['metadata'].digests.length, 1)
  assert.equal(entry?.['written_by'], 'audit_test_keeper')
  const refused = [
    `delete from audit.${partition}`,
    `truncate audit.${partition}`,
    `update audit.audit_log set action = action where seq = 2`,
  ]
  for (const statement of refused) {
    assert.equal((await refusalOf(sql.unsafe(statement)))?.code, '42501', statement)
  }
  const reader = connectAs(t, scratch, 'audit_reader')
  assert.equal(
    (await refusalOf(reader`select from ${reader(`audit.${partition}`)}`))?.code,
    '42501',
  )
  const again = await restore()
  assert.deepEqual(again, {
    ...{ code: 0, stderr: '' },
    stdout: `Nothing of ${partition} is removed: the log has what was archived of it.\n`,
  })
  const [beside] = await sql`select to_regclass(${`audit.restored_${partition}`}) as there`
  assert.equal(beside?.['there'], null, 'nothing was restored for it')
  const named = ['archive', 'restore', partition, '--from', folder]
  const fromFiles = await runRelay(t, named, keeperOf(scratch))
  assert.equal(fromFiles.code, 3)
  assert.match(fromFiles.stderr, /nothing of it is removed\./)
  const { stdout } = await runRelay(t, [...named, '--beside', '--json'], keeperOf(scratch))
  assert.equal(JSON.parse(stdout).rows, 30, 'next to the log it may be had')

  // What comes back can be removed and archived again, into the same file.
  await remove()
  const [archives] = await sql`select count(*)::integer as n from audit.audit_archive`
  assert.equal(archives?.['n'], 1)
})

test('a whole partition that was removed comes back for its old bounds', async (t) => {
  const { sql, partition, remove, drop, restore } = await removed(t)
  await setPolicy(sql, '*', keepUntil(3))
  await remove()
  await drop()
  const [gone] = await sql`select to_regclass(${`audit.${partition}`}) as there`
  assert.equal(gone?.['there'], null)
  const back = await restore()
  assert.equal(back.stdout, `40 entries of ${partition} are back in the log.\n`)
  const [row] = await sql`
    select count(*)::integer as n from audit.audit_log as l
    where l.tableoid = ${`audit.${partition}`}::regclass`
  assert.equal(row?.['n'], 40)
  const [known] =
    await sql`select min_seq, max_seq from audit.audit_partition where name = ${partition}`
  assert.deepEqual({ ...known }, { min_seq: '1', max_seq: '40' })
})

test('entries that this database did not archive do not come into its log', async (t) => {
  const { scratch, sql, partition, folder, remove, drop } = await removed(t)
  await remove()
  await drop()
  await sql`delete from audit.audit_archive`
  const from = ['archive', 'restore', partition, '--from', folder]
  const refused = await runRelay(t, from, keeperOf(scratch))
  assert.equal(refused.code, 3)
  assert.match(refused.stderr, /This database has not archived these files/)
  const [row] = await sql`select count(*)::integer as n from audit.audit_log`
  assert.equal(row?.['n'], 10)
})
