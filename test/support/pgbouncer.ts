import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { waitFor } from './wait-for.ts'
import { whenWeEnd } from './when-we-end.ts'

const INSTALL_TIMEOUT_MS = 180_000
const HOST = '127.0.0.1'

export interface PgBouncer {
  /** The URL of the same database through the pooler. */
  through(url: string): string
  /** Ends it, and its connections to the server, before the test does. */
  end(): Promise<void>
}

/**
 * Starts PgBouncer in transaction mode in front of a server, for these logins. Ended after the
 * test. If PgBouncer cannot be installed, the test is skipped and the result is undefined.
 */
export async function pgBouncer(
  t: TestContext,
  urls: readonly string[],
): Promise<PgBouncer | undefined> {
  const program = programOrReason()
  if (typeof program !== 'string') {
    t.skip(program.reason)
    return undefined
  }
  const server = new URL(urls[0] ?? '')
  const port = await freePort()
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-pgbouncer-'))
  const config = path.join(folder, 'pgbouncer.ini')
  const users = path.join(folder, 'users.txt')
  const logins = urls.map((url) => new URL(url))
  const quoted = (text: string) => `"${decodeURIComponent(text).replaceAll('"', '""')}"`
  fs.writeFileSync(
    users,
    logins.map(({ username, password }) => `${quoted(username)} ${quoted(password)}\n`).join(''),
  )
  fs.writeFileSync(
    config,
    `[databases]
* = host=${server.hostname} port=${server.port || 5432}
[pgbouncer]
listen_addr = ${HOST}
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
default_pool_size = 6
max_client_conn = 100
`,
  )
  // PgBouncer refuses to run as root.
  const user = process.getuid?.() === 0 ? userNobody() : undefined
  if (user) for (const file of [folder, users, config]) fs.chownSync(file, user.uid, user.gid)
  const child = spawn(program, [config], { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/', ...user })
  const callOff = whenWeEnd('kill "$0"; rm -rf "$1"', String(child.pid), folder)
  t.after(async () => {
    await end(child)
    fs.rmSync(folder, { recursive: true, force: true })
    callOff()
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  await waitFor(() => answers(port), { what: `PgBouncer to start: ${output}` })
  return {
    through: (url) => Object.assign(new URL(url), { hostname: HOST, port: String(port) }).href,
    end: () => end(child),
  }
}

function programOrReason(): string | { readonly reason: string } {
  const found = programFound()
  if (found) return found
  const isRoot = process.getuid?.() === 0
  if (!isRoot || spawnSync('apt-get', ['--version']).status !== 0) {
    return { reason: 'PgBouncer is not installed (Debian: apt-get install pgbouncer)' }
  }
  // With RUNLEVEL the package does not start its own service.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const options = { env, timeout: INSTALL_TIMEOUT_MS, stdio: 'ignore' } as const
  spawnSync('apt-get', ['update'], options)
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'pgbouncer'], options)
  return programFound() ?? { reason: 'PgBouncer could not be installed with apt-get' }
}

function programFound(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin']
  return folders.map((folder) => path.join(folder, 'pgbouncer')).find((file) => fs.existsSync(file))
}

function userNobody(): { readonly uid: number; readonly gid: number } {
  const idOf = (flag: '-u' | '-g') => Number(execFileSync('id', [flag, 'nobody']))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, HOST)
  await once(probe, 'listening')
  const { port } = probe.address() as net.AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

async function answers(port: number): Promise<boolean> {
  const socket = net.connect(port, HOST)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
