import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { statusText } from '../relay/cli/operate/print-status.ts'
import { BacklogReader, FRESH_MS } from '../relay/telemetry/backlog.ts'
import { readMarkedStatus } from '../relay/telemetry/status.ts'
import { scratchDatabase } from './support/database.ts'
import { encoded, numberedId, openDatabase, stage } from './support/lanes.ts'

const RECORDER = '01990000-0000-7000-8000-00000000000a'

test('what waits is read in one statement: depth, age, drops, dead letters', async (t) => {
  const scratch = await scratchDatabase(t)
  const reader = new BacklogReader(scratch.urlAs('audit_relay'))
  t.after(() => reader.close())
  assert.deepEqual(await reader.read(), {
    depth: { staging: 0, outbox: 0 },
    isEstimate: { staging: false, outbox: false },
    oldestAgeMs: { staging: 0, outbox: 0 },
    lastSeq: 0,
    deadLetters: 0,
    gaps: 0,
    holds: 0,
    archiveLagMs: null,
    importDepth: 0,
    retention: null,
    seal: null,
    follow: {},
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
  await scratch.sql`select audit.report(${RECORDER}, 'the key of a recorder', now(), 9, 9, '{"full": 2, "timeout": 1}', false)`
  await scratch.sql`select audit.report(gen_random_uuid(), 'the key of a recorder', now(), 9, 9, '{"full": 3}', true)`
  await scratch.sql`select audit.record('[7, 8]')`
  const other = new BacklogReader(scratch.urlAs('audit_relay'))
  t.after(() => other.close())
  const { oldestAgeMs, ...found } = (await other.read()) ?? assert.fail('no answer')
  assert.deepEqual(found, {
    depth: { staging: 3, outbox: 3 }, // two of them tell of the drops
    isEstimate: { staging: false, outbox: false },
    lastSeq: 0,
    deadLetters: 2,
    gaps: 0,
    holds: 0,
    archiveLagMs: null,
    importDepth: 0,
    retention: null,
    seal: null,
    follow: {},
    dropped: { full: 5, timeout: 1 },
  })
  assert.ok(
    oldestAgeMs.staging >= 60_000 && oldestAgeMs.staging < 300_000,
    `${oldestAgeMs.staging}`,
  )
  assert.ok(oldestAgeMs.outbox < 60_000, `${oldestAgeMs.outbox}`)
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
  assert.deepEqual(lines, ['relay cannot read the backlog; depth and lag are unknown'])
  await scratch.sql`alter table audit.hidden rename to audit_lane`
  assert.equal((await reader.read())?.lastSeq, 0)
  assert.deepEqual(lines.slice(1), ['relay reads the backlog again'])
})

// Goal: a look at the lanes costs the same for any number of waiting rows.
// Method: a lane far longer than the bound; the estimate is near, and the pages read are counted.
test('a long lane is estimated from a bounded number of its pages, and status says so', async (t) => {
  const ROWS = 400_000
  const scratch = await scratchDatabase(t)
  await scratch.sql`
    insert into audit.audit_staging (id, occurred_at, action, metadata, context)
    select ('01990000' || substr(gen_random_uuid()::text, 9))::uuid, now(), 'a.b', '{"n": 1}', '{}'
    from generate_series(1, ${ROWS}::integer)`
  const database = openDatabase(t, scratch.urlAs('audit_relay'))
  const look = sql`select * from audit.lane_look('staging')`
  const owner = openDatabase(t, scratch.url)
  const pagesRead = async () => {
    const [explained] = await owner.execute<{
      'QUERY PLAN': [{ Plan: Record<string, number> }]
    }>(sql`explain (analyze, buffers, format json) ${look}`)
    const plan = explained?.['QUERY PLAN'][0].Plan ?? {}
    return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)
  }
  // A look may also read the catalogue: the first one does, and each one before which other tests
  // on this server changed so many tables that the session forgot what it knew. So the least counts.
  const looks: number[] = []
  for (let number = 0; number < 6; number += 1) looks.push(await pagesRead())
  const pages = Math.min(...looks)
  assert.ok(pages > 100 && pages < 1_024, `${looks.join()} pages read`)

  const found = await readMarkedStatus(database)
  assert.deepEqual(found.isEstimate, { staging: true, outbox: false })
  const { staging } = found.status.depth
  assert.ok(Math.abs(staging - ROWS) < ROWS / 4, `estimated ${staging}`)
  assert.match(statusText(found, 0), /^waiting +about \d+ in staging, 0 in the outbox$/m)
})
