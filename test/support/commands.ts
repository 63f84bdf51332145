import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface CommandResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `npx drizzle-kit …` in a folder, without an input. */
export function drizzleKit(
  args: readonly string[],
  options: { cwd?: string; url?: string } = {},
): Promise<CommandResult> {
  return runNode([path.join(ROOT, 'node_modules/drizzle-kit/bin.cjs'), ...args], options)
}

/** Runs `audit-relay …` from the sources. */
export function auditRelay(
  args: readonly string[],
  options: { url?: string } = {},
): Promise<CommandResult> {
  return runNode(['--import', 'tsx', path.join(ROOT, 'relay/main.ts'), ...args], options)
}

/** Runs `npm run schema:make` in a copy of the sources. */
export function makeSchema(
  args: readonly string[],
  options: { cwd: string },
): Promise<CommandResult> {
  return runNode(['--import', 'tsx', '.ci/make-schema.ts', ...args], options)
}

async function runNode(
  args: readonly string[],
  { cwd = ROOT, url }: { cwd?: string; url?: string },
): Promise<CommandResult> {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { PATH: process.env['PATH'], NO_COLOR: '1', ...(url ? { DATABASE_URL: url } : {}) },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  })
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    child.exitCode ?? once(child, 'exit'),
  ])
  return { code: child.exitCode, stdout, stderr }
}
