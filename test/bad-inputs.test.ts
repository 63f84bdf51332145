import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import { sql } from 'drizzle-orm'
import type { Relay } from '../relay/index.ts'
import type { Database } from '../src/database/connection.ts'
import { LANES, type LaneName } from '../src/lanes/lane.ts'
import { entryColumns, type LoggedEntry, logColumns, toEntry } from '../src/read/logged-entry.ts'
import { auditLog } from '../src/schema/tables.ts'
import { BAD_ENTRIES, type BadEntry, PLANTED } from './support/bad-entries.ts'
import { BAD_ROWS, type BadRow, KNOWN_ID, REFUSED_BY_THEM } from './support/bad-rows.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { applicationDatabase } from './support/drivers.ts'
import { openDatabase, relayOn } from './support/lanes.ts'
import { recorderOn } from './support/recorders.ts'

const BATCH = 500
/**
 * To make and record the largest entries keeps this process busy for seconds, and for a minute
 * where other programs use the machine. A shorter deadline of another test in it would pass before
 * the answer is read, and a statement that is tried again is a cycle more.
 */
const DEADLINE_MS = 300_000
/** It would tell the log of its drops in between, which is one entry more. */
const QUIET = { reportIntervalMs: 600_000, statementTimeoutMs: DEADLINE_MS }
const PLACES = { first: 0, 'in the middle': 250, last: BATCH - 1 } as const

/** What one cycle of the relay made of what was staged. */
interface Outcome {
  /** How many of the good ones of the batch it logged. */
  readonly good: number
  /** Everything else that it logged, as it is read. */
  readonly others: readonly LoggedEntry[]
  readonly letters: readonly Letter[]
}

type Letter = { readonly sqlstate: string; readonly reason: string; readonly lane: string }

/** The log and the dead letters, read from where the last look ended. */
class Observer {
  readonly #database: Database
  readonly #relay: Relay
  #seq = 0
  #letter = 0

  constructor(t: TestContext, scratch: ScratchDatabase) {
    this.#database = openDatabase(t, scratch.url, DEADLINE_MS)
    // One more than there will be: a full batch would have the cycle look for another one.
    const limits = { batchEntries: BATCH + 1, statementTimeoutMs: DEADLINE_MS }
    this.#relay = relayOn(t, scratch, limits)
  }

  /** One cycle, in which `staged` rows are there to be taken. */
  async cycle(batch: string, staged: number): Promise<Outcome> {
    const { claimed, cycles } = this.#relay.stats()
    const bounds = { maxRows: claimed + staged, deadlineMs: DEADLINE_MS }
    const after = await this.#relay.drain(bounds)
    assert.deepEqual(
      { claimed: after.claimed - claimed, cycles: after.cycles - cycles },
      { claimed: staged, cycles: 1 },
    )
    const isGood = sql`${auditLog.action} = 'good.one' and ${auditLog.requestId} = ${batch}`
    const since = sql`${auditLog.seq} > ${this.#seq}::float8`
    const [row] = await this.#database.execute<{ good: number; seq: number }>(sql`
      select count(*) filter (where ${isGood})::float8 as good, max(seq)::float8 as seq
      from ${auditLog} where ${since}`)
    const others = await this.#database.execute<Record<string, unknown>>(sql`
      select ${entryColumns}, metadata::text as metadata, context::text as context from (
        select ${logColumns} from ${auditLog} where ${since} and (${isGood}) is not true
      ) as entry`)
    const letters = await this.#database.execute<Letter & { number: number; entry: string }>(sql`
      select number::float8 as number, sqlstate, reason, lane, entry
      from audit.audit_dead_letter where number > ${this.#letter}::float8 order by number`)
    this.#seq = Math.max(this.#seq, row?.seq ?? 0)
    this.#letter = letters.at(-1)?.number ?? this.#letter
    return { good: row?.good ?? 0, others: others.map(toEntry), letters }
  }
}

/** A batch of good entries with one that is not in it. */
function batchWith(bad: unknown, at: number, requestId: string): readonly never[] {
  const entries: unknown[] = Array.from({ length: BATCH }, (_, n) => ({
    action: 'good.one',
    requestId,
    metadata: { n },
  }))
  entries[at] = bad
  return entries as never[]
}

function assertBecame(
  { name, becomes, metadata }: BadEntry,
  { good, others, letters }: Outcome,
): void {
  assert.equal(good, BATCH - 1, `${name}: the others are logged`)
  assert.equal(letters.length, 0, `${name}: what the library wrote is never a dead letter`)
  const [stored, ...more] = others
  assert.equal(more.length, 0, `${name}: once`)
  if (becomes === 'dropped') {
    assert.equal(stored, undefined, `${name}: it is no entry`)
    return
  }
  assert.ok(stored !== undefined, `${name}: it is in the log`)
  assert.deepEqual(stored.context['degraded'] ?? [], becomes, name)
  if (metadata !== undefined) assert.deepEqual(stored.metadata, metadata, name)
  assert.doesNotMatch(JSON.stringify(stored), new RegExp(PLANTED), name)
}

// Goal: no entry of any content or place delays or spoils its neighbours.
// Method: each of the list is put into a batch of 500, by both lanes; the relay makes one cycle.
describe('what a handler hands over', { concurrency: 3 }, () => {
  for (const [place, at] of Object.entries(PLACES)) {
    test(`recorded, ${place} in a batch: the others are logged at once, and it is marked or counted`, async (t) => {
      const scratch = await scratchDatabase(t)
      const audit = recorderOn(t, scratch, { maxBatchEntries: BATCH, ...QUIET })
      const observer = new Observer(t, scratch)
      for (const bad of BAD_ENTRIES) {
        const batch = randomUUID()
        const entry = bad.make()
        const before = audit.stats().dropped.unshapable ?? 0
        for (const one of batchWith(entry, at, batch)) audit.record(one)
        bad.afterwards?.(entry)
        assert.ok(await audit.flush({ timeoutMs: DEADLINE_MS }), `${bad.name}: all of it is staged`)
        const refused = bad.becomes === 'dropped' ? 1 : 0
        assert.equal((audit.stats().dropped.unshapable ?? 0) - before, refused, bad.name)
        assertBecame(bad, await observer.cycle(batch, BATCH - refused))
      }
    })

    test(`in a transaction, ${place} in a batch: the same`, async (t) => {
      const scratch = await scratchDatabase(t)
      const audit = recorderOn(t, scratch, QUIET)
      const app = applicationDatabase(t, 'postgres-js', scratch.urlAs('audit_app'))
      const observer = new Observer(t, scratch)
      for (const bad of BAD_ENTRIES) {
        const batch = randomUUID()
        const entry = bad.make()
        const taken = await app.transaction((tx) => {
          const mode = 'best-effort' as const
          const written = audit.recordIn(tx, batchWith(entry, at, batch), { mode })
          bad.afterwards?.(entry)
          return written
        })
        const refused = bad.becomes === 'dropped' ? 1 : 0
        assert.equal(taken, BATCH - refused, bad.name)
        assertBecame(bad, await observer.cycle(batch, taken))
      }
    })
  }
})

/** Adds rows to a lane; what is not said of them is as the good ones have it. */
function insertRows(
  lane: LaneName,
  batch: string,
  rows: number,
  columns: BadRow['columns'] = {},
): string {
  const all = {
    id: 'audit.new_id()',
    occurred_at: `'2026-01-02'`,
    action: `'good.one'`,
    request_id: `'${batch}'`,
    metadata: 'null',
    ...columns,
  }
  return `insert into audit.audit_${lane} (${Object.keys(all).join(', ')})
    select ${Object.values(all).join(', ')} from generate_series(1, ${rows});`
}

// Goal: the same of what the library does not write, but an INSERT of somebody else's can.
// Method: such rows stand in the lane itself, and a rule that is not ours on the log.
describe('what somebody else puts into a lane', { concurrency: 3 }, () => {
  for (const lane of LANES) {
    for (const [place, at] of Object.entries(PLACES)) {
      test(`in ${lane} itself, ${place} in a batch: the others are logged at once, and it is a dead letter at most`, async (t) => {
        const scratch = await scratchDatabase(t)
        await scratch.sql.unsafe(`
        alter table audit.audit_log add constraint theirs check (action <> '${REFUSED_BY_THEM}')`)
        const observer = new Observer(t, scratch)
        await scratch.sql.unsafe(
          insertRows(lane, 'known', 1, { id: `'${KNOWN_ID}'`, request_id: 'null' }),
        )
        await observer.cycle('known', 1)
        for (const bad of BAD_ROWS) {
          const batch = randomUUID()
          const twin = { id: `'${randomUUID()}'` }
          const columns = { action: `'bad.one'`, ...bad.columns, ...(bad.isTwin ? twin : {}) }
          // The twin comes before or behind it, as there is room.
          const [before, behind] = at > 0 ? [at - 1, BATCH - 1 - at] : [0, BATCH - 2]
          const twinRow = insertRows(lane, batch, 1, twin)
          await scratch.sql.unsafe(
            insertRows(lane, batch, before) +
              (at > 0 ? twinRow : '') +
              insertRows(lane, batch, 1, columns) +
              (at > 0 ? '' : twinRow) +
              insertRows(lane, batch, behind),
          )
          assertRowBecame(bad, lane, await observer.cycle(batch, BATCH))
        }
      })
    }
  }
})

function assertRowBecame(bad: BadRow, lane: LaneName, { good, others, letters }: Outcome): void {
  const { name, becomes, isTwin } = bad
  const isDead = /^\d/.test(becomes)
  // Of two that differ and have one id, either may be the first.
  if (isTwin && isDead) assert.equal(good + others.length, BATCH - 1, name)
  else {
    assert.equal(good, BATCH - 1, `${name}: the others are logged`)
    assert.equal(others.length, becomes === 'logged' ? 1 : 0, name)
  }
  assert.deepEqual(
    letters.map((letter) => [letter.lane, letter.sqlstate]),
    isDead ? [[lane, becomes]] : [],
    name,
  )
  for (const { reason } of letters) assert.equal(reason, reasonFor(bad), name)
}

/** Which rule was broken, and never by what. Halving is for rules that the move does not know. */
function reasonFor({ becomes, columns }: BadRow): string {
  if (becomes === '23505') return 'the id is in the log with another content'
  const isTheirRule = columns['action'] === `'${REFUSED_BY_THEM}'`
  return isTheirRule ? 'the database refused to log it' : 'a column breaks a check of the log'
}
