import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { databaseUrl } from '../support/server.ts'
import { startPostgres } from '../support/postgres.ts'
import { makePastMonths } from '../support/past-months.ts'
import { countLog, drained } from './drain.ts'
import { interleave, type Sample, showSpread } from './rounds.ts'
import { quietLogger } from './quiet-logger.ts'
import { stageNow } from './staged.ts'

/**
 * What a move costs the server by how many partitions the log has: CPU seconds for a million entries,
 * by turns in one run. Each old partition holds 20 entries.
 *
 * `npx tsx test/bench/move-partitions.ts [rounds] [rows]`
 */
const [rounds = '5', rows = '60000'] = process.argv.slice(2)
/** The migration makes four, and DEFAULT. */
const MADE = 4
const COUNTS = [4, 29, 105, 400] as const

const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-move-partitions-'))
fs.chmodSync(dataDir, 0o711)
const server = await startPostgres({
  dataDir: path.join(dataDir, 'data'),
  settings: { shared_buffers: '1GB', max_wal_size: '8GB', autovacuum: 'off' },
})
const admin = postgres(server.url, { max: 1, onnotice: () => {} })
try {
  for (const count of COUNTS) {
    await admin`create database ${admin(`log_${count}`)}`
    const url = databaseUrl(`log_${count}`, server.url)
    await migrateDatabase({ databaseUrl: url, logger: quietLogger })
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    await makePastMonths(sql, count - MADE)
    await sql`
      with head as (update audit.audit_head set seq = seq + 20 * ${count - MADE}::bigint)
      insert into audit.audit_log (id, seq, occurred_at, action)
      select (left(p.from_id::text, 24) || lpad(to_hex(n), 12, '0'))::uuid,
        row_number() over (order by p.from_id, n), now(), 'branding.update'
      from audit.audit_partition as p, generate_series(1, 20) as n
      where p.closed_at is not null`
    await sql`analyze`
    await sql.end({ timeout: 1 })
  }
  const results = await interleave(
    Object.fromEntries(COUNTS.map((count) => [`${count}`, () => drain(count)])),
    { rounds: Number(rounds) },
  )
  console.log('| partitions | CPU s for a million | of the first |\n|--:|--:|--:|')
  for (const name of results.names) {
    const seconds = showSpread(results.spread(name, 'serverSecondsPerMillion'))
    const ratio = showSpread(results.ratio(name, `${COUNTS[0]}`, 'serverSecondsPerMillion'))
    console.log(`| ${name} | ${seconds} | ${ratio} |`)
  }
} finally {
  await admin.end({ timeout: 1 })
  await server.stop('immediate')
  fs.rmSync(dataDir, { recursive: true, force: true })
}

async function drain(count: number): Promise<Sample> {
  const url = databaseUrl(`log_${count}`, server.url)
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await stageNow(sql, Number(rows))
  const sample = await drained({ url, parallelMoves: 1, serverPid: server.pid })
  await countLog(sql)
  await sql.end({ timeout: 1 })
  return sample
}
