import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Relay } from '../relay/move/relay.ts'
import type { RelayStatements } from '../relay/move/relay-statements.ts'
import { createCapture } from '../src/capture/capture.ts'
import type { CapturedEntry } from '../src/capture/captured-entry.ts'
import { Outage } from '../src/database/outage.ts'
import { withRetry } from '../src/database/retry.ts'
import { createEncoder } from '../src/encode/encoder.ts'
import { AuditError } from '../src/errors.ts'
import { EntryBuffer } from '../src/flush/buffer.ts'
import { DropCounter } from '../src/flush/drop-counter.ts'
import { Flusher, type FlusherParts } from '../src/flush/flusher.ts'
import { ResendBuffer, type ResendBufferParts } from '../src/flush/resend-buffer.ts'
import type { AuditLogger } from '../src/logger.ts'
import { RECORDER_LIMITS, type RecorderLimits, resolveLimits } from '../src/options.ts'
import { tail } from '../src/read/tail.ts'
import { BoundRecorder } from '../src/recorder/bound-recorder.ts'
import { Intake } from '../src/recorder/intake.ts'
import { Pipeline } from '../src/recorder/pipeline.ts'
import { Reporter } from '../src/recorder/reporter.ts'
import { compileRedactor } from '../src/redact/redactor.ts'
import { VirtualTime } from './simulation/virtual-time.ts'
import { asksForPartitions } from './support/asks-partitions.ts'
import { memoryLogger, silentLogger } from './support/lanes.ts'

// Goal: each time that is documented is the time that passes, to the millisecond.
// Method: time that passes only when it is told to, so that no machine is too slow for a test.

type Passed = (ms: number) => Promise<void>

/** Runs a test in virtual time; `passed` lets so many milliseconds go by. Chance always says 0. */
async function inVirtualTime(
  run: (passed: Passed, time: VirtualTime) => Promise<void>,
): Promise<void> {
  const time = new VirtualTime(Date.UTC(2026, 0, 15, 12), () => 0)
  time.install()
  try {
    await run(async (ms) => void (await time.passUntil(time.nowMs + ms)), time)
  } finally {
    // What a failed test has left running would go on in real time, and keep the process.
    for (const end of endings.splice(0)) end()
    await time.passUntil(time.nowMs + 1_000)
    time.uninstall()
  }
}

/** How to end what a test has started. */
const endings: (() => unknown)[] = []

/** A promise that somebody else settles. */
function pending<T>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

const fault = (code: string) => new AuditError('AUDIT_DATABASE_FAILED', 'failed', { code })

function flusherOn(options: Partial<FlusherParts> = {}) {
  const redactor = compileRedactor(false)
  const { captureEntry } = createCapture({ maxEntryBytes: 1_024, redactor })
  const buffer = new EntryBuffer<CapturedEntry>({ maxEntries: 1_000, maxBytes: 1_000_000 })
  const logger = memoryLogger()
  const statements: number[] = []
  const flusher = new Flusher({
    buffer,
    encoder: createEncoder({ recorderId: '', maxEntryBytes: 1_024, redactor }),
    drops: new DropCounter(logger),
    logger,
    flushIntervalMs: 50,
    maxBatchEntries: 10,
    onStaged: () => {},
    onRefused: () => {},
    onBusy: () => {},
    ...options,
    stage: async (slices, odd) => {
      statements.push(slices.flatMap((slice): unknown[] => JSON.parse(slice)).length)
      return (await options.stage?.(slices, odd)) ?? 'one'
    },
  })
  const record = (count: number, action = 'a.b') => {
    for (let n = 0; n < count; n += 1) {
      const entry = captureEntry({ action }, undefined, 0)
      assert.ok(entry && buffer.push(entry))
      flusher.wake()
    }
  }
  return { flusher, statements, record, logger }
}

test('an entry waits its interval, and a full batch does not', () =>
  inVirtualTime(async (passed) => {
    const { flusher, statements, record } = flusherOn()
    record(1)
    await passed(30)
    record(1)
    await passed(19)
    assert.deepEqual(statements, [])
    await passed(1)
    assert.deepEqual(statements, [2], 'the first one has waited 50 ms')
    record(9)
    await passed(0)
    assert.deepEqual(statements, [2])
    record(1)
    await passed(0)
    assert.deepEqual(statements, [2, 10])
    await flusher.stop()
  }))

test('what comes while a batch is written waits its interval, unless a flush is asked for', () =>
  inVirtualTime(async (passed) => {
    const answers = [pending<string>(), pending<string>()]
    const { flusher, statements, record } = flusherOn({
      stage: () => answers[statements.length - 1]?.promise ?? Promise.resolve('one'),
    })
    record(10)
    await passed(0)
    record(1)
    await passed(500)
    answers[0]?.resolve('one')
    await passed(49)
    assert.deepEqual(statements, [10], 'a few entries cost nearly as much as hundreds')
    await passed(1)
    assert.deepEqual(statements, [10, 1])

    record(2)
    await passed(500)
    const flushed = flusher.flush(13)
    answers[1]?.resolve('one')
    await passed(0)
    assert.deepEqual(statements, [10, 1, 2], 'somebody waits for it: at once')
    assert.equal(await flushed, true)
    await flusher.stop()
  }))

test('what is not storable as given is warned of once a second', () =>
  inVirtualTime(async (passed) => {
    const { flusher, record, logger } = flusherOn()
    const said = () => logger.lines.map(({ fields }) => fields['degraded'])
    record(1, 'malformed')
    await passed(50)
    assert.deepEqual(said(), [1])
    record(3, 'malformed')
    await passed(900)
    assert.deepEqual(said(), [1])
    await passed(50)
    record(1, 'malformed')
    await passed(50)
    assert.deepEqual(said(), [1, 4])
    await flusher.stop()
  }))

const batch = (lastSeq: number, bytes = 10) => ({
  ...{ epoch: 'one', lastSeq, entries: 1 },
  slices: [`${lastSeq}`.padEnd(bytes)],
})

/** A keeper that is asked nothing but what a test wants to know of it. */
function keeperOn(parts: Partial<ResendBufferParts> = {}) {
  const stagedAgain: string[] = []
  let looks = 0
  const keeper = new ResendBuffer({
    maxBytes: 100,
    logger: silentLogger(),
    stage: async (slices) => {
      stagedAgain.push(...slices.map((slice) => slice.trim()))
      return 'two'
    },
    ...parts,
    laneState: async () => {
      looks += 1
      return (await parts.laneState?.()) ?? { epoch: 'one', firstWaiting: 1 }
    },
  })
  return { keeper, stagedAgain, looks: () => looks }
}

test('what is kept is looked after once a second, and not at all where nothing is kept', () =>
  inVirtualTime(async (passed) => {
    const { keeper, looks } = keeperOn()
    await passed(10_000)
    assert.equal(looks(), 0)
    keeper.keep(batch(1))
    await passed(999)
    assert.equal(looks(), 0)
    await passed(1)
    assert.equal(looks(), 1)
    await passed(4_000)
    assert.equal(looks(), 5)
    await keeper.close()
  }))

// Goal: a long backlog, of which a look is a scan, is not made longer by being looked at.
test('of the time at most a twentieth goes into looking, and half a minute lies between two looks', () =>
  inVirtualTime(async (passed) => {
    let tookMs = 200
    const { keeper, looks } = keeperOn({
      laneState: () =>
        new Promise((resolve) => {
          setTimeout(() => resolve({ epoch: 'one', firstWaiting: 1 }), tookMs)
        }),
    })
    keeper.keep(batch(1))
    await passed(1_000 + 200)
    assert.equal(looks(), 1)
    await passed(20 * 200 - 1)
    assert.equal(looks(), 1)
    await passed(1)
    assert.equal(looks(), 2)
    tookMs = 10_000
    await passed(200 + 20 * 200 + 10_000)
    assert.equal(looks(), 3)
    tookMs = 50
    await passed(29_999)
    assert.equal(looks(), 3, 'and not after 200 s')
    await passed(1)
    assert.equal(looks(), 4)
    await passed(50 + 1_000)
    assert.equal(looks(), 5, 'a short lane is looked at as before')
    const closed = keeper.close()
    await passed(1_000)
    await closed
  }))

test('a batch of maxKeptBytes is kept, one of a byte more is not, and 0 keeps none', () =>
  inVirtualTime(async () => {
    const emptied = { laneState: async () => ({ epoch: 'two', firstWaiting: null }) }
    const kept = async (maxBytes: number, ...sizes: number[]) => {
      const { keeper, stagedAgain } = keeperOn({ maxBytes, ...emptied })
      for (const [at, size] of sizes.entries()) keeper.keep(batch(at + 1, size))
      await keeper.close()
      return stagedAgain
    }
    assert.deepEqual(await kept(100, 100), ['1'])
    assert.deepEqual(await kept(100, 101), [])
    assert.deepEqual(await kept(100, 60, 101, 40), ['1', '3'], 'and displaces none')
    assert.deepEqual(await kept(100, 60, 41), ['2'], 'the oldest are let go')
    assert.deepEqual(await kept(0, 1), [])
  }))

test('drops are warned of at once, then once a second, with five of the entries', () =>
  inVirtualTime(async (passed) => {
    const logger = memoryLogger()
    const drops = new DropCounter(logger)
    const labels = (count: number) =>
      Array.from({ length: count }, (_, n) => ({ action: `a.n${n}` }) as never)
    const said = () => logger.lines.map(({ fields }) => fields)
    drops.count('full', 3, labels(3))
    drops.count('timeout', 4, labels(4))
    assert.equal(said().length, 0, 'nothing is logged in the call')
    await passed(1)
    const [first] = said()
    assert.deepEqual(first, {
      dropped: { full: 3, timeout: 4 },
      droppedTotal: 7,
      entries: [...labels(3), ...labels(2)],
    })
    drops.count('full')
    await passed(999)
    assert.equal(said().length, 1)
    drops.count('full')
    await passed(1)
    assert.deepEqual(said()[1], { dropped: { full: 2 }, droppedTotal: 9 })
    await passed(60_000)
    assert.equal(said().length, 2)
  }))

test('a long outage is said when it begins, every ten seconds, and when it ends', () =>
  inVirtualTime(async (passed) => {
    const logger = memoryLogger()
    const outage = new Outage(logger, { begins: 'begins', goesOn: 'goes on', ends: 'ends' })
    const said = () => logger.lines.map(({ message }) => message)
    outage.recovered()
    assert.deepEqual(said(), [], 'nothing was wrong')
    outage.failed(fault('57P01'))
    await passed(9_999)
    outage.failed(fault('57P01'))
    assert.deepEqual(said(), ['begins'])
    await passed(1)
    outage.failed(fault('57P01'), { buffered: 7 })
    await passed(9_999)
    outage.failed(fault('57P01'))
    assert.deepEqual(said(), ['begins', 'goes on'])
    const { buffered, failures, outageMs } = logger.lines[1]?.fields ?? {}
    assert.deepEqual(
      { buffered, failures, outageMs },
      { buffered: 7, failures: 3, outageMs: 10_000 },
    )
    outage.recovered()
    outage.recovered()
    assert.deepEqual(logger.lines.at(-1)?.fields, { failures: 4, outageMs: 19_999 })
    assert.deepEqual(said(), ['begins', 'goes on', 'ends'])
    outage.failed(fault('57P01'))
    assert.equal(said().at(-1), 'begins', 'another one begins at once')
  }))

test('a recorder reports at once, then once an interval while its counts change', () =>
  inVirtualTime(async (passed) => {
    const sent: boolean[] = []
    let fails = false
    const reporter = new Reporter({
      intervalMs: 10_000,
      counts: () => ({ accepted: 1, staged: 1, dropped: {} }),
      send: async ({ closed }) => {
        sent.push(closed)
        if (fails) throw new Error('away')
      },
    })
    reporter.changed()
    await passed(1)
    assert.equal(sent.length, 1)
    reporter.changed()
    await passed(9_998)
    reporter.changed()
    assert.equal(sent.length, 1)
    await passed(2)
    assert.equal(sent.length, 2)
    await passed(60_000)
    assert.equal(sent.length, 2, 'nothing new, and nothing said')
    fails = true
    reporter.changed()
    await passed(1)
    assert.equal(sent.length, 3, 'a report that is due goes at once')
    await passed(10_000)
    assert.equal(sent.length, 4, 'one that failed is sent again')
    await reporter.close()
    assert.deepEqual(sent, [false, false, false, false, true])
    reporter.changed()
    await passed(60_000)
    assert.equal(sent.length, 5)
  }))

test('the waits between attempts double from 100 ms on, up to about two seconds', () =>
  inVirtualTime(async (passed, time) => {
    const attemptsMs: number[] = []
    const halt = new AbortController()
    endings.push(() => halt.abort())
    const trying = withRetry(
      async () => {
        attemptsMs.push(time.nowMs)
        throw fault('57P01')
      },
      { signal: halt.signal, onFailure: () => {}, tearsAttempt: false },
    )
    await passed(12_000)
    const waits = attemptsMs.slice(1).map((ms, at) => ms - (attemptsMs[at] ?? 0))
    assert.deepEqual(waits.slice(0, 6), [100, 200, 400, 800, 1_500, 1_500])
    halt.abort()
    await assert.rejects(trying)
  }))

/** A recorder as it is, on a database of the test's own. */
function recorderOf(
  options: Partial<RecorderLimits>,
  stage: () => Promise<string>,
  logger: AuditLogger = silentLogger(),
) {
  const limits = resolveLimits<keyof RecorderLimits>(RECORDER_LIMITS, options)
  const path = new Pipeline({
    open: () => ({
      stage,
      laneState: async () => ({ epoch: 'one', firstWaiting: null }),
      report: async () => {},
      identity: async () => null,
      close: async () => {},
    }),
    limits,
    logger,
    capture: createCapture({ maxEntryBytes: 1_024, redactor: compileRedactor(false) }),
  })
  return new BoundRecorder(new Intake(path, undefined), undefined)
}

test('flush() and close() wait for closeTimeoutMs where no time is given, and no longer', () =>
  inVirtualTime(async (passed) => {
    for (const [options, given, waitsMs] of [
      [{}, undefined, 10_000],
      [{ closeTimeoutMs: 300 }, undefined, 300],
      [{ closeTimeoutMs: 300 }, { timeoutMs: 700 }, 700],
      [{ closeTimeoutMs: 300 }, { timeoutMs: 0 }, 1],
    ] as const) {
      const audit = recorderOf(options, () => Promise.reject(fault('57P01')))
      assert.equal(audit.record({ action: 'a.b' }), true)
      for (const [what, expected] of [
        ['flush', false],
        ['close', { flushed: 0, dropped: 1 }],
      ] as const) {
        let answer: unknown
        void audit[what](given).then((value) => {
          answer = value
        })
        await passed(waitsMs - 1)
        assert.equal(answer, undefined, `${what} after ${waitsMs - 1} ms`)
        await passed(1)
        assert.deepEqual(answer, expected, `${what} after ${waitsMs} ms`)
      }
    }
  }))

interface FakeRelay {
  readonly statements: Readonly<Record<'probe' | 'partitions' | 'compact', number[]>>
  readonly relay: Relay
}

/** A relay on lanes that always, or never, hold one entry. */
function relayOn(
  time: VirtualTime,
  options: {
    hasWork?: () => boolean
    failsPartitions?: () => boolean
    isAway?: () => boolean
    /** Another relay moves, all the while. */
    standsBack?: boolean
    logger?: AuditLogger
  } = {},
): FakeRelay {
  const { hasWork = () => false, failsPartitions = () => false, isAway = () => false } = options
  const statements = { probe: [] as number[], partitions: [] as number[], compact: [] as number[] }
  const noted = (what: keyof typeof statements) => statements[what].push(time.nowMs)
  const open = (): RelayStatements => ({
    identify: async () => ({ state: 'same', history: 'only', seq: 0, id: null }),
    async ensurePartitions() {
      noted('partitions')
      if (failsPartitions()) throw fault('42501')
      return { made: 0, partitions: 5 }
    },
    closePartition: async () => undefined,
    logBytes: async () => 0,
    whoHoldsLog: async () => [],
    watchLog: async () => [],
    whoMoves: async () => [],
    async peekLanes() {
      noted('probe')
      // A relay that never waits would let no time pass.
      if (isAway() || statements.probe.length > 50_000) throw fault('57P01')
      const staging = hasWork() ? 1 : 0
      const waiting = staging > 0 ? (['staging'] as const) : []
      return { waiting, seen: { staging, outbox: 0 }, head: 1, wasEmptied: false }
    },
    move: async () =>
      options.standsBack
        ? { claimed: 0, logged: 0, parked: 0, stoodBack: true }
        : { claimed: 1, logged: 1, parked: 0, head: 1 },
    connect: async () => {},
    list: async () => [],
    park: () => assert.fail('nothing is to be parked'),
    declareGap: () => assert.fail('no gap'),
    async compact() {
      noted('compact')
      return { compacted: 0, skipped: 0 }
    },
    close: async () => {},
  })
  const databaseUrl = 'postgres://nobody@127.0.0.1:1/none'
  const { logger = silentLogger() } = options
  const relay = new Relay({ databaseUrl, logger }, { open })
  endings.push(() => relay.stop())
  return { statements, relay }
}

const gaps = (times: readonly number[]) => times.slice(1).map((ms, at) => ms - (times[at] ?? 0))

test('an idle relay asks twice as seldom each time, down to once a second', () =>
  inVirtualTime(async (passed, time) => {
    const { statements, relay } = relayOn(time)
    void relay.start()
    await passed(20_000)
    const waits = gaps(statements.probe)
    assert.deepEqual(waits.slice(0, 6), [100, 200, 400, 800, 1_000, 1_000])
    const stopped = relay.stop()
    await passed(0)
    await stopped
  }))

test('a drain that stands back from another relay asks twice as seldom each time', () =>
  inVirtualTime(async (passed, time) => {
    const { statements, relay } = relayOn(time, { hasWork: () => true, standsBack: true })
    const drained = relay.drain({ deadlineMs: 10_000 })
    await passed(10_000)
    const { isDrained, claimed } = await drained
    assert.deepEqual({ isDrained, claimed }, { isDrained: false, claimed: 0 })
    assert.deepEqual(gaps(statements.probe).slice(0, 6), [50, 100, 200, 400, 800, 1_000])
    await relay.stop()
  }))

test('a relay asks for partitions when it begins, then once an hour, or a minute after a failure', () =>
  inVirtualTime(async (passed, time) => {
    let fails = false
    const { statements, relay } = relayOn(time, { failsPartitions: () => fails })
    const HOUR_MS = 3_600_000
    void relay.start()
    await passed(HOUR_MS - 1_000)
    assert.deepEqual(statements.partitions, [0], 'of thousands of cycles one')
    fails = true
    await passed(2_000)
    assert.equal(statements.partitions.length, 2)
    await passed(58_000)
    assert.equal(statements.partitions.length, 2)
    fails = false
    await passed(3_000)
    assert.equal(statements.partitions.length, 3)
    await passed(HOUR_MS - 10_000)
    assert.equal(statements.partitions.length, 3)
    const stopped = relay.stop()
    await passed(0)
    await stopped
  }))

test('a busy relay looks once a second whether a table is worth compacting, an idle one never', () =>
  inVirtualTime(async (passed, time) => {
    let hasWork = true
    const { statements, relay } = relayOn(time, { hasWork: () => hasWork })
    void relay.start()
    await passed(10_000)
    assert.equal(statements.probe.length, 201)
    assert.deepEqual(gaps(statements.compact), Array(10).fill(1_000))
    hasWork = false
    const looks = statements.compact.length
    await passed(60_000)
    assert.equal(statements.compact.length, looks)
    const stopped = relay.stop()
    await passed(0)
    await stopped
  }))

test('of an outage of 25 seconds a recorder and a relay say four lines each', () =>
  inVirtualTime(async (passed, time) => {
    const logs = { recorder: memoryLogger(), relay: memoryLogger() }
    const said = ({ lines }: typeof logs.relay) => lines.map(({ message }) => message)
    let isAway = true
    const stage = async () => {
      if (isAway) throw fault('57P01')
      return 'one'
    }
    const audit = recorderOf({}, stage, logs.recorder)
    const { relay } = relayOn(time, { isAway: () => isAway, logger: logs.relay })
    void relay.start()
    audit.record({ action: 'a.b' })
    await passed(25_000)
    isAway = false
    await passed(5_000)
    const stillAway = 'audit staging is still unavailable; entries are buffered'
    assert.deepEqual(said(logs.recorder), [
      'audit staging is unavailable; entries are buffered',
      stillAway,
      stillAway,
      'audit staging is available again',
    ])
    assert.deepEqual(said(logs.relay).slice(1), [
      'relay cannot move entries; they wait in audit_staging and audit_outbox',
      'relay still cannot move entries',
      'relay still cannot move entries',
      'relay moves entries again',
    ])
    const ended = Promise.all([relay.stop(), audit.close()])
    await passed(10)
    await ended
  }))

/** A tail on an empty log, and when it looks. */
function tailOn(time: VirtualTime, wake?: EventTarget) {
  const looksMs: number[] = []
  const halt = new AbortController()
  const db = {
    execute: async (query: unknown) => {
      if (!asksForPartitions(query)) looksMs.push(time.nowMs)
      return []
    },
  }
  const next = tail(db, { fromSeq: 1, signal: halt.signal, wake }).next()
  endings.push(() => halt.abort())
  return { looksMs, halt, next }
}

test('at the end of the log a tail looks every 100 ms, after 5 s every 400, after 30 s every second', () =>
  inVirtualTime(async (passed, time) => {
    const { looksMs, halt, next } = tailOn(time)
    await passed(40_000)
    const waits = gaps(looksMs)
    assert.deepEqual(waits.slice(0, 50), Array(50).fill(100))
    assert.deepEqual(waits.slice(50, 50 + 62), Array(62).fill(400))
    assert.deepEqual(waits.slice(50 + 63), Array(waits.length - 113).fill(1_000))
    assert.equal(waits.length > 115, true)
    halt.abort()
    assert.equal((await next).done, true)
  }))

test('an event ends the wait for the next look', () =>
  inVirtualTime(async (passed, time) => {
    const wake = new EventTarget()
    const { looksMs, halt, next } = tailOn(time, wake)
    await passed(50)
    assert.deepEqual(looksMs, [0])
    wake.dispatchEvent(new Event('logged'))
    await passed(0)
    assert.deepEqual(looksMs, [0, 50], 'at once')
    await passed(99)
    assert.equal(looksMs.length, 2)
    await passed(1)
    assert.equal(looksMs.length, 3, 'and the next one when it is due')
    halt.abort()
    assert.equal((await next).done, true)
  }))

test('a tail that waits ends at once when it is aborted', () =>
  inVirtualTime(async (passed, time) => {
    const { looksMs, halt, next } = tailOn(time)
    await passed(60_500)
    const looks = looksMs.length
    let isDone = false
    void next.then(({ done }) => {
      isDone = done === true
    })
    halt.abort()
    await passed(0)
    assert.equal(isDone, true)
    assert.equal(looksMs.length, looks)
  }))
