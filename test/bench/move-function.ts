import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import postgres from 'postgres'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { databaseUrl } from '../support/server.ts'
import { startPostgres } from '../support/postgres.ts'
import { quietLogger } from './quiet-logger.ts'
import { countLog } from './drain.ts'
import { cpuOfTreeMs } from './process-cpu.ts'

/**
 * What the move costs the server, of this checkout next to another one, by turns in one run: CPU and
 * wall time of draining the fast lane (a fifth of the rows in batches of 100). The function runs as
 * it is, and with plans that Postgres may keep.
 *
 * `npx tsx test/bench/move-function.ts <other checkout> [rounds] [rows]`
 */
const [other = '', rounds = '5', rows = '200000'] = process.argv.slice(2)
const ROUNDS = Number(rounds)
const ROWS = Number(rows)

const SETTINGS = [
  { name: '1,000 a batch, one move at a time', batchEntries: 1_000, parallelMoves: 1, share: 1 },
  { name: '100 a batch, one move at a time', batchEntries: 100, parallelMoves: 1, share: 0.2 },
  { name: '1,000 a batch, two side by side', batchEntries: 1_000, parallelMoves: 2, share: 1 },
] as const

type RelayModule = typeof import('../../relay/index.ts')
type MigrateModule = typeof import('../../src/schema/migrate.ts')

interface Variant {
  readonly name: string
  readonly database: string
  readonly createRelay: RelayModule['createRelay']
}

const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-move-function-'))
fs.chmodSync(dataDir, 0o711)
const server = await startPostgres({
  dataDir: path.join(dataDir, 'data'),
  settings: { shared_buffers: '1GB', max_wal_size: '8GB', autovacuum: 'off' },
})
const admin = postgres(server.url, { max: 1, onnotice: () => {} })
const load = async <T>(file: string): Promise<T> =>
  import(pathToFileURL(path.join(other, file)).href)
try {
  const before = await load<MigrateModule>('src/schema/migrate.ts')
  const { createRelay: createBefore } = await load<RelayModule>('relay/index.ts')
  const { createRelay } = await load<RelayModule>(
    path.relative(other, path.resolve('relay/index.ts')),
  )
  const variants: Variant[] = [
    { name: 'before', database: 'before', createRelay: createBefore },
    { name: 'audit.move', database: 'now', createRelay },
    { name: 'audit.move, plan_cache_mode = auto', database: 'auto', createRelay },
  ]
  for (const { database, name } of variants) {
    await admin`create database ${admin(database)}`
    const url = databaseUrl(database, server.url)
    const { migrateDatabase: migrate } = name === 'before' ? before : { migrateDatabase }
    await migrate({ databaseUrl: url, logger: quietLogger })
    if (database !== 'auto') continue
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    await sql`alter function audit.take_from_staging reset plan_cache_mode`
    await sql.end({ timeout: 1 })
  }
  const found = new Map<string, { cpu: number[]; wall: number[] }>()
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const setting of SETTINGS) {
      const turns = round % 2 === 0 ? variants : variants.toReversed()
      for (const variant of turns) {
        const sample = await drain(variant, setting)
        const key = `${setting.name}|${variant.name}`
        const samples = found.get(key) ?? { cpu: [], wall: [] }
        samples.cpu.push(sample.cpuMs)
        samples.wall.push(sample.wallMs)
        found.set(key, samples)
        console.error(round, key, Math.round(sample.cpuMs), Math.round(sample.wallMs))
      }
    }
  }
  print(variants, found)
} finally {
  await admin.end({ timeout: 1 })
  await server.stop('immediate')
  fs.rmSync(dataDir, { recursive: true, force: true })
}

async function drain(variant: Variant, setting: (typeof SETTINGS)[number]) {
  const { batchEntries, parallelMoves, share } = setting
  const rowCount = ROWS * share
  const url = databaseUrl(variant.database, server.url)
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await sql`vacuum audit.audit_staging`
  await sql`
    insert into audit.audit_staging (
      id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action, entity_type,
      request_id, metadata, context
    )
    select audit.new_id(), now(), gen_random_uuid(), md5('event' || n % 500)::uuid,
      gen_random_uuid(), '01990000-0000-7000-8000-00000000000a', n, 'branding.update', 'branding',
      'req-' || n, jsonb_build_object('from', n, 'to', n + 1), '{"ip": "203.0.113.7"}'
    from generate_series(1, ${rowCount}::integer) as n`
  await sql`checkpoint`
  const relay = variant.createRelay({
    databaseUrl: url,
    logger: quietLogger,
    batchEntries,
    parallelMoves,
  })
  const cpuBefore = cpuOfTreeMs(server.pid)
  const beganMs = performance.now()
  const { logged, isDrained } = await relay.drain({ deadlineMs: 900_000 })
  const wallMs = performance.now() - beganMs
  const cpuMs = cpuOfTreeMs(server.pid) - cpuBefore
  await relay.stop()
  if (!isDrained || logged !== rowCount) throw new Error(`${variant.name} logged ${logged}`)
  await countLog(sql)
  await sql.end({ timeout: 1 })
  return { cpuMs, wallMs }
}

function print(
  variants: readonly Variant[],
  found: ReadonlyMap<string, { cpu: number[]; wall: number[] }>,
) {
  const median = (values: readonly number[]) =>
    [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
  for (const { name } of SETTINGS) {
    console.log(`\n**${name}**\n\n| | server CPU, s | of before | wall, s | of before |`)
    console.log('|---|--:|--:|--:|--:|')
    const basis = found.get(`${name}|before`) ?? { cpu: [], wall: [] }
    for (const variant of variants) {
      const { cpu, wall } = found.get(`${name}|${variant.name}`) ?? basis
      // The rounds in pairs: what else the machine does changes slower than a round.
      const ratio = (values: number[], by: number[]) =>
        median(values.map((value, at) => value / (by[at] ?? value))).toFixed(2)
      console.log(
        `| ${variant.name} | ${(median(cpu) / 1_000).toFixed(2)} | ${ratio(cpu, basis.cpu)} ` +
          `| ${(median(wall) / 1_000).toFixed(2)} | ${ratio(wall, basis.wall)} |`,
      )
    }
  }
}
