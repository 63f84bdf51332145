import type postgres from 'postgres'
import { BenchServer } from './bench-server.ts'
import { drained } from './drain.ts'
import { generateLog } from './generate.ts'
import type { Part, Result } from './part.ts'
import { interleave, showNumber, showSpread } from './rounds.ts'
import { fillStaging } from './staged.ts'

/** `AUDIT_BENCH_GROWTH_ROWS`: another size of the large log; 50 million take 50 GB and half an hour. */
const LARGE_ROWS = Number(process.env['AUDIT_BENCH_GROWTH_ROWS'] ?? 50_000_000)
const SMALL_ROWS = 100_000
const MONTHS = 24

export const part: Part = {
  name: 'growth',
  summary: 'how fast the relay drains into a log that has grown, and what each index costs it',
  async run({ isQuick, say }): Promise<Result> {
    const rows = isQuick ? 20_000 : LARGE_ROWS
    const few = isQuick ? 2_000 : SMALL_ROWS
    const drainRows = isQuick ? 2_000 : 50_000
    const rounds = isQuick ? 1 : 5
    const bench = await BenchServer.start()
    try {
      const load = async (database: string, of: number, months: number) => {
        await bench.make(database, (sql) => loadLog(sql, of, months, isQuick ? () => {} : say))
        say(`${database}: ${showNumber(of)} entries are there`)
      }
      await load('small', few, 0.75)
      await Promise.all([load('large', rows, 0.75), load('months', rows, MONTHS)])
      const into = async (database: string) => {
        const sql = bench.connect(database)
        try {
          return await drainInto(bench, sql, bench.urlOf(database), drainRows)
        } finally {
          await sql.end({ timeout: 5 })
        }
      }
      const speeds = await interleave(
        {
          small: () => bench.onCopy('small', (url, sql) => drainInto(bench, sql, url, drainRows)),
          large: () => into('large'),
          months: () => into('months'),
        },
        { rounds, warmUpRounds: isQuick ? 0 : 1, onTurn: (name, round) => say(`${name} ${round}`) },
      )
      const sizes = await bench
        .connect('large')
        .unsafe<{ gigabytes: number }[]>(
          `select pg_database_size('large') / 1e9::float8 as gigabytes`,
        )
      const names = await indexNames(bench)
      const variants = Object.fromEntries(
        [undefined, ...names].map((name) => [
          name ?? 'all indexes',
          () =>
            bench.onCopy('small', async (url, sql) => {
              if (name) await sql.unsafe(`drop index audit.${name}`)
              return await drainInto(bench, sql, url, drainRows)
            }),
        ]),
      )
      const costs = await interleave(variants, {
        rounds: isQuick ? 1 : 3,
        onTurn: (name, round) => say(`without ${name} ${round}`),
      })
      const all = costs.spread('all indexes', 'serverSecondsPerMillion').median
      const ratio = (name: string) => speeds.ratio(name, 'small', 'entriesPerSecond')
      return {
        tables: [
          {
            title: `Entries a second, draining ${showNumber(drainRows)}, median of ${rounds} rounds`,
            columns: ['log', 'entries/s', `over ${showNumber(few)} entries`],
            rows: speeds.names.map((name) => [
              describe(name, few, rows),
              showSpread(speeds.spread(name, 'entriesPerSecond')),
              showSpread(ratio(name)),
            ]),
            note: `The database of the large log takes ${showNumber(Number(sizes[0]?.gigabytes))} GB.`,
          },
          {
            title: 'What each index costs: CPU seconds of the server for a million entries',
            columns: ['without', 'CPU s', 'share'],
            rows: costs.names.map((name) => {
              const { median } = costs.spread(name, 'serverSecondsPerMillion')
              return [name, showNumber(median), `${((1 - median / all) * 100).toFixed(0)} %`]
            }),
            note:
              `In a log of ${showNumber(few)} entries. The key (id) cannot be left out: it is what ` +
              'finds an entry that was staged twice.',
          },
        ],
        goals: [
          {
            name: `rate at ${showNumber(rows)} of that at ${showNumber(few)}`,
            value: ratio('large').median,
            atLeast: 0.8,
          },
          {
            name: `the same in ${MONTHS} monthly partitions`,
            value: ratio('months').median,
            atLeast: 0.8,
          },
        ],
        charts: [
          {
            name: 'growth',
            title: 'Draining into a log that has grown',
            subtitle: 'Entries a second; more is better',
            unit: '/s',
            bars: speeds.names.map((name) => ({
              label: describe(name, few, rows),
              value: speeds.spread(name, 'entriesPerSecond').median,
              min: speeds.spread(name, 'entriesPerSecond').min,
              max: speeds.spread(name, 'entriesPerSecond').max,
              isOurs: true,
            })),
          },
        ],
        measured: { rows, few, drainRows, speeds, costs },
      }
    } finally {
      await bench.remove()
    }
  },
}

function describe(name: string, few: number, rows: number): string {
  if (name === 'small') return `${showNumber(few)} entries`
  const many = `${showNumber(rows)} entries`
  return name === 'months' ? `${many} in ${MONTHS} months` : `${many} in one month`
}

async function drainInto(bench: BenchServer, sql: postgres.Sql, url: string, rows: number) {
  await fillStaging(sql, rows)
  await bench.admin`checkpoint`
  return await drained({ url, serverPid: bench.server.pid })
}

/** Without the indexes, which are made afterwards: in a tenth of the time. */
async function loadLog(
  sql: postgres.Sql,
  rows: number,
  months: number,
  say: (progress: string) => void,
): Promise<void> {
  const indexes = await sql<{ definition: string; name: string }[]>`
    select indexdef as definition, indexname as name from pg_indexes
    where schemaname = 'audit' and tablename = 'audit_log' and indexname <> 'audit_log_pkey'`
  for (const { name } of indexes) await sql.unsafe(`drop index audit.${name}`)
  await sql`alter table audit.audit_log drop constraint audit_log_pkey`
  await generateLog(sql, {
    rows,
    endMs: Date.now(),
    months,
    chunkRows: 1_000_000,
    onChunk: (loaded) => say(`${showNumber(loaded)} of ${showNumber(rows)} loaded`),
  })
  await sql`alter table audit.audit_log add constraint audit_log_pkey primary key (id)`
  for (const { definition } of indexes) await sql.unsafe(definition.replace(' ON ONLY ', ' ON '))
  await sql`vacuum audit.audit_log`
  await sql`checkpoint`
}

async function indexNames(bench: BenchServer): Promise<readonly string[]> {
  const sql = bench.connect('small')
  try {
    const rows = await sql<{ name: string }[]>`
      select indexname as name from pg_indexes
      where schemaname = 'audit' and tablename = 'audit_log' and indexname <> 'audit_log_pkey'`
    return rows.map(({ name }) => name)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
