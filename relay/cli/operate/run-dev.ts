import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { AuditError, optionInvalid } from '../../../src/errors.ts'
import { migrateDatabase } from '../../../src/schema/migrate.ts'
import type { Environment } from '../../config.ts'
import { DevFolder } from '../../dev/dev-folder.ts'
import { type DevServer, startDevServer } from '../../dev/dev-server.ts'
import { nativePostgres } from '../../dev/native-postgres.ts'
import { openRelay } from './run-relay.ts'

export interface DevOptions {
  readonly dir?: string
  readonly port?: number
  readonly pagePort?: number
}

const FOLDER = '.audit-outbox'
const WATCH_EVERY_MS = 500
const [DONE, FAILED] = [0, 1]

/** Runs PostgreSQL, relay and page until a signal, or until PostgreSQL ends by itself. */
export async function runDev(environment: Environment, options: DevOptions): Promise<number> {
  const dir = path.resolve(options.dir ?? FOLDER)
  const say = (line: string) => process.stdout.write(`${line}\n`)
  const stopping = untilSignal()
  const native = orMisuse(() => nativePostgres(path.resolve('package.json')))
  const folder = orMisuse(() => new DevFolder(dir))
  const before = folder.read()
  say(`Starting PostgreSQL ${native.version} in ${shown(dir)} …`)
  const server = await startOn(options.port ?? before.port, (port) =>
    startDevServer({ dataDir: path.join(dir, 'postgres'), native, port, say }),
  )
  try {
    const token = before.token ?? randomBytes(16).toString('hex')
    await migrateDatabase({ databaseUrl: server.url })
    const served = await startOn(options.pagePort ?? before.pagePort, (port) =>
      openRelay(settings(environment, server.url, token, port ?? 0)),
    )
    const pageUrl = new URL(served.url ?? '')
    folder.write({ token, port: server.port, pagePort: Number(pageUrl.port) })
    say(`\nDATABASE_URL=${server.url}\nPage:        ${pageUrl.href}?token=${token}\n`)
    say(`Ctrl-C ends it. The data stay in ${shown(dir)}, which Git ignores.`)
    const running = served.relay.start()
    const reason = await Promise.race([stopping, untilDead(server), running.then(() => 'relay')])
    say(reason === 'signal' ? 'Stopping …' : '')
    await served.stop()
    if (reason === 'signal') return DONE
    process.stderr.write(
      `audit-relay: PostgreSQL ended by itself. Its log is ${shown(server.logFile)}.\n`,
    )
    return FAILED
  } finally {
    await server.stop()
  }
}

/** On the port of the last start, or on any other one where somebody has it now. */
async function startOn<T>(
  port: number | undefined,
  start: (port: number | undefined) => Promise<T>,
): Promise<T> {
  try {
    return await start(port)
  } catch (error) {
    const isTaken = /Address already in use|EADDRINUSE/.test(String(error))
    if (port === undefined || !isTaken) throw failed(error)
    process.stdout.write(`Port ${port} is in use, so another one is taken.\n`)
    return await start(undefined)
  }
}

/** One login does everything, and nothing of the caller's own setup is taken over. */
function settings(environment: Environment, url: string, token: string, port: number): Environment {
  return {
    DATABASE_URL: url,
    AUDIT_LOG_LEVEL: environment['AUDIT_LOG_LEVEL'] ?? 'warn',
    AUDIT_HTTP_HOST: '127.0.0.1',
    AUDIT_HTTP_PORT: String(port),
    AUDIT_PAGE_TOKEN: `dev:${token}`,
    AUDIT_PAGE_AUDIT_READS: 'off',
  }
}

/** The first signal ends it cleanly; the second one at once. */
async function untilSignal(): Promise<'signal'> {
  return await new Promise((resolve) => {
    let signals = 0
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        signals += 1
        if (signals > 1) process.exit(signal === 'SIGINT' ? 130 : 143)
        resolve('signal')
      })
    }
  })
}

async function untilDead(server: DevServer): Promise<'server'> {
  return await new Promise((resolve) => {
    const timer = setInterval(() => {
      if (server.isRunning) return
      clearInterval(timer)
      resolve('server')
    }, WATCH_EVERY_MS)
    timer.unref()
  })
}

function orMisuse<T>(find: () => T): T {
  try {
    return find()
  } catch (error) {
    throw optionInvalid(error instanceof Error ? error.message : String(error))
  }
}

function failed(error: unknown): unknown {
  if (error instanceof AuditError || !(error instanceof Error)) return error
  return new AuditError('AUDIT_DATABASE_FAILED', error.message)
}

function shown(file: string): string {
  const relative = path.relative('', file)
  return relative.startsWith('..') ? file : relative || '.'
}
