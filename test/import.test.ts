import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { test } from 'node:test'
import { type ImportState, ImportStatements } from '../relay/import/import-statements.ts'
import { BELOW_THE_LINE, type MappedRow, RowMapper } from '../relay/import/mapping/map-row.ts'
import { readStatus } from '../relay/telemetry/status.ts'
import { databaseFault } from '../src/errors.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { bringIn, fileWith, type Imported, MAPPING, minutes, oldRows } from './support/imports.ts'
import { encoded, openDatabase, relayOn, stage } from './support/lanes.ts'

test('old rows become entries of their own time, each once, with their origin and an account', async (t) => {
  const scratch = await scratchDatabase(t)
  const relay = relayOn(t, scratch)
  void relay.start()
  const rows = minutes(2_500)
  const from = fileWith(t, 'old.ndjson', oldRows(rows))
  const result = await bringIn(t, scratch, { from })
  assert.deepEqual(
    { read: result.read, logged: result.logged, refused: result.refused, goesOn: result.goesOn },
    { read: 2_500, logged: 2_500, refused: 0, goesOn: false },
  )
  await relay.stop()
  await relayOn(t, scratch).drain({ deadlineMs: 60_000 })

  const { sql } = scratch
  const [counts] = await sql`
    select count(*)::integer as entries, count(distinct id)::integer as ids,
      max(seq)::integer as last, (select seq::integer from audit.audit_head) as head
    from audit.audit_log`
  assert.equal(counts?.['entries'], 2_502) // with audit.import at the start and at the end
  assert.equal(counts?.['ids'], 2_502)
  assert.equal(counts?.['last'], 2_502)
  assert.equal(counts?.['head'], 2_502)
  const entries = await sql`
    select occurred_at, metadata ->> 'n' as n, context -> 'imported' as imported, recorder_seq::integer as number,
      written_by, user_id,
      ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint::double precision as id_ms
    from audit.audit_log where action = 'guest.check_in' order by id`
  assert.equal(entries.length, 2_500)
  entries.forEach((entry, n) => {
    assert.equal(entry['n'], String(n))
    assert.equal(entry['occurred_at'].toISOString(), rows[n]?.['created_at'])
    assert.equal(entry['id_ms'], entry['occurred_at'].getTime())
    assert.equal(entry['number'], n + 1)
    assert.equal(entry['imported'].name, 'old-log')
    assert.equal(entry['imported'].key, String(n + 1))
  })
  assert.equal(entries[0]?.['user_id'], entries[7]?.['user_id'])
  assert.match(entries[0]?.['user_id'], /^[0-9a-f]{8}-[0-9a-f]{4}-8/)
  assert.equal(entries[0]?.['written_by'], new URL(scratch.urlAs('audit_keeper')).username)

  const [inDefault] = await sql`select count(*)::integer as rows from audit.audit_log_default`
  assert.equal(inDefault?.['rows'], 0, 'the partition of its month was made first')

  const [account] = (await readStatus(openDatabase(t, scratch.urlAs('audit_relay')))).recorders
  assert.equal(account?.state, 'closed')
  assert.equal(account?.accepted, 2_500)
  assert.equal(account?.logged, 2_500)
  assert.equal(account?.missing, 0)

  const told = await sql`
    select metadata from audit.audit_log where action = 'audit.import' order by id`
  assert.deepEqual(
    told.map(({ metadata }) => [metadata.state, metadata.read, metadata.logged, metadata.source]),
    [
      ['begun', 0, undefined, 'old.ndjson'],
      ['ended', 2_500, 2_500, 'old.ndjson'],
    ],
  )
  assert.match(told[0]?.['metadata'].mapping, /^[0-9a-f]{64}$/)
})

test('the same again, also compressed, reads nothing and logs nothing', async (t) => {
  const scratch = await scratchDatabase(t)
  void relayOn(t, scratch).start()
  const contents = oldRows(minutes(300))
  await bringIn(t, scratch, { from: fileWith(t, 'old.ndjson', contents) })
  const again = await bringIn(t, scratch, {
    from: fileWith(t, 'old.ndjson.gz', gzipSync(contents)),
  })
  assert.equal(again.goesOn, true)
  assert.equal(again.read, 300)
  assert.equal(again.logged, 300)
  const [counts] = await scratch.sql`
    select count(*)::integer as entries from audit.audit_log where action = 'guest.check_in'`
  assert.equal(counts?.['entries'], 300)
})

// Goal: an import may die between any two of its statements.
// Method: each attempt dies before or after the next statement of a list, until one gets to the end.
test('an import that dies at any statement goes on, and each row is logged once', async (t) => {
  const scratch = await scratchDatabase(t)
  void relayOn(t, scratch).start()
  const from = fileWith(t, 'old.ndjson', oldRows([...minutes(180), { id: 181, action: 'no.time' }]))
  let attempts = 0
  const dying = (statements: ImportStatements, livesFor: number) => {
    let left = livesFor
    const died = () => {
      left -= 1
      if (left < 0) throw new Error('killed')
    }
    return new Proxy(statements, {
      get(target, name) {
        const method = Reflect.get(target, name) as unknown
        if (typeof method !== 'function') return method
        return async (...given: unknown[]) => {
          died()
          const answer = await method.apply(target, given)
          died()
          return answer
        }
      },
    })
  }
  let result: Imported | undefined
  while (result === undefined) {
    attempts += 1
    assert.ok(attempts < 100, 'it gets on')
    result = await bringIn(t, scratch, {
      from,
      windowRows: 30,
      around: (statements) => dying(statements, attempts),
    }).catch((error: unknown) => {
      assert.match(String(error), /killed/)
      return undefined
    })
  }
  assert.ok(attempts > 15)
  assert.deepEqual(
    [result.read, result.logged, result.refused, result.repeated, result.deadLetters],
    [181, 180, 1, 0, 0],
  )
  const [counts] = await scratch.sql`
    select count(*)::integer as entries, count(distinct context -> 'imported' ->> 'key')::integer as keys,
      count(distinct context -> 'imported' ->> 'at')::integer as times
    from audit.audit_log where action = 'guest.check_in'`
  assert.deepEqual({ ...counts }, { entries: 180, keys: 180, times: 1 })
  assert.equal(await holesIn(scratch), 0)
})

// Goal: rows that a crash takes from the lane are read again, and are no gap of the log.
// Method: what a crash does to UNLOGGED tables, before the relay has moved a window.
test('a crash that empties the lane costs nothing, and is no gap', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const relay = relayOn(t, scratch)
  const from = fileWith(t, 'old.ndjson', oldRows([...minutes(100), { id: 'x', action: 'no.time' }]))
  let settles = 0
  const failures: unknown[] = []
  const result = await bringIn(t, scratch, {
    from,
    windowRows: 20,
    onFailure: (error) => failures.push(error),
    around: (statements) =>
      new Proxy(statements, {
        get(target, name) {
          if (name !== 'settle') return Reflect.get(target, name).bind(target)
          return async (...given: Parameters<ImportStatements['settle']>) => {
            settles += 1
            if (settles === 3 || settles === 6) {
              // The relay has moved a part of the window.
              await relay.drain({ maxRows: 1, deadlineMs: 60_000 })
              await sql`truncate audit.audit_import, audit.audit_import_sentinel, audit.audit_staging,
                audit.audit_sentinel`
            } else await relay.drain({ deadlineMs: 60_000 })
            return await target.settle(...given)
          }
        },
      }),
  })
  assert.equal(failures.length, 2)
  assert.deepEqual([result.read, result.logged, result.refused], [101, 100, 1])
  assert.equal(result.refusedRows.filter(({ key }) => key === 'x').length, 1)
  const [counts] = await sql`
    select count(*)::integer as entries from audit.audit_log where action = 'guest.check_in'`
  assert.equal(counts?.['entries'], 100)
  await relay.drain({ deadlineMs: 60_000 })
  const gaps = await sql`select metadata from audit.audit_log where action = 'audit.gap'`
  assert.ok(gaps.length > 0, 'the crash emptied the fast lane, too')
  assert.deepEqual(
    gaps.flatMap(({ metadata }) => metadata.recorders),
    [],
    'the import is none of those that may have lost something',
  )
  const { recorders } = await readStatus(openDatabase(t, scratch.urlAs('audit_relay')))
  assert.deepEqual(
    recorders.map(({ state, missing }) => [state, missing]),
    [['closed', 0]],
  )
})

test('the lane alone, emptied, is no gap at all', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql`truncate audit.audit_import, audit.audit_import_sentinel`
  const relay = relayOn(t, scratch)
  const { gaps } = await relay.drain({ deadlineMs: 60_000 })
  assert.equal(gaps, 0)
  assert.equal((await readStatus(openDatabase(t, scratch.urlAs('audit_relay')))).gaps, 0)
})

test('another mapping for an import that was begun is refused, and nothing changes', async (t) => {
  const scratch = await scratchDatabase(t)
  void relayOn(t, scratch).start()
  const from = fileWith(t, 'old.ndjson', oldRows(minutes(3)))
  await bringIn(t, scratch, { from })
  const mapping = { ...MAPPING, timeZone: 'Europe/Berlin' }
  await assert.rejects(bringIn(t, scratch, { from, mapping }), (error) => {
    assert.equal(databaseFault(error).code, '55000')
    return true
  })
  const [run] = await scratch.sql`select done_at, read::integer as read from audit.audit_import_run`
  assert.ok(run?.['done_at'])
  assert.equal(run?.['read'], 3)
  // How the rows are read is no part of what they become.
  const again = await bringIn(t, scratch, { from, mapping: { ...MAPPING, format: 'ndjson' } })
  assert.equal(again.read, 3)
})

test('a file that is not the one of before is refused; one that grew brings what is new', async (t) => {
  const scratch = await scratchDatabase(t)
  void relayOn(t, scratch).start()
  const rows = minutes(20)
  await bringIn(t, scratch, { from: fileWith(t, 'old.ndjson', oldRows(rows.slice(0, 10))) })
  const grown = await bringIn(t, scratch, { from: fileWith(t, 'old.ndjson', oldRows(rows)) })
  assert.deepEqual([grown.read, grown.logged, grown.repeated], [20, 20, 0])
  for (const other of [rows.slice(1), rows.slice(0, 5)]) {
    const from = fileWith(t, 'old.ndjson', oldRows(other))
    await assert.rejects(bringIn(t, scratch, { from }), /not what the import has read before/)
  }
})

test('rows that are no entries are refused with a reason each, and the others go on', async (t) => {
  const scratch = await scratchDatabase(t)
  void relayOn(t, scratch).start()
  const good = { created_at: '2026-09-01T10:00:00Z', action: 'guest.check_in' }
  const bad = [
    ['{"id": 1', 'it is no JSON'],
    ['[1]', 'it is no JSON object'],
    [JSON.stringify({ ...good }), 'it has no key'],
    [JSON.stringify({ ...good, id: 'k'.repeat(257) }), 'its key is longer than 256 characters'],
    [JSON.stringify({ id: 5, action: 'a.b' }), 'it has no time'],
    [
      JSON.stringify({ ...good, id: 6, created_at: 'yesterday' }),
      'its time is not written as ISO 8601',
    ],
    [
      JSON.stringify({ ...good, id: 7, created_at: '2026-02-30' }),
      'its time is not in the calendar',
    ],
    [
      JSON.stringify({ ...good, id: 8, created_at: '1969-12-31' }),
      'its time is before 1970, and an id holds no such time',
    ],
    [
      JSON.stringify({ ...good, id: 9, created_at: '2199-01-01' }),
      'its time is more than a day ahead of the clock of this machine',
    ],
    [
      JSON.stringify({ ...good, id: 10, created_at: 1_700_000_000 }),
      'its time is a number, and the mapping names no unit for it',
    ],
    [JSON.stringify({ ...good, id: 11, action: null }), 'it has no action'],
    [
      JSON.stringify({ ...good, id: 12, action: 'audit.gap' }),
      'its action is of the entity "audit", which is the log\'s own',
    ],
  ] as const
  const text = [...bad.map(([line]) => line), JSON.stringify({ ...good, id: 13 })].join('\n')
  const result = await bringIn(t, scratch, { from: fileWith(t, 'old.ndjson', text) })
  assert.deepEqual(
    result.refusedRows.map(({ number, reason, text: row }) => [number, row, reason]),
    bad.map(([line, reason], n) => [n + 1, line, reason]),
  )
  assert.deepEqual([result.read, result.refused, result.logged], [13, 12, 1])
  assert.deepEqual(
    [...result.reasons.keys()].toSorted(),
    bad.map(([, reason]) => reason).toSorted(),
  )
})

test('what the database cannot take is refused as well, and listed with its row', async (t) => {
  const scratch = await scratchDatabase(t)
  void relayOn(t, scratch).start()
  const [row] = await scratch.sql`select audit.id_floor('2026-09-15 00:00:00+00') as line`
  // As if a policy had removed the time before, and this process did not know it yet.
  const rows = minutes(2).concat({ id: 3, created_at: '2026-09-20T00:00:00Z', action: 'late.row' })
  const result = await bringIn(t, scratch, {
    from: fileWith(t, 'old.ndjson', oldRows(rows)),
    around: (statements) =>
      new Proxy(statements, {
        get(target, name) {
          if (name !== 'stage') return Reflect.get(target, name).bind(target)
          return async (...given: Parameters<ImportStatements['stage']>) => {
            await scratch.sql`update audit.audit_retention set line_id = ${row?.['line']}`
            return await target.stage(...given)
          }
        },
      }),
  })
  assert.deepEqual([result.read, result.refused, result.logged], [3, 2, 1])
  assert.deepEqual(
    result.refusedRows.map(({ number, key }) => [number, key]),
    [
      [1, '1'],
      [2, '2'],
    ],
  )
  assert.match(result.refusedRows[0]?.reason ?? '', /below the retention line/)
  const again = await bringIn(t, scratch, {
    name: 'another',
    from: fileWith(t, 'old.ndjson', oldRows(rows)),
  })
  assert.deepEqual([...again.reasons], [[BELOW_THE_LINE, 2]])
})

test('one key twice is one entry where the rows are the same, else a dead letter', async (t) => {
  const scratch = await scratchDatabase(t)
  void relayOn(t, scratch).start()
  const rows = [...minutes(4), ...minutes(2), { ...minutes(3)[2], action: 'guest.leave' }]
  const result = await bringIn(t, scratch, { from: fileWith(t, 'old.ndjson', oldRows(rows)) })
  assert.deepEqual([result.read, result.logged, result.repeated, result.deadLetters], [7, 4, 2, 1])
  const [letter] = await scratch.sql`select lane, sqlstate from audit.audit_dead_letter`
  assert.deepEqual({ ...letter }, { lane: 'import', sqlstate: '23505' })
  const { recorders } = await readStatus(openDatabase(t, scratch.urlAs('audit_relay')))
  assert.deepEqual(
    recorders.map(({ state, missing, accepted }) => [state, missing, accepted]),
    [['closed', 0, 5]],
  )
})

test('the relay moves an import only while nothing else waits', async (t) => {
  const scratch = await scratchDatabase(t)
  const statements = new ImportStatements(openDatabase(t, scratch.urlAs('audit_keeper')), 'old')
  await statements.begin('old.csv', '0'.repeat(64))
  const mapper = mapperFor(await statements.state())
  const rows = minutes(1_500).map((row, n) => mapper.map(row, String(n), n + 1) as MappedRow)
  await statements.stage(
    rows.map(({ json }) => json),
    [],
  )
  await stage(
    openDatabase(t, scratch.url),
    'staging',
    Array.from({ length: 30 }, () => encoded()),
  )
  await stage(openDatabase(t, scratch.url), 'outbox', [encoded()])
  const status = await readStatus(openDatabase(t, scratch.urlAs('audit_relay')))
  assert.equal(status.depth.import, 1_500)
  assert.ok(status.lagMs < 3_600_000, 'what is old when it comes is not late')

  const relay = relayOn(t, scratch, { batchEntries: 10, parallelMoves: 1 })
  await relay.drain({ maxRows: 33, deadlineMs: 60_000 })
  const [first] = await scratch.sql`
    select (select count(*) from audit.audit_staging)::integer as staging,
      (select count(*) from audit.audit_outbox)::integer as outbox,
      (select count(*) from audit.audit_import)::integer as import`
  assert.deepEqual([first?.['staging'], first?.['outbox']], [0, 0])
  assert.ok(first?.['import'] > 1_400)
  const { isDrained } = await relay.drain({ deadlineMs: 60_000 })
  assert.equal(isDrained, true)
  const [rest] = await scratch.sql`select count(*)::integer as import from audit.audit_import`
  assert.equal(rest?.['import'], 0)
})

async function holesIn({ sql }: ScratchDatabase): Promise<number> {
  const [found] = await sql`
    select (max(seq) - count(*))::integer as holes from audit.audit_log`
  return found?.['holes']
}

function mapperFor({ ids, oldest, recorderId, begunAt }: ImportState): RowMapper {
  return new RowMapper({
    ...{ name: 'old', mapping: MAPPING, ids, oldest, maxEntryBytes: 32 * 1024 },
    recorderId: recorderId ?? '',
    at: begunAt ?? '',
  })
}

// Goal: no row is given up for logged while a crash could still take it.
// Method: the answers to each look at the lane, with a crash in between.
test('the last key is noted once the lane was seen empty in the epoch in which it was filled', async (t) => {
  const scratch = await scratchDatabase(t)
  const statements = new ImportStatements(openDatabase(t, scratch.urlAs('audit_keeper')), 'old')
  await statements.begin('old.csv', '0'.repeat(64))
  const mapper = mapperFor(await statements.state())
  const rows = minutes(20).map((row, n) => mapper.map(row, String(n), n + 1) as MappedRow)
  const stageAll = () =>
    statements.stage(
      rows.map(({ json }) => json),
      [],
    )
  const to = { lastKey: '20', read: 20, refused: 0 }
  const { epoch: first } = await stageAll()
  assert.equal(await statements.settle(first, to), 'waiting')
  await scratch.sql`truncate audit.audit_import, audit.audit_import_sentinel`
  assert.equal(await statements.settle(first, to), 'emptied')
  assert.equal((await statements.state()).lastKey, null)

  const { epoch: second } = await stageAll()
  assert.notEqual(second, first)
  const relay = relayOn(t, scratch)
  await relay.drain({ deadlineMs: 60_000 })
  assert.equal(await statements.settle(first, to), 'emptied', 'the rows of then may be lost')
  assert.equal((await statements.state()).lastKey, null)
  assert.equal(await statements.settle(second, to), 'settled')
  assert.equal(await statements.settle(second, { ...to, lastKey: '7', read: 7 }), 'settled')
  const { lastKey, read } = await statements.state()
  assert.deepEqual({ lastKey, read }, { lastKey: '20', read: 20 })

  // A copy of earlier holds the lane as it was then, and the rows of now are in no lane and no log.
  await scratch.sql`select audit.declare_restored()`
  assert.equal(await statements.settle(second, { ...to, lastKey: '30', read: 30 }), 'emptied')
})

test('an import that is told to stop ends behind a window, and goes on', async (t) => {
  const scratch = await scratchDatabase(t)
  void relayOn(t, scratch).start()
  const from = fileWith(t, 'old.ndjson', oldRows(minutes(100)))
  const halt = new AbortController()
  const stopped = bringIn(t, scratch, {
    from,
    windowRows: 20,
    signal: halt.signal,
    onProgress: ({ settled }) => {
      if (settled >= 40) halt.abort(new Error('told to stop'))
    },
  })
  await assert.rejects(stopped, /told to stop/)
  const [run] = await scratch.sql`select last_key, done_at from audit.audit_import_run`
  assert.deepEqual({ ...run }, { last_key: '40', done_at: null })
  const result = await bringIn(t, scratch, { from, windowRows: 20 })
  assert.deepEqual([result.read, result.logged, result.goesOn], [100, 100, true])
})
