import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { whenWeEnd } from '../support/when-we-end.ts'
import { applyEdit, type Mutant } from './mutant.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const COPIED = ['src', 'relay', 'test', 'package.json', 'tsconfig.json'] as const
/** A test that waits for ever is as red as one that fails; it only takes longer to say so. */
const MAX_RUN_MS = 180_000
const KILL_AFTER_MS = 10_000
/** A failed test as the `spec` reporter prints it; one in another test is indented. */
const FAILED = /^ *✖ (.+) \([\d.]+ms\)$/m

export interface Outcome {
  /** The first test that failed. Undefined: none did. */
  readonly failed: string | undefined
  readonly ms: number
  /** What the run printed. */
  readonly output: string
}

/** A copy of the checkout and a server of its own: where code may be spoilt, one way at a time. */
export class Workshop {
  readonly #folder: string
  readonly #copy: string
  readonly #server: Postgres
  readonly #callOff: () => void
  #running: ChildProcess | undefined

  static async open(): Promise<Workshop> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-mutants-'))
    const callOff = whenWeEnd('rm -rf "$0" || { sleep 3; rm -rf "$0"; }', folder)
    fs.chmodSync(folder, 0o711) // as root the server runs as another user, who has to get in
    const settings = { fsync: 'off', full_page_writes: 'off', max_connections: '200' }
    const server = await startPostgres({ dataDir: path.join(folder, 'data'), settings })
    return new Workshop(folder, server, callOff)
  }

  private constructor(folder: string, server: Postgres, callOff: () => void) {
    this.#folder = folder
    this.#server = server
    this.#callOff = callOff
    this.#copy = path.join(folder, 'checkout')
    fs.mkdirSync(this.#copy)
    for (const name of COPIED) {
      fs.cpSync(path.join(ROOT, name), path.join(this.#copy, name), { recursive: true })
    }
    fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(this.#copy, 'node_modules'))
  }

  /** Runs a mutant's tests until one fails. */
  async try({ edits, tests }: Mutant): Promise<Outcome> {
    const undo = edits.map((edit) => {
      const file = path.join(this.#copy, edit.file)
      const before = fs.readFileSync(file, 'utf8')
      fs.writeFileSync(file, applyEdit(before, edit))
      return () => fs.writeFileSync(file, before)
    })
    try {
      return await this.run(tests)
    } finally {
      for (const restore of undo.reverse()) restore()
    }
  }

  async run(tests: readonly string[]): Promise<Outcome> {
    const beganMs = performance.now()
    const run = spawn(process.execPath, ['--import', 'tsx', 'test/support/run.ts', ...tests], {
      cwd: this.#copy,
      env: { ...process.env, AUDIT_TEST_DATABASE_URL: this.#server.url, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#running = run
    const ended = once(run, 'close')
    let output = ''
    let failed: string | undefined
    const end = (why: string | undefined) => {
      if (failed !== undefined || why === undefined) return
      failed = why
      this.#stop(run)
    }
    const overdue = setTimeout(() => end(`(no end within ${MAX_RUN_MS / 1_000} s)`), MAX_RUN_MS)
    for (const stream of [run.stdout, run.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        end(FAILED.exec(output)?.[1])
      })
    }
    const [code] = await ended
    clearTimeout(overdue)
    if (code !== 0) end('(the run itself failed)')
    return { failed, ms: performance.now() - beganMs, output }
  }

  async close(): Promise<void> {
    if (this.#running?.exitCode === null) this.#stop(this.#running)
    await this.#server.stop('immediate')
    fs.rmSync(this.#folder, { recursive: true, force: true })
    this.#callOff()
  }

  /** Politely at first, because it drops its databases. */
  #stop(run: ChildProcess): void {
    run.kill('SIGTERM')
    const kill = setTimeout(() => run.kill('SIGKILL'), KILL_AFTER_MS)
    run.once('close', () => clearTimeout(kill))
  }
}
