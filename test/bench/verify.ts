import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type postgres from 'postgres'
import { testKey } from '../support/memory-tree.ts'
import { sealLog } from '../support/seal-log.ts'
import { BenchServer } from './bench-server.ts'
import { generateLog, withoutIndexes } from './generate.ts'
import { measuredCommand, type Step } from './measured-command.ts'
import type { Part } from './part.ts'

/** Entries below one checkpoint, as the sealer makes them. */
const CHUNK = 16_384

/** A log of six months is sealed, and verified as a whole and in parts. */
export const part: Part = {
  name: 'verify',
  summary:
    'a sealed log is verified as a whole, since a checkpoint, and in parts: time, CPU, memory',
  async run({ isQuick, say }) {
    const rows = isQuick ? 20_000 : Number(process.env['AUDIT_BENCH_ROWS'] ?? 1_000_000)
    const server = await BenchServer.start()
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-bench-verify-'))
    const { signer, vkey } = testKey()
    const notes: string[] = []
    try {
      const url = await server.make('verify', async (sql) => {
        await fill(sql, rows, say)
        for (let size = 0; size < rows; ) {
          size = Math.min(rows, size + CHUNK)
          notes.push(await sealLog(sql, { signer, size }))
        }
        say(`${rows} entries sealed, ${notes.length} checkpoints`)
      })
      const file = (name: string, text: string) => {
        const at = path.join(folder, name)
        fs.writeFileSync(at, text)
        return at
      }
      const policy = file('audit.policy', `log ${vkey}\nquorum none\n`)
      const anchor = file('anchor.txt', notes.join('\n'))
      const since = file('since.txt', notes.at(-2) ?? '')
      const all = ['verify', '--policy', policy, '--anchor', anchor, '--quiet', '--max-lag', '2h']
      const last = rows % CHUNK || CHUNK
      const steps: (readonly [step: Step, read: number])[] = []
      for (const [name, args, read] of [
        ['nothing but the start of the process', ['--help'], 0],
        ['verify', all, rows],
        [`verify --since, ${last} entries behind it`, [...all, '--since', since], last],
        ['verify --since --sample 1/30', [...all, '--since', since, '--sample', '1/30'], rows / 30],
        ['prove, one entry', ['prove', String(Math.ceil(rows / 2)), '--out', folder], 1],
      ] as const) {
        const step = await measuredCommand(server, name, args, { AUDIT_READER_DATABASE_URL: url })
        steps.push([step, Math.round(read)])
        say(`${name}: ${step.seconds.toFixed(1)} s, ${step.peakMb} MB`)
      }
      return {
        tables: [
          {
            title: `${rows} entries of six months, ${notes.length} checkpoints`,
            columns: ['step', 'entries read', 's', 'CPU s client', 'CPU s server', 'peak RSS MB'],
            rows: steps.map(([step, read]) => [
              step.name,
              String(read),
              ...[step.seconds, step.clientCpuSeconds, step.serverCpuSeconds].map((seconds) =>
                seconds.toFixed(1),
              ),
              String(step.peakMb),
            ]),
            note:
              'Each is a process that compiles its sources first, which is in its time, CPU and memory: ' +
              'the first row has what that alone takes. Every entry that is read is hashed in it.',
          },
        ],
        goals: [],
        charts: [],
        measured: { rows, checkpoints: notes.length, steps },
      }
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
      await server.remove()
    }
  },
}

async function fill(sql: postgres.Sql, rows: number, say: (text: string) => void): Promise<void> {
  const onChunk = (done: number) => say(`${done} entries made`)
  const made = () => generateLog(sql, { rows, endMs: Date.now(), months: 6, onChunk })
  await withoutIndexes(sql, made, say)
}
