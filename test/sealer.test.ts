import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { volatileMemory } from '../relay/seal/memory.ts'
import type { SealStatements } from '../relay/seal/seal-statements.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { readerOf } from './support/exports.ts'
import { appendToLog } from './support/log-entries.ts'
import { checkSeal, exportedLines, LOG_NAME, sealerOn, testKeys } from './support/seals.ts'
import { waitFor } from './support/wait-for.ts'

const USER = '0190a0a0-1111-7222-8333-444455556666'

async function log({ sql }: ScratchDatabase, count: number): Promise<void> {
  await appendToLog(
    sql,
    Array.from({ length: count }, (_, at) => ({
      userId: USER,
      metadata: { at },
      requestId: `r${at}`,
    })),
  )
}

async function check(t: TestContext, scratch: ScratchDatabase, keys = testKeys()) {
  return await checkSeal(scratch.sql, await exportedLines(readerOf(t, scratch)), keys)
}

async function bytesOfWal({ sql }: ScratchDatabase, work: () => Promise<void>): Promise<number> {
  const [before] = await sql`select pg_current_wal_insert_lsn()::text as at`
  await work()
  const [row] = await sql`
    select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), ${before?.['at']})::integer as bytes`
  return row?.['bytes']
}

test('each checkpoint has the root of all leaves up to its size', async (t) => {
  const scratch = await scratchDatabase(t)
  const keys = testKeys()
  const sealer = sealerOn(t, scratch, { keys })
  assert.equal((await sealer.drain()).name, null, 'an empty log has no seal')
  const sizes: number[] = []
  for (const count of [1, 254, 1, 1, 255, 300, 7]) {
    await log(scratch, count)
    sizes.push((sizes.at(-1) ?? 0) + count)
    const report = await sealer.drain()
    assert.deepEqual(report, {
      ...{ name: LOG_NAME, size: sizes.at(-1), unsealed: 0, missing: 0, refusal: null },
    })
  }
  assert.deepEqual(await check(t, scratch, keys), { [LOG_NAME]: sizes })
  const tiles = await scratch.sql`
    select level, n::integer, octet_length(hashes) / 32 as width from audit.audit_tile
    order by level, n`
  assert.deepEqual(
    tiles.map(({ level, n, width }) => [level, n, width]),
    [...[0, 1, 2].map((n) => [0, n, 256]), [0, 3, 819 - 768], [1, 0, 3]],
  )
})

test('a sealer that has nothing to seal writes nothing', async (t) => {
  const scratch = await scratchDatabase(t)
  const keys = testKeys()
  const sealer = sealerOn(t, scratch, { keys, maxLagMs: 1_000 })
  await log(scratch, 300)
  await sealer.drain()
  await scratch.sql`checkpoint`
  let looks = 0
  const idle = sealerOn(t, scratch, {
    ...{ keys, maxLagMs: 1_000 },
    wrap: (statements) => ({
      ...statements,
      look(most) {
        looks += 1
        return statements.look(most)
      },
    }),
  })
  void idle.start()
  await waitFor(async () => looks > 2, { what: 'a sealer looks' })
  // Other databases of the server write, too: one quiet time is enough.
  await waitFor(
    async () => {
      const from = looks
      const bytes = await bytesOfWal(scratch, () =>
        waitFor(async () => looks > from + 3, { what: 'it looks again' }),
      )
      return bytes === 0
    },
    { what: 'a time in which nothing is written' },
  )
})

test('what waits is sealed when it is old enough, or when enough of it waits', async (t) => {
  const scratch = await scratchDatabase(t)
  const keys = testKeys()
  const sealer = sealerOn(t, scratch, { keys, maxLagMs: 3_600_000, maxEntries: 50 })
  void sealer.start()
  await log(scratch, 10)
  await waitFor(async () => sealer.read().size === 10, { what: '10 are sealed' }) // the first turn does not know how old it is
  await log(scratch, 49)
  await waitFor(async () => sealer.read().unsealed === 49, { what: '49 wait' })
  await log(scratch, 1)
  await waitFor(async () => sealer.read().size === 60, { what: '60 are sealed' })
  assert.deepEqual(await check(t, scratch, keys), { [LOG_NAME]: [10, 60] })

  const quick = sealerOn(t, scratch, { keys, maxLagMs: 1_000 })
  void quick.start()
  await waitFor(async () => quick.read().size === 60, { what: 'the other one looks' })
  await log(scratch, 3)
  await waitFor(async () => quick.read().size === 63, { what: '63 are sealed' })
})

// Goal: many sealers make one history, wherever one dies.
// Method: four sealers, each of whose statements may end it before or after it ran; another one of the
// same memory takes its place.
test('four sealers at once that die anywhere seal one history', async (t) => {
  const scratch = await scratchDatabase(t)
  const keys = testKeys()
  let deaths = 0
  let random = 1
  const dies = () => {
    random = (random * 48271) % 2147483647
    return random % 20 === 0
  }
  const mortal = (statements: SealStatements): SealStatements => {
    const step =
      <A extends readonly unknown[], R>(act: (...given: A) => Promise<R>) =>
      async (...given: A): Promise<R> => {
        if (dies()) throw new Error('killed before')
        const done = await act(...given)
        if (dies()) throw new Error('killed after')
        return done
      }
    return {
      ...statements,
      leaves: step(statements.leaves),
      readTile: step(statements.readTile),
      put: step(statements.put),
    }
  }
  let isOver = false
  const lives = Array.from({ length: 4 }, async () => {
    const kept = volatileMemory()
    const memory = {
      load: kept.load,
      async save(next: Parameters<typeof kept.save>[0]) {
        if (dies()) throw new Error('killed before')
        await kept.save(next)
        if (dies()) throw new Error('killed after')
      },
    }
    while (!isOver) {
      const sealer = sealerOn(t, scratch, { keys, memory, wrap: mortal })
      await sealer.drain().catch((error: Error) => {
        assert.match(error.message, /^killed/, error.stack)
        deaths += 1
      })
      await sealer.stop()
      await sleep(1)
    }
  })
  let at = 0
  await waitFor(
    async () => {
      at += 1
      if (at < 200) await log(scratch, 1 + ((at * 37) % 90))
      const [row] = await scratch.sql`select count(*)::integer as n from audit.audit_checkpoint`
      return row?.['n'] >= 15 && deaths >= 15
    },
    { what: '15 checkpoints and 15 deaths' },
  )
  isOver = true
  await Promise.all(lives)
  const last = sealerOn(t, scratch, { keys })
  const { size } = await last.drain()
  const sizes = (await check(t, scratch, keys))[LOG_NAME] ?? []
  assert.equal(sizes.at(-1), size)
})

test('what is under a checkpoint is not hashed again', async (t) => {
  const scratch = await scratchDatabase(t)
  const keys = testKeys()
  const sealer = sealerOn(t, scratch, { keys })
  await log(scratch, 100)
  await sealer.drain()
  await scratch.sql`alter table audit.audit_log disable trigger all`
  await scratch.sql.unsafe(`
    do $$ declare part regclass; begin
      for part in select relid from pg_partition_tree('audit.audit_log') loop
        execute format('alter table %s disable trigger all', part);
      end loop;
    end $$`)
  await scratch.sql`update audit.audit_log set metadata = '{"forged": true}' where seq in (3, 100)`
  await log(scratch, 100)
  assert.equal((await sealer.drain()).size, 200)
})

test('a number without an entry is sealed as missing, and an alarm', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const keys = testKeys()
  const errors: object[] = []
  const ignore = () => {}
  const logger = {
    ...{ debug: ignore, info: ignore, warn: ignore },
    error: (fields: object) => errors.push(fields),
  }
  const sealer = sealerOn(t, scratch, { keys, logger })
  await log(scratch, 5)
  await sql`update audit.audit_head set seq = 8`
  await sql`insert into audit.audit_removed (partition, first_seq, last_seq, by_entry)
    values ('gone', 7, 8, gen_random_uuid())`
  assert.equal((await sealer.drain()).missing, 1)
  assert.deepEqual(errors, [{ seqs: [6], count: 1 }])
  assert.deepEqual(await check(t, scratch, keys), { [LOG_NAME]: [8] })
})

// Goal: while entries wait to be moved, the sealer takes a tenth of the time at most.
// Method: a database that says that many wait; the sizes of the checkpoints, and the pauses between.
test('while a backlog is moved, the sealer takes little at a time and rests', async (t) => {
  const scratch = await scratchDatabase(t)
  const keys = testKeys()
  await log(scratch, 5_000)
  const turns: { readonly beganMs: number; readonly endedMs: number; readonly size: number }[] = []
  let beganMs = 0
  const sealer = sealerOn(t, scratch, {
    ...{ keys, maxLagMs: 1_000 },
    wrap: (statements) => ({
      ...statements,
      async look(most) {
        beganMs ||= performance.now()
        return { ...(await statements.look(most)), waiting: 8_000 }
      },
      async put(checkpoint) {
        const isPut = await statements.put(checkpoint)
        turns.push({ beganMs, endedMs: performance.now(), size: checkpoint.size })
        beganMs = 0
        return isPut
      },
    }),
  })
  void sealer.start()
  await waitFor(() => turns.length === 3, { what: 'all to be sealed' })
  assert.deepEqual(
    turns.map(({ size }) => size),
    [2_048, 4_096, 5_000],
  )
  for (const [at, { beganMs: began, endedMs }] of turns.entries()) {
    const next = turns[at + 1]
    if (next) assert.ok(next.beganMs - endedMs > 8 * (endedMs - began), `rest after turn ${at}`)
  }
})
