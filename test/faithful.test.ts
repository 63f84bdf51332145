import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareEntry, type Kept } from './faithful/compare.ts'
import type { Account } from './faithful/difference.ts'
import { type Given, givenBy } from './faithful/given.ts'
import { LANES, throughMemory } from './faithful/lanes.ts'
import { openedEvery, READERS } from './faithful/readers.ts'
import { madeRecords, readRecords } from './faithful/records.ts'
import { scratchDatabase } from './support/database.ts'
import { PATIENT_MS, relayOn } from './support/lanes.ts'

const sample = process.env['AUDIT_TEST_SAMPLE']
const records = sample ? readRecords(sample) : madeRecords()
const given = records.map(givenBy)

const inLane = (lane: string): readonly Given[] =>
  given.map((entry) => ({ ...entry, context: { ...entry.context, lane } }))

/** Compares each entry with what was given for it. Each is there once, but for a sample. */
function accountOf(
  kept: readonly Kept[],
  lanes: readonly string[],
  { isSample = false } = {},
): Account {
  const account: Account = { values: 0, declared: 0, unmarked: [] }
  const expected = new Map(
    lanes.flatMap((lane) => inLane(lane).map((entry) => [placeOf(entry.context), entry])),
  )
  for (const entry of kept) {
    const place = placeOf(entry.context)
    const own: Account = { values: 0, declared: 0, unmarked: [] }
    const found = expected.get(place)
    if (found === undefined) own.unmarked.push('was not given, or stands there twice')
    else compareEntry(found, entry, own)
    expected.delete(place)
    if (isRecovered(entry.context) !== place.startsWith('exit dump')) {
      own.unmarked.push('context.recovered')
    }
    account.values += own.values
    account.declared += own.declared
    account.unmarked.push(...own.unmarked.map((path) => `${place}: ${path}`))
  }
  const missing = [...expected.keys()].map((place) => `${place}: is missing`)
  const rows = given.length * lanes.length
  if (isSample) assert.equal(kept.length, Math.ceil(rows / openedEvery(rows)))
  else account.unmarked.push(...missing)
  return account
}

const isRecovered = (context: unknown) => Object.hasOwn(context as object, 'recovered')

function placeOf(context: unknown): string {
  const { lane, record } = context as Readonly<Record<string, unknown>>
  return `${lane}, record ${record} (${records[Number(record)]?.system})`
}

function mostly(unmarked: readonly string[]): string {
  return [`${unmarked.length} unmarked differences`, ...unmarked.slice(0, 20)].join('\n  ')
}

test('the recorder for tests keeps what was given, or says how it differs', () => {
  const { unmarked } = accountOf(throughMemory(inLane('memory')), ['memory'])
  assert.equal(unmarked.length, 0, mostly(unmarked))
})

// Goal: whatever way an entry takes into the log and out of it, what was given is what is read, or
// the entry itself says how it differs. Method: records of other systems' audit logs, each through
// each lane; the whole log read in each way; each value compared with the one that was given.
test('audit records of other systems are kept and read value by value', async (t) => {
  const scratch = await scratchDatabase(t)
  const lanes = Object.keys(LANES)
  for (const [name, send] of Object.entries(LANES)) await send(t, scratch, inLane(name))
  await relayOn(t, scratch).drain({ deadlineMs: PATIENT_MS })
  const log = { ...scratch, rows: given.length * lanes.length }
  let values = 0
  for (const [name, read] of Object.entries(READERS)) {
    await t.test(name, async (inner) => {
      const account = accountOf(await read(inner, log), lanes, {
        isSample: name === "the page's detail",
      })
      assert.equal(account.unmarked.length, 0, mostly(account.unmarked))
      values += account.values
      inner.diagnostic(`${account.values} values, ${account.declared} differ as their entry says`)
    })
  }
  t.diagnostic(
    `${given.length} records, ${lanes.length} lanes, ${Object.keys(READERS).length} readers, ` +
      `${values} comparisons`,
  )
})
