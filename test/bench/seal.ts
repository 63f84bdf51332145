import type postgres from 'postgres'
import { setTimeout as sleep } from 'node:timers/promises'
import { volatileMemory } from '../../relay/seal/memory.ts'
import { sealKeysOf } from '../../relay/seal/seal-keys.ts'
import { openSealStatements } from '../../relay/seal/seal-statements.ts'
import { Sealer } from '../../relay/seal/sealer.ts'
import { newKey } from '../../src/seal/index.ts'
import { makePastMonths } from '../support/past-months.ts'
import { BenchServer } from './bench-server.ts'
import { drained } from './drain.ts'
import { generateLog } from './generate.ts'
import type { Part } from './part.ts'
import { cpuOfTreeMs } from './process-cpu.ts'
import { quietLogger } from './quiet-logger.ts'
import { stageNow } from './staged.ts'
import { interleave, type Rounds, type Sample, showSpread } from './rounds.ts'

const NAME = 'bench.example/audit'
const MONTHS = 6
const SMALL_SEALS = 50
const SMALL_ENTRIES = 10
/** The server itself writes 56 bytes every 15 s after it was busy, so some times are compared. */
const IDLE_MS = 8_000
const IDLE_TIMES = 3

/** A log of six months is sealed; then a few entries at a time, nothing, and a backlog beside it. */
export const part: Part = {
  name: 'seal',
  summary: 'sealing: CPU, WAL and bytes an entry, idle, and what a drain loses by it',
  async run({ isQuick, say }) {
    const rows = isQuick ? 20_000 : Number(process.env['AUDIT_BENCH_ROWS'] ?? 1_000_000)
    const backlog = isQuick ? 20_000 : 200_000
    const rounds = isQuick ? 1 : 5
    const server = await BenchServer.start()
    try {
      const url = await server.make('seal', async (sql) => {
        await makePastMonths(sql, MONTHS)
        await generateLog(sql, { rows, endMs: Date.now(), months: MONTHS })
        await sql`vacuum (analyze)`
      })
      say(`${rows} entries are in the log`)
      const sql = server.connect('seal')
      const memory = volatileMemory()
      const keys = sealKeysOf(newKey(NAME).key)
      const open = (maxLagMs = 10_000) =>
        new Sealer({
          statements: openSealStatements({ url, statementTimeoutMs: 60_000 }),
          ...{ keys, memory, logger: quietLogger, maxLagMs, maxEntries: 16_384 },
        })
      const bulk = await measured(server, sql, async () => {
        const sealer = open()
        let next = 0
        await sealer.drain(({ size }) => {
          if (size < next) return
          next = size + rows / 10
          say(`${size} sealed`)
        })
        await sealer.stop()
      })
      const bytes = await bytesOf(sql)
      say(`${Math.round(rows / bulk.seconds)} entries/s`)

      const small = await smallSeals(server, sql, open)
      const idle = await idleWal(sql, open)
      say(`idle for ${IDLE_MS / 1_000} s: ${idle} B of WAL`)

      const drain = (isSealing: boolean) => async (): Promise<Sample> => {
        await stageNow(sql, backlog)
        const sealer = isSealing ? open(1_000) : undefined
        const sealing = sealer?.start()
        const sample = await drained({ url, serverPid: server.server.pid })
        await sealer?.stop()
        await sealing
        // What is left is sealed outside of the measured time.
        const rest = open()
        const before = await sealedSize(sql)
        await rest.drain()
        await rest.stop()
        return { ...sample, left: (await sealedSize(sql)) - before }
      }
      const results = await interleave(
        { alone: drain(false), sealing: drain(true) },
        {
          rounds,
          warmUpRounds: isQuick ? 0 : 1,
          onTurn: (name, round) => say(`drain ${name}, round ${round}`),
        },
      )
      await sql.end({ timeout: 5 })
      return resultOf({ rows, bulk, bytes, small, idle, backlog, results })
    } finally {
      await server.remove()
    }
  },
}

interface Cost {
  readonly seconds: number
  readonly serverMs: number
  readonly ownMs: number
  readonly walBytes: number
}

async function measured(
  { server }: BenchServer,
  sql: postgres.Sql,
  work: () => Promise<void>,
): Promise<Cost> {
  await sql`checkpoint`
  const wal = await walAt(sql)
  const [serverMs, own, beganMs] = [cpuOfTreeMs(server.pid), process.cpuUsage(), performance.now()]
  await work()
  const seconds = (performance.now() - beganMs) / 1_000
  const { user, system } = process.cpuUsage(own)
  return {
    seconds,
    serverMs: cpuOfTreeMs(server.pid) - serverMs,
    ownMs: (user + system) / 1_000,
    walBytes: await walSince(sql, wal),
  }
}

async function walAt(sql: postgres.Sql): Promise<string> {
  const [row] = await sql`select pg_current_wal_insert_lsn()::text as at`
  return String(row?.['at'])
}

async function walSince(sql: postgres.Sql, at: string): Promise<number> {
  const [row] = await sql`
    select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), ${at})::float8 as bytes`
  return Number(row?.['bytes'])
}

async function bytesOf(sql: postgres.Sql) {
  const [row] = await sql`
    select pg_total_relation_size('audit.audit_tile')::float8 as tiles,
      pg_total_relation_size('audit.audit_salt')::float8 as salts,
      pg_total_relation_size('audit.audit_checkpoint')::float8 as checkpoints,
      (select sum(pg_total_relation_size(relid))::float8
        from pg_partition_tree('audit.audit_log')) as log`
  return {
    tiles: Number(row?.['tiles']),
    salts: Number(row?.['salts']),
    checkpoints: Number(row?.['checkpoints']),
    log: Number(row?.['log']),
  }
}

async function sealedSize(sql: postgres.Sql): Promise<number> {
  const [row] = await sql`select max(size)::float8 as size from audit.audit_checkpoint`
  return Number(row?.['size'])
}

/** @returns the cost of all of them, without that of logging the entries */
async function smallSeals(server: BenchServer, sql: postgres.Sql, open: () => Sealer) {
  const sealer = open()
  let walBytes = 0
  let serverMs = 0
  for (let round = 0; round < SMALL_SEALS; round += 1) {
    await append(sql, SMALL_ENTRIES)
    const wal = await walAt(sql)
    const before = cpuOfTreeMs(server.server.pid)
    await sealer.drain()
    serverMs += cpuOfTreeMs(server.server.pid) - before
    walBytes += await walSince(sql, wal)
  }
  await sealer.stop()
  return { walBytes: walBytes / SMALL_SEALS, serverMs: serverMs / SMALL_SEALS }
}

async function idleWal(sql: postgres.Sql, open: () => Sealer): Promise<number> {
  const sealer = open()
  const running = sealer.start()
  await sleep(2_000)
  const bytes: number[] = []
  for (let time = 0; time < IDLE_TIMES; time += 1) {
    const wal = await walAt(sql)
    await sleep(IDLE_MS)
    bytes.push(await walSince(sql, wal))
  }
  await sealer.stop()
  await running
  return Math.min(...bytes)
}

async function append(sql: postgres.Sql, count: number): Promise<void> {
  await sql`
    with head as (update audit.audit_head set seq = seq + ${count}::bigint returning seq)
    insert into audit.audit_log (id, seq, occurred_at, action, user_id, metadata)
    select audit.new_id(), head.seq - ${count}::bigint + n, now(), 'branding.update',
      gen_random_uuid(), jsonb_build_object('n', n)
    from head, generate_series(1, ${count}::integer) as n`
}

interface Measured {
  readonly rows: number
  readonly bulk: Cost
  readonly bytes: Awaited<ReturnType<typeof bytesOf>>
  readonly small: Awaited<ReturnType<typeof smallSeals>>
  readonly idle: number
  readonly backlog: number
  readonly results: Rounds
}

function resultOf(found: Measured) {
  const { rows, bulk, bytes, small, idle, backlog, results } = found
  const each = (value: number) => (value / rows).toFixed(1)
  const share = (value: number) => `${((value / bytes.log) * 100).toFixed(1)} %`
  const sealed = bytes.tiles + bytes.salts + bytes.checkpoints
  const spread = (name: string, metric: string) => showSpread(results.spread(name, metric))
  const ratio = results.ratio('sealing', 'alone', 'entriesPerSecond')
  return {
    tables: [
      {
        title: `${rows} entries of ${MONTHS} months are sealed, for each entry`,
        columns: ['', 'an entry', 'of the log'],
        rows: [
          ['server CPU, µs', each(bulk.serverMs * 1_000), ''],
          ['Node CPU, µs', each(bulk.ownMs * 1_000), ''],
          ['WAL, B', each(bulk.walBytes), ''],
          ['tiles, B', each(bytes.tiles), share(bytes.tiles)],
          ['salts, B', each(bytes.salts), share(bytes.salts)],
          ['checkpoints, B', each(bytes.checkpoints), share(bytes.checkpoints)],
          ['all of the seal, B', each(sealed), share(sealed)],
        ],
        note: `It took ${bulk.seconds.toFixed(1)} s: ${Math.round(rows / bulk.seconds)} entries/s.`,
      },
      {
        title: `A seal of ${SMALL_ENTRIES} entries, and none`,
        columns: ['', ''],
        rows: [
          ['WAL of a seal, B', small.walBytes.toFixed(0)],
          ['server CPU of a seal, ms', small.serverMs.toFixed(1)],
          [`WAL while nothing is logged, in ${IDLE_MS / 1_000} s, B`, String(idle)],
        ],
      },
      {
        title: `A backlog of ${backlog} entries is moved, with a sealer and without`,
        columns: ['', 'entries/s', 'server CPU s a million', 'not sealed at the end'],
        rows: results.names.map((name) => [
          name,
          spread(name, 'entriesPerSecond'),
          spread(name, 'serverSecondsPerMillion'),
          spread(name, 'left'),
        ]),
        note: 'The sealer is in the process of the relay. What it left is sealed after the drain.',
      },
    ],
    goals: [
      { name: 'drain with a sealer over without, median', value: ratio.median, atLeast: 0.9 },
      { name: 'WAL of an idle sealer', value: idle, atMost: 0, unit: 'B' },
      {
        name: 'server and Node CPU of sealing an entry',
        value: ((bulk.serverMs + bulk.ownMs) * 1_000) / rows,
        atMost: 13.3,
        unit: 'µs',
      },
    ],
    charts: [],
    measured: found,
  }
}
