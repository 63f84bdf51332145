import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { within } from '../../../src/within.ts'
import type { Anchor } from './anchor.ts'
import { anchorFailed, inSomeAttempts } from './attempts.ts'

export interface CommandAnchorOptions {
  /** A command line for `sh`. It finds the checkpoint on its standard input. */
  readonly command: string
  /** After so long the command and what it has started are killed, in milliseconds. Default: 30 s. */
  readonly timeoutMs?: number
  /** What the command may know of the environment. Default: all but our own secrets. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

const TIMEOUT_MS = 30_000

/** Variables that a command has no use for, and that would let it write the log or sign for it. */
const OUR_SECRETS = /^(?:AUDIT_SEAL_KEY.*|AUDIT_PAGE_TOKEN|(?:AUDIT_\w+_)?DATABASE_URL|PGPASSWORD)$/

/**
 * Hands checkpoints to a command of yours, such as one that commits to a repository, sends a mail or
 * writes to an object store that lets nobody delete. Exit code 0 means that it was taken.
 */
export function commandAnchor(options: CommandAnchorOptions): Anchor {
  const { command, timeoutMs = TIMEOUT_MS, environment = process.env } = options
  const env = Object.fromEntries(
    Object.entries(environment).filter(([name]) => !OUR_SECRETS.test(name)),
  )
  let taken: string | undefined
  return {
    name: 'command',
    async publish(note) {
      await inSomeAttempts(() => run(command, note, { env, timeoutMs }))
      taken = note
      return []
    },
    newest: async () => taken,
  }
}

async function run(
  command: string,
  note: string,
  { env, timeoutMs }: { readonly env: NodeJS.ProcessEnv; readonly timeoutMs: number },
): Promise<void> {
  // A group of its own, so that everything that it starts can be ended with it.
  const child = spawn('/bin/sh', ['-c', command], {
    env,
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  child.stdin.on('error', () => {}) // a command need not read it
  child.stdin.end(note)
  const ended: Promise<readonly unknown[]> = once(child, 'exit')
  const [code, signal] = await within(timeoutMs, ended, () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    ended.catch(() => {})
    throw anchorFailed(
      `The command for checkpoints did not end within ${timeoutMs / 1_000} s and was killed.`,
    )
  })
  if (code === 0) return
  const how = code === null ? `was ended by ${signal}` : `ended with exit code ${code}`
  throw anchorFailed(`The command for checkpoints ${how}. Its standard error says why.`)
}
