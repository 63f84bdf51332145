import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LogSession, LogWatch } from '../relay/maintenance/log-watch.ts'
import { healthRoutes } from '../relay/http/health-routes.ts'
import { RelayMetrics } from '../relay/telemetry/metrics.ts'
import { AuditError } from '../src/errors.ts'
import { scratchDatabase } from './support/database.ts'
import { memoryLogger, relayOn } from './support/lanes.ts'
import { connectAs } from './support/logins.ts'
import { waitFor } from './support/wait-for.ts'

const READER: LogSession = {
  ...{ pid: 7, login: 'shop_support', application: 'psql', transaction: '3/11', forMs: null },
}

/** A watch by a clock of ours, over sessions that the test names. */
function watchOver(maxLockMs = 900_000) {
  const clock = { nowMs: 0 }
  const logger = memoryLogger()
  const seen: { sessions: readonly LogSession[]; looks: number; error?: unknown } = {
    ...{ sessions: [], looks: 0 },
  }
  const statements = {
    watchLog: async () => {
      seen.looks += 1
      if (seen.error) throw seen.error
      return seen.sessions
    },
  }
  const watch = new LogWatch({ statements, maxLockMs, logger, now: () => clock.nowMs })
  const at = async (nowMs: number, sessions: readonly LogSession[]) => {
    clock.nowMs = nowMs
    seen.sessions = sessions
    await watch.look()
    return watch.read()
  }
  return { at, watch, logger, seen, clock }
}

test('a session that holds the log for longer than its bound is named, again every ten minutes', async () => {
  const { at, logger } = watchOver()
  assert.equal(await at(0, [READER]), undefined)
  assert.equal(await at(900_000, [READER]), undefined)
  assert.equal(logger.lines.length, 0)
  const { pid, login, application } = READER
  assert.deepEqual(await at(930_000, [READER]), { pid, login, application, forMs: 930_000 })
  for (let ms = 960_000; ms < 1_530_000; ms += 30_000) await at(ms, [READER])
  assert.equal(logger.lines.length, 1)
  assert.equal(logger.lines[0]?.level, 'error')
  const hint = String(logger.lines[0]?.fields['hint'])
  assert.match(hint, /login shop_support has held .* 930 s.*pg_terminate_backend\(7\)/)
  await at(1_530_000, [READER])
  assert.equal(logger.lines.length, 2)
  assert.equal(await at(1_560_000, []), undefined)
  assert.equal(logger.lines.at(-1)?.level, 'info')
  await at(1_590_000, [])
  assert.equal(logger.lines.length, 3, 'said once')
})

test('another transaction of the same session begins again, and the longest one is named', async () => {
  const { at } = watchOver(60_000)
  for (let ms = 0; ms <= 600_000; ms += 30_000) {
    assert.equal(await at(ms, [{ ...READER, transaction: String(ms) }]), undefined)
  }
  const visible = { ...READER, pid: 8, login: 'dba', forMs: 100_000 }
  const found = await at(630_000, [{ ...READER, transaction: 'x' }, visible])
  assert.deepEqual([found?.login, found?.forMs], ['dba', 100_000])
})

test('a worker of the server is no alarm, a prepared transaction is', async () => {
  const { at } = watchOver(60_000)
  const worker = { ...READER, login: null }
  const prepared = { ...worker, pid: null }
  await at(0, [worker])
  assert.equal(await at(120_000, [worker]), undefined)
  await at(150_000, [worker, prepared])
  assert.equal((await at(240_000, [worker, prepared]))?.pid, null)
})

test('it looks every 30 s, and only a lost connection ends a cycle', async () => {
  const { at, seen } = watchOver()
  for (const [nowMs, looks] of [
    ...[[0, 1] as const, [29_999, 1] as const, [30_000, 2] as const, [59_999, 2] as const],
  ]) {
    await at(nowMs, [])
    assert.equal(seen.looks, looks)
  }
  seen.error = new AuditError('AUDIT_DATABASE_FAILED', 'x', { code: '42501' })
  await at(60_000, [])
  seen.error = new AuditError('AUDIT_DATABASE_FAILED', 'x', { code: 'CONNECTION_CLOSED' })
  await assert.rejects(at(90_000, []), { code: 'AUDIT_DATABASE_FAILED' })
})

// Goal: a login that may only read, and keeps its transaction open, is named where people look.
// Method: a session with audit_reader reads in a transaction that stays open, while a relay runs.
test('a reader that keeps the log’s lock is in /readyz, in the metrics and in the log', async (t) => {
  const scratch = await scratchDatabase(t)
  const reader = connectAs(t, scratch, 'audit_reader')
  await reader`begin`
  await reader`select count(*) from audit.audit_log`
  const [me] = await reader`select session_user as login, pg_backend_pid() as pid`
  const logger = memoryLogger()
  const relay = relayOn(t, scratch, { maxLockMs: 1_000, logger })
  t.after(() => relay.stop())
  void relay.start()
  await waitFor(() => relay.health().logHeld !== null, { what: 'the alarm' })
  const metrics = new RelayMetrics()
  const backlog = { read: async () => undefined, readWithin: async () => undefined }
  const routes = healthRoutes({
    ...{ health: () => relay.health(), metrics, maxLagMs: 60_000 },
    backlog: { ...backlog, latest: undefined } as never,
  })
  const ask = async (path: string) => await routes[path]?.(new Request(`http://relay.test${path}`))
  const readyz = await ask('/readyz')
  assert.equal(readyz?.status, 200, 'entries are moved meanwhile')
  const { logHeld } = JSON.parse((await readyz?.text()) ?? '')
  assert.deepEqual([logHeld.login, logHeld.pid], [me?.['login'], me?.['pid']])
  assert.ok(logHeld.forMs > 1_000)
  const { hint } = relay.health()
  assert.match(
    hint ?? '',
    new RegExp(`${me?.['login']} has held .*terminate_backend\\(${me?.['pid']}`),
  )
  const text = (await (await ask('/metrics'))?.text()) ?? ''
  assert.match(
    text,
    new RegExp(`^audit_relay_log_held_seconds\\{login="${me?.['login']}"\\} [1-9]`, 'm'),
  )
  const errors = () => JSON.stringify(logger.lines.filter(({ level }) => level === 'error'))
  const isNamed = () => errors().includes(`"login":"${me?.['login']}"`)
  await waitFor(isNamed, { what: 'the line of the log' })
  await reader`rollback`
  await waitFor(() => relay.health().logHeld === null, { what: 'the end of the alarm' })
  const after = (await (await ask('/metrics'))?.text()) ?? ''
  assert.doesNotMatch(after, /^audit_relay_log_held_seconds\{/m)
})
