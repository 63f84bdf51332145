import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scratchDatabase } from './support/database.ts'
import { connectAs } from './support/logins.ts'
import { idAt, makePartition, monthsAgo } from './support/old-log.ts'

test('a partition that was closed empty is archived once entries came late, and not before', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const relay = connectAs(t, scratch, 'audit_relay')
  const partition = await makePartition(sql, 3)
  await sql`update audit.audit_lane set oldest_id = audit.id_floor(${monthsAgo(3)})`
  await relay`select audit.close_partition()`
  const due = async () => {
    const rows = await keeper`select "partition" from audit.archive_due()`
    return rows.map((row) => row['partition'])
  }
  assert.deepEqual(await due(), [])

  await sql`
    insert into audit.audit_import (id, occurred_at, action)
    values (${idAt(new Date(monthsAgo(3).getTime() + 1_000), 1)}, now(), 'old.entry')`
  await relay`select audit.move('import', 100, 60000, null, null, null, null)`
  assert.deepEqual(await due(), [partition])
})

// Goal: what was archived is not archived again by each run. Method: late entries of two partitions in
// one batch, and notes of archives that hold all of them, and all but the last.
test('a partition whose late entries were archived is not due again', async (t) => {
  for (const lane of ['import', 'staging']) {
    const scratch = await scratchDatabase(t)
    const { sql } = scratch
    const keeper = connectAs(t, scratch, 'audit_keeper')
    const relay = connectAs(t, scratch, 'audit_relay')
    const partitions = [await makePartition(sql, 5), await makePartition(sql, 3)]
    await sql`update audit.audit_lane set oldest_id = audit.id_floor(${monthsAgo(5)})`
    for (const _ of partitions) await relay`select audit.close_partition()`
    for (const [n, months] of [5, 5, 3, 3, 0].entries()) {
      await sql`
        insert into ${sql(`audit.audit_${lane}`)} (id, occurred_at, action)
        values (${idAt(new Date(monthsAgo(months).getTime() + 1_000 + n), n)}, now(), 'old.entry')`
    }
    await relay`select audit.move(${lane}, 100, 60000, null, null, null, null)`
    const archived = (name: string, less: number) => sql`
      insert into audit.audit_archive (partition, format, rows, first_seq, last_seq, digest, stored_at)
      select ${name}, 'ndjson', count(*), min(seq), max(seq) - ${less}::bigint, ${`${less}`}, now()
      from ${sql(`audit.${name}`)}`
    const due = async () => {
      const rows = await keeper`select "partition" from audit.archive_due()`
      return rows.map((row) => row['partition'])
    }
    assert.deepEqual(await due(), partitions)
    for (const name of partitions) await archived(name, 1)
    assert.deepEqual(await due(), partitions, lane)
    for (const name of partitions) await archived(name, 0)
    assert.deepEqual(await due(), [], lane)
  }
})
