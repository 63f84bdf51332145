import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RelayOptions } from '../relay/index.ts'
import type { RecorderOptions } from '../src/recorder/create-recorder.ts'
import { cpuMs } from './support/cpu.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import type { FaultMode, RequestWatch } from './support/fault-link.ts'
import { faultProxy, statementWith } from './support/fault-proxy.ts'
import { encoded, memoryLogger, openDatabase, relayOn, stage } from './support/lanes.ts'
import { connect } from './support/logins.ts'
import { recorderOn } from './support/recorders.ts'
import { waitFor } from './support/wait-for.ts'

/** Long for a machine that is busy with other things, short for a test. */
const DEADLINE_MS = 1_500
const FAULT_MS = 2_000
/** A slow way is no outage: so long that no statement misses it, however busy the machine is. */
const PATIENCE_MS = 120_000
const HEALING_MS = 120_000

const STAGING_BEGINS = 'audit staging is unavailable; entries are buffered'
const STAGING_ENDS = 'audit staging is available again'
const RELAY_BEGINS = 'relay cannot move entries; they wait in audit_staging and audit_outbox'
const RELAY_ENDS = 'relay moves entries again'

/** A proxy before the database, for a login of ours. */
async function behind(t: TestContext, scratch: ScratchDatabase) {
  const proxy = await faultProxy(t, scratch.url)
  return {
    proxy,
    urlAs: (role: Parameters<ScratchDatabase['urlAs']>[0]) => proxy.through(scratch.urlAs(role)),
  }
}

/** Whether the log holds so many entries, each once, numbered without a hole, and nothing waits. */
async function assertLogged(scratch: ScratchDatabase, entries: number) {
  const [found] = await scratch.sql`
    select count(*)::integer as entries, count(distinct l.id)::integer as ids,
      count(distinct l.seq)::integer as numbers, coalesce(max(l.seq), 0)::integer as last,
      (select seq::integer from audit.audit_head) as head,
      (select count(*) from audit.audit_staging)::integer as waiting,
      (select count(*) from audit.audit_dead_letter)::integer as dead
    from audit.audit_log as l`
  assert.deepEqual(
    { ...found },
    { entries, ids: entries, numbers: entries, last: entries, head: entries, waiting: 0, dead: 0 },
  )
}

const messagesOf = ({ lines }: ReturnType<typeof memoryLogger>) =>
  lines.map(({ message }) => message)

/**
 * Whether an outage was said once at each end. A busy machine makes statements miss their deadlines
 * by itself, before the fault or after it: that is one more outage, with its own two lines.
 */
function assertSaid(
  during: readonly string[],
  all: readonly string[],
  [begins, ends]: readonly string[],
) {
  if (begins === undefined) return assert.deepEqual(all, [])
  assert.equal(during.at(-1), begins, 'it goes on for as long as the fault does')
  assert.ok(all.length > 0 && all.length % 2 === 0, all.join('\n'))
  for (const [at, message] of all.entries()) assert.equal(message, at % 2 === 0 ? begins : ends)
}

async function drained(t: TestContext, scratch: ScratchDatabase) {
  const { isDrained } = await relayOn(t, scratch).drain({ deadlineMs: HEALING_MS })
  assert.equal(isDrained, true)
}

/**
 * Calls record() again and again.
 *
 * @returns how many were accepted; the median of the calls' times, which tells of calls that wait;
 * and what the longest computed, because on a busy machine any call may be interrupted
 */
async function recordFor(
  ms: number,
  record: (entry: { action: 'fault.record'; metadata: { n: number } }) => boolean,
  everyMs = 1,
) {
  const timesMs: number[] = []
  const computedMs: number[] = []
  let accepted = 0
  const endMs = performance.now() + ms
  while (performance.now() < endMs) {
    const cpuBefore = cpuMs()
    const beganMs = performance.now()
    if (record({ action: 'fault.record', metadata: { n: timesMs.length } })) accepted += 1
    timesMs.push(performance.now() - beganMs)
    computedMs.push(cpuMs() - cpuBefore)
    await sleep(everyMs)
  }
  return { accepted, medianMs: share(timesMs, 0.5), p99CpuMs: share(computedMs, 0.99) }
}

function share(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? 0
}

const FAULTS: Readonly<Record<string, { modes: readonly FaultMode[]; isOutage: boolean }>> = {
  'a black hole': { modes: [{ kind: 'black-hole' }], isOutage: true },
  'requests that get lost': { modes: [{ kind: 'drop', toward: 'server' }], isOutage: true },
  'replies that get lost': { modes: [{ kind: 'drop', toward: 'client' }], isOutage: true },
  'RST on everything': { modes: [{ kind: 'reset' }], isOutage: true },
  'FIN on everything': { modes: [{ kind: 'finish' }], isOutage: true },
  'nothing that listens': { modes: [{ kind: 'reset' }, { kind: 'refuse' }], isOutage: true },
  'a server that says nothing': {
    modes: [{ kind: 'reset' }, { kind: 'say-nothing' }],
    isOutage: true,
  },
  'one byte at a time': { modes: [{ kind: 'drip' }], isOutage: false },
  latency: { modes: [{ kind: 'latency', ms: 20 }], isOutage: false },
}

const DEMOTED = `
  create function public.demoted() returns trigger language plpgsql as $$
  begin raise exception 'by the test' using errcode = 'read_only_sql_transaction'; end $$;
  create trigger demoted before insert on audit.audit_staging
  for each statement execute function public.demoted()`
const PROMOTED = 'drop trigger demoted on audit.audit_staging'

describe('faults', { concurrency: 6 }, () => {
  for (const [name, { modes, isOutage }] of Object.entries(FAULTS)) {
    test(`recorder, ${name}: record() neither waits nor throws, all is delivered after it, a line at each end`, async (t) => {
      const scratch = await scratchDatabase(t)
      const { proxy, urlAs } = await behind(t, scratch)
      const logger = memoryLogger()
      const options: RecorderOptions = {
        logger,
        statementTimeoutMs: isOutage ? DEADLINE_MS : PATIENCE_MS,
        closeTimeoutMs: HEALING_MS,
      }
      const audit = recorderOn(t, { urlAs }, options)
      const before = await recordFor(50, (entry) => audit.record(entry))
      assert.equal(await audit.flush({ timeoutMs: HEALING_MS }), true)
      for (const mode of modes) await proxy.set(mode)
      const during = await recordFor(FAULT_MS, (entry) => audit.record(entry), isOutage ? 1 : 10)
      const connections = proxy.accepted
      const saidDuring = messagesOf(logger)
      await proxy.set({ kind: 'pass' })
      const after = await recordFor(50, (entry) => audit.record(entry))
      assert.equal(await audit.flush({ timeoutMs: HEALING_MS }), true)
      const accepted = before.accepted + during.accepted + after.accepted
      assert.deepEqual(audit.stats().dropped, {})
      assert.equal(audit.stats().recorded, accepted)
      assert.ok(during.medianMs < 1 && during.p99CpuMs < 20, JSON.stringify(during))
      assert.ok(connections < 40, `${connections} connections in ${FAULT_MS} ms`)
      await drained(t, scratch)
      await assertLogged(scratch, accepted)
      assertSaid(saidDuring, messagesOf(logger), isOutage ? [STAGING_BEGINS, STAGING_ENDS] : [])
    })

    test(`relay, ${name}: moves everything after it, a line at each end`, async (t) => {
      const scratch = await scratchDatabase(t)
      const database = openDatabase(t, scratch.url)
      const { proxy, urlAs } = await behind(t, scratch)
      const logger = memoryLogger()
      const relay = relayOn(
        t,
        { ...scratch, urlAs },
        {
          logger,
          statementTimeoutMs: isOutage ? DEADLINE_MS : PATIENCE_MS,
          pollMinMs: 5,
          pollMaxMs: 20,
        },
      )
      void relay.start()
      let staged = 0
      const arrive = async () => {
        await stage(
          database,
          'staging',
          Array.from({ length: 20 }, () => encoded()),
        )
        staged += 20
      }
      await arrive()
      await waitFor(() => relay.stats().logged === 20, { what: 'the first batch' })
      for (const mode of modes) await proxy.set(mode)
      const endMs = performance.now() + FAULT_MS
      while (performance.now() < endMs) {
        await arrive()
        await sleep(50)
      }
      const connections = proxy.accepted
      const saidDuring = messagesOf(logger).slice(1)
      await proxy.set({ kind: 'pass' })
      await arrive()
      await waitFor(() => isEmpty(scratch), { what: 'an empty lane', timeoutMs: HEALING_MS })
      if (isOutage) {
        const isSaid = () => messagesOf(logger).at(-1) === RELAY_ENDS
        await waitFor(isSaid, { what: 'the line that says so', timeoutMs: HEALING_MS })
      }
      await relay.stop()
      assert.ok(connections < 40, `${connections} connections in ${FAULT_MS} ms`)
      await assertLogged(scratch, staged)
      const said = messagesOf(logger).slice(1, -1)
      assertSaid(saidDuring, said, isOutage ? [RELAY_BEGINS, RELAY_ENDS] : [])
    })
  }

  // Goal: an entry whose staging committed without our knowing is there once.
  // Method: of every batch the first reply is cut off, and the batch is sent again.
  test('200 ambiguous commits of staging: each entry once', async (t) => {
    const scratch = await scratchDatabase(t)
    const cutting = cutter('audit.stage(', (request) => request % 2 === 1)
    const recorders = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const { proxy, urlAs } = await behind(t, scratch)
        await proxy.set(cutting.mode())
        return recorderOn(t, { urlAs })
      }),
    )
    let accepted = 0
    await Promise.all(
      recorders.map(async (audit) => {
        for (let round = 0; round < 25; round += 1) {
          for (let n = 0; n < 3; n += 1) {
            if (audit.record({ action: 'fault.cut', metadata: { round, n } })) accepted += 1
          }
          assert.equal(await audit.flush({ timeoutMs: HEALING_MS }), true)
        }
      }),
    )
    assert.ok(cutting.cuts() >= 200, `${cutting.cuts()} cuts`)
    assert.equal(accepted, 600)
    const [staged] = await scratch.sql`select count(*)::integer as rows from audit.audit_staging`
    assert.equal(staged?.['rows'], 1_200, 'all of it was staged twice')
    await drained(t, scratch)
    await assertLogged(scratch, accepted)
  })

  // Goal: a batch whose move committed without the relay's knowing is in the log once.
  // Method: relays race on one lane, and every second reply to a move is cut off.
  test('200 ambiguous commits of a move: each entry once', async (t) => {
    const scratch = await scratchDatabase(t)
    const database = openDatabase(t, scratch.url)
    const cutting = cutter('audit-relay move', (request) => request % 2 === 1)
    for (let at = 0; at < 8; at += 1) {
      const { proxy, urlAs } = await behind(t, scratch)
      await proxy.set(cutting.mode())
      const options: RelayOptions = { batchEntries: 50, pollMinMs: 5, pollMaxMs: 10 }
      void relayOn(t, { ...scratch, urlAs }, options).start()
    }
    let staged = 0
    const deadlineMs = performance.now() + 240_000
    while (cutting.cuts() < 200 && performance.now() < deadlineMs) {
      await stage(database, 'staging', [encoded(), encoded()])
      staged += 2
      await sleep(5)
    }
    assert.ok(cutting.cuts() >= 200, `${cutting.cuts()} cuts`)
    await waitFor(() => isEmpty(scratch), { what: 'an empty lane', timeoutMs: HEALING_MS })
    await assertLogged(scratch, staged)
  })

  test('a half-open socket is given up at the deadline, and a new connection delivers', async (t) => {
    const scratch = await scratchDatabase(t)
    const { proxy, urlAs } = await behind(t, scratch)
    const audit = recorderOn(t, { urlAs }, { statementTimeoutMs: DEADLINE_MS })
    audit.record({ action: 'fault.before' })
    await audit.flush()
    await proxy.set({ kind: 'black-hole' })
    audit.record({ action: 'fault.during' })
    await waitFor(() => proxy.swallowedBytes > 0, { what: 'a statement that gets lost' })
    await proxy.set({ kind: 'pass' }) // for others: the open socket has lost what was sent
    const beganMs = performance.now()
    assert.equal(await audit.flush({ timeoutMs: HEALING_MS }), true)
    const tookMs = performance.now() - beganMs
    // Left to the system it would be many minutes.
    assert.ok(tookMs > DEADLINE_MS / 2 && tookMs < HEALING_MS / 2, `${tookMs} ms`)
    await drained(t, scratch)
    await assertLogged(scratch, 2)
  })

  test('of two hosts the one that hangs up is passed over', async (t) => {
    const scratch = await scratchDatabase(t)
    const { proxy } = await behind(t, scratch)
    await proxy.set({ kind: 'finish' })
    const host = new URL(scratch.url).host
    const urlAs: ScratchDatabase['urlAs'] = (role) =>
      scratch.urlAs(role).replace(host, `127.0.0.1:${proxy.port},${host}`)
    const logger = memoryLogger()
    const audit = recorderOn(t, { urlAs }, { logger })
    audit.record({ action: 'fault.hosts' })
    assert.equal(await audit.flush({ timeoutMs: HEALING_MS }), true)
    assert.deepEqual(logger.lines, [])
    assert.equal(proxy.accepted, 1)
  })

  test('a backend that is terminated in the middle of a move: each entry once', async (t) => {
    const scratch = await scratchDatabase(t)
    const database = openDatabase(t, scratch.url)
    await scratch.sql.unsafe(`
      create function public.dawdle() returns trigger language plpgsql as
      $$ begin perform pg_sleep(0.03); return null; end $$;
      create trigger dawdle before insert on audit.audit_log
      for each statement execute function public.dawdle()`)
    const relay = relayOn(t, scratch, { batchEntries: 20, pollMinMs: 5, pollMaxMs: 10 })
    void relay.start()
    for (let round = 1; round <= 10; round += 1) {
      await stage(
        database,
        'staging',
        Array.from({ length: 60 }, () => encoded()),
      )
      const killed = async () => {
        const found = await scratch.sql`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = ${scratch.name} and state = 'active'
            and query like '%audit-relay move%' and pid <> pg_backend_pid()`
        return found.length > 0
      }
      await waitFor(killed, { what: 'a move under way', intervalMs: 2 })
      // A relay that fails again and again waits longer and longer: it has to have worked between.
      const { cycles } = relay.stats()
      await waitFor(() => relay.stats().cycles > cycles, { what: 'a whole cycle' })
      await waitFor(() => isEmpty(scratch), { what: 'an empty lane', timeoutMs: HEALING_MS })
    }
    await relay.stop()
    await assertLogged(scratch, 600)
  })

  for (const [name, begin, end, code] of [
    ['no connection left', 'connection limit 0', 'connection limit -1', '53300'],
    // A standby takes a server of its own: here a trigger says what it would say of each insert.
    ['a demoted, read-only server', undefined, undefined, '25006'],
  ] as const) {
    test(`${name}: both wait, say ${code}, and go on by themselves`, async (t) => {
      const scratch = await scratchDatabase(t)
      const logs = { recorder: memoryLogger(), relay: memoryLogger() }
      const audit = recorderOn(t, scratch)
      const relay = relayOn(t, scratch, { logger: logs.relay, pollMinMs: 5, pollMaxMs: 20 })
      void relay.start()
      audit.record({ action: 'fault.before' })
      await waitFor(() => relay.stats().logged === 1, { what: 'the first entry' })
      await scratch.sql.unsafe(
        begin === undefined ? DEMOTED : `alter database ${scratch.name} ${begin}`,
      )
      // A session keeps its settings, and its first statement may report that its connection ended.
      await scratch.sql`
        select pg_terminate_backend(pid, 30000) from pg_stat_activity
        where datname = ${scratch.name} and application_name like 'audit-%'`
      const late = recorderOn(t, scratch, { logger: logs.recorder })
      const { accepted } = await recordFor(800, (entry) => {
        assert.equal(audit.record(entry), true)
        return late.record(entry)
      })
      const codes = ({ lines }: ReturnType<typeof memoryLogger>) =>
        lines.map(({ fields }) => Reflect.get(Object(fields['fault']), 'code')).filter(Boolean)
      // Its first attempt may take long; ended with the others below, it would say something else.
      await waitFor(() => codes(logs.recorder).length > 0, { what: 'a line about the fault' })
      await scratch.sql.unsafe(
        end === undefined ? PROMOTED : `alter database ${scratch.name} ${end}`,
      )
      await scratch.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = ${scratch.name} and application_name like 'audit-%'`
      for (const recorder of [audit, late]) {
        assert.equal(await recorder.flush({ timeoutMs: HEALING_MS }), true)
      }
      await waitFor(() => isEmpty(scratch), { what: 'an empty lane', timeoutMs: HEALING_MS })
      await relay.stop()
      await assertLogged(scratch, 2 * accepted + 1)
      assert.equal(codes(logs.recorder)[0], code)
      // The relay was ended twice, each time with two sessions of which one may notice later. It
      // has nothing to write while the recorder cannot, and logs no line for each attempt.
      const told = codes(logs.relay)
      assert.ok(told.length <= 4, `The relay told of ${told.join(', ')}.`)
    })
  }

  // Goal: a migration of somebody's that waits for a lock is no harm, and we are none to it.
  // Method: a transaction holds the lane, ALTER TABLE waits for it, and all that comes after waits
  // for that. Each missed deadline leaves a statement waiting on the server.
  for (const table of ['audit_staging', 'audit_log'] as const) {
    test(`a waiting ALTER TABLE on ${table}: we wait with few connections, then go on`, async (t) => {
      const scratch = await scratchDatabase(t)
      const audit = recorderOn(t, scratch, { statementTimeoutMs: DEADLINE_MS })
      const relay = relayOn(t, scratch, {
        statementTimeoutMs: DEADLINE_MS,
        pollMinMs: 5,
        pollMaxMs: 20,
      })
      void relay.start()
      audit.record({ action: 'fault.before' })
      // Of the log and not of the relay: a reply that misses so short a deadline is not counted.
      const hasFirst = async () => (await scratch.sql`select from audit.audit_log`).length === 1
      await waitFor(hasFirst, { what: 'the first entry' })
      const holder = connect(t, scratch.url)
      await holder`begin`
      await holder`select from ${holder(`audit.${table}`)} limit 1`
      const alter = connect(t, scratch.url)`
        alter table ${holder(`audit.${table}`)} alter column user_id drop default`
      const altered = alter.execute()
      const { accepted } = await recordFor(4_000, (entry) => audit.record(entry))
      const ours = await scratch.sql`
        select application_name from pg_stat_activity
        where datname = ${scratch.name} and application_name like 'audit-%'`
      // Of the recorder, of the relay, one that is being replaced, and of what follows the log.
      assert.ok(ours.length <= 4, `${ours.length} connections`)
      await holder`rollback`
      await altered
      assert.equal(await audit.flush({ timeoutMs: HEALING_MS }), true)
      await waitFor(() => isEmpty(scratch), { what: 'an empty lane', timeoutMs: HEALING_MS })
      await relay.stop()
      await assertLogged(scratch, accepted + 1)
    })
  }
})

async function isEmpty({ sql }: ScratchDatabase): Promise<boolean> {
  const [row] = await sql`select not exists (select from audit.audit_staging) as empty`
  return row?.['empty'] === true
}

/** Cuts the replies to statements with this text, of those that the predicate names by number. */
function cutter(text: string, isDue: (request: number) => boolean) {
  let cuts = 0
  const mode = (): FaultMode => {
    let requests = 0
    const watch = (): RequestWatch => {
      const isWhole = statementWith(text)
      return (chunk) => {
        if (!isWhole(chunk)) return false
        requests += 1
        return isDue(requests)
      }
    }
    return {
      kind: 'cut-reply',
      watch,
      onCut: () => {
        cuts += 1
      },
    }
  }
  return { mode, cuts: () => cuts }
}
