import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { Database } from '../../src/database.ts'
import {
  EXPORT_FORMATS,
  type ExportFormat,
  exportToFile,
  verifyExport,
} from '../../src/export/index.ts'
import { migrateDatabase } from '../../src/migrate.ts'
import { type TimelineOptions, timeline } from '../../src/timeline.ts'
import { startPostgres } from '../support/postgres.ts'
import { silentLogger } from '../support/lanes.ts'
import { generateLog, knownIds, RARE } from './generate.ts'

/**
 * How fast the log is read back: page 1 and page 1,000 of every documented filter, and an export.
 *
 * `npx tsx test/bench/readback.ts --rows 1000000 [--data-dir DIR] [--url URL] [--export ndjson,csv]`
 *
 * With `--data-dir` the server's data is kept and used again. With `--url` an own server is used;
 * its database must be empty or hold a log of the same size. Results go to `test/bench/results/`.
 */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    'data-dir': { type: 'string' },
    url: { type: 'string' },
    export: { type: 'string', default: '' },
  },
})
const ROWS = Number(values.rows)
const MONTHS = 6
const HOUR_MS = 3_600_000
const PAGE = 50
const FAR_PAGE = 1_000
const WARM_UP = 5
const SAMPLES = 60

interface Measured {
  readonly filter: string
  readonly page: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly entries: number
}

await main()

async function main(): Promise<void> {
  const own = values['data-dir'] === undefined
  const folder =
    values['data-dir'] ?? fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-readback-'))
  if (own) fs.chmodSync(folder, 0o711)
  const server = values.url
    ? undefined
    : await startPostgres({
        dataDir: path.join(folder, 'data'),
        settings: {
          ...{ shared_buffers: '2GB', effective_cache_size: '8GB', max_wal_size: '16GB' },
          ...{ maintenance_work_mem: '1GB', random_page_cost: '1.1', fsync: 'off' },
        },
        say: console.log,
      })
  const url = values.url ?? server?.url ?? ''
  try {
    await measureAll(url)
  } finally {
    await server?.stop('fast')
    if (own) fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function measureAll(url: string): Promise<void> {
  await migrateDatabase({ databaseUrl: url, logger: silentLogger() })
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const db = new Database({
    url,
    applicationName: 'readback',
    statementTimeoutMs: 60_000,
    isReader: true,
  })
  try {
    const { endMs, loadSeconds } = await load(sql)
    const ids = await knownIds(sql, ROWS)
    const measured: Measured[] = []
    for (const [name, filter] of Object.entries(filters(ids, endMs))) {
      for (const order of ['newest', 'oldest'] as const) {
        measured.push(...(await measure(db, `${name}, ${order} first`, { ...filter, order })))
      }
    }
    const [version] = await sql`show server_version`
    const formats = EXPORT_FORMATS.filter((name) => values.export.split(',').includes(name))
    const exported = formats.length > 0 ? await measureExport(db, formats) : undefined
    report({
      rows: ROWS,
      server: String(version?.['server_version']),
      node: process.version,
      cpus: os.cpus().length,
      loadSeconds,
      measured,
      exported,
    })
  } finally {
    await db.close()
    await sql.end({ timeout: 1 })
  }
}

/** Makes the log, or takes the one that is there. */
async function load(sql: postgres.Sql): Promise<{ endMs: number; loadSeconds: number | null }> {
  const [found] = await sql`
    select max(seq)::float8 as rows, extract(epoch from max(occurred_at)) * 1000 as "endMs"
    from audit.audit_log`
  if (found?.['rows'] === ROWS) return { endMs: Number(found['endMs']), loadSeconds: null }
  if (found?.['rows'] !== null) throw new Error(`There is a log of ${found?.['rows']} entries.`)
  const startMs = performance.now()
  const endMs = Date.now()
  await generateLog(sql, {
    rows: ROWS,
    endMs,
    months: MONTHS,
    onChunk: (rows) => console.log(`${rows} rows, ${since(startMs)} s`),
  })
  await sql`vacuum analyze audit.audit_log`
  return { endMs, loadSeconds: Number(since(startMs)) }
}

function since(startMs: number): string {
  return ((performance.now() - startMs) / 1_000).toFixed(1)
}

function filters(
  ids: Awaited<ReturnType<typeof knownIds>>,
  endMs: number,
): Record<string, TimelineOptions> {
  const { busyEvent, quietEvent, user, target, targetType, request } = ids
  const week = {
    from: Math.floor(endMs) - 14 * 24 * HOUR_MS,
    to: Math.floor(endMs) - 7 * 24 * HOUR_MS,
  }
  return {
    'no filter': {},
    'eventId, a busy one': { eventId: busyEvent },
    'eventId, a quiet one': { eventId: quietEvent },
    userId: { userId: user },
    targetId: { targetId: target },
    requestId: { requestId: request },
    'action, a common one': { action: 'branding.update' },
    'action, a rare one of a common entity': { action: RARE.action },
    'action, all of a common entity': { action: 'branding.*' },
    'action, all of a rare entity': { action: RARE.entity },
    'from and to, a week': week,
    'eventId and action': { eventId: busyEvent, action: 'branding.update' },
    'eventId and a rare action': { eventId: busyEvent, action: RARE.action },
    'eventId, a week': { eventId: busyEvent, ...week },
    'targetId and entityType': { targetId: target, entityType: targetType },
    'eventId and metadata': { eventId: busyEvent, metadata: { field: 'logo' } },
    'eventId and rare metadata': { eventId: quietEvent, metadata: { step: 7 } },
    'eventId and metadata that none has': { eventId: busyEvent, metadata: { step: -1 } },
  }
}

/** Page 1, and page 1,000 where there is one, else the last; each as often, after a warm-up. */
async function measure(
  db: Database,
  filter: string,
  options: TimelineOptions,
): Promise<Measured[]> {
  const first = await time(db, filter, 1, options)
  let cursor: string | null = null
  let number = 1
  // Ten pages a step: the way there is not what is measured.
  while (number < FAR_PAGE) {
    const step: Awaited<ReturnType<typeof timeline>> = await timeline(db, {
      ...options,
      limit: Math.min(500, PAGE * (FAR_PAGE - number)),
      ...(cursor === null ? {} : { cursor }),
    })
    if (step.nextCursor === null) break
    cursor = step.nextCursor
    number += step.entries.length / PAGE
  }
  if (cursor === null) return [first]
  return [first, await time(db, filter, Math.floor(number), { ...options, cursor })]
}

async function time(
  db: Database,
  filter: string,
  page: number,
  options: TimelineOptions,
): Promise<Measured> {
  const tookMs: number[] = []
  let entries = 0
  for (let n = 0; n < WARM_UP + SAMPLES; n += 1) {
    const startMs = performance.now()
    entries = (await timeline(db, { ...options, limit: PAGE })).entries.length
    if (n >= WARM_UP) tookMs.push(performance.now() - startMs)
  }
  tookMs.sort((a, b) => a - b)
  const at = (share: number) => Number((tookMs[Math.floor(tookMs.length * share)] ?? 0).toFixed(2))
  return { filter, page, p50Ms: at(0.5), p95Ms: at(0.95), entries }
}

async function measureExport(db: Database, formats: readonly ExportFormat[]) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-exported-'))
  const results = []
  try {
    const runs = formats.flatMap((format) => [false, true].map((gzip) => ({ format, gzip })))
    for (const { format, gzip } of runs) {
      const out = path.join(folder, `log.${format}`)
      let peakBytes = 0
      const startMs = performance.now()
      const manifest = await exportToFile(db, {
        ...{ out, format, gzip, force: true },
        onProgress: () => {
          peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
        },
      })
      const seconds = Number(since(startMs))
      const verifyStartMs = performance.now()
      const { problems } = await verifyExport(out)
      if (problems.length > 0) throw new Error(problems.join(' '))
      results.push({
        format: gzip ? `${format}, gzip` : format,
        seconds,
        rowsPerSecond: Math.round(manifest.rows / seconds),
        megabytes: Math.round(manifest.bytes / 1e6),
        peakRssMegabytes: Math.round(peakBytes / 1e6),
        verifySeconds: Number(since(verifyStartMs)),
      })
      fs.rmSync(out)
    }
    return results
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

interface Report {
  readonly rows: number
  readonly server: string
  readonly node: string
  readonly cpus: number
  readonly loadSeconds: number | null
  readonly measured: readonly Measured[]
  readonly exported: Awaited<ReturnType<typeof measureExport>> | undefined
}

function report(found: Report): void {
  const base = new URL(`results/readback-${ROWS}`, import.meta.url).pathname
  fs.writeFileSync(`${base}.json`, `${JSON.stringify(found, null, 2)}\n`)
  const lines = [
    `# Reading back ${ROWS.toLocaleString('en')} entries`,
    '',
    `PostgreSQL ${found.server}, Node ${found.node}, ${found.cpus} CPUs, ${MONTHS} months of partitions,`,
    `pages of ${PAGE}, ${SAMPLES} samples each after ${WARM_UP}; milliseconds in the client.`,
    '',
    '| filter | page | entries | p50 | p95 |',
    '|---|--:|--:|--:|--:|',
    ...found.measured.map(
      ({ filter, page, entries, p50Ms, p95Ms }) =>
        `| ${filter} | ${page} | ${entries} | ${p50Ms} | ${p95Ms} |`,
    ),
  ]
  if (found.exported) {
    lines.push(
      '',
      '| export | s | rows/s | MB | peak RSS, MB | verify, s |',
      '|---|--:|--:|--:|--:|--:|',
    )
    for (const row of found.exported) lines.push(`| ${Object.values(row).join(' | ')} |`)
  }
  fs.writeFileSync(`${base}.md`, `${lines.join('\n')}\n`)
  console.log(lines.join('\n'))
}
