import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogSize } from '../relay/maintenance/log-size.ts'
import { Upkeep, type UpkeepStatements } from '../relay/maintenance/upkeep.ts'
import { AuditError } from '../src/errors.ts'
import { memoryLogger } from './support/lanes.ts'

const WANTED = { monthsAhead: 3, width: 'auto', most: 300 } as const
const NONE_MADE = { made: 0, partitions: 5 }

/** Upkeep by a clock of ours, over statements that are counted and not sent anywhere. */
function upkeepOver(statements: Partial<UpkeepStatements> = {}, sizes: number[] = []) {
  const clock = { nowMs: 0 }
  const logger = memoryLogger()
  const measured: number[] = []
  const upkeep = new Upkeep({
    statements: {
      ensurePartitions: async () => NONE_MADE,
      closePartition: async () => undefined,
      whoHoldsLog: async () => [],
      declareGap: async () => true,
      compact: async () => ({ compacted: 1, skipped: 0 }),
      ...statements,
    },
    partitions: WANTED,
    logSize: new LogSize({
      statements: { logBytes: async () => sizes.shift() ?? 0 },
      maxLogBytes: 1_000,
      logger,
      onMeasured: (bytes) => measured.push(bytes),
    }),
    logger,
    now: () => clock.nowMs,
  })
  return { upkeep, clock, logger, measured }
}

test('partitions are asked for at the start and then once an hour', async () => {
  const wanted: unknown[] = []
  let closings = 0
  const { upkeep, clock } = upkeepOver({
    ensurePartitions: async (partitions) => {
      wanted.push(partitions)
      return NONE_MADE
    },
    closePartition: async () => {
      closings += 1
      return undefined
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
    upkeep.keepPartitions()
    await upkeep.settled()
    assert.deepEqual([wanted.length, closings], [asked, asked], `at ${nowMs} ms`)
  }
  assert.deepEqual(wanted, [WANTED, WANTED, WANTED])
})

test('partitions that could not be made are logged, and asked for again after a minute', async () => {
  const holder = { pid: 7, login: 'reader', application: 'psql' }
  let asked = 0
  const { upkeep, clock, logger } = upkeepOver({
    ensurePartitions: async () => {
      asked += 1
      if (asked === 1) throw new AuditError('AUDIT_DATABASE_FAILED', 'x', { code: '55P03' })
      return NONE_MADE
    },
    whoHoldsLog: async () => [holder],
  })
  upkeep.keepPartitions()
  await upkeep.settled()
  assert.deepEqual(
    logger.lines.map(({ level, fields }) => [level, fields]),
    [['warn', { fault: { code: '55P03' }, holders: [holder] }]],
  )
  clock.nowMs = 59_999
  upkeep.keepPartitions()
  await upkeep.settled()
  assert.equal(asked, 1)
  clock.nowMs = 60_000
  upkeep.keepPartitions()
  await upkeep.settled()
  assert.equal(asked, 2)
  assert.equal(logger.lines.length, 1)
})

test('partitions are made while the relay goes on, a call after the other', async () => {
  const answers: ((made: typeof NONE_MADE) => void)[] = []
  const { upkeep, clock } = upkeepOver({
    ensurePartitions: () =>
      new Promise((resolve) => {
        answers.push(resolve)
      }),
  })
  upkeep.keepPartitions()
  clock.nowMs = 7_200_000
  upkeep.keepPartitions()
  assert.equal(answers.length, 1, 'one at a time')
  answers[0]?.({ made: 24, partitions: 29 })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(answers.length, 2, 'there may be more of them')
  answers[1]?.(NONE_MADE)
  await upkeep.settled()
  upkeep.keepPartitions()
  assert.equal(answers.length, 2, 'an hour begins when all are made')
})

test('past partitions are closed one after the other, also where no partition can be made', async () => {
  const open = ['audit_log_2026_09', 'audit_log_2026_10']
  const { upkeep, logger } = upkeepOver({
    ensurePartitions: async () => {
      throw new AuditError('AUDIT_DATABASE_FAILED', 'x', { code: '54000' })
    },
    closePartition: async () => open.shift(),
  })
  upkeep.keepPartitions()
  await upkeep.settled()
  assert.deepEqual(open, [])
  assert.deepEqual(
    logger.lines.map(({ level, message }) => [level, message]),
    [['warn', 'relay could not create the next partitions; it tries again in 60 s']],
  )
  assert.match(String(logger.lines[0]?.fields['hint']), /AUDIT_MAX_PARTITIONS/)
})

test('a partition that could not be closed is logged, and tried again after a minute', async () => {
  let asked = 0
  const { upkeep, clock, logger } = upkeepOver({
    closePartition: async () => {
      asked += 1
      throw new AuditError('AUDIT_DATABASE_FAILED', 'x', { code: '55P03' })
    },
  })
  for (const [nowMs, times] of [
    [0, 1],
    [59_999, 1],
    [60_000, 2],
  ] as const) {
    clock.nowMs = nowMs
    upkeep.keepPartitions()
    await upkeep.settled()
    assert.equal(asked, times, `at ${nowMs} ms`)
  }
  assert.equal(
    logger.lines[0]?.message,
    'relay could not close past partitions; it tries again in 60 s',
  )
})

test('a log with over two thirds of the most partitions is a warning, once for each number', async () => {
  let partitions = 200
  const { upkeep, clock, logger } = upkeepOver({
    ensurePartitions: async () => ({ made: 0, partitions }),
  })
  for (const [found, lines] of [
    [200, 0],
    [201, 1],
    [201, 1],
    [202, 2],
    [150, 2],
    [201, 3],
  ] as const) {
    partitions = found
    upkeep.keepPartitions()
    await upkeep.settled()
    clock.nowMs += 3_600_000
    assert.equal(logger.lines.length, lines, `${found}`)
  }
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
    upkeep.keepPartitions()
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

test('a log that is larger than it should be is told once, and again when it has grown by a tenth', async () => {
  const sizes = [1_000, 1_001, 1_100, 1_102, 900, 1_001]
  const { upkeep, clock, logger, measured } = upkeepOver({}, [...sizes])
  const told: unknown[] = []
  for (const size of sizes) {
    upkeep.keepPartitions()
    await upkeep.settled()
    clock.nowMs += 3_600_000
    const lines = logger.lines.splice(0)
    if (lines.length > 0) told.push([size, lines.map(({ level, message }) => [level, message])])
  }
  const warning = [['warn', 'the log is larger than it should be']]
  assert.deepEqual(told, [
    [1_001, warning],
    [1_102, warning],
    [1_001, warning],
  ])
  assert.deepEqual(measured, sizes)
})

test('a log that cannot be measured is measured again after a minute, and without a maximum none is too large', async () => {
  let asked = 0
  const logger = memoryLogger()
  const size = (maxLogBytes: number, logBytes: () => Promise<number>) =>
    new LogSize({ statements: { logBytes }, maxLogBytes, logger, onMeasured() {} })
  await size(0, async () => 10 ** 15).look()
  assert.equal(logger.lines.length, 0)
  const failing = size(1, async () => {
    asked += 1
    throw new AuditError('AUDIT_DATABASE_FAILED', 'x', { code: '42501' })
  })
  const clock = { nowMs: 0 }
  const upkeep = new Upkeep({
    statements: {
      ensurePartitions: async () => NONE_MADE,
      closePartition: async () => undefined,
      whoHoldsLog: async () => [],
      declareGap: async () => true,
      compact: async () => ({ compacted: 1, skipped: 0 }),
    },
    partitions: WANTED,
    logSize: failing,
    logger,
    now: () => clock.nowMs,
  })
  for (const nowMs of [0, 59_999, 60_000]) {
    clock.nowMs = nowMs
    upkeep.keepPartitions()
    await upkeep.settled()
  }
  assert.equal(asked, 2)
  assert.equal(logger.lines[0]?.message, 'relay could not measure the log; it tries again in 60 s')
})
