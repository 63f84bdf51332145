import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type postgres from 'postgres'
import { BenchServer } from './bench-server.ts'
import { generateLog, withoutIndexes } from './generate.ts'
import { measuredCommand, type Step } from './measured-command.ts'
import type { Part } from './part.ts'

const PARTITION = 'audit_log_2025_10'
const FORMATS = ['ndjson', 'parquet'] as const

/** A month is archived, verified and restored next to the log, and compared column by column. */
export const part: Part = {
  name: 'archive',
  summary: 'a month into files and back: rate, memory, bytes an entry',
  async run({ isQuick, say }) {
    const rows = isQuick ? 20_000 : Number(process.env['AUDIT_BENCH_ROWS'] ?? 5_000_000)
    const server = await BenchServer.start()
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-bench-archive-'))
    try {
      const url = await server.make('archive', (sql) => fill(sql, rows, say))
      const sql = server.connect('archive')
      const steps: Step[] = []
      const sizes: string[][] = []
      for (const format of FORMATS) {
        const to = path.join(folder, format)
        const environment = {
          AUDIT_KEEPER_DATABASE_URL: url,
          AUDIT_ARCHIVE_URL: `file://${to}`,
          AUDIT_ARCHIVE: format,
        }
        const run = async (name: string, args: readonly string[]) => {
          say(`${format}: ${name}`)
          const step = await measuredCommand(server, `${format}: ${name}`, args, environment)
          steps.push(step)
          say(`${step.name}: ${Math.round(rows / step.seconds)} entries/s, ${step.peakMb} MB`)
        }
        await run('archive run', ['archive', 'run', PARTITION, '--quiet'])
        const bytes = bytesBelow(to)
        sizes.push([format, String(bytes), (bytes / rows).toFixed(1)])
        await run('archive verify', ['archive', 'verify', to, '--quiet'])
        await run('archive restore', ['archive', 'restore', PARTITION, '--beside', '--quiet'])
        const different = await differences(sql, rows)
        say(`${format}: ${different} entries differ in a column or are in one table alone`)
        if (different > 0) throw new Error(`${different} entries differ`)
        await sql`delete from audit.audit_archive`
      }
      const [live] = await sql.unsafe(
        `select pg_total_relation_size('audit.${PARTITION}')::double precision as bytes`,
      )
      await sql.end({ timeout: 5 })
      sizes.push([
        'in the log',
        String(live?.['bytes']),
        (Number(live?.['bytes']) / rows).toFixed(1),
      ])
      return {
        tables: [
          {
            title: `${rows} entries of one month`,
            columns: ['step', 's', 'entries/s', 'CPU s/M client', 'CPU s/M server', 'peak RSS MB'],
            rows: steps.map((step) => rowOf(step, rows)),
            note:
              'Each restore was compared with the partition, every column of every entry: 0 differ. ' +
              'The client compiles its sources at the start, which is in its time, CPU and memory.',
          },
          { title: 'Bytes', columns: ['where', 'bytes', 'an entry'], rows: sizes },
        ],
        goals: [],
        charts: [],
        measured: { rows, steps, sizes },
      }
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
      await server.remove()
    }
  },
}

async function fill(sql: postgres.Sql, rows: number, say: (text: string) => void): Promise<void> {
  const onChunk = (done: number) => say(`${done} entries made`)
  const made = async () => {
    await generateLog(sql, { rows, endMs: Date.UTC(2025, 9, 31), months: 1, onChunk })
    await sql.unsafe(`alter table audit.${PARTITION} owner to audit_owner`)
  }
  await withoutIndexes(sql, made, say)
}

/** The entries that differ in a column, or are in one of the two tables alone. */
async function differences(sql: postgres.Sql, rows: number): Promise<number> {
  const [row] = await sql.unsafe(`
    select count(*)::integer as same from audit.${PARTITION} as p
    join audit.restored_${PARTITION} as r using (id)
    where row(p.*) is not distinct from row(r.*)`)
  const [counted] = await sql.unsafe(
    `select count(*)::integer as n from audit.restored_${PARTITION}`,
  )
  return Math.max(rows, Number(counted?.['n'])) - Number(row?.['same'])
}

function bytesBelow(folder: string): number {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => fs.statSync(path.join(folder, name)))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0)
}

function rowOf(step: Step, rows: number): readonly string[] {
  const perMillion = (seconds: number) => ((seconds / rows) * 1_000_000).toFixed(1)
  return [
    step.name,
    step.seconds.toFixed(1),
    String(Math.round(rows / step.seconds)),
    perMillion(step.clientCpuSeconds),
    perMillion(step.serverCpuSeconds),
    String(step.peakMb),
  ]
}
