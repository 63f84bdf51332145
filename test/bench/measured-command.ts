import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { BenchServer } from './bench-server.ts'
import { cpuOfTreeMs } from './process-cpu.ts'

const MAIN = fileURLToPath(new URL('../../relay/main.ts', import.meta.url))

/** What a run of `audit-relay` took, of its process and of the server. */
export interface Step {
  readonly name: string
  readonly seconds: number
  readonly clientCpuSeconds: number
  readonly serverCpuSeconds: number
  /** Of the process of audit-relay, which compiles its sources first: about 100 MB of it. */
  readonly peakMb: number
}

/** Runs `audit-relay`. @throws {Error} where it does not end with 0 */
export async function measuredCommand(
  server: BenchServer,
  name: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Step> {
  const { pid: serverPid } = server.server
  const serverCpuMs = cpuOfTreeMs(serverPid)
  const beganMs = performance.now()
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let peakKb = 0
  let cpuMs = 0
  const watch = setInterval(() => {
    const status = statusOf(child.pid)
    peakKb = Math.max(peakKb, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0))
    cpuMs = Math.max(cpuMs, child.pid === undefined ? 0 : cpuOfTreeMs(child.pid))
  }, 100)
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  clearInterval(watch)
  if (code !== 0) throw new Error(`${name} ended with ${String(code)}: ${said}`)
  return {
    name,
    seconds: (performance.now() - beganMs) / 1_000,
    clientCpuSeconds: cpuMs / 1_000,
    serverCpuSeconds: (cpuOfTreeMs(serverPid) - serverCpuMs) / 1_000,
    peakMb: Math.round(peakKb / 1_000),
  }
}

function statusOf(pid: number | undefined): string {
  try {
    return fs.readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return '' // it has ended
  }
}
