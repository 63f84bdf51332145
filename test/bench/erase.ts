import { createHash, randomUUID } from 'node:crypto'
import type postgres from 'postgres'
import { eraseUser } from '../../relay/erase/erase-entries.ts'
import { Erasures } from '../../relay/erase/erasures.ts'
import { scrub } from '../../relay/erase/scrub.ts'
import { surveyUser } from '../../relay/erase/survey.ts'
import { openSealStatements } from '../../relay/seal/seal-statements.ts'
import { Sealer } from '../../relay/seal/sealer.ts'
import { volatileMemory } from '../../relay/seal/memory.ts'
import { sealKeysOf } from '../../relay/seal/seal-keys.ts'
import { newKey } from '../../src/seal/index.ts'
import { Database } from '../../src/database/connection.ts'
import { BenchServer } from './bench-server.ts'
import { generateLog } from './generate.ts'
import type { Part } from './part.ts'
import { cpuOfTreeMs } from './process-cpu.ts'
import { quietLogger } from './quiet-logger.ts'

const PATIENT_MS = 3_600_000

interface Step {
  readonly name: string
  readonly entries: number
  readonly seconds: number
  readonly serverCpuSeconds: number
  readonly walBytes: number
}

/** Users with few and with very many entries are erased, with and without a seal, and scrubbed. */
export const part: Part = {
  name: 'erase',
  summary: 'a user of 100 and one of 100,000 entries is erased, and the month rewritten',
  async run({ isQuick, say }) {
    const rows = isQuick ? 20_000 : Number(process.env['AUDIT_BENCH_ROWS'] ?? 1_000_000)
    // The generator gives this user a hundred entries of a million.
    const few = createHash('md5')
      .update('user0')
      .digest('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    const many = randomUUID()
    const server = await BenchServer.start()
    try {
      await server.make('plain', (sql) => fill(sql, rows, { many, say }))
      await server.admin.unsafe('create database sealed template plain strategy file_copy')
      const steps: Step[] = []
      for (const name of ['plain', 'sealed'] as const) {
        const url = server.urlOf(name)
        const sql = server.connect(name)
        const database = new Database({
          ...{ url, applicationName: 'bench', statementTimeoutMs: PATIENT_MS },
        })
        const erasures = new Erasures(database)
        const { signal } = new AbortController()
        const step = async (what: string, work: () => Promise<number>) => {
          const one = await measured(server, sql, `${name}: ${what}`, work)
          say(`${one.name}: ${one.entries} entries in ${one.seconds.toFixed(1)} s`)
          steps.push(one)
        }
        const whole = async (work: Promise<unknown>) => {
          await work
          return rows
        }
        if (name === 'sealed') await step('seal', () => whole(seal(url)))
        await step('dry run', () => whole(surveyUser(erasures, many, { signal, onLooked() {} })))
        for (const user of [few, many]) {
          await step('erase', () => eraseUser(erasures, user, { reason: 'a request', signal }))
        }
        const [left] = await sql`
          select count(*)::integer as entries from audit.audit_log
          where user_id in (${few}, ${many})`
        if (left?.['entries'] !== 0) throw new Error(`${left?.['entries']} entries are left`)
        await step('scrub', () =>
          whole(scrub(database, { signal, onTable() {}, onWait: (why) => say(why) })),
        )
        await database.close()
        await sql.end({ timeout: 5 })
      }
      return {
        tables: [
          {
            title: `A log of ${rows} entries in one month`,
            columns: ['step', 'entries', 's', 'CPU µs an entry, server', 'WAL bytes an entry'],
            rows: steps.map(rowOf),
            note: 'A dry run and a scrub are for the whole log, an erasure for its own entries.',
          },
        ],
        goals: [],
        charts: [],
        measured: { rows, steps },
      }
    } finally {
      await server.remove()
    }
  },
}

async function fill(
  sql: postgres.Sql,
  rows: number,
  { many, say }: { readonly many: string; readonly say: (text: string) => void },
): Promise<void> {
  const onChunk = (done: number) => say(`${done} entries made`)
  await generateLog(sql, { rows, endMs: Date.UTC(2025, 9, 31), months: 1, onChunk })
  say('one user gets a tenth of them')
  const place = 'audit.audit_log_2025_10'
  await sql.unsafe(`
    alter table ${place} owner to audit_owner;
    alter table ${place} disable trigger audit_log_row_append_only;
    update ${place} set user_id = '${many}' where seq % 10 = 0;
    alter table ${place} enable always trigger audit_log_row_append_only;
    select audit.guard_log_table('${place}')`)
  await sql.unsafe(`vacuum full ${place}`)
  await sql`vacuum analyze`
}

/** Seals the whole log, as a relay with a key does. */
async function seal(url: string): Promise<void> {
  const sealer = new Sealer({
    statements: openSealStatements({ url, statementTimeoutMs: PATIENT_MS }),
    keys: sealKeysOf(newKey('bench').key),
    memory: volatileMemory(),
    logger: quietLogger,
    maxLagMs: 10_000,
    maxEntries: 16_384,
  })
  await sealer.drain()
  await sealer.stop()
}

async function measured(
  server: BenchServer,
  sql: postgres.Sql,
  name: string,
  work: () => Promise<number>,
): Promise<Step> {
  const walAt = async () => {
    const [row] = await sql`
      select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::double precision as bytes`
    return Number(row?.['bytes'])
  }
  const { pid } = server.server
  const before = { cpuMs: cpuOfTreeMs(pid), wal: await walAt(), atMs: performance.now() }
  const entries = await work()
  const seconds = (performance.now() - before.atMs) / 1_000
  return {
    ...{ name, entries, seconds },
    serverCpuSeconds: (cpuOfTreeMs(pid) - before.cpuMs) / 1_000,
    walBytes: (await walAt()) - before.wal,
  }
}

function rowOf({ name, entries, seconds, serverCpuSeconds, walBytes }: Step): readonly string[] {
  const each = (whole: number) => (entries === 0 ? '' : (whole / entries).toFixed(1))
  return [
    ...[name, String(entries), seconds.toFixed(1)],
    ...[each(serverCpuSeconds * 1e6), each(walBytes)],
  ]
}
