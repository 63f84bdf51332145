import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { silentLogger } from '../support/lanes.ts'
import { startPostgres } from '../support/postgres.ts'
import { tailUnderFire } from '../support/tail-under-fire.ts'
import { numbersOf } from '../support/usage.ts'

const USAGE = `npm run test:tail -- [--entries 120000] [--seconds 60]

Does a tail see every number while things fail? A transaction stays open elsewhere; a relay is killed
by SIGKILL every 1 to 3 s, the connections of another one are ended at random; 10 consumers stop and
go on at random places. Each of them must have seen 1 to the last number, in order, each once.

  --entries  how many are logged
  --seconds  how long the transaction stays open`

const { entries, seconds } = numbersOf(USAGE, { entries: 120_000, seconds: 60 })
const CONSUMERS = 10

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-tail-'))
fs.chmodSync(folder, 0o711)
const server = await startPostgres({
  dataDir: path.join(folder, 'data'),
  settings: { fsync: 'off', max_connections: '60' },
})
const sql = postgres(server.url, { max: 8, onnotice: () => {} })
const stop = new AbortController()
try {
  await migrateDatabase({ databaseUrl: server.url, logger: silentLogger() })
  const { seen, ...found } = await tailUnderFire(
    { sql, urlAs: () => server.url },
    { entries, consumers: CONSUMERS, openForMs: seconds * 1_000, deadlineMs: 300_000, stop },
  )
  const expected = Array.from({ length: entries }, (_, n) => n + 1)
  for (const seqs of seen) assert.deepEqual(seqs, expected)
  const lines = [
    `# ${seen.length} consumers, ${entries.toLocaleString('en')} entries`,
    '',
    `Node ${process.version}, ${os.cpus().length} CPUs.`,
    '',
    `- A transaction stayed open elsewhere for ${(found.openMs / 1_000).toFixed(1)} s;`,
    `  ${found.loggedMeanwhile.toLocaleString('en')} entries were logged by its end.`,
    `- Relays killed by SIGKILL: ${found.relaysKilled}. Connections of relays ended: ` +
      `${found.connectionsEnded}.`,
    `- The consumers stopped, or ended, ${found.resumes} times.`,
    `- Each of them has seen 1 to ${entries}, in order: ${seen.map((s) => s.length).join(', ')}.`,
  ]
  const results = new URL('../bench/results/tail.md', import.meta.url)
  fs.writeFileSync(results, `${lines.join('\n')}\n`)
  console.log(lines.join('\n'))
} finally {
  stop.abort()
  await sql.end({ timeout: 1 })
  await server.stop('fast')
  fs.rmSync(folder, { recursive: true, force: true })
}
