import fs from 'node:fs'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { timeline } from '../../src/read/timeline.ts'
import { BenchServer } from './bench-server.ts'
import { generateLog } from './generate.ts'
import { describeMachine, showMachine } from './machine.ts'
import { cpuOfTreeMs } from './process-cpu.ts'
import { interleave, type Sample, showSpread } from './rounds.ts'

/**
 * What pages of a timeline cost in a log of which nothing was erased, in one with many erasures elsewhere,
 * and where something of each shown entry was erased.
 *
 * `npx tsx test/bench/erased-reads.ts`. It writes `results/erased-reads.md`.
 */
const ROWS = 200_000
const ERASED = 20_000
const PAGES = 40
const LIMIT = 50
const ROUNDS = 15

/** Which entries something was erased of, by a condition on `seq`. */
const LOGS = {
  nothing: 'false',
  elsewhere: `seq <= ${ERASED}`,
  shown: `seq > ${ROWS - ERASED}`,
} as const

const server = await BenchServer.start()
try {
  await server.make('base', async (sql) => {
    await generateLog(sql, { rows: ROWS, endMs: Date.now(), months: 3 })
  })
  const variants: Record<string, () => Promise<Sample>> = {}
  const clients: postgres.Sql[] = []
  for (const [name, condition] of Object.entries(LOGS)) {
    await server.admin.unsafe(`create database ${name} template base`)
    const admin = server.connect(name)
    await admin.unsafe(`
      insert into audit.audit_erasure (seq, id, fields)
      select seq, audit.new_id(), '{user_id,metadata}' from audit.audit_log where ${condition}`)
    await admin`vacuum (analyze, freeze)`
    await admin.end({ timeout: 5 })
    const client = postgres(server.urlOf(name), { max: 1, onnotice: () => {} })
    clients.push(client)
    const db = drizzle(client)
    variants[name] = async () => {
      const [serverMs, own] = [cpuOfTreeMs(server.server.pid), process.cpuUsage()]
      let cursor: string | undefined
      for (let page = 0; page < PAGES; page += 1) {
        const { nextCursor } = await timeline(db, { limit: LIMIT, cursor })
        cursor = nextCursor ?? undefined
      }
      const { user, system } = process.cpuUsage(own)
      return {
        server: (cpuOfTreeMs(server.server.pid) - serverMs) / PAGES,
        client: (user + system) / 1_000 / PAGES,
      }
    }
  }
  const found = await interleave(variants, { rounds: ROUNDS, warmUpRounds: 2 })
  await Promise.all(clients.map((client) => client.end({ timeout: 5 })))
  const lines = [
    '# Reading entries of which something was erased',
    '',
    showMachine(describeMachine()),
    '',
    `CPU milliseconds of a page of ${LIMIT} entries, in a log of ${ROWS.toLocaleString('en')}: the median of`,
    `${ROUNDS} rounds of ${PAGES} pages, and their range. \`elsewhere\`: ${ERASED.toLocaleString('en')} other entries were erased;`,
    '`shown`: each entry of the pages was.',
    '',
    '| erased | server | client |',
    '|---|---:|---:|',
    ...found.names.map((name) => {
      const cells = ['server', 'client'].map((metric) => showSpread(found.spread(name, metric)))
      return `| ${name} | ${cells.join(' | ')} |`
    }),
  ]
  console.log(lines.join('\n'))
  fs.writeFileSync(new URL('results/erased-reads.md', import.meta.url), `${lines.join('\n')}\n`)
} finally {
  await server.remove()
}
