import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { readParquet } from '../relay/archive/files/parquet-file.ts'
import {
  archiverOf,
  fillNasty,
  fillOctober,
  filesBelow,
  makeOctober,
  OCTOBER,
} from './support/archives.ts'
import { scratchDatabase } from './support/database.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'

// Goal: DuckDB, Athena or Trino read the files, and they are as faithful as NDJSON is.
// Method: the worst contents, whose content digest the database takes; DuckDB reads by itself.
test('a Parquet archive holds every column of every entry, with types of its own', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 3_000)
  const nasty = await fillNasty(scratch)
  const { sql } = scratch
  await sql.unsafe(`alter table audit.${OCTOBER} disable trigger all`)
  await sql.unsafe(`
    delete from audit.${OCTOBER} where occurred_at = '294276-12-31 23:59:59+00';
    update audit.${OCTOBER} set entity_type = '\ufeffmarked' where seq = 7`)
  const { archiver, folder } = archiverOf(t, scratch, { format: 'parquet' })
  const { rows, files } = await archiver.archive({ partition: OCTOBER })
  assert.equal(rows, 3_000 + nasty - 1)
  assert.equal(files[0]?.format, 'parquet')
  const [name = ''] = filesBelow(folder)
  assert.match(name, /^year=2025\/month=10\/audit_log_2025_10-1-\d+-[0-9a-f]{12}\.parquet$/)
  const file = path.join(folder, name)
  assert.equal(fs.statSync(file).mode & 0o777, 0o600)
  assert.deepEqual(fs.readdirSync(path.join(folder, '.unfinished')), [])

  const duck = await DuckDBInstance.create(':memory:')
  const connection = await duck.connect()
  const ask = async (query: string) => (await connection.runAndReadAll(query)).getRowObjectsJson()
  const typed = await ask(
    `describe select * from read_parquet('${file}', hive_partitioning = false)`,
  )
  assert.deepEqual(
    typed.map((row) => `${String(row['column_name'])} ${String(row['column_type'])}`),
    [
      ...['seq BIGINT', 'id UUID', 'occurred_at TIMESTAMP WITH TIME ZONE'],
      ...['logged_at TIMESTAMP WITH TIME ZONE', 'written_by VARCHAR', 'event_id UUID'],
      ...['action VARCHAR', 'entity_type VARCHAR', 'outcome VARCHAR', 'actor_kind VARCHAR'],
      ...['user_id UUID', 'actor_id UUID', 'target_id UUID', 'more_targets JSON'],
      ...['request_id VARCHAR', 'metadata JSON', 'context JSON', 'recorder_id UUID'],
      'recorder_seq BIGINT',
    ],
  )
  const [counted] = await ask(`
    select count(*)::integer as rows, count(distinct user_id)::integer as users, max(month)::text as month
    from read_parquet('${folder}/**/*.parquet', hive_partitioning = true)
    where metadata ->> 'note' is not null`)
  assert.deepEqual(counted, { rows: 3_000, users: 7, month: '10' })
  const [groups] = await ask(`
    select count(distinct row_group_id)::integer as n, min(compression) as codec
    from parquet_metadata('${file}')`)
  assert.deepEqual(groups, { n: 1, codec: 'ZSTD' })
  connection.closeSync()
  duck.closeSync()

  const lines: string[] = []
  for await (const line of readParquet(file)) lines.push(line)
  assert.equal(lines.length, rows)
  assert.match(lines[6] ?? '', /"entity_type":"\ufeffmarked"/)
})

test('ids of any kind are texts in Parquet', async (t) => {
  const scratch = await scratchDatabase(t)
  await migrateDatabase({ databaseUrl: scratch.url, ids: 'text', rewrite: () => true })
  await makeOctober(scratch)
  await fillOctober(scratch, 10)
  await scratch.sql`
    insert into audit.audit_log (id, seq, occurred_at, action, user_id, target_id, more_targets)
    values ('01999d11-9801-7000-8000-000000000000', 11, now(), 'a.b', ${'auth0|"5f7c"\\'}, '', array['42', 'ü"'])`
  for (const format of ['parquet', 'ndjson'] as const) {
    const { archiver } = archiverOf(t, scratch, { format })
    assert.equal((await archiver.archive({ partition: OCTOBER })).rows, 11)
  }
})

test('what Parquet has no type for ends the archive with its cure, and nothing is left', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 8_000)
  await scratch.sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    values ('01999d11-9801-7000-8000-000000000000', 8001, '294276-12-31 23:59:59+00', 'a.b')`
  const { archiver, folder } = archiverOf(t, scratch, { format: 'parquet' })
  await assert.rejects(archiver.archive({ partition: OCTOBER }), {
    code: 'AUDIT_ARCHIVE_FAILED',
    message: /DuckDB could not write .* \(Conversion\)\. The partition stays; AUDIT_ARCHIVE=ndjson/,
  })
  assert.deepEqual(filesBelow(folder), [])
})

test('a Parquet file with one byte changed is found damaged', async (t) => {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 200)
  const { archiver, folder } = archiverOf(t, scratch, { format: 'parquet' })
  await archiver.archive({ partition: OCTOBER })
  const file = path.join(folder, filesBelow(folder)[0] ?? '')
  fs.truncateSync(file, fs.statSync(file).size - 1)
  const read = async () => {
    for await (const _ of readParquet(file));
  }
  await assert.rejects(read(), { code: 'AUDIT_ARCHIVE_FAILED', message: /it is damaged/ })
})
