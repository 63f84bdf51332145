import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createEncoder } from '../src/encode/encoder.ts'
import { ROW_COLUMNS } from '../src/encode/row.ts'
import { EncodedBatch } from '../src/encode/batch.ts'
import { keepUuids } from '../src/testing/uuid-columns.ts'
import { stageQuery } from '../src/lanes/staging.ts'
import { compileRedactor } from '../src/redact/redactor.ts'
import { createCapture } from '../src/capture/capture.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { hostileEntry } from './support/hostile.ts'
import { openDatabase, relayOn } from './support/lanes.ts'

const ENTRIES = Number(process.env['AUDIT_FUZZ_RUNS'] ?? 2_000)
/** At a time: what is compared is held in memory. */
const PORTION = 5_000

// Goal: no entry that record() accepted can be refused later, by a lane or by the log.
// Method: hostile entries through the fast lane, the outbox lane's function and the relay; what is
// in the log afterwards is what the encoded text says, each once, and there is no dead letter.
test('every recorded value reaches the log, by both lanes, as it was encoded', async (t) => {
  const seed = Number(process.env['AUDIT_FUZZ_SEED'] ?? Date.now() % 2 ** 31)
  t.diagnostic(`AUDIT_FUZZ_SEED=${seed}`)
  const scratch = await scratchDatabase(t)
  const application = openDatabase(t, scratch.urlAs('audit_app'))
  const relay = relayOn(t, scratch)
  let accepted = 0
  for (let made = 0; made < ENTRIES; made += PORTION) {
    const numRuns = Math.min(PORTION, ENTRIES - made)
    const { rows, odd, outbox } = encodedEntries({ seed: seed + made, numRuns })
    const fast = [...rows, ...odd].flatMap(objectsOf)
    accepted += fast.length
    await application.execute(stageQuery(IDENTITY, rows, odd))
    const [answer] =
      await scratch.sql`select audit.record(${`[${outbox.join(',')}]`}, true) as taken`
    assert.equal(answer?.['taken'], outbox.length)
    const fromSeq = 1 + (await relay.drain({ deadlineMs: 60_000 })).logged - 2 * fast.length
    await assertLogged(scratch, fromSeq, [...fast, ...outbox.map((json) => JSON.parse(json))])
  }
  t.diagnostic(`${accepted} of ${ENTRIES} were entries`)
  assert(accepted > ENTRIES / 4)
  const [dead] = await scratch.sql`select count(*)::int as count from audit.audit_dead_letter`
  assert.equal(dead?.['count'], 0)
})

const RECORDER = randomUUID()
const IDENTITY = { recorderId: RECORDER, recorderKey: randomUUID() }
const redactor = compileRedactor(undefined)
const { captureEntry } = createCapture({ maxEntryBytes: 4_096, redactor })
const encoder = createEncoder({ recorderId: RECORDER, maxEntryBytes: 4_096, redactor })

/** The same entries for either lane, as far as they are entries. */
function encodedEntries(parameters: { readonly seed: number; readonly numRuns: number }) {
  const batch = new EncodedBatch(encoder)
  const outbox: string[] = []
  for (const make of fc.sample(hostileEntry, parameters)) {
    const entry = { ...(make() as object), action: outbox.length % 2 ? 'thing.change' : undefined }
    const pending =
      captureEntry(entry, undefined, Date.now()) ?? captureEntry(make(), undefined, Date.now())
    if (pending === undefined) continue
    batch.add(pending, batch.entries + 1)
    outbox.push(encoder.encode(pending, null))
  }
  batch.seal()
  return { rows: batch.slices, odd: batch.oddSlices, outbox }
}

type Given = Record<string, string | object | null | undefined>

/** Rows as the fast lane gets them, by the names of their columns. */
function objectsOf(rows: string): Given[] {
  const arrays: unknown[][] = JSON.parse(rows)
  return arrays.map((values) =>
    Object.assign(
      Object.fromEntries(ROW_COLUMNS.map((name, at) => [name, values[at] as Given[string]])),
      values[ROW_COLUMNS.length],
    ),
  )
}

const NULLABLE = [
  ...['user_id', 'event_id', 'target_id', 'entity_type', 'request_id'],
  ...['outcome', 'actor_id', 'actor_kind', 'more_targets'],
]

/** Each of them is in the log as it says itself, and from this number on nothing else is. */
async function assertLogged({ sql }: ScratchDatabase, fromSeq: number, entries: readonly Given[]) {
  const logged = await sql`
    select id, user_id, event_id, target_id, action, entity_type, request_id, metadata, context,
      outcome, actor_id, actor_kind, more_targets,
      to_char(occurred_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as occurred_at
    from audit.audit_log where seq >= ${fromSeq}`
  assert.equal(logged.length, entries.length)
  const byId = new Map(logged.map((row) => [String(row['id']), { ...row }]))
  for (const { recorder_seq: _seq, ...given } of entries) {
    keepUuids(given)
    for (const column of NULLABLE) given[column] ??= null
    given['metadata'] ??= {}
    given['context'] ??= {}
    assert.deepEqual(byId.get(String(given['id'])), given)
  }
}
