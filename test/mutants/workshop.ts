import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { whenWeEnd } from '../support/when-we-end.ts'
import { applyEdit, type Edit } from './mutant.ts'
import { runGroup } from './process-group.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const COPIED = ['src', 'relay', 'test', 'package.json', 'tsconfig.json'] as const
/** A test that waits without end is as red as one that fails; it only takes longer to say so. */
const TEST_TIMEOUT_MS = 120_000
/** A test as the `spec` reporter prints it; one in another test is indented. */
const ENDED = /^ *([✔✖]) (.+) \([\d.]+ms\)$/gm

/** A named test in a file of `test/`. */
export interface NamedTest {
  readonly file: string
  readonly test: string
}

export interface Outcome {
  readonly passed: ReadonlySet<string>
  readonly failed: ReadonlySet<string>
  /** Whether the run was ended at its deadline. */
  readonly isOverdue: boolean
  readonly ms: number
  /** What the run printed. */
  readonly output: string
}

export interface RunOptions {
  /** A run that has not ended by then is ended, with all that it started. */
  readonly deadlineMs: number
  /** The first of the wanted tests that fails ends the run. */
  readonly endsWithFailure: boolean
}

/** A copy of the checkout and a server of its own: where code may be spoilt, one way at a time. */
export class Workshop {
  readonly #folder: string
  readonly #copy: string
  readonly #server: Postgres
  readonly #callOff: () => void

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

  /** Runs these tests on the code with the edits, and no others. */
  async try(
    edits: readonly Edit[],
    tests: readonly NamedTest[],
    options: RunOptions,
  ): Promise<Outcome> {
    const undo = edits.map((edit) => {
      const file = path.join(this.#copy, edit.file)
      const before = fs.readFileSync(file, 'utf8')
      fs.writeFileSync(file, applyEdit(before, edit))
      return () => fs.writeFileSync(file, before)
    })
    try {
      return await this.#run(tests, options)
    } finally {
      for (const restore of undo.reverse()) restore()
    }
  }

  async #run(tests: readonly NamedTest[], options: RunOptions): Promise<Outcome> {
    const { deadlineMs, endsWithFailure } = options
    const files = [...new Set(tests.map(({ file }) => file))]
    const flags = [`--test-timeout=${TEST_TIMEOUT_MS}`]
    // From Node 22 on a title stands behind those of the groups that it is in.
    for (const { test } of tests) flags.push(`--test-name-pattern=(^|[ ])${escaped(test)}$`)
    const wanted = new Set(tests.map(({ test }) => test))
    const hasFailed = (output: string) =>
      [...resultsOf(output).failed].some((test) => wanted.has(test))
    const { output, isOverdue, ms } = await runGroup(
      ['--import', 'tsx', 'test/support/run.ts', ...files, ...flags],
      {
        cwd: this.#copy,
        env: { ...process.env, AUDIT_TEST_DATABASE_URL: this.#server.url, NO_COLOR: '1' },
        deadlineMs,
        ...(endsWithFailure ? { isEnough: hasFailed } : {}),
      },
    )
    return { ...resultsOf(output), isOverdue, ms, output }
  }

  async close(): Promise<void> {
    await this.#server.stop('immediate')
    fs.rmSync(this.#folder, { recursive: true, force: true })
    this.#callOff()
  }
}

function resultsOf(output: string) {
  const passed = new Set<string>()
  const failed = new Set<string>()
  for (const [, sign, test] of output.matchAll(ENDED)) {
    if (sign === '✖') failed.add(test as string)
    else passed.add(test as string)
  }
  return { passed, failed }
}

function escaped(title: string): string {
  return title.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
