import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Postgres, startPostgres } from './postgres.ts'
import { chosenMajor } from './postgres-home.ts'
import { prepareServer } from './prepare.ts'
import { whenWeEnd } from './when-we-end.ts'

/**
 * `npm test [-- <part of a file name>…] [--test-…]`: makes a server, runs the tests on it, and
 * leaves nothing behind.
 *
 * - `AUDIT_TEST_DATABASE_URL`: test on this server instead of starting one.
 * - `AUDIT_TEST_POSTGRES_MAJOR`: which Postgres to start, 14 to 18 (the default).
 * - `AUDIT_SAMPLE`: audit events of another system, for the test that exports real entries.
 * - `AUDIT_FUZZ_RUNS`: how many entries the tests named hostile generate, instead of 2,000. More
 *   than about 100,000 also need `--test-timeout=3600000`.
 * - `AUDIT_FUZZ_SEED`: generate the same entries as the run that printed this seed.
 * - `AUDIT_SCREENSHOTS`: a folder for the screenshots of the browser tests.
 * - `AUDIT_TEST_KEEP`: keep the databases of failed tests, and the server until Ctrl-C.
 * - `AUDIT_TEST_SECOND_RUN`: a number of files. Where no more have a failed test, they are run a
 *   second time, and that counts. What passes only then is named, because it is a defect.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FILES_AT_ONCE = 3
const MEMORY_NEEDED_BYTES = 4 * 1024 ** 3
const FILE_TIMEOUT_MS = 20 * 60_000
const SERVER_SETTINGS = {
  fsync: 'off', // synchronous_commit stays as users have it
  full_page_writes: 'off',
  max_connections: '200',
}

const halt = new AbortController()
let tests: ChildProcess | undefined

for (const [signal, number] of [['SIGINT', 2] as const, ['SIGTERM', 15] as const]) {
  process.on(signal, () => {
    process.exitCode = 128 + number
    if (halt.signal.aborted) process.exit() // a second signal; the server ends with this process
    halt.abort(new Error(`Stopped by ${signal}.`))
    tests?.kill(signal)
  })
}

try {
  const code = await main(process.argv.slice(2))
  process.exitCode ??= code
} catch (error) {
  process.exitCode ??= 1
  if (halt.signal.aborted) say(halt.signal.reason.message)
  else console.error(error)
}

async function main(args: readonly string[]): Promise<number> {
  const files = testFiles(args.filter((arg) => !arg.startsWith('-')))
  const flags = args.filter((arg) => arg.startsWith('-'))
  const given = process.env['AUDIT_TEST_DATABASE_URL']
  return given ? await runOn(given, files, flags) : await runOnOwnServer(files, flags)
}

async function runOnOwnServer(files: string[], flags: string[]): Promise<number> {
  const major = chosenMajor()
  const folder = fs.mkdtempSync(path.join(quickestFolder(), 'audit-outbox-test-'))
  const callOff = whenWeEnd('rm -rf "$0" || { sleep 3; rm -rf "$0"; }', folder)
  let server: Postgres | undefined
  try {
    fs.chmodSync(folder, 0o711) // as root, the server runs as another user, who must enter it
    const dataDir = path.join(folder, 'data')
    server = await phase(`Starting Postgres ${major}`, () =>
      startPostgres({ dataDir, major, settings: SERVER_SETTINGS, say }),
    )
    const code = await runOn(server.url, files, flags)
    if (code !== 0 && process.env['AUDIT_TEST_KEEP']) await keep(server)
    return code
  } finally {
    await server?.stop('immediate') // its data is not needed any more
    fs.rmSync(folder, { recursive: true, force: true })
    callOff()
  }
}

/** A database is a thousand files. To copy it took 20 to 400 ms on a disk and 10 ms in memory. */
function quickestFolder(): string {
  const memory = '/dev/shm'
  if (process.env['TMPDIR'] || !fs.existsSync(memory)) return os.tmpdir()
  const { bavail, bsize } = fs.statfsSync(memory) // in a container often 64 MiB
  return bavail * bsize > MEMORY_NEEDED_BYTES ? memory : os.tmpdir()
}

async function runOn(url: string, files: string[], flags: string[]): Promise<number> {
  halt.signal.throwIfAborted()
  const release = await prepareServer(url, phase)
  try {
    const first = await runTests(url, files, flags)
    const again = first.failed.length <= mostAgain() ? first.failed : []
    if (first.code === 0 || again.length === 0) return first.code
    say(`\nA second run of ${again.join(', ')}`)
    const { code, failed } = await runTests(url, again, flags)
    const unsteady = again.filter((file) => !failed.includes(file))
    if (unsteady.length > 0) say(`Passed at the second run only: ${unsteady.join(', ')}`)
    return code
  } finally {
    await release({ keepDatabases: Boolean(process.env['AUDIT_TEST_KEEP']) })
  }
}

function mostAgain(): number {
  return Number(process.env['AUDIT_TEST_SECOND_RUN'] ?? 0)
}

interface Ran {
  readonly code: number
  /** Files with a failed test. */
  readonly failed: string[]
}

async function runTests(url: string, files: string[], flags: string[]): Promise<Ran> {
  halt.signal.throwIfAborted()
  const reporter = new URL('require-tests.mjs', import.meta.url).href
  const dumps = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-dumps-'))
  const failedList = path.join(dumps, 'failed')
  const callOff = whenWeEnd('rm -rf "$0"', dumps)
  tests = spawn(
    process.execPath,
    [
      ...['--import', 'tsx', '--test'],
      ...['--test-concurrency', String(FILES_AT_ONCE), '--test-timeout', String(FILE_TIMEOUT_MS)],
      ...['--test-reporter', 'spec', '--test-reporter-destination', 'stdout'],
      ...['--test-reporter', reporter, '--test-reporter-destination', 'stderr'],
      ...flags,
      ...files,
    ],
    {
      cwd: ROOT,
      env: {
        ...testEnvironment(url),
        AUDIT_JOURNAL_DIR: dumps,
        AUDIT_TEST_FAILED_FILES: failedList,
      },
      stdio: 'inherit',
    },
  )
  const [code] = await once(tests, 'exit')
  // A run that was killed has no list.
  const listed = fs.existsSync(failedList) ? fs.readFileSync(failedList, 'utf8') : ''
  const failed = listed.split('\n').filter(Boolean)
  fs.rmSync(dumps, { recursive: true, force: true })
  callOff()
  halt.signal.throwIfAborted()
  return { code: code ?? 1, failed }
}

/** The environment without variables that would lead a test to one of the developer's databases. */
function testEnvironment(url: string): NodeJS.ProcessEnv {
  const ours = Object.entries(process.env).filter(
    ([name]) => !/^(DATABASE_URL$|PG|AUDIT_(?!TEST_|FUZZ_|SCREENSHOTS$))/.test(name),
  )
  // Under another name, because the demo would replay the file in its tests.
  const sample = process.env['AUDIT_SAMPLE']
  const given = sample ? { AUDIT_TEST_SAMPLE: sample } : {}
  return { ...Object.fromEntries(ours), ...given, AUDIT_TEST_DATABASE_URL: url }
}

/** `move` means every `test/move*.test.ts`, a path means that file, and no argument every file. */
function testFiles(wanted: readonly string[]): string[] {
  const all = fs.readdirSync(path.join(ROOT, 'test')).filter((name) => name.endsWith('.test.ts'))
  const prefixes = wanted.length === 0 ? [''] : wanted.map((name) => path.basename(name))
  const files = all.filter((name) => prefixes.some((prefix) => name.startsWith(prefix)))
  if (files.length > 0) return files.sort().map((name) => path.join('test', name))
  throw new Error(
    `No test file starts with ${prefixes.join(' or ') || 'anything'}. Known: ${all.join(', ')}`,
  )
}

async function keep(server: Postgres): Promise<void> {
  say(`The server is kept until Ctrl-C: ${server.url}`)
  const forEver = setInterval(() => {}, 60_000)
  await once(halt.signal, 'abort')
  clearInterval(forEver)
}

/** Prints what is going on if it takes more than a second. */
async function phase<T>(what: string, work: () => Promise<T>): Promise<T> {
  const slow = setTimeout(() => say(`${what} …`), 1_000)
  try {
    return await work()
  } finally {
    clearTimeout(slow)
  }
}

function say(line: string): void {
  console.log(line)
}
