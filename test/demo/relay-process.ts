import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { whenWeEnd } from '../support/when-we-end.ts'
import { DemoFailure } from './failures.ts'
import { tail } from './terminal.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PROGRAM = ['--import', 'tsx', 'relay/main.ts']
const START_TIMEOUT_MS = 20_000
const STOP_TIMEOUT_MS = 15_000

/**
 * Runs `audit-relay migrate`, as a deployment does.
 *
 * @param wayOut what to do where it fails
 * @returns what it said
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
  /** Rejects when the relay ends without having been asked to. */
  readonly died: Promise<never>
  stop(): Promise<void>
}

/** Starts the relay as a process of its own, as production does, and waits for its first word. */
export async function startRelay(relayUrl: string, logFile: string): Promise<RelayProcess> {
  const log = fs.openSync(logFile, 'w')
  const its = { AUDIT_RELAY_DATABASE_URL: relayUrl, AUDIT_LOG_LEVEL: 'info' }
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
  died.catch(() => {}) // whoever waits for it hears of it
  await Promise.race([firstWord(logFile), died])
  return {
    pid: child.pid ?? 0,
    died,
    stop: async () => {
      isStopping = true
      await end(child)
    },
  }
}

/** Ends when we end, whatever becomes of us; and hears no Ctrl-C, which is ours to handle. */
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

async function firstWord(logFile: string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS
  while (fs.statSync(logFile).size === 0) {
    if (Date.now() > deadline) {
      throw new DemoFailure(`The relay has said nothing within ${START_TIMEOUT_MS / 1_000} s.`)
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

/** Ours, without anything that would lead the relay to another database. */
function relayEnvironment(its: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const ours = Object.entries(process.env).filter(
    ([name]) => name !== 'DATABASE_URL' && !/^AUDIT_\w+_DATABASE_URL$/.test(name),
  )
  return { ...Object.fromEntries(ours), ...its }
}
