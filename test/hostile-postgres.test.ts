import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createEncoder } from '../src/encode.ts'
import { ROW_COLUMNS } from '../src/encode-layout.ts'
import { EncodedBatch } from '../src/encoded-batch.ts'
import { insertRows, jsonArray } from '../src/lane.ts'
import { compileRedactor } from '../src/redact.ts'
import { createShaper } from '../src/shape.ts'
import { scratchDatabase } from './support/database.ts'
import { hostileEntry } from './support/hostile.ts'
import { openDatabase, relayOn } from './support/lanes.ts'

const ENTRIES = Math.min(Number(process.env['AUDIT_FUZZ_RUNS'] ?? 2_000), 20_000)

// Goal: no entry that record() accepted can be refused later, by a lane or by the log.
// Method: hostile entries through the fast lane, the outbox lane's function and the relay; what is
// in the log afterwards is what the encoded text says, and there is no dead letter.
test('whatever was recorded reaches the log, by both lanes, as it was encoded', async (t) => {
  const scratch = await scratchDatabase(t)
  const redactor = compileRedactor(undefined)
  const { shape } = createShaper({ maxEntryBytes: 4_096, redactor })
  const recorderId = randomUUID()
  const encoder = createEncoder({ recorderId, maxEntryBytes: 4_096, redactor })
  const batch = new EncodedBatch(encoder)
  const outbox: string[] = []
  for (const make of fc.sample(hostileEntry, ENTRIES)) {
    const entry = { ...(make() as object), action: outbox.length % 2 ? 'thing.change' : undefined }
    const pending = shape(entry, undefined, Date.now()) ?? shape(make(), undefined, Date.now())
    if (pending === undefined) continue
    batch.add(pending, batch.entries.length + 1)
    outbox.push(encoder.encode(pending, null))
  }
  assert(outbox.length > ENTRIES / 4)

  const rows = batch.toJson()
  await openDatabase(t, scratch.urlAs('audit_app')).execute(insertRows(recorderId, rows))
  const [answer] = await scratch.sql`select audit.record(${jsonArray(outbox)}) as taken`
  assert.equal(answer?.['taken'], outbox.length)
  await relayOn(t, scratch).drain({ deadlineMs: 60_000 })

  const [dead] = await scratch.sql`select count(*)::int as count from audit.audit_dead_letter`
  assert.equal(dead?.['count'], 0)
  const logged = await scratch.sql`
    select id, user_id, event_id, target_id, action, entity_type, request_id, metadata, context,
      to_char(occurred_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as occurred_at
    from audit.audit_log`
  const byId = new Map(logged.map((row) => [String(row['id']), { ...row }]))
  const fast = (JSON.parse(rows) as unknown[][]).map((values) =>
    Object.fromEntries(ROW_COLUMNS.map((name, at) => [name, values[at]])),
  )
  for (const entry of [...fast, ...outbox.map((json) => JSON.parse(json))]) {
    const { recorder_seq: _seq, ...given } = entry
    for (const column of ['user_id', 'event_id', 'target_id']) {
      given[column] = given[column]?.toLowerCase() ?? null
    }
    given.entity_type ??= null
    given.request_id ??= null
    given.metadata ??= {}
    given.context ??= {}
    assert.deepEqual(byId.get(given.id), given)
  }
})
