import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type SQL, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { startPostgres } from '../support/postgres.ts'
import { databaseUrl } from '../support/server.ts'
import { demoEntry } from './demo-entry.ts'
import { cpuOfTreeMs, cpuUs } from './process-cpu.ts'
import { quietLogger } from './quiet-logger.ts'
import { interleave, type Rounds, type Sample, showSpread } from './rounds.ts'

/**
 * What ids of any kind cost: this checkout next to another one, by turns in one run. `before` is the
 * other checkout, `uuid` and `text` are this one with either kind of columns. CPU of the server for
 * staging, for `audit.record_in` and for the move with all indexes; CPU of the recorder; bytes of the
 * log. At last the log of `uuid` is rewritten.
 *
 * `npx tsx test/bench/text-ids.ts <other checkout> [rounds] [entries]`
 */
const [other = '', rounds = '7', entries = '20000'] = process.argv.slice(2)
const ENTRIES = Number(entries)
const BATCH = 1_000
const CALLS = 2_000
/** Recorded in one turn. Few would not fill the time that the engine needs to optimise. */
const RECORDED = 60_000

type Modules = {
  readonly capture: typeof import('../../src/capture/capture.ts')
  readonly encoder: typeof import('../../src/encode/encoder.ts')
  readonly batch: typeof import('../../src/encode/batch.ts')
  readonly redactor: typeof import('../../src/redact/redactor.ts')
  readonly relay: typeof import('../../relay/index.ts')
  readonly migrate: typeof import('../../src/schema/migrate.ts')
}

async function load(root: string): Promise<Modules> {
  const from = async (file: string) => import(pathToFileURL(path.join(root, file)).href)
  return {
    capture: await from('src/capture/capture.ts'),
    encoder: await from('src/encode/encoder.ts'),
    batch: await from('src/encode/batch.ts'),
    redactor: await from('src/redact/redactor.ts'),
    relay: await from('relay/index.ts'),
    migrate: await from('src/schema/migrate.ts'),
  }
}

interface Variant {
  readonly name: 'before' | 'uuid' | 'text'
  readonly modules: Modules
}

const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-text-ids-'))
fs.chmodSync(dataDir, 0o711)
const server = await startPostgres({
  dataDir: path.join(dataDir, 'data'),
  settings: { shared_buffers: '1GB', max_wal_size: '8GB', autovacuum: 'off' },
})
const admin = postgres(server.url, { max: 1, onnotice: () => {} })
try {
  const [before, now] = [await load(path.resolve(other)), await load(process.cwd())]
  const variants: Variant[] = [
    { name: 'before', modules: before },
    { name: 'uuid', modules: now },
    { name: 'text', modules: now },
  ]
  const turns: Record<string, () => Promise<Sample>> = {}
  for (const { name, modules } of variants) {
    await admin`create database ${admin(name)}`
    const url = databaseUrl(name, server.url)
    await modules.migrate.migrateDatabase({
      ...{ databaseUrl: url, logger: quietLogger },
      ...(name === 'text' && { ids: 'text' as const }),
    })
    turns[name] = await turnOf(name, modules, url)
  }
  const measured = await interleave(turns, { rounds: Number(rounds), warmUpRounds: 1 })
  print(measured)
  await rewrite()
} finally {
  await admin.end({ timeout: 1 })
  await server.stop('immediate')
  fs.rmSync(dataDir, { recursive: true, force: true })
}

/** An id as `kind` has it: of the length of Clerk's where it is text. */
function idFor(name: Variant['name'], n: number): string {
  const hex = n.toString(16).padStart(12, '0')
  if (name !== 'text') return `0190a0a0-1111-7222-8333-${hex}`
  return `user_2abcDEFghiJKLm${hex}`
}

async function turnOf(name: Variant['name'], modules: Modules, url: string) {
  const connection = postgres(url, {
    ...{ max: 1, prepare: false, fetch_types: false, onnotice: () => {} },
  })
  const db = drizzle(connection)
  const [backend] = await connection`select pg_backend_pid() as pid`
  const pid = Number(backend?.['pid'])
  const redactor = modules.redactor.compileRedactor(undefined)
  const { captureEntry } = modules.capture.createCapture({ maxEntryBytes: 32_768, redactor })
  const [recorderId, key] = [randomUUID(), randomUUID()]
  const encoder = modules.encoder.createEncoder({ recorderId, maxEntryBytes: 32_768, redactor })
  let made = 0
  let loggedBefore = 0
  const capture = () => {
    made += 1
    const ids = {
      userId: idFor(name, made % 5_000),
      eventId: idFor(name, made % 500),
      targetId: idFor(name, made),
    }
    const captured = captureEntry({ ...demoEntry(made), ...ids }, undefined, Date.now())
    if (captured === undefined) throw new Error('it is no entry')
    return captured
  }
  const batchOf = (count: number) => {
    const batch = new modules.batch.EncodedBatch(encoder)
    for (let n = 0; n < count; n += 1) {
      batch.add(capture(), made)
      if (n % 100 === 99) batch.seal()
    }
    batch.seal()
    return batch
  }
  const list = (texts: readonly string[]): SQL => {
    const parameters = texts.map((text) => sql`${text}::pg_catalog.text`)
    return sql`array[${sql.join(parameters, sql`, `)}]::pg_catalog.text[]`
  }
  const relay = modules.relay.createRelay({ databaseUrl: url, logger: quietLogger })
  const onServer = async (count: number, work: () => Promise<unknown>) => {
    const usedUs = cpuUs(pid)
    await work()
    return (cpuUs(pid) - usedUs) / count
  }
  return async (): Promise<Sample> => {
    await connection`truncate audit.audit_staging, audit.audit_outbox`
    const ownBefore = cpuUs('self')
    for (let n = 0; n < RECORDED / BATCH; n += 1) batchOf(BATCH)
    const recorderUs = (cpuUs('self') - ownBefore) / RECORDED
    const statements = Array.from({ length: ENTRIES / BATCH }, () => {
      const batch = batchOf(BATCH)
      const odd = 'oddSlices' in batch ? sql`, ${list(batch.oddSlices)}` : sql.empty()
      return sql`select audit.stage(${recorderId}::uuid, ${key}::text, ${list(batch.slices)}${odd})`
    })
    const stageUs = await onServer(ENTRIES, async () => {
      for (const statement of statements) await db.execute(statement)
    })
    const one = Array.from({ length: CALLS }, () => `[${encoder.encode(capture(), null)}]`)
    const recordInUs = await onServer(CALLS, async () => {
      for (const text of one) await db.execute(sql`select audit.record_in(${text}::text, true)`)
    })
    const ten = Array.from({ length: CALLS / 10 }, () => {
      return `[${Array.from({ length: 10 }, () => encoder.encode(capture(), null)).join(',')}]`
    })
    const recordInTenUs = await onServer(CALLS, async () => {
      for (const text of ten) await db.execute(sql`select audit.record_in(${text}::text, true)`)
    })
    const size = async () => {
      const [row] = await connection`
        select sum(pg_total_relation_size(relid))::double precision as bytes
        from pg_partition_tree('audit.audit_log')`
      return Number(row?.['bytes'])
    }
    await connection`checkpoint`
    const [treeBefore, bytesBefore] = [cpuOfTreeMs(server.pid), await size()]
    const drained = await relay.drain({ deadlineMs: 600_000 })
    const logged = drained.logged - loggedBefore
    loggedBefore = drained.logged
    const moveUs = ((cpuOfTreeMs(server.pid) - treeBefore) * 1_000) / logged
    if (!drained.isDrained || logged !== ENTRIES + 2 * CALLS)
      throw new Error(`${name} logged ${logged}`)
    const bytes = ((await size()) - bytesBefore) / logged
    return { recorderUs, stageUs, recordInUs, recordInTenUs, moveUs, bytes }
  }
}

function print(measured: Rounds): void {
  const metrics = {
    recorderUs: 'recorder: capture and encode, µs an entry',
    stageUs: 'server: `audit.stage`, 1,000 a batch, µs an entry',
    recordInUs: 'server: `audit.record_in`, one a call, µs',
    recordInTenUs: 'server: `audit.record_in`, ten a call, µs an entry',
    moveUs: 'server: the move with all indexes, µs an entry',
    bytes: 'the log with its indexes, bytes an entry',
  }
  console.log('| | before | uuid | of before | text | of uuid |\n|---|--:|--:|--:|--:|--:|')
  for (const [metric, says] of Object.entries(metrics)) {
    const show = (name: string) => showSpread(measured.spread(name, metric))
    const ratio = (name: string, by: string) => {
      const { median, min, max } = measured.ratio(name, by, metric)
      return `${median.toFixed(3)} (${min.toFixed(2)}–${max.toFixed(2)})`
    }
    console.log(
      `| ${says} | ${show('before')} | ${show('uuid')} | ${ratio('uuid', 'before')} ` +
        `| ${show('text')} | ${ratio('text', 'uuid')} |`,
    )
  }
}

async function rewrite(): Promise<void> {
  let bytes = 0
  let entriesIn = 0
  const usedMs = cpuOfTreeMs(server.pid)
  const beganMs = performance.now()
  await migrateDatabase({
    databaseUrl: databaseUrl('uuid', server.url),
    logger: quietLogger,
    ids: 'text',
    rewrite: (plan) => {
      bytes = plan.bytes
      entriesIn = plan.entries
      return true
    },
  })
  const seconds = (performance.now() - beganMs) / 1_000
  const cpuSeconds = (cpuOfTreeMs(server.pid) - usedMs) / 1_000
  console.log(
    `\nRewritten: ${entriesIn} entries, ${(bytes / 1e6).toFixed(0)} MB in ${seconds.toFixed(1)} s, ` +
      `${(bytes / 1e6 / seconds).toFixed(1)} MB a second; ` +
      `${cpuSeconds.toFixed(1)} s of CPU, ${(bytes / 1e6 / cpuSeconds).toFixed(1)} MB for each of them.`,
  )
}
