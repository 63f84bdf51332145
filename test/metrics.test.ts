import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BacklogReader } from '../relay/telemetry/backlog.ts'
import { Health } from '../relay/move/health.ts'
import { Relay } from '../relay/move/relay.ts'
import { RelayMetrics } from '../relay/telemetry/metrics.ts'
import { AuditError } from '../src/errors.ts'
import { scratchDatabase } from './support/database.ts'
import { encoded, numberedId, openDatabase, silentLogger, stage } from './support/lanes.ts'
import { waitFor } from './support/wait-for.ts'

/** Names, labels and values of an exposition, without what Node itself adds. */
function read(text: string): ReadonlyMap<string, number> {
  const samples = text
    .split('\n')
    .filter((line) => line.startsWith('audit_relay_'))
    .map((line): [string, number] => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    })
  return new Map(samples)
}

/** By a clock that stands still, so that it stays healthy however long a test takes. */
const HEALTHY = new Health({ pollMaxMs: 1_000, statementTimeoutMs: 1_000 }, { now: () => 0 })
HEALTHY.cycled()

test('a relay counts what it does, by lane, and shows what waits', async (t) => {
  const scratch = await scratchDatabase(t)
  const databaseUrl = scratch.urlAs('audit_relay')
  const metrics = new RelayMetrics()
  // One move at a time: how a backlog is divided for several is a matter of when they have connected.
  const limits = { batchEntries: 10, parallelMoves: 1 }
  const relay = new Relay({ databaseUrl, logger: silentLogger(), ...limits }, { observer: metrics })
  const backlog = new BacklogReader(databaseUrl)
  t.after(() => Promise.all([relay.stop(), backlog.close()]))
  const database = openDatabase(t, scratch.url)
  const entry = encoded({ id: numberedId(1) })
  await stage(database, 'staging', [entry, entry, ...Array.from({ length: 23 }, () => encoded())])
  await stage(database, 'outbox', [encoded({ action: null }), encoded()])
  await scratch.sql`select audit.report(gen_random_uuid(), 'the key of a recorder', now(), 9, 9, '{"full": 4}', true)`
  await relay.drain({ deadlineMs: 10_000 })
  await scratch.sql`truncate audit.audit_staging, audit.audit_sentinel`
  await relay.drain({ deadlineMs: 10_000 })
  await stage(database, 'outbox', [encoded({ id: numberedId(-5_000) })])

  // A look that misses its deadline says nothing; the next one is as good.
  const hasRead = async () => (await backlog.read()) !== undefined
  await waitFor(hasRead, { what: 'a look at the lanes' })
  const samples = read(await metrics.expose(HEALTHY.read(), backlog.latest))
  const expected = {
    'audit_relay_moved_total{lane="staging"}': 25,
    'audit_relay_logged_total{lane="staging"}': 24,
    'audit_relay_moved_total{lane="outbox"}': 4, // with a gap and the drops
    'audit_relay_dead_letters_total{lane="outbox"}': 1,
    'audit_relay_batch_duration_seconds_count{lane="staging"}': 3,
    audit_relay_gaps_total: 1,
    audit_relay_gaps_declared: 1,
    audit_relay_holds: 0,
    audit_relay_dead_letters_parked: 1,
    audit_relay_last_seq: 27,
    'audit_relay_lane_depth{lane="staging"}': 0,
    'audit_relay_lane_depth{lane="outbox"}': 1,
    'audit_relay_recorder_drops_total{reason="full"}': 4,
    'audit_relay_recorder_drops_total{reason="timeout"}': 0, // so that Prometheus sees its first rise
    'audit_relay_compactions_total{result="won"}': 0,
    audit_relay_ready: 1,
    audit_relay_outage: 0,
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(samples.get(name), value, name)
  assert.ok((samples.get('audit_relay_cycles_total') ?? 0) >= 4)
  assert.ok((samples.get('audit_relay_log_bytes') ?? 0) > 100_000, 'the relay has measured the log')
  assert.ok(!samples.has('audit_relay_log_max_bytes'), 'there is none')
  assert.ok((samples.get('audit_relay_lane_oldest_age_seconds{lane="outbox"}') ?? 0) >= 5)
  const lastCycle = samples.get('audit_relay_last_cycle_timestamp_seconds') ?? 0
  assert.ok(Math.abs(Date.now() / 1_000 - lastCycle) < 60)
})

test('failures are counted once each, by the class of their SQLSTATE', async (t) => {
  const scratch = await scratchDatabase(t)
  const metrics = new RelayMetrics()
  const databaseUrl = scratch.urlAs('audit_relay')
  const relay = new Relay({ databaseUrl, logger: silentLogger() }, { observer: metrics })
  t.after(() => relay.stop())
  await scratch.sql`revoke execute on function audit.peek from audit_relay`
  void relay.start()
  await waitFor(() => relay.health().failures >= 3, { what: 'three failures', timeoutMs: 30_000 })
  // Read at once: a failure that came between the two figures would be in one of them.
  const { failures } = relay.health()
  const refused = read(await metrics.expose(relay.health(), undefined))
  assert.equal(refused.get('audit_relay_errors_total{sqlstate_class="42"}'), failures)
  assert.equal(refused.get('audit_relay_outage'), 1)
  assert.equal(refused.get('audit_relay_ready'), 0)
  await relay.stop()
  for (const code of ['AUDIT_DEADLINE_PASSED', 'AUDIT_SCHEMA_MISMATCH'] as const) {
    const error = new AuditError(code, 'x')
    metrics.failed(error)
    metrics.failed(error)
  }
  metrics.failed(new AuditError('AUDIT_DATABASE_FAILED', 'x', { code: 'ECONNREFUSED' }))
  const samples = read(await metrics.expose(relay.health(), undefined))
  const classes = ['deadline', 'schema', 'connection']
  const counts = classes.map((name) =>
    samples.get(`audit_relay_errors_total{sqlstate_class="${name}"}`),
  )
  assert.deepEqual(counts, [1, 1, 1])
  // What the database did not say now is not shown: an old figure would look like a new one.
  assert.ok(!samples.has('audit_relay_last_seq'))
  assert.ok(!samples.has('audit_relay_lane_depth{lane="staging"}'))
})

test('every metric has a unit or a kind at the end of its name, and a line of help', async () => {
  const text = await new RelayMetrics().expose(HEALTHY.read(), undefined)
  const types = Array.from(
    text.matchAll(/^# TYPE (audit_relay_\w+) (\w+)$/gm),
    ([, name, type]) => ({
      name: name ?? '',
      type: type ?? '',
    }),
  )
  assert.ok(types.length >= 17, `${types.length} metrics`)
  for (const { name, type } of types) {
    assert.equal(name.endsWith('_total'), type === 'counter', name)
    if (type === 'histogram') assert.match(name, /_seconds$/)
    assert.match(text, new RegExp(`^# HELP ${name} \\S.*\\.$`, 'm'))
    assert.match(name, /^[a-z_]+$/)
  }
})
