import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { idFloor } from '../../src/ids/uuid7.ts'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { silentLogger } from '../support/lanes.ts'
import { closePartitions, listPartitions, makePartitions } from '../support/partitions.ts'
import { startPostgres } from '../support/postgres.ts'
import type { PartitionWay } from './reads-partitions-version.ts'

/**
 * What a read costs by the number of partitions, compared with an older copy of the code.
 *
 * `npx tsx test/bench/reads-partitions.ts --copies before=FOLDER [--rounds 15]`
 *
 * It prints the part of `results/reads.md` that begins with "By the number of partitions".
 */
const { values } = parseArgs({
  options: { copies: { type: 'string', default: '' }, rounds: { type: 'string', default: '15' } },
})
const ROUNDS = Number(values.rounds)
const OURS = fileURLToPath(new URL('../../', import.meta.url))
const COPIES: readonly (readonly [string, string])[] = [
  ...values.copies
    .split(',')
    .filter((copy) => copy !== '')
    .map((copy) => copy.split('=') as [string, string]),
  ['this one', OURS],
]
/** With DEFAULT, this month and three months ahead. */
const COUNTS = [5, 29, 400]
const WAYS: readonly PartitionWay[] = ['newest', 'event', 'user', 'tail', 'head', 'export']

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-reads-'))
fs.chmodSync(folder, 0o711)
const server = await startPostgres({
  dataDir: path.join(folder, 'data'),
  settings: { shared_buffers: '512MB', max_wal_size: '8GB', fsync: 'off', autovacuum: 'off' },
})
const children: ChildProcess[] = []
const ended = new AbortController()
try {
  await migrateDatabase({ databaseUrl: server.url, logger: silentLogger() })
  const admin = postgres(server.url, { max: 1, onnotice: () => {} })
  for (const count of COUNTS) await admin.unsafe(`create database p${count} template postgres`)
  await admin.end({ timeout: 1 })
  const readers = new Map<string, ChildProcess>()
  for (const count of COUNTS) {
    const url = Object.assign(new URL(server.url), { pathname: `/p${count}` }).href
    await fill(url, count)
    for (const [name, place] of COPIES) {
      const script = fileURLToPath(new URL('reads-partitions-version.ts', import.meta.url))
      const child = fork(script, [place, url], { execArgv: ['--import', 'tsx'] })
      children.push(child)
      child.once('exit', (code) => code !== null && ended.abort(new Error(`${name} ended`)))
      await once(child, 'message')
      readers.set(`${count} ${name}`, child)
    }
  }
  const found = new Map<string, number[]>()
  for (let round = -2; round < ROUNDS; round += 1) {
    for (const way of WAYS) {
      const names = [...readers.keys()]
      const turn = Math.abs(round) % names.length
      for (const name of [...names.slice(turn), ...names.slice(0, turn)]) {
        const child = readers.get(name)
        child?.send(way)
        const [ms] = (await once(child as ChildProcess, 'message', { signal: ended.signal })) as [
          number,
        ]
        if (round >= 0) found.set(`${way} ${name}`, [...(found.get(`${way} ${name}`) ?? []), ms])
      }
    }
  }
  const lines = [
    `| read | copy | ${COUNTS.map((count) => `${count} partitions`).join(' | ')} | 400 : 29 |`,
    `|---|---|${'--:|'.repeat(COUNTS.length)}--:|`,
  ]
  for (const way of WAYS) {
    for (const [name] of COPIES) {
      const ms = COUNTS.map((count) => quantile(found.get(`${way} ${count} ${name}`) ?? [], 0.25))
      const share = (ms[2] ?? 0) / (ms[1] ?? 1)
      const cells = ms.map((each) => each.toFixed(2)).join(' | ')
      lines.push(`| ${way} | ${name} | ${cells} | ${share.toFixed(2)} |`)
    }
  }
  console.log(lines.join('\n'))
} finally {
  for (const child of children) child.kill()
  await server.stop('fast')
  fs.rmSync(folder, { recursive: true, force: true })
}

/** 20 entries in each old month, 2,000 in this one. Old months are closed. */
async function fill(url: string, count: number): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const now = new Date()
  const monthOf = (ahead: number) =>
    idFloor(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1))
  const old = count - 5
  await makePartitions(
    sql,
    Array.from({ length: old }, (_, n) => [monthOf(n - old), monthOf(n - old + 1)] as const),
  )
  await listPartitions(sql)
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action, event_id, user_id, metadata)
    select made.id, row_number() over (order by made.id), now(), 'thing.update',
      md5('event' || made.n % 7)::uuid, md5('user' || made.n % 50)::uuid, '{"field": "logo"}'
    from (
      select n, (substr(p.from_id::text, 1, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid as id
      from audit.audit_partition as p
      cross join lateral generate_series(1, case when p.from_id = ${monthOf(0)}::uuid then 2000 else 20 end) as n
      where p.from_id <= ${monthOf(0)}::uuid
    ) as made`
  await sql`update audit.audit_head set seq = (select max(seq) from audit.audit_log)`
  await closePartitions(sql, monthOf(0))
  await sql`vacuum (analyze) audit.audit_log`
  await sql.end({ timeout: 1 })
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * share)] ?? 0
}
