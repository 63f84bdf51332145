import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../relay/main.ts', import.meta.url))

/** The relay is compiled at its start, which takes half a minute on a busy machine. */
export const START_MS = 120_000
const MAX_LIFE_MS = 2 * START_MS

export interface RelayProcess {
  readonly child: ChildProcess
  /** What it has written so far. */
  output(): { readonly stdout: string; readonly stderr: string }
  /** Resolves with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>
}

/** Starts `audit-relay` as its own process, with only this environment. Killed after the test. */
export function spawnRelay(
  t: TestContext,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): RelayProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  // A relay that hangs fails its test and not the whole run.
  const overdue = setTimeout(() => child.kill('SIGKILL'), MAX_LIFE_MS)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const ended = once(child, 'close').then(([code, signal]) => {
    clearTimeout(overdue)
    return code ?? signal
  })
  return { child, output: () => ({ stdout, stderr }), ended }
}

/** Runs `audit-relay` to its end. */
export async function runRelay(
  t: TestContext,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
) {
  const relay = spawnRelay(t, args, environment)
  const code = await relay.ended
  return { code, ...relay.output() }
}
