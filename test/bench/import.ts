import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createRecorder } from '../../src/index.ts'
import { BenchServer } from './bench-server.ts'
import { describeMachine, showMachine } from './machine.ts'
import { cpuOfTreeMs } from './process-cpu.ts'
import { quietLogger } from './quiet-logger.ts'

/**
 * An import from a table as Spatie's, six months of it, that is killed in the middle and run again,
 * while a recorder records and a relay moves. At the end each row is in the log once, at its time.
 *
 * `npx tsx test/bench/import.ts [rows]`
 */
const ROWS = Number(process.argv[2] ?? '2000000')
const FROM = '2026-04-01'
const TO = '2026-10-01'
const LIVE_PER_SECOND = 200
const TICK_MS = 50

console.log(showMachine(describeMachine()))
const bench = await BenchServer.start()
const children: ChildProcess[] = []
try {
  await bench.make('log')
  await bench.admin.unsafe('create database old')
  const old = bench.connect('old')
  await old.unsafe(`
    create table public.activity_log (
      id bigint primary key, log_name varchar(255), description text not null,
      subject_type varchar(255), event varchar(255), subject_id bigint,
      causer_type varchar(255), causer_id bigint, properties json, batch_uuid uuid,
      created_at timestamp(0), updated_at timestamp(0)
    )`)
  await old`
    insert into public.activity_log
    select n, 'default', 'updated', (array['App\\Models\\Guest', 'App\\Models\\Event', 'App\\Models\\Order'])[1 + n % 3],
      (array['created', 'updated', 'deleted'])[1 + n % 3], n % 50000, 'App\\Models\\User', n % 500,
      json_build_object('attributes', json_build_object('name', 'Guest ' || n, 'table', n % 40),
        'old', json_build_object('name', 'Guest', 'table', n % 39)), null,
      ${FROM}::timestamp + (${TO}::timestamp - ${FROM}::timestamp) * (n::float8 / ${ROWS + 1}::float8), null
    from generate_series(1, ${ROWS}::integer) as n`
  await old.end()
  console.log(`${ROWS} rows are in the old table`)

  const url = bench.urlOf('log')
  const log = bench.connect('log')
  const relay = start(['run'], { AUDIT_RELAY_DATABASE_URL: url, AUDIT_LOG_LEVEL: 'warn' })
  const recorder = createRecorder({ databaseUrl: url, logger: quietLogger })
  let recorded = 0
  const live = setInterval(() => {
    for (let n = 0; n < (LIVE_PER_SECOND * TICK_MS) / 1_000; n += 1) {
      recorder.record({ action: 'live.entry', metadata: { n: recorded } })
      recorded += 1
    }
  }, TICK_MS)

  // How long the oldest entry of the relay's own lanes has waited.
  const lags: number[] = []
  let isWatching = true
  const watcher = (async () => {
    const watch = bench.connect('log')
    while (isWatching) {
      const [row] = await watch`
        select coalesce(f.staging_age_ms, 0) as ms from audit.backlog() as f`
      lags.push(Number(row?.['ms']))
      await sleep(250)
    }
    await watch.end()
  })()

  const command = [
    'import',
    '--from-env',
    'OLD_URL',
    '--map',
    'spatie',
    '--name',
    'old-log',
    '--json',
  ]
  const environment = { AUDIT_KEEPER_DATABASE_URL: url, OLD_URL: bench.urlOf('old') }
  await sleep(5_000)
  const lagBefore = Math.max(...lags.splice(0))
  const serverBefore = cpuOfTreeMs(bench.server.pid)
  const relayBefore = cpuOfTreeMs(relay.pid as number)
  const beganMs = performance.now()
  const first = start(command, environment)
  const firstCpu = watchCpu(first)
  for (let read = 0; read < ROWS * 0.4; ) {
    await sleep(500)
    const [row] = await log`select read::double precision as read from audit.audit_import_run`
    read = Number(row?.['read'] ?? 0)
    assert.equal(first.exitCode, null, 'it runs')
  }
  first.kill('SIGKILL')
  await once(first, 'close')
  console.log(`killed after ${((performance.now() - beganMs) / 1_000).toFixed(0)} s`)
  const second = start(command, environment)
  const secondCpu = watchCpu(second)
  let stdout = ''
  second.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  const [code] = await once(second, 'close')
  const seconds = (performance.now() - beganMs) / 1_000
  const serverMs = cpuOfTreeMs(bench.server.pid) - serverBefore
  const relayMs = cpuOfTreeMs(relay.pid as number) - relayBefore
  isWatching = false
  await watcher
  clearInterval(live)
  await recorder.close({ timeoutMs: 60_000 })
  await sleep(3_000)
  console.log(stdout.trim(), 'exit code', code)

  const [found] = await log`
    select
      count(*) filter (where i is not null)::integer as imported,
      count(distinct i ->> 'key')::integer as keys,
      count(*) filter (where action = 'live.entry')::integer as live,
      (max(seq) - count(*))::integer as holes,
      min(occurred_at) filter (where i is not null) as first,
      max(occurred_at) filter (where i is not null) as last
    from (select *, context -> 'imported' as i from audit.audit_log) as l`
  const [order] = await log`
    select count(*)::integer as wrong from (
      select (context -> 'imported' ->> 'key')::bigint as key,
        lag((context -> 'imported' ->> 'key')::bigint) over (order by id) as before
      from audit.audit_log where context ? 'imported'
    ) as l where key < before`
  const [inDefault] = await log`
    select count(*)::integer as rows from audit.audit_log_default`
  console.log({ ...found, recorded, outOfOrder: order?.['wrong'], inDefault: inDefault?.['rows'] })
  const perMillion = (ms: number) => (ms / 1_000 / (ROWS / 1e6)).toFixed(1)
  const sorted = lags.toSorted((one, other) => one - other)
  console.log(
    [
      `rows/s: ${Math.round(ROWS / seconds)} (${seconds.toFixed(0)} s with the kill and two starts)`,
      `CPU s a million: server ${perMillion(serverMs)}, relay ${perMillion(relayMs)}, ` +
        `importer ${perMillion(firstCpu() + secondCpu())}`,
      `own lanes: oldest entry at most ${sorted.at(-1)?.toFixed(0)} ms, ` +
        `p99 ${sorted[Math.floor(sorted.length * 0.99)]?.toFixed(0)} ms, ` +
        `median ${sorted[sorted.length >> 1]?.toFixed(0)} ms in ${lags.length} looks; ` +
        `before the import at most ${lagBefore.toFixed(0)} ms`,
    ].join('\n'),
  )
  await log.end()
} finally {
  for (const child of children) child.kill('SIGKILL')
  await bench.remove()
}

function start(args: readonly string[], environment: Readonly<Record<string, string>>) {
  const main = fileURLToPath(new URL('../../relay/main.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return child
}

/** The CPU of a process, as it last was before it ended, in milliseconds. */
function watchCpu(child: ChildProcess): () => number {
  let last = 0
  const timer = setInterval(() => {
    last = Math.max(last, cpuOfTreeMs(child.pid as number))
  }, 500)
  child.once('close', () => clearInterval(timer))
  return () => last
}
