import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type postgres from 'postgres'
import { newKey } from '../../src/seal/index.ts'
import { BenchServer } from './bench-server.ts'
import { generateLog, withoutIndexes } from './generate.ts'
import { measuredCommand, type Step } from './measured-command.ts'
import type { Part } from './part.ts'

type Say = (text: string) => void

interface Measured {
  readonly rows: number
  readonly checkpoints: number
  readonly steps: readonly (readonly [step: Step, read: number])[]
}

/** Logs of six months are sealed, and verified as a whole and in parts. */
export const part: Part = {
  name: 'verify',
  summary:
    'a log is sealed, and verified as a whole, since a checkpoint, and in parts: time, CPU, memory',
  async run({ isQuick, say }) {
    // As in AUDIT_BENCH_ROWS=1000000,10000000, for a log of each size.
    const sizes = isQuick ? '20000' : (process.env['AUDIT_BENCH_ROWS'] ?? '1000000')
    const measured: Measured[] = []
    for (const rows of sizes.split(',').map(Number)) measured.push(await measure(rows, say))
    return {
      tables: measured.map(({ rows, checkpoints, steps }, at) => ({
        title: `${rows} entries of six months, ${checkpoints} checkpoints`,
        columns: ['step', 'entries read', 's', 'CPU s client', 'CPU s server', 'peak RSS MB'],
        rows: steps.map(([step, read]) => [
          step.name,
          String(read),
          ...[step.seconds, step.clientCpuSeconds, step.serverCpuSeconds].map((seconds) =>
            seconds.toFixed(1),
          ),
          String(step.peakMb),
        ]),
        ...(at === measured.length - 1 && { note: NOTE }),
      })),
      goals: [],
      charts: [],
      measured,
    }
  },
}

const NOTE =
  'Each is a process that compiles its sources first, which is in its time, CPU and memory: the ' +
  'first row has what that alone takes. Every entry that is read is hashed in it.'

async function measure(rows: number, say: Say): Promise<Measured> {
  const server = await BenchServer.start()
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-bench-verify-'))
  const { key, vkey } = newKey('bench.example/audit')
  const steps: (readonly [step: Step, read: number])[] = []
  try {
    const url = await server.make('verify', (sql) => fill(sql, rows, say))
    const environment = {
      AUDIT_READER_DATABASE_URL: url,
      AUDIT_RELAY_DATABASE_URL: url,
      AUDIT_SEAL_KEY: key,
      AUDIT_STATE_DIR: path.join(folder, 'state'),
    }
    const take = async (name: string, args: readonly string[], read: number) => {
      const step = await measuredCommand(server, name, args, environment)
      steps.push([step, Math.round(read)])
      say(`${name}: ${step.seconds.toFixed(1)} s, ${step.peakMb} MB`)
    }
    await take('nothing but the start of the process', ['--help'], 0)
    await take('seal --once', ['seal', '--once'], rows)
    const notes = await notesOf(server)
    const file = (name: string, text: string) => {
      const at = path.join(folder, name)
      fs.writeFileSync(at, text)
      return at
    }
    const policy = file('audit.policy', `log ${vkey}\nquorum none\n`)
    const anchor = file('anchor.txt', notes.map(({ note }) => note).join('\n'))
    const before = notes.at(-2)
    const since = file('since.txt', before?.note ?? '')
    const all = ['verify', '--policy', policy, '--anchor', anchor, '--quiet', '--max-lag', '5h']
    const last = rows - (before?.size ?? 0)
    await take('verify', all, rows)
    await take(`verify --since, ${last} entries behind it`, [...all, '--since', since], last)
    const sample = [...all, '--since', since, '--sample', '1/30']
    await take('verify --since --sample 1/30', sample, rows / 30)
    await take('prove, one entry', ['prove', String(Math.ceil(rows / 2)), '--out', folder], 1)
    return { rows, checkpoints: notes.length, steps }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
    await server.remove()
  }
}

async function fill(sql: postgres.Sql, rows: number, say: Say): Promise<void> {
  const onChunk = (done: number) => say(`${done} entries made`)
  const made = () => generateLog(sql, { rows, endMs: Date.now(), months: 6, onChunk })
  await withoutIndexes(sql, made, say)
}

/** The signed checkpoints, the newest one last. */
async function notesOf(server: BenchServer) {
  const sql = server.connect('verify')
  try {
    return await sql<{ size: number; note: string }[]>`
      select size::float8 as size, note from audit.audit_checkpoint order by size`
  } finally {
    await sql.end({ timeout: 5 })
  }
}
