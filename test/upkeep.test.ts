import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Upkeep, type UpkeepStatements } from '../relay/maintenance/upkeep.ts'
import { AuditError } from '../src/errors.ts'
import { memoryLogger } from './support/lanes.ts'

/** Upkeep by a clock of ours, over statements that are counted and not sent anywhere. */
function upkeepOver(statements: Partial<UpkeepStatements> = {}) {
  const clock = { nowMs: 0 }
  const logger = memoryLogger()
  const upkeep = new Upkeep({
    statements: {
      ensurePartitions: async () => 0,
      whoHoldsLog: async () => [],
      declareGap: async () => true,
      compact: async () => ({ compacted: 1, skipped: 0 }),
      ...statements,
    },
    monthsAhead: 3,
    logger,
    now: () => clock.nowMs,
  })
  return { upkeep, clock, logger }
}

test('partitions are asked for at the start and then once an hour', async () => {
  const months: number[] = []
  const { upkeep, clock } = upkeepOver({
    ensurePartitions: async (monthsAhead) => {
      months.push(monthsAhead)
      return 0
    },
  })
  for (const [nowMs, asked] of [
    [0, 1],
    [3_599_999, 1],
    [3_600_000, 2],
    [7_199_999, 2],
    [7_200_000, 3],
  ] as const) {
    clock.nowMs = nowMs
    upkeep.ensurePartitions()
    await upkeep.settled()
    assert.equal(months.length, asked, `at ${nowMs} ms`)
  }
  assert.deepEqual(months, [3, 3, 3])
})

test('partitions that could not be made are logged, and asked for again after a minute', async () => {
  const holder = { pid: 7, login: 'reader', application: 'psql' }
  let asked = 0
  const { upkeep, clock, logger } = upkeepOver({
    ensurePartitions: async () => {
      asked += 1
      if (asked === 1) throw new AuditError('AUDIT_DATABASE_FAILED', 'x', { code: '55P03' })
      return 0
    },
    whoHoldsLog: async () => [holder],
  })
  upkeep.ensurePartitions()
  await upkeep.settled()
  assert.deepEqual(
    logger.lines.map(({ level, fields }) => [level, fields]),
    [['warn', { fault: { code: '55P03' }, holders: [holder] }]],
  )
  clock.nowMs = 59_999
  upkeep.ensurePartitions()
  await upkeep.settled()
  assert.equal(asked, 1)
  clock.nowMs = 60_000
  upkeep.ensurePartitions()
  await upkeep.settled()
  assert.equal(asked, 2)
  assert.equal(logger.lines.length, 1)
})

test('partitions are made while the relay goes on, a call after the other', async () => {
  const answers: ((made: number) => void)[] = []
  const { upkeep, clock } = upkeepOver({
    ensurePartitions: () =>
      new Promise((resolve) => {
        answers.push(resolve)
      }),
  })
  upkeep.ensurePartitions()
  clock.nowMs = 7_200_000
  upkeep.ensurePartitions()
  assert.equal(answers.length, 1, 'one at a time')
  answers[0]?.(24)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(answers.length, 2, 'there may be more of them')
  answers[1]?.(0)
  await upkeep.settled()
  upkeep.ensurePartitions()
  assert.equal(answers.length, 2, 'an hour begins when all are made')
})

test('a server that is away is no news of the partitions, which stay due', async () => {
  let asked = 0
  const { upkeep, clock, logger } = upkeepOver({
    ensurePartitions: async () => {
      asked += 1
      throw new AuditError('AUDIT_DATABASE_FAILED', 'x', { code: 'ECONNRESET' })
    },
  })
  for (const nowMs of [0, 60_000]) {
    clock.nowMs = nowMs
    upkeep.ensurePartitions()
    await upkeep.settled()
  }
  assert.equal(asked, 2)
  assert.deepEqual(logger.lines, [])
})

test('tables are weighed at most once a second, also where that failed', async () => {
  let asked = 0
  const { upkeep, clock } = upkeepOver({
    compact: async () => {
      asked += 1
      if (asked === 2) throw new AuditError('AUDIT_DEADLINE_PASSED', 'x')
      return { compacted: 1, skipped: 2 }
    },
  })
  assert.deepEqual(await upkeep.compact(), { compacted: 1, skipped: 2 })
  clock.nowMs = 999
  assert.equal(await upkeep.compact(), undefined)
  clock.nowMs = 1_000
  await assert.rejects(upkeep.compact())
  assert.equal(await upkeep.compact(), undefined)
  clock.nowMs = 2_000
  assert.ok(await upkeep.compact())
  assert.equal(asked, 3)
})

test('a gap is an alarm of the relay that declared it, and of no other', async () => {
  const first = upkeepOver()
  assert.equal(await first.upkeep.declareGap(), true)
  assert.deepEqual(
    first.logger.lines.map(({ level }) => level),
    ['error'],
  )
  const slower = upkeepOver({ declareGap: async () => false })
  assert.equal(await slower.upkeep.declareGap(), false)
  assert.deepEqual(slower.logger.lines, [])
})
