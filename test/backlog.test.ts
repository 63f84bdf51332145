import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { BacklogReader, FRESH_MS } from '../relay/telemetry/backlog.ts'
import { scratchDatabase } from './support/database.ts'
import { encoded, numberedId, openDatabase, stage } from './support/lanes.ts'

const RECORDER = '01990000-0000-7000-8000-00000000000a'

test('what waits is read in one statement: depth, age, drops, dead letters', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const reader = new BacklogReader(scratch.urlAs('audit_relay'))
  t.after(() => reader.close())
  assert.deepEqual(await reader.read(), {
    depth: { staging: 0, outbox: 0 },
    oldestAgeMs: { staging: 0, outbox: 0 },
    lastSeq: 0,
    deadLetters: 0,
    gaps: 0,
    dropped: {},
  })

  const database = openDatabase(t, scratch.url)
  // One whose id holds no time, one from the past, one from a clock that is ahead.
  await stage(database, 'staging', [
    encoded({ id: '00000000-0000-4000-8000-000000000000' }),
    encoded({ id: numberedId(-60_000) }),
    encoded({ id: numberedId(60_000) }),
  ])
  await stage(database, 'outbox', [encoded({ id: numberedId(3_600_000) })])
  await sql`select audit.report(${RECORDER}, now(), 9, 9, '{"full": 2, "timeout": 1}', false)`
  await sql`select audit.report(gen_random_uuid(), now(), 9, 9, '{"full": 3}', true)`
  await sql`select audit.record('[7, 8]')`
  const other = new BacklogReader(scratch.urlAs('audit_relay'))
  t.after(() => other.close())
  const { oldestAgeMs, ...found } = (await other.read()) ?? assert.fail('no answer')
  assert.deepEqual(found, {
    depth: { staging: 3, outbox: 1 },
    lastSeq: 0,
    deadLetters: 2,
    gaps: 0,
    dropped: { full: 5, timeout: 1 },
  })
  assert.ok(
    oldestAgeMs.staging >= 60_000 && oldestAgeMs.staging < 300_000,
    `${oldestAgeMs.staging}`,
  )
  assert.equal(oldestAgeMs.outbox, 0)
})

test('a backlog that cannot be read is said once, and its end too', async (t) => {
  const scratch = await scratchDatabase(t)
  const lines: string[] = []
  const say = (_fields: object, message: string) => void lines.push(message)
  const logger = { debug: say, info: say, warn: say, error: say }
  const reader = new BacklogReader(scratch.urlAs('audit_relay'), logger)
  t.after(() => reader.close())
  await scratch.sql`alter table audit.audit_lane rename to hidden`
  for (let look = 0; look < 3; look += 1) {
    assert.equal(await reader.read(), undefined)
    await sleep(FRESH_MS)
  }
  assert.deepEqual(lines, ['audit relay cannot read what waits: depth and lag are unknown'])
  await scratch.sql`alter table audit.hidden rename to audit_lane`
  assert.equal((await reader.read())?.lastSeq, 0)
  assert.deepEqual(lines.slice(1), ['audit relay reads what waits again'])
})

// Goal: a scrape costs the same whatever waits.
// Method: a lane far longer than the bound; the estimate is near, and the pages read are counted.
test('a long lane is estimated from a bounded number of its pages', async (t) => {
  const ROWS = 400_000
  const scratch = await scratchDatabase(t)
  await scratch.sql`
    insert into audit.audit_staging (id, occurred_at, action, metadata, context)
    select ('01990000' || substr(gen_random_uuid()::text, 9))::uuid, now(), 'a.b', '{"n": 1}', '{}'
    from generate_series(1, ${ROWS}::integer)`
  const reader = new BacklogReader(scratch.urlAs('audit_relay'))
  t.after(() => reader.close())
  const beganMs = performance.now()
  const found = await reader.read()
  const tookMs = performance.now() - beganMs
  const depth = found?.depth.staging ?? 0
  assert.ok(Math.abs(depth - ROWS) < ROWS / 4, `estimated ${depth}`)
  assert.ok(tookMs < 900, `took ${tookMs} ms`)
})
