import { setTimeout as sleep } from 'node:timers/promises'
import type postgres from 'postgres'
import { createRelay } from '../../relay/index.ts'
import { createRecorder } from '../../src/index.ts'
import { BenchServer } from './bench-server.ts'
import { quietLogger } from './quiet-logger.ts'
import type { Part, Result } from './part.ts'

/**
 * What it costs to do nothing: two relays, both lanes empty, and a recorder that has recorded.
 *
 * The server counts for us; its own autovacuum is switched off meanwhile, because what that writes is
 * not ours, and our own two looks are taken off.
 */
const RELAYS = 2

export const part: Part = {
  name: 'idle',
  summary: 'what ten idle minutes cost the database and the process',
  async run({ isQuick, say }): Promise<Result> {
    const seconds = isQuick ? 5 : 600
    const bench = await BenchServer.start()
    try {
      await bench.admin`alter system set autovacuum = off`
      await bench.admin`select pg_reload_conf()`
      const url = await bench.make('idle')
      const timersBefore = timersAlive() // of the driver that looks
      const recorder = createRecorder({ databaseUrl: url, logger: quietLogger })
      recorder.record({ action: 'branding.update' })
      await recorder.flush()
      const relays = Array.from({ length: RELAYS }, () =>
        createRelay({ databaseUrl: url, logger: quietLogger }),
      )
      for (const relay of relays) void relay.start()
      await sleep(isQuick ? 4_000 : 15_000) // it is moved, its recorder reports, the relays slow down
      await bench.admin`checkpoint`
      // Behind a checkpoint the server writes a record of its own, within 15 s.
      await sleep(isQuick ? 0 : 20_000)
      say(`nothing happens for ${seconds} s`)
      const before = await look(bench.admin)
      const [cyclesBefore, cpuBefore] = [cyclesOf(relays), process.cpuUsage()]
      await sleep(seconds * 1_000)
      const cpu = process.cpuUsage(cpuBefore)
      const cycles = cyclesOf(relays) - cyclesBefore
      const after = await look(bench.admin)
      const timers = timersAlive() - timersBefore
      const walBytes = after.walBytes - before.walBytes
      const xids = after.nextXid - before.nextXid
      // A cycle of an idle relay is one query; the statistics count its commits, and our looks.
      const queries = after.commits - before.commits
      const perRelay = queries / seconds / RELAYS
      await Promise.all(relays.map((relay) => relay.stop()))
      const heldBy = timersAlive() - timersBefore
      await recorder.close()
      const cpuMs = (cpu.user + cpu.system) / 1_000 / seconds
      return {
        tables: [
          {
            title: `${seconds} idle seconds of ${RELAYS} relays and a recorder`,
            columns: ['', 'in all'],
            rows: [
              ['WAL, bytes', String(walBytes)],
              ['transaction ids', String(xids)],
              ['transactions in the database', String(queries)],
              ['cycles of the relays', String(cycles)],
              ['queries a second and relay', perRelay.toFixed(2)],
              ['CPU of this process, ms a second', cpuMs.toFixed(2)],
              ['timers that keep the process alive, relays running', String(timers)],
              ['timers that keep the process alive, the recorder alone', String(heldBy)],
            ],
            note: 'With the server’s autovacuum off. A wait of 1,000 ms is made up to a quarter longer by chance.',
          },
        ],
        goals: [
          { name: 'WAL', value: walBytes, atMost: 0, unit: 'bytes' },
          { name: 'transaction ids', value: xids, atMost: 0 },
          { name: 'queries a second and relay', value: perRelay, atMost: 1 },
          { name: 'timers of an idle recorder', value: heldBy, atMost: 0 },
        ],
        charts: [],
        measured: { seconds, relays: RELAYS, before, after, cycles, timers, heldBy, cpuMs },
      }
    } finally {
      await bench.remove()
    }
  },
}

function cyclesOf(relays: readonly { stats(): { cycles: number } }[]): number {
  return relays.reduce((sum, relay) => sum + relay.stats().cycles, 0)
}

/** Those that are unref'd are not among them. */
function timersAlive(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

async function look(admin: postgres.Sql) {
  const [row] = await admin<{ walBytes: number; nextXid: number; commits: number }[]>`
    select
      pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as "walBytes",
      pg_snapshot_xmax(pg_current_snapshot())::text::float8 as "nextXid",
      (select xact_commit from pg_stat_database where datname = 'idle')::float8 as commits`
  if (row === undefined) throw new Error('a select without FROM answers with one row')
  return row
}
