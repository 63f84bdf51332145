import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { silentLogger } from '../support/lanes.ts'
import { startPostgres } from '../support/postgres.ts'
import { generateLog } from './generate.ts'

/**
 * What reading costs, compared with older copies of the code, on one log and in one run.
 *
 * `npx tsx test/bench/reads.ts --copies unguarded=FOLDER,guarded=FOLDER [--rounds 15]`
 *
 * The first copy is the one that the others are compared with. It writes `results/reads.md`.
 */
const { values } = parseArgs({
  options: {
    copies: { type: 'string', default: '' },
    rounds: { type: 'string', default: '15' },
    rows: { type: 'string', default: '200000' },
  },
})
const ROUNDS = Number(values.rounds)
const ROWS = Number(values.rows)
const OURS = fileURLToPath(new URL('../../', import.meta.url))
const COPIES: readonly (readonly [string, string])[] = [
  ...values.copies.split(',').map((copy) => copy.split('=') as [string, string]),
  ['this one', OURS],
]
const WAYS = ['pages', 'tail', 'export'] as const
const COSTS = ['server', 'client', 'wall'] as const
type Cost = Readonly<Record<(typeof COSTS)[number], number>>

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-reads-'))
fs.chmodSync(folder, 0o711)
const server = await startPostgres({
  dataDir: path.join(folder, 'data'),
  settings: { shared_buffers: '512MB', max_wal_size: '8GB', fsync: 'off', autovacuum: 'off' },
})
const children = new Map<string, ChildProcess>()
try {
  await migrateDatabase({ databaseUrl: server.url, logger: silentLogger() })
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  await generateLog(sql, { rows: ROWS, firstSeq: 1, endMs: Date.now(), months: 3 })
  await sql`vacuum (analyze, freeze) audit.audit_log`
  await sql.end({ timeout: 1 })
  for (const [name, place] of COPIES) {
    const script = fileURLToPath(new URL('reads-version.ts', import.meta.url))
    const child = fork(script, [place, server.url], { execArgv: ['--import', 'tsx'] })
    child.once('exit', (code) => {
      if (code !== null) throw new Error(`${name}: the reading process ended with ${code}.`)
    })
    await once(child, 'message')
    children.set(name, child)
  }
  const found = new Map<string, number[]>()
  const keyOf = (...parts: readonly string[]) => parts.join(' ')
  for (let round = -2; round < ROUNDS; round += 1) {
    for (const way of WAYS) {
      // Each copy is the first one in turn, so that none always follows the same neighbour.
      const names = COPIES.map(([name]) => name)
      const turn = Math.abs(round) % names.length
      for (const name of [...names.slice(turn), ...names.slice(0, turn)]) {
        const cost = await ask(name, way)
        for (const each of COSTS) {
          const key = keyOf(way, name, each)
          if (round >= 0) found.set(key, [...(found.get(key) ?? []), cost[each]])
        }
      }
    }
  }
  const lines = [
    '# Reading, compared with older copies of the code',
    '',
    `A log of ${ROWS.toLocaleString('en')} ordinary entries; 40 pages of a timeline (20 of 50 and 20`,
    'of 500 entries), 10,000 entries of a tail, an export of 20,000. The copies read the same log in',
    `one run, in turn, ${ROUNDS} rounds. Server is the CPU time of the connection's process, client that`,
    'of the reading process. Milliseconds are lower quartiles. A percentage is the median of the',
    'ratios to the first copy in the same round.',
    '',
    `| read | copy | ${COSTS.join(' ms | | ')} ms | |`,
    `|---|---|${'--:|--:|'.repeat(COSTS.length)}`,
  ]
  const base = COPIES[0]?.[0] ?? OURS
  for (const way of WAYS) {
    for (const [name] of COPIES) {
      const cells = COSTS.flatMap((cost) => {
        const own = found.get(keyOf(way, name, cost)) ?? []
        const first = found.get(keyOf(way, base, cost)) ?? []
        const ratios = own.map((ms, at) => ms / (first[at] ?? Number.NaN))
        const percent = (quantile(ratios, 0.5) - 1) * 100
        const shown = `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(1)} %`
        return [quantile(own, 0.25).toFixed(1), name === base ? '' : shown]
      })
      lines.push(`| ${way} | ${name} | ${cells.join(' | ')} |`)
    }
  }
  console.log(lines.join('\n'))
  fs.writeFileSync(new URL('results/reads.md', import.meta.url), `${lines.join('\n')}\n`)
} finally {
  for (const child of children.values()) child.kill()
  await server.stop('fast')
  fs.rmSync(folder, { recursive: true, force: true })
}

async function ask(name: string, way: string): Promise<Cost> {
  const child = children.get(name)
  child?.send(way)
  const [cost] = (await once(child as ChildProcess, 'message')) as [Cost]
  return cost
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * share)] ?? 0
}
