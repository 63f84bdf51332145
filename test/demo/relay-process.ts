import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { whenWeEnd } from '../support/when-we-end.ts'
import type { RoleUrls } from './database.ts'
import { DemoFailure } from './failures.ts'
import { tail } from './terminal.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PROGRAM = ['--import', 'tsx', 'relay/main.ts']
/** The name that the page's token belongs to. Reads of the page are logged under it. */
const PAGE_VIEWER = 'you'
const START_TIMEOUT_MS = 20_000
const STOP_TIMEOUT_MS = 15_000

/**
 * Runs `audit-relay migrate`, as a deployment does.
 *
 * @param wayOut a sentence for the error message: what to do if it fails
 * @returns its output
 */
export async function migrate(ownerUrl: string, wayOut: string): Promise<string> {
  const child = launch(['migrate'], { AUDIT_OWNER_DATABASE_URL: ownerUrl }, 'pipe')
  const said: string[] = []
  for (const output of [child.stdout, child.stderr]) {
    output?.setEncoding('utf8').on('data', (text: string) => said.push(text))
  }
  const [code] = await once(child, 'close')
  const text = said.join('').trim()
  if (code !== 0)
    throw new DemoFailure(`\`audit-relay migrate\` failed:\n${text}\n${wayOut}`.trimEnd())
  return text
}

export interface RelayProcess {
  readonly pid: number
  /** The timeline page that it serves. The URL holds a token, so it gives access to the page. */
  readonly pageUrl: string
  /** Rejects when the relay ends by itself. */
  readonly died: Promise<never>
  stop(): Promise<void>
}

/** Starts the relay as its own process, as production does, and waits until it serves the page. */
export async function startRelay(urls: RoleUrls, logFile: string): Promise<RelayProcess> {
  const log = fs.openSync(logFile, 'w')
  const token = randomBytes(24).toString('base64url')
  const its = {
    AUDIT_RELAY_DATABASE_URL: urls.relay,
    AUDIT_READER_DATABASE_URL: urls.reader,
    AUDIT_APP_DATABASE_URL: urls.app, // to record who reads the page
    AUDIT_HTTP_PORT: '0',
    AUDIT_PAGE_TOKEN: `${PAGE_VIEWER}:${token}`,
    AUDIT_LOG_LEVEL: 'info',
  }
  const child = launch(['run'], its, log)
  fs.closeSync(log)
  let isStopping = false
  const died = new Promise<never>((_, reject) => {
    child.once('exit', (code, signal) => {
      if (isStopping) return
      const how = signal === null ? `with code ${code}` : `by ${signal}`
      reject(new DemoFailure(`The relay ended ${how}. ${tail(logFile)}`))
    })
  })
  died.catch(() => {}) // handled where `died` is awaited
  const pageUrl = await Promise.race([servedAt(logFile), died])
  return {
    pid: child.pid ?? 0,
    pageUrl: `${pageUrl}?token=${token}`,
    died,
    stop: async () => {
      isStopping = true
      await end(child)
    },
  }
}

/** Its process ends when this one does, however that ends. Ctrl-C does not reach it directly. */
function launch(
  args: readonly string[],
  its: Readonly<Record<string, string>>,
  output: 'pipe' | number,
): ChildProcess {
  const child = spawn(process.execPath, [...PROGRAM, ...args], {
    cwd: ROOT,
    env: relayEnvironment(its),
    stdio: ['ignore', output, output],
    detached: true,
  })
  const callOff = whenWeEnd('kill -TERM "$0"', String(child.pid))
  child.once('exit', callOff)
  return child
}

/** Waits until the relay logs the URL of the page. It runs by then. */
async function servedAt(logFile: string): Promise<string> {
  const deadline = Date.now() + START_TIMEOUT_MS
  for (;;) {
    const [, url] = /"url":"(http:[^"]+)"/.exec(fs.readFileSync(logFile, 'utf8')) ?? []
    if (url !== undefined) return url
    if (Date.now() > deadline) {
      const limit = `${START_TIMEOUT_MS / 1_000} s`
      throw new DemoFailure(`The relay did not start within ${limit}. ${tail(logFile)}`)
    }
    await sleep(20)
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const escalate = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  const [code, signal] = await ended
  clearTimeout(escalate)
  if (signal === 'SIGKILL') throw new Error(`still running after ${STOP_TIMEOUT_MS / 1_000} s`)
  if (code !== 0) throw new Error(`it ended with code ${code}`)
}

/** This process's environment, without the variables that would name another database. */
function relayEnvironment(its: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const ours = Object.entries(process.env).filter(
    ([name]) => name !== 'DATABASE_URL' && !/^AUDIT_\w+_DATABASE_URL$/.test(name),
  )
  return { ...Object.fromEntries(ours), ...its }
}
