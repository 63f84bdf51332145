import fs from 'node:fs'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { createTimelinePage } from '../../src/page/index.ts'
import { histogram } from '../../src/page/histogram/histogram.ts'
import { tops } from '../../src/page/histogram/tops.ts'
import { listFilter } from '../../src/page/query/hidden-reads.ts'
import { readQuery } from '../../src/page/query/query.ts'
import { UTC } from '../../src/query/zone.ts'
import { type AuditDatabase, timeline } from '../../src/read/timeline.ts'
import { BenchServer } from './bench-server.ts'
import type { Part, PartOptions, Result } from './part.ts'
import { quietLogger } from './quiet-logger.ts'
import { fillLog } from './search-log.ts'

const ENTRIES = Number(process.env['AUDIT_BENCH_ENTRIES'] ?? '10000000')
/** Of a log that `fillLog` has filled, to look at the same one again. Default: one is made. */
const URL_OF_LOG = process.env['AUDIT_BENCH_LOG_URL']
const RANGES = ['', '-30d', '-24h', '-6h', '-1h', '-10m'] as const
const CONNECTIONS = 4

/** Filters as people have them, with the parameters of the page. */
const FILTERS: Readonly<Record<string, readonly string[]>> = {
  'no filter': [''],
  'one action, or a pattern': ['q=guest.*', 'q=action:*.update', 'q=refund.issue or invoice.*'],
  'one user': ['user=USER'],
  'one event': ['event=EVENT'],
  'a word': ['q=lace', 'q=goldenrod'],
}

interface Look {
  readonly kind: string
  readonly address: string
  readonly barsMs: number
  readonly topsMs: number
  readonly pageMs: number
  readonly listMs: number
  /** CPU of the server for the bars. */
  readonly barsCpuMs: number
  readonly bytes: number
}

async function run({ isQuick, say }: PartOptions): Promise<Result> {
  const count = isQuick ? 40_000 : ENTRIES
  const bench = URL_OF_LOG === undefined ? await BenchServer.start() : undefined
  const url = (await bench?.make('log', (sql) => fillLog(sql, count, say))) ?? URL_OF_LOG ?? ''
  const clients = [CONNECTIONS, 1].map((max) => postgres(url, { max, onnotice: () => {} }))
  try {
    const [pool, alone] = clients as [postgres.Sql, postgres.Sql]
    const [about] =
      await alone`select md5('u' || 7919)::uuid::text as user, md5('e' || 7)::uuid::text
      as event, (select seq from audit.audit_head)::float8 as entries`
    const addresses = addressesOf(about?.['user'], about?.['event'])
    // The application's pool, and a connection of its own for what is measured alone.
    const [ofPool, ofOne] = [drizzle(pool), drizzle(alone)]
    const cpu = await cpuOf(alone)
    await Promise.all(Array.from({ length: CONNECTIONS }, () => pool`select pg_sleep(0.05)`))
    const looks: Look[] = []
    for (const [kind, address] of addresses) {
      looks.push({ kind, address, ...(await look(ofPool, ofOne, address, cpu)) })
      say(`${address}: bars ${looks.at(-1)?.barsMs.toFixed(0)} ms`)
    }
    return result(looks, about?.['entries'])
  } finally {
    for (const client of clients) await client.end({ timeout: 5 })
    await bench?.remove()
  }
}

function addressesOf(user: string, event: string): readonly (readonly [string, string])[] {
  return Object.entries(FILTERS).flatMap(([kind, filters]) =>
    filters.flatMap((filter) =>
      RANGES.map((range) => {
        const given = filter.replace('USER', user).replace('EVENT', event)
        const all = [given, range === '' ? '' : `range=${range}`].filter((one) => one !== '')
        return [kind, all.join('&')] as const
      }),
    ),
  )
}

async function look(
  pool: AuditDatabase,
  alone: AuditDatabase,
  address: string,
  cpu: () => number,
): Promise<Omit<Look, 'kind' | 'address'>> {
  const nowMs = Date.now()
  const query = readQuery(new URLSearchParams(address), UTC, nowMs)
  const filter = listFilter(query)
  const began = cpu()
  const barsMs = await timed(() => histogram(alone, { filter, zone: UTC, nowMs }))
  const barsCpuMs = cpu() - began
  const topsMs = await timed(() => tops(alone, { filter }))
  const listMs = await timed(() => timeline(alone, { ...filter, limit: 50 }))
  const page = createTimelinePage({
    db: pool,
    authorize: () => ({ name: 'ada', sees: 'everything' }),
    recorder: false,
    logger: quietLogger,
  })
  let html = ''
  const pageMs = await timed(async () => {
    let response = await page.fetch(new Request(`http://page.test/?${address}`))
    const to = response.headers.get('location')
    if (to !== null) response = await page.fetch(new Request(`http://page.test/${to}`))
    html = await response.text()
  })
  return { barsMs, barsCpuMs, topsMs, listMs, pageMs, bytes: Buffer.byteLength(html) }
}

/** CPU of the server for one connection, in milliseconds. Linux counts it in steps of 10 ms. */
async function cpuOf(sql: postgres.Sql): Promise<() => number> {
  const [row] = await sql`select pg_backend_pid() as pid`
  return () => {
    const [, fields = ''] = fs.readFileSync(`/proc/${row?.['pid']}/stat`, 'utf8').split(') ')
    const [user, system] = fields.split(' ').slice(11, 13).map(Number)
    return ((user ?? 0) + (system ?? 0)) * 10
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now()
  await work()
  return performance.now() - beganMs
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

function result(looks: readonly Look[], entries: number): Result {
  const of = (kind: string | undefined, name: 'barsMs' | 'topsMs' | 'listMs' | 'pageMs') =>
    looks.filter((one) => kind === undefined || one.kind === kind).map((one) => one[name])
  const ms = (value: number) => `${value.toFixed(0)} ms`
  const row = (kind: string | undefined) => {
    const own = looks.filter((one) => kind === undefined || one.kind === kind)
    const cpu = own.reduce((sum, { barsCpuMs }) => sum + barsCpuMs, 0) / own.length
    return [
      kind ?? 'all',
      String(own.length),
      ...[quantile(of(kind, 'barsMs'), 0.5), quantile(of(kind, 'barsMs'), 0.95), cpu].map(ms),
      ...[quantile(of(kind, 'topsMs'), 0.95), quantile(of(kind, 'listMs'), 0.95)].map(ms),
      ms(quantile(of(kind, 'pageMs'), 0.95)),
    ]
  }
  return {
    tables: [
      {
        title: `The bars of ${entries} entries, with ranges from ten minutes to all`,
        columns: [
          ...['', 'looks', 'bars, p50', 'p95', "server's CPU for them, mean"],
          ...['most frequent values, p95', 'list, p95', 'whole page, p95'],
        ],
        rows: [...Object.keys(FILTERS), undefined].map(row),
      },
    ],
    goals: [
      {
        name: 'bars, p95',
        value: quantile(of(undefined, 'barsMs'), 0.95),
        atMost: 300,
        unit: 'ms',
      },
      {
        name: 'bars without a filter, p95',
        value: quantile(of('no filter', 'barsMs'), 0.95),
        atMost: 300,
        unit: 'ms',
      },
      {
        name: 'the largest page',
        value: Math.max(...looks.map(({ bytes }) => bytes)) / 1_000,
        atMost: 40,
        unit: 'kB',
      },
    ],
    charts: [],
    measured: { entries, looks },
  }
}

export const part: Part = {
  name: 'bars',
  summary: 'the bars above the list, the most frequent values and the page of a log of millions',
  run,
}
