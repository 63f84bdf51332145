import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NativePostgres } from './native-postgres.ts'
import { type PostgresHome, preparePostgresHome, SERVER_ENVIRONMENT } from './server-home.ts'
import { whenWeEnd } from './when-we-end.ts'

export interface DevServerOptions {
  /** Made at the first start and used again later. As root the data may go to another folder. */
  dataDir: string
  /** Its programs. */
  native: NativePostgres
  /** Server settings, such as `{ fsync: 'off' }`. They also hold after `restart()`. */
  settings?: Readonly<Record<string, string>>
  /** @default any free port */
  port?: number | undefined
  /** Called with notes on slow steps and on unexpected folders. @default silent */
  say?: (line: string) => void
}

const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 30_000
const POLL_INTERVAL_MS = 20

/**
 * Starts a real Postgres from npm, listening on 127.0.0.1 only.
 *
 * It does not use the npm package's own class. That class installs signal handlers for the whole
 * process, which prevent a clean Ctrl-C, and it hides the process that fault tests have to kill.
 *
 * The server never outlives this process, however the process ends, and never keeps it alive.
 * Ctrl-C does not reach the server. A signal handler calls `stop()`, or just exits.
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const { native, settings = {}, say = () => {} } = options
  const home = preparePostgresHome(path.resolve(options.dataDir), native, say)
  await makeWay(home.dataDir, say)
  const start = async () => {
    const server = new DevServer(home, settings, options.port ?? (await freePort()))
    await server.start()
    return server
  }
  try {
    return await start()
  } catch (error) {
    // Another process may have taken the free port before the server used it.
    const portWasTaken = String(error).includes('Address already in use')
    if (options.port !== undefined || !portWasTaken) throw error
    return await start()
  }
}

export class DevServer {
  readonly port: number
  readonly dataDir: string
  readonly logFile: string
  /** The URL of the database `postgres`, as the superuser. */
  readonly url: string
  readonly #home: PostgresHome
  readonly #settings: Readonly<Record<string, string>>
  #server: ChildProcess | undefined

  constructor(home: PostgresHome, settings: Readonly<Record<string, string>>, port: number) {
    this.port = port
    this.dataDir = home.dataDir
    this.logFile = path.join(home.dataDir, 'server.log')
    this.url = `postgres://postgres:${home.password}@127.0.0.1:${port}/postgres`
    this.#home = home
    this.#settings = settings
  }

  /** The postmaster's process id. @throws {Error} if it does not run */
  get pid(): number {
    const pid = this.#server?.pid
    if (pid === undefined) throw new Error('Postgres is not running.')
    return pid
  }

  get isRunning(): boolean {
    return this.#server !== undefined
  }

  /** Safe to call twice. Resolves when the server accepts connections. */
  async start(): Promise<void> {
    if (this.#server !== undefined) return
    const deadline = Date.now() + START_TIMEOUT_MS
    for (;;) {
      const logStart = fs.existsSync(this.logFile) ? fs.statSync(this.logFile).size : 0
      const server = await this.#spawn()
      const isReady = await this.#untilReady(server, deadline)
      if (isReady) return
      const log = fs.readFileSync(this.logFile).subarray(logStart).toString('utf8').trim()
      // After kill() a busy backend lives on until its statement ends.
      if (log.includes('pre-existing shared memory block') && Date.now() < deadline) {
        await sleep(POLL_INTERVAL_MS * 5)
        continue
      }
      const lastLines = log.split('\n').slice(-12).join('\n')
      throw new Error(`Postgres did not start. The end of ${this.logFile}:\n${lastLines}`)
    }
  }

  /**
   * Safe to call twice. `fast` ends the sessions and keeps all data. `immediate` is a crash, after
   * which UNLOGGED tables are empty.
   */
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.#end(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
  }

  /** Sends SIGKILL to the postmaster. Its backends notice when they next wait for something. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Restarts on the same port, so that URLs stay valid. Also works after `kill()`. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async #spawn(): Promise<ChildProcess> {
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(this.port),
      unix_socket_directories: '',
      logging_collector: 'off',
      ...this.#settings,
      cluster_name: `${OWNER_MARK}${process.pid}`,
    }
    const log = fs.openSync(this.logFile, 'a')
    const server = spawn(
      this.#home.program,
      [
        ...['-D', this.dataDir],
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      {
        // In its own process group, so that Ctrl-C does not reach it before our own shutdown.
        detached: true,
        stdio: ['ignore', log, log],
        cwd: '/',
        env: SERVER_ENVIRONMENT,
        ...this.#home.runAs,
      },
    )
    fs.closeSync(log)
    this.#server = server
    const callOff = whenWeEnd('kill -INT "$0"', String(server.pid))
    server.once('exit', () => {
      callOff()
      this.#server = undefined
    })
    server.unref()
    await once(server, 'spawn')
    return server
  }

  async #untilReady(server: ChildProcess, deadline: number): Promise<boolean> {
    while (!hasEnded(server)) {
      const { pid, status } = readPidFile(this.dataDir)
      if (pid === server.pid && status === 'ready') return true
      if (Date.now() > deadline) await this.kill()
      else await sleep(POLL_INTERVAL_MS)
    }
    return false
  }

  async #end(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void> {
    const server = this.#server
    if (server === undefined || hasEnded(server)) return
    const ended = once(server, 'exit')
    server.ref() // now this process must wait for it
    server.kill(signal)
    const escalate = setTimeout(() => server.kill('SIGQUIT'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(escalate)
  }
}

function hasEnded(server: ChildProcess): boolean {
  return server.exitCode !== null || server.signalCode !== null
}

// Part of the server's command line, so that a later run can tell which process started it.
const OWNER_MARK = 'audit-outbox-'

/** Handles the postmaster.pid of an earlier run, so that the data directory is free for a start. */
async function makeWay(dataDir: string, say: (line: string) => void): Promise<void> {
  const { pid } = readPidFile(dataDir)
  const command = pid === undefined ? '' : commandOf(pid)
  const owner = Number(command.match(/cluster_name=audit-outbox-(\d+)/)?.[1] ?? 0)
  const isPostgres = /postgres|postmaster/.test(command)
  const isOnOtherData = owner > 0 && !command.includes(`-D ${dataDir} `)
  if (pid === undefined || !isPostgres || isOnOtherData) {
    disownPidFile(dataDir)
    return
  }
  if (owner === 0 || commandOf(owner) !== '') {
    const whose = owner === 0 ? '' : `, started by process ${owner}`
    throw new Error(
      `Another Postgres (process ${pid}${whose}) is running on ${dataDir}. Stop it first.`,
    )
  }
  say(`Stopping the Postgres (process ${pid}) that an earlier run left on ${dataDir}`)
  process.kill(pid, 'SIGINT')
  const deadline = Date.now() + STOP_TIMEOUT_MS
  while (commandOf(pid) !== '') {
    if (Date.now() > deadline) throw new Error(`Process ${pid} on ${dataDir} does not stop.`)
    await sleep(POLL_INTERVAL_MS)
  }
  disownPidFile(dataDir)
}

/**
 * Replaces the process id of a dead server. A zombie or an unrelated process may have this id by
 * now, and Postgres would then not start. The rest of the file stays, because Postgres reads from
 * it whether a session of the dead server still uses its shared memory.
 */
function disownPidFile(dataDir: string): void {
  const file = path.join(dataDir, 'postmaster.pid')
  if (!fs.existsSync(file)) return
  const text = fs.readFileSync(file, 'utf8')
  const isWhole = /^-?\d+\n/.test(text)
  if (isWhole) fs.writeFileSync(file, text.replace(/^-?\d+/, String(NO_PROCESS)))
  else fs.rmSync(file)
}

// Larger than any process id can be.
const NO_PROCESS = 999_999_999

/** Reads the process id from line 1 and the state from line 8, as `pg_ctl -w` does. */
function readPidFile(dataDir: string): { pid?: number; status?: string } {
  try {
    const lines = fs.readFileSync(path.join(dataDir, 'postmaster.pid'), 'utf8').split('\n')
    const pid = Number(lines[0])
    return Number.isInteger(pid) && pid > 0 ? { pid, status: lines[7]?.trim() ?? '' } : {}
  } catch {
    return {}
  }
}

/** The command line of a living process. Empty if the process is gone or a zombie. */
function commandOf(pid: number): string {
  try {
    if (fs.existsSync('/proc/self/cmdline')) {
      return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    }
    const columns = execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
    return columns.includes('<defunct>') ? '' : columns
  } catch {
    return ''
  }
}

async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('No port is free.')
  return address.port
}
