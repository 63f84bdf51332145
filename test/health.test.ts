import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { BacklogReader, FRESH_MS } from '../relay/telemetry/backlog.ts'
import { Health } from '../relay/move/health.ts'
import { healthRoutes } from '../relay/http/health-routes.ts'
import type { RelayOptions } from '../relay/index.ts'
import { Relay } from '../relay/move/relay.ts'
import { RelayMetrics } from '../relay/telemetry/metrics.ts'
import { AuditError } from '../src/errors.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { spawnRelay } from './support/audit-relay.ts'
import { emptyDatabase, scratchDatabase } from './support/database.ts'
import { FaultProxy, faultProxy } from './support/fault-proxy.ts'
import { encoded, numberedId, openDatabase, silentLogger, stage } from './support/lanes.ts'
import { waitFor } from './support/wait-for.ts'

const QUICK = { pollMinMs: 5, pollMaxMs: 50, statementTimeoutMs: 1_000 }
/** How long a machine that does other things may take for what takes two seconds. */
const PATIENCE_MS = 60_000

interface Ready {
  readonly ready: boolean
  readonly reason?: string
  readonly fault?: { readonly code: string }
  readonly hint?: string
  readonly failures: number
  readonly lastCycleAgeMs: number | null
  readonly lagMs: number | null
  readonly depth: { readonly staging: number; readonly outbox: number } | null
}

/** A relay that runs, and its routes as HTTP would call them. */
function running(
  t: TestContext,
  databaseUrl: string,
  options: RelayOptions = {},
  maxLagMs = 60_000,
) {
  const metrics = new RelayMetrics()
  const logger = silentLogger()
  const relay = new Relay({ databaseUrl, logger, ...QUICK, ...options }, { observer: metrics })
  const backlog = new BacklogReader(databaseUrl)
  t.after(() => Promise.all([relay.stop(), backlog.close()]))
  const routes = healthRoutes({ health: () => relay.health(), metrics, backlog, maxLagMs })
  const ask = async (path: string, method = 'GET') => {
    const handler = routes[path] ?? assert.fail(`no route ${path}`)
    return await handler(new Request(`http://relay.test${path}`, { method }))
  }
  const readyz = async () => {
    const response = await ask('/readyz')
    const body = (await response.json()) as Ready
    assert.equal(response.status, body.ready ? 200 : 503)
    return body
  }
  void relay.start()
  return {
    relay,
    backlog,
    ask,
    readyz,
    becomes: async (isReady: boolean): Promise<Ready> => {
      let last: Ready | undefined
      await waitFor(
        async () => {
          last = await readyz()
          return last.ready === isReady
        },
        { timeoutMs: PATIENCE_MS, what: isReady ? 'green' : 'red' },
      )
      return last ?? assert.fail('never asked')
    },
  }
}

test('it is ready from the first completed cycle, and red before it and while it stops', () => {
  let nowMs = 0
  const health = new Health({ pollMaxMs: 1_000, statementTimeoutMs: 10_000 }, { now: () => nowMs })
  assert.deepEqual([health.read().isReady, health.read().reason], [false, 'starting'])
  health.beat()
  nowMs += 100
  health.cycled()
  assert.equal(health.read().isReady, true)
  assert.equal(health.read().lastCycleAgeMs, 0)
  health.stopping()
  assert.deepEqual([health.read().isAlive, health.read().reason], [true, 'stopping'])
})

test('it turns red with the third failure in a row, and not with one', () => {
  let nowMs = 0
  const health = new Health({ pollMaxMs: 1_000, statementTimeoutMs: 10_000 }, { now: () => nowMs })
  health.cycled()
  const error = new AuditError('AUDIT_DATABASE_FAILED', 'x', { code: '25006' })
  for (const isReady of [true, true, false]) {
    nowMs += 100
    health.failed(error)
    health.moved() // what moves in one lane does not cover up for the other
    assert.equal(health.read().isReady, isReady)
  }
  const { reason, fault, hint, failures } = health.read()
  assert.deepEqual([reason, fault?.code, failures], ['failing', '25006', 3])
  assert.match(hint ?? '', /read-only/)
  health.cycled()
  assert.deepEqual([health.read().isReady, health.read().fault], [true, undefined])
})

test('it turns red when three cycles pass in which nothing is done, with a floor', () => {
  for (const [pollMaxMs, redAfterMs] of [
    [1_000, 3_750],
    [50, 2_000],
  ] as const) {
    let nowMs = 0
    const health = new Health({ pollMaxMs, statementTimeoutMs: 10_000 }, { now: () => nowMs })
    health.cycled()
    nowMs = redAfterMs
    assert.equal(health.read().isReady, true)
    nowMs += 1
    assert.equal(health.read().reason, 'stalled')
    assert.match(health.read().hint ?? '', /does not answer/)
    health.moved()
    assert.equal(health.read().isReady, true, 'a batch of a long cycle was moved')
  }
})

test('a loop that is stuck is dead; one that only fails is alive', () => {
  let nowMs = 0
  const health = new Health({ pollMaxMs: 1_000, statementTimeoutMs: 10_000 }, { now: () => nowMs })
  assert.equal(health.read().isAlive, true)
  health.beat()
  for (let attempt = 0; attempt < 20; attempt += 1) {
    nowMs += 15_000 // a missed deadline and the longest wait
    assert.equal(health.read().isAlive, true)
    health.failed(new AuditError('AUDIT_DEADLINE_PASSED', 'No answer.'))
  }
  nowMs += 25_001
  assert.deepEqual([health.read().isAlive, health.read().isReady], [false, false])
})

const HINTS = {
  readOnly: /read-only/,
  migrate: /audit-relay migrate/,
  newer: /needs a package of version 9.*Deploy the newer package/,
  older: /too old.*audit-relay migrate/,
}

/** What makes a relay useless while its database answers; each as `[break, mend]`. */
const BROKEN: Readonly<
  Record<string, { code: string; hint: RegExp; turn: (isOn: boolean) => string }>
> = {
  // A standby takes a server of its own: here the function says what it would say there.
  'a demoted primary': {
    code: '25006',
    hint: HINTS.readOnly,
    turn: (isOn) =>
      isOn
        ? `alter function audit.peek rename to peek_of_a_primary;
          create function audit.peek(max_rows integer, out staging integer, out outbox integer,
            out import boolean, out head bigint, out was_emptied boolean, out is_read_only boolean,
            out version integer, out min_reader_version integer)
          language sql as $$ select 0, 0, false, 0, false, true, 1, 1 $$;`
        : `drop function audit.peek; alter function audit.peek_of_a_primary rename to peek`,
  },
  'a schema newer than it understands': {
    code: 'AUDIT_SCHEMA_MISMATCH',
    hint: HINTS.newer,
    turn: (isOn) => setVersion(isOn ? 9 : 1),
  },
  'a schema that is too old': {
    code: 'AUDIT_SCHEMA_MISMATCH',
    hint: HINTS.older,
    turn: (isOn) => setVersion(isOn ? 0 : 1),
  },
  'a table that is gone': {
    code: '42P01',
    hint: HINTS.migrate,
    turn: (isOn) =>
      isOn
        ? 'alter table audit.audit_staging rename to elsewhere'
        : 'alter table audit.elsewhere rename to audit_staging',
  },
  'a function that it may not call': {
    code: '42501',
    hint: /has the role audit_relay, which lacks a right.* Run "audit-relay migrate"/,
    turn: (isOn) =>
      `${isOn ? 'revoke' : 'grant'} execute on function audit.peek ${isOn ? 'from' : 'to'} audit_relay`,
  },
}

const setVersion = (version: number) =>
  `update audit.audit_schema_version set version = ${version}, min_reader_version = ${version}`

describe('readiness', { concurrency: 3 }, () => {
  for (const [name, { code, hint, turn }] of Object.entries(BROKEN)) {
    test(`${name}: red with the reason, green again by itself`, async (t) => {
      const scratch = await scratchDatabase(t)
      const { ask, becomes, readyz } = running(t, scratch.urlAs('audit_relay'))
      await becomes(true)
      // Green says that the relay works. What waits is read on another connection, which may be later.
      let depth: Ready['depth'] = null
      const isRead = async () => {
        depth = (await readyz()).depth
        return depth !== null
      }
      await waitFor(isRead, { what: 'the first look at the lanes' })
      assert.deepEqual(depth, { staging: 0, outbox: 0 })
      await scratch.sql.unsafe(turn(true))
      // A busy machine can make it red as stalled first, before an attempt has failed.
      let red = await becomes(false)
      const isFailing = async () => {
        red = await readyz()
        return red.reason === 'failing'
      }
      await waitFor(isFailing, { what: 'readyz to give the failure as its reason' })
      assert.equal(red.ready, false)
      assert.equal(red.fault?.code, code)
      assert.match(red.hint ?? '', hint)
      assert.equal((await ask('/livez')).status, 200)
      await scratch.sql.unsafe(turn(false))
      const again = await becomes(true)
      assert.equal(again.fault, undefined)
    })
  }

  for (const kind of ['black-hole', 'half-open'] as const) {
    test(`${kind}: red before the deadline of a statement, green again by itself`, async (t) => {
      const scratch = await scratchDatabase(t)
      const proxy = await faultProxy(t, scratch.url)
      const url = proxy.through(scratch.urlAs('audit_relay'))
      const { relay, becomes } = running(t, url, { statementTimeoutMs: 6_000 })
      await becomes(true)
      await proxy.set(
        kind === 'black-hole' ? { kind: 'black-hole' } : { kind: 'drop', toward: 'client' },
      )
      const red = await becomes(false)
      assert.equal(red.reason, 'stalled')
      assert.equal(relay.health().failures, 0, 'no statement has missed its deadline yet')
      assert.equal(relay.health().isAlive, true)
      await proxy.set({ kind: 'pass' })
      await becomes(true)
    })
  }

  test('an unmigrated database is red until it is migrated', async (t) => {
    const { url } = await emptyDatabase(t)
    const { becomes, readyz } = running(t, url)
    await waitFor(async () => (await readyz()).failures >= 3, { what: 'failures' })
    const red = await becomes(false)
    assert.match(red.hint ?? '', HINTS.migrate)
    assert.equal(red.lastCycleAgeMs, null)
    await migrateDatabase({ databaseUrl: url })
    await becomes(true)
  })

  test('a database that is away is red until it is there', async (t) => {
    const scratch = await scratchDatabase(t)
    const proxy = await FaultProxy.start(Number(new URL(scratch.url).port))
    t.after(() => proxy.close())
    await proxy.set({ kind: 'refuse' })
    const { becomes, readyz } = running(t, proxy.through(scratch.urlAs('audit_relay')))
    await waitFor(async () => (await readyz()).reason === 'failing', { what: 'failures' })
    assert.equal((await readyz()).fault?.code, 'ECONNREFUSED')
    await proxy.set({ kind: 'pass' })
    await becomes(true)
  })

  // Goal: cycles that complete and move nothing are no work.
  // Method: somebody holds a row, which relays skip.
  test('an entry that waits too long is red, although cycles complete', async (t) => {
    const scratch = await scratchDatabase(t)
    await stage(openDatabase(t, scratch.url), 'outbox', [encoded({ id: numberedId(-10_000) })])
    const holder = await scratch.sql.reserve()
    t.after(() => holder.release())
    await holder`begin`
    await holder`select from audit.audit_outbox for update`
    const { becomes } = running(t, scratch.urlAs('audit_relay'), {}, 5_000)
    const red = await becomes(false)
    const lagging = red.reason === 'lagging' ? red : await becomesLagging(becomes)
    assert.ok((lagging.lagMs ?? 0) >= 10_000)
    assert.match(lagging.hint ?? '', /AUDIT_MAX_LAG_MS \(5000\)/)
    await holder`rollback`
    await becomes(true)
  })
})

/** The first answer may have been that it only starts. */
async function becomesLagging(becomes: (isReady: boolean) => Promise<Ready>) {
  let red = await becomes(false)
  await waitFor(
    async () => {
      red = await becomes(false)
      return red.reason === 'lagging'
    },
    { what: 'the lag to be seen' },
  )
  return red
}

test('a health check is read only, and a look at the lanes that hangs does not hold it up', async (t) => {
  const scratch = await scratchDatabase(t)
  const { backlog, ask, becomes } = running(t, scratch.urlAs('audit_relay'))
  await becomes(true)
  assert.equal((await ask('/livez', 'POST')).status, 405)
  const head = await ask('/readyz', 'HEAD')
  assert.deepEqual([head.status, await head.text()], [200, ''])
  // The look's connection waits, the relay's does not need this table while nothing dies.
  const holder = await scratch.sql.reserve()
  t.after(() => holder.release())
  await holder`begin`
  await holder`lock table audit.audit_dead_letter in access exclusive mode`
  // Kubernetes gives a probe one second, which is also the deadline of the look.
  await sleep(FRESH_MS + 50) // the next look is another one
  let isLookOver = false
  const look = backlog.read().then(() => {
    isLookOver = true
  })
  assert.equal((await ask('/readyz')).status, 200)
  assert.equal(isLookOver, false)
  await look
  await holder`rollback`
})

test('audit-relay run serves health and metrics, and goes on without a port', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await stage(database, 'staging', [encoded(), encoded({ action: null })])
  const relay = spawnRelay(t, ['run'], {
    AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
    AUDIT_HTTP_PORT: '0',
  })
  let url = ''
  await waitFor(
    () => {
      url = /"url":"([^"]+)","paths"/.exec(relay.output().stdout)?.[1] ?? ''
      return url !== ''
    },
    { what: 'the server' },
  )
  await waitFor(async () => (await fetch(`${url}readyz`)).status === 200, { what: 'green' })
  assert.equal((await fetch(`${url}livez`)).status, 200)
  assert.equal((await fetch(url)).status, 404, 'no token, no page')
  const metrics = await (await fetch(`${url}metrics`)).text()
  assert.match(metrics, /^audit_relay_moved_total\{lane="staging"\} 2$/m)
  assert.match(metrics, /^audit_relay_dead_letters_parked 1$/m)
  relay.child.kill('SIGTERM')
  assert.equal(await relay.ended, 0)
})
