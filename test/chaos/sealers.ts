import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { verifyLog } from '../../relay/seal/verify/verify-log.ts'
import { Database } from '../../src/database/connection.ts'
import { newKey } from '../../src/seal/index.ts'
import { BenchServer } from '../bench/bench-server.ts'
import { appendToLog } from '../support/log-entries.ts'
import { positive, withUsage } from '../support/usage.ts'

const USAGE = `npm run test:sealers [-- --seconds 60]

Four processes of "audit-relay seal" on one log that grows all the time, each killed every few seconds.
In the middle the database is copied. At the end the log is compared with its seal and with every
checkpoint that any of them published, and each of them is led to the old copy, which it has to refuse.`

const MAIN = fileURLToPath(new URL('../../relay/main.ts', import.meta.url))
const SEALERS = 4
const NAME = 'chaos.example/audit'
const REFUSED = 3
/** A process compiles its sources first. */
const LONGEST_LIFE_MS = 30_000

const { seconds } = withUsage(USAGE, () => {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } })
  return { seconds: positive('seconds', values.seconds) }
})
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-sealers-'))
const server = await BenchServer.start()
const { key, vkey } = newKey(NAME)
let [kills, entries, isOver] = [0, 0, false]
const wrong: string[] = []
try {
  const url = await server.make('sealed')
  const sql = server.connect('sealed')
  const endMs = performance.now() + seconds * 1_000
  const sealers = Array.from({ length: SEALERS }, (_, at) => keepSealing(at, url))
  let copied = 0
  while (performance.now() < endMs || copied === 0) {
    const count = 1 + Math.floor(Math.random() * 400)
    await appendToLog(
      sql,
      Array.from({ length: count }, (_, at) => ({ metadata: { at } })),
    )
    entries += count
    const [row] =
      await sql`select coalesce(max(size), 0)::integer as size from audit.audit_checkpoint`
    if (copied === 0 && row?.['size'] > 0 && performance.now() > endMs - seconds * 500) {
      copied = await copy(sql)
    }
    await sleep(20)
  }
  isOver = true
  await Promise.all(sealers)
  for (let at = 0; at < SEALERS; at += 1) {
    const code = await run(at, ['seal', '--once'], url).ended
    if (code !== 0) wrong.push(`sealer ${at} ended with ${code}`)
  }
  const [found] = await sql`
    select count(*)::integer as checkpoints, max(size)::integer as size from audit.audit_checkpoint`
  const published = Array.from({ length: SEALERS }, (_, at) =>
    fs.readFileSync(path.join(folder, `${at}`, 'anchor.txt'), 'utf8'),
  )
  const db = new Database({ url, applicationName: 'verify', statementTimeoutMs: 120_000 })
  const { code, rows, findings } = await verifyLog(db, {
    policy: `log ${vkey}\nquorum none\n`,
    anchor: published.join('\n'),
  })
  await db.close()
  await sql.end({ timeout: 1 })
  if (code !== 0 || found?.['size'] !== entries) wrong.push(`verify ends with ${code}`)
  for (const { kind, text } of findings) wrong.push(`${kind}: ${text}`)
  for (let at = 0; at < SEALERS; at += 1) {
    const refused = await run(at, ['seal', '--once'], server.urlOf('older')).ended
    if (refused !== REFUSED) wrong.push(`sealer ${at} ended with ${refused} on the old copy`)
  }
  const older = server.connect('older')
  const [after] = await older`select max(size)::integer as size from audit.audit_checkpoint`
  await older.end({ timeout: 1 })
  if (after?.['size'] !== copied) wrong.push(`the old copy was sealed from ${copied} on`)
  console.log(
    `${seconds} s, ${SEALERS} sealers, ${kills} kills, ${entries} entries, ` +
      `${found?.['checkpoints']} checkpoints, ${rows} entries compared, verify ${code}; ` +
      `the copy of ${copied} entries was refused by all`,
  )
} finally {
  isOver = true
  await server.remove()
  fs.rmSync(folder, { recursive: true, force: true })
}
for (const reason of wrong) console.log(`WRONG: ${reason}`)
console.log(wrong.length === 0 ? 'One history.' : 'Not one history.')
process.exit(wrong.length === 0 ? 0 : 1)

/** Runs a sealer, kills it, and runs it again. */
async function keepSealing(at: number, url: string): Promise<void> {
  while (!isOver) {
    const { child, ended } = run(at, ['seal'], url)
    const lifeMs = LONGEST_LIFE_MS * (0.3 + Math.random() * 0.7)
    await Promise.race([ended, sleep(lifeMs)])
    if (child.exitCode !== null) {
      wrong.push(`sealer ${at} ended by itself with ${child.exitCode}`)
      return
    }
    child.kill('SIGKILL')
    kills += 1
    await ended
  }
}

function run(
  at: number,
  args: readonly string[],
  url: string,
): { readonly child: ChildProcess; readonly ended: Promise<number | null> } {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    env: {
      PATH: process.env['PATH'],
      AUDIT_RELAY_DATABASE_URL: url,
      AUDIT_SEAL_KEY: key,
      AUDIT_STATE_DIR: path.join(folder, `${at}`),
      AUDIT_SEAL_MAX_LAG_MS: '1000',
      AUDIT_LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return { child, ended: once(child, 'close').then(([code]) => code) }
}

/** @returns how many entries the copy has sealed */
async function copy(sql: postgres.Sql): Promise<number> {
  await server.admin`
    select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = 'sealed'`
  await server.admin`create database older template sealed strategy file_copy`.catch(() => {})
  const older = postgres(server.urlOf('older'), { max: 1, connect_timeout: 2, onnotice: () => {} })
  try {
    const [row] = await older`select max(size)::integer as size from audit.audit_checkpoint`
    await sql`select`
    return row?.['size'] ?? 0
  } catch {
    return 0 // a sealer came in between: the next round tries again
  } finally {
    await older.end({ timeout: 1 })
  }
}
