import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { FileStore } from '../relay/archive/stores/file-store.ts'
import type { LocalFile } from '../relay/archive/files/ndjson-file.ts'
import { verifyExport } from '../src/export/index.ts'
import {
  archiverOf,
  fillNasty,
  fillOctober,
  filesBelow,
  makeOctober,
  OCTOBER,
} from './support/archives.ts'
import { scratchDatabase } from './support/database.ts'
import { runRelay } from './support/audit-relay.ts'
import { COLUMNS, logAsText, scratchFolder } from './support/exports.ts'
import { connectAs, refusalOf } from './support/logins.ts'

const FILE = /^year=2025\/month=10\/audit_log_2025_10-(\d+)-(\d+)-[0-9a-f]{12}\.ndjson\.gz$/

// Goal: what is archived is what the log holds, in a place that its contents alone decide.
// Method: entries of the worst contents; the file is read by nothing of ours.
test('an archive holds every column of every entry, and its manifest says what', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 300)
  const nasty = await fillNasty(scratch)
  assert.ok(nasty > 15)
  const { archiver, folder } = archiverOf(t, scratch)

  const archived = await archiver.archive({ partition: OCTOBER })
  assert.equal(archived.rows, 300 + nasty)
  const [file] = archived.files
  assert.ok(file)
  const names = filesBelow(folder)
  assert.equal(names.length, 2, String(names))
  const [name = '', manifestName = ''] = names
  assert.match(name, FILE)
  assert.equal(manifestName, `${name}.manifest.json`)
  assert.equal(new URL(file.url).pathname, path.join(folder, name))

  const bytes = fs.readFileSync(path.join(folder, name))
  assert.equal(createHash('sha256').update(bytes).digest('hex'), file.sha256)
  assert.equal(fs.statSync(path.join(folder, name)).mode & 0o777, 0o600)
  const lines = gunzipSync(bytes).toString().trimEnd().split('\n')
  const logged = await logAsText(scratch)
  assert.equal(lines.length, logged.length)
  for (const [n, line] of lines.entries()) {
    const found = JSON.parse(line)
    assert.deepEqual(Object.keys(found), [...COLUMNS])
    assert.equal(String(found['seq']), logged[n]?.['seq'])
    assert.ok(line.includes(`"metadata":${logged[n]?.['metadata']},"context":`), line.slice(0, 200))
  }
  assert.deepEqual((await verifyExport(path.join(folder, name))).problems, [])
  const [noted] = await scratch.sql`select * from audit.audit_archive`
  assert.equal(noted?.['digest'], file.digest)
  assert.equal(noted?.['written_by'], 'audit_test_keeper')
  assert.ok(noted?.['stored_at'])
})

// Goal: nobody can make an archive that differs from the log, in anything, and pass it off.
// Method: the digest of the file is offered to the database after each possible change of one row.
test('the database refuses a digest once any column of any entry, or their order, is another', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 40)
  const { archiver } = archiverOf(t, scratch)
  const { files } = await archiver.archive({ partition: OCTOBER })
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const isTaken = async () => {
    const [row] = await keeper`
      select audit.note_archive(${OCTOBER}, null, 1, 40, ${files[0]?.digest ?? ''}, 'ndjson') as number`
    return row?.['number'] !== null
  }
  assert.equal(await isTaken(), true)
  const values: Readonly<Record<string, string>> = {
    id: `overlay(id::text placing '0' from 36)::uuid`,
    seq: '1000',
    ...{ occurred_at: `occurred_at + '1 microsecond'`, logged_at: `logged_at + '1 microsecond'` },
    ...{ written_by: `'other'`, event_id: 'gen_random_uuid()', action: `action || ' '` },
    ...{ entity_type: `'x'`, outcome: `'failed'`, actor_kind: `'agent'`, user_id: 'null' },
    ...{ actor_id: 'gen_random_uuid()', target_id: 'gen_random_uuid()', request_id: `'null'` },
    ...{ more_targets: 'array[gen_random_uuid()]', metadata: `metadata || '{"n": 20.0}'` },
    ...{ context: `'{"a": null}'`, recorder_id: 'gen_random_uuid()', recorder_seq: '0' },
  }
  assert.deepEqual(Object.keys(values).sort(), [...COLUMNS].sort())
  const { sql } = scratch
  await sql.unsafe(`alter table audit.${OCTOBER} disable trigger all`)
  const change = async (name: string, statement: string) => {
    const changed = sql.begin(async (transaction) => {
      await transaction.unsafe(statement)
      await transaction.unsafe('set local role audit_keeper')
      const [row] = await transaction`
        select audit.note_archive(${OCTOBER}, null, 1, 40, ${files[0]?.digest ?? ''}, 'ndjson') as number`
      assert.equal(row?.['number'], null, name)
      throw new Error('undo')
    })
    await assert.rejects(changed, /^Error: undo$/)
  }
  for (const [name, value] of Object.entries(values)) {
    await change(name, `update audit.${OCTOBER} set ${name} = ${value} where seq = 21`)
  }
  await change('one less', `delete from audit.${OCTOBER} where seq = 40`)
  await change(
    'two in each other place',
    `
    update audit.${OCTOBER} set seq = 41 - seq where seq in (20, 21)`,
  )
  assert.equal(await isTaken(), true)
})

test('entries that change while a partition is archived end it, and nothing of it is stored', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 30)
  const { sql } = scratch
  await sql.unsafe(`alter table audit.${OCTOBER} disable trigger all`)
  const folder = scratchFolder(t)
  // All entries have been read once the first file is stored.
  class Changing extends FileStore {
    override async put(...given: Parameters<FileStore['put']>) {
      await sql.unsafe(`update audit.${OCTOBER} set request_id = 'other' where seq = 25`)
      return await super.put(...given)
    }
  }
  const store = new Changing(new URL(`file://${folder}`))
  const { archiver } = archiverOf(t, scratch, { store, maxFileRows: 10 })
  await assert.rejects(archiver.archive({ partition: OCTOBER }), {
    code: 'AUDIT_ARCHIVE_FAILED',
    message: /audit_log_2025_10 differs from the log/,
  })
  assert.deepEqual(
    filesBelow(folder).map((name) => name.replace(/-[0-9a-f]{12}\./, '.')),
    ['1-10', '11-20'].flatMap((span) => {
      const name = `year=2025/month=10/${OCTOBER}-${span}.ndjson.gz`
      return [name, `${name}.manifest.json`]
    }),
  )
  const again = await archiver.archive({ partition: OCTOBER })
  assert.deepEqual(
    again.files.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq]),
    [
      [1, 10],
      [11, 20],
      [21, 30],
    ],
  )
  assert.equal(new Set(again.files.map(({ url }) => url)).size, 3)
})

test('a late entry ends an archive that did not read it', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 30)
  const folder = scratchFolder(t)
  class Late extends FileStore {
    #isLate = false
    override async put(...given: Parameters<FileStore['put']>) {
      if (!this.#isLate) await fillOctober(scratch, 1)
      this.#isLate = true
      return await super.put(...given)
    }
  }
  const store = new Late(new URL(`file://${folder}`))
  const { archiver } = archiverOf(t, scratch, { store, maxFileRows: 20 })
  await assert.rejects(archiver.archive({ partition: OCTOBER }), /differs from the log/)
  assert.equal((await archiver.archive({ partition: OCTOBER })).rows, 31)
})

test('one byte of a stored file that is another one ends the archive, and it does not count', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 50)
  const folder = scratchFolder(t)
  class Damaging extends FileStore {
    override async put(name: string, file: LocalFile) {
      await super.put(name, file)
      const stored = path.join(folder, name)
      const bytes = fs.readFileSync(stored)
      bytes[100] = (bytes[100] ?? 0) ^ 1
      fs.writeFileSync(stored, bytes)
    }
  }
  const store = new Damaging(new URL(`file://${folder}`))
  const { archiver } = archiverOf(t, scratch, { store })
  await assert.rejects(archiver.archive({ partition: OCTOBER }), {
    code: 'AUDIT_ARCHIVE_FAILED',
    message: /is not what was stored: \d+ bytes, sha256/,
  })
  const [noted] = await scratch.sql`select url, stored_at from audit.audit_archive`
  assert.deepEqual({ ...noted }, { url: null, stored_at: null })
  // The damaged file is in the way now, and nobody replaces it.
  const other = archiverOf(t, scratch, {
    store: new FileStore(new URL(`file://${folder}`)),
  })
  await assert.rejects(other.archiver.archive({ partition: OCTOBER }), /is another file/)
})

test('a repeated archive leaves what is there, and finishes what a killed one began', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 50)
  const { archiver, folder } = archiverOf(t, scratch)
  const first = await archiver.archive({ partition: OCTOBER })
  const names = filesBelow(folder)
  const times = () => names.map((name) => fs.statSync(path.join(folder, name)).mtimeMs)
  const before = times()
  assert.deepEqual(await archiver.archive({ partition: OCTOBER }), first)
  assert.deepEqual(times(), before)
  assert.deepEqual(filesBelow(folder), names)

  // As after a kill between a file and its manifest, with a part of another run.
  const [file = '', manifest = ''] = names
  fs.rmSync(path.join(folder, manifest))
  const part = path.join(folder, '.unfinished', `${OCTOBER}.1`)
  fs.writeFileSync(part, 'cut off')
  fs.utimesSync(part, 0, 0)
  assert.deepEqual(await archiver.archive({ partition: OCTOBER }), first)
  assert.deepEqual(filesBelow(folder), names)

  // Another file under the same name stays, and so does one whose manifest speaks of others.
  fs.writeFileSync(path.join(folder, file), 'other')
  await assert.rejects(archiver.archive({ partition: OCTOBER }), /It is not replaced/)
  assert.equal(fs.readFileSync(path.join(folder, file), 'utf8'), 'other')
})

test('only the entries that leave are archived', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 20)
  const kept = `${OCTOBER}_kept`
  await scratch.sql.unsafe(`
    create table audit.${kept} (like audit.audit_log including all);
    insert into audit.${kept} select * from audit.${OCTOBER} where action = 'guest.check_in';
    alter table audit.${kept} owner to audit_owner`)
  const { archiver, folder } = archiverOf(t, scratch)
  const archived = await archiver.archive({ partition: OCTOBER, kept })
  assert.equal(archived.rows, 16)
  const [name = '', manifest = ''] = filesBelow(folder)
  const lines = gunzipSync(fs.readFileSync(path.join(folder, name)))
    .toString()
    .trimEnd()
    .split('\n')
  assert.deepEqual(
    new Set(lines.map((line) => JSON.parse(line).action)),
    new Set(['branding.update']),
  )
  const told = JSON.parse(fs.readFileSync(path.join(folder, manifest), 'utf8'))
  assert.deepEqual(
    told.missingSeqs,
    [6, 11, 16].map((seq) => [seq, seq]),
  )
  assert.deepEqual(told.archive, {
    partition: OCTOBER,
    fromId: '01999d11-9800-0000-0000-000000000000',
    toId: '019a3cb6-bc00-0000-0000-000000000000',
    digest: archived.files[0]?.digest,
    schemaVersion: 1,
  })

  await scratch.sql.unsafe(
    `truncate audit.${kept}; insert into audit.${kept} select * from audit.${OCTOBER}`,
  )
  assert.deepEqual(await archiver.archive({ partition: OCTOBER, kept }), {
    ...{ partition: OCTOBER, rows: 0, firstSeq: null, lastSeq: null, files: [] },
  })
})

test('the keeper reads partitions of the log by these functions, and no other table', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const zero = '00000000-0000-0000-0000-000000000000'
  for (const table of [
    'audit_dead_letter',
    'audit_staging',
    'audit_log',
    'pg_authid',
    '../x"; --',
  ]) {
    for (const [name, kept] of [
      [table, null],
      [OCTOBER, table],
    ] as const) {
      const reading = keeper`select from audit.archive_rows(${name}, ${kept}, 0, ${zero}, 1)`
      assert.equal((await refusalOf(reading))?.code, '42P01', table)
      const hashing = keeper`select from audit.archive_digest(${name}, ${kept}, 0, 1)`
      assert.equal((await refusalOf(hashing))?.code, '42P01', table)
    }
  }
  for (const role of ['audit_app', 'audit_relay', 'audit_reader'] as const) {
    const login = connectAs(t, scratch, role)
    const reading = login`select from audit.archive_rows(${OCTOBER}, null, 0, ${zero}, 1)`
    assert.equal((await refusalOf(reading))?.code, '42501', role)
  }
})

test('audit-relay archive run archives what has ended, and says what it could not', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 12)
  const folder = scratchFolder(t)
  const environment = {
    AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_keeper'),
    AUDIT_ARCHIVE_URL: `file://${folder}`,
  }
  const nothing = await runRelay(t, ['archive', 'run'], environment)
  assert.deepEqual(nothing, {
    code: 0,
    stdout: 'No closed partition waits to be archived; one that is not closed yet can be named.\n',
    stderr: '',
  })

  await scratch.sql`
    insert into audit.audit_partition (name, from_id, to_id, min_seq, max_seq, rows, closed_at)
    values (${OCTOBER}, '01999d11-9800-0000-0000-000000000000',
      '019a3cb6-bc00-0000-0000-000000000000', 1, 12, 12, now())
    on conflict (name) do update set min_seq = 1, max_seq = 12, rows = 12, closed_at = now()`
  const run = await runRelay(t, ['archive', 'run', '--json'], environment)
  assert.equal(run.code, 0, run.stderr)
  const { archived, failed } = JSON.parse(run.stdout)
  assert.deepEqual(failed, [])
  assert.deepEqual([archived[0].partition, archived[0].rows], [OCTOBER, 12])
  assert.equal((await runRelay(t, ['archive', 'run'], environment)).stdout, nothing.stdout)

  const [name = ''] = filesBelow(folder)
  fs.writeFileSync(path.join(folder, name), 'other')
  const blocked = await runRelay(t, ['archive', 'run', OCTOBER], environment)
  assert.equal(blocked.code, 3)
  assert.match(blocked.stdout, /^audit_log_2025_10: not archived\. file:.* is not replaced/)

  const off = await runRelay(t, ['archive', 'run'], { ...environment, AUDIT_ARCHIVE: 'off' })
  assert.equal(off.code, 2)
  assert.match(off.stderr, /Archives are off\. Set AUDIT_ARCHIVE_URL/)
})
