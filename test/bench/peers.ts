import { execFile, execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Sample } from './rounds.ts'

/** They need Node 22 or newer, and are no dependency of ours: on demand, into a folder of their own. */
const PACKAGES = ['pg-boss@12.38.0', 'graphile-worker@0.18.0', 'pg@8.23.1', 'node@22.23.3']
const FOLDER = path.join(os.tmpdir(), 'audit-outbox-bench-peers')

export const PEERS = ['pg-boss', 'graphile-worker'] as const

/** @returns why they cannot be compared with, or undefined where they are installed */
export function installPeers(say: (progress: string) => void): string | undefined {
  const mark = path.join(FOLDER, 'installed')
  if (fs.existsSync(mark) && fs.readFileSync(mark, 'utf8') === PACKAGES.join(' ')) return undefined
  say(`installing ${PACKAGES.join(', ')} in ${FOLDER}`)
  fs.mkdirSync(FOLDER, { recursive: true })
  fs.writeFileSync(path.join(FOLDER, 'package.json'), '{ "private": true }\n')
  try {
    const flags = ['--no-audit', '--no-fund', '--save-exact']
    execFileSync('npm', ['install', ...flags, ...PACKAGES], { cwd: FOLDER, stdio: 'pipe' })
    nodeOfPeers(['--version'])
  } catch (error) {
    const [line = ''] = String((error as { stderr?: Buffer }).stderr ?? error).split('\n')
    return `pg-boss and graphile-worker could not be installed (offline?): ${line}`
  }
  fs.writeFileSync(mark, PACKAGES.join(' '))
  return undefined
}

export interface PeerOptions {
  readonly url: string
  readonly jobs: number
  readonly batchEntries: number
}

/** How fast a peer takes entries in, and gets them into the log. */
export async function drainPeer(
  peer: (typeof PEERS)[number],
  { url, jobs, batchEntries }: PeerOptions,
): Promise<Sample> {
  const script = fileURLToPath(new URL('peer-drain.ts', import.meta.url))
  const args = ['--no-warnings', script, FOLDER, peer, url, String(jobs), String(batchEntries)]
  const { stdout } = await promisify(execFile)(NODE, args)
  const { staged, drained } = JSON.parse(stdout) as { staged: number; drained: number }
  return { entriesPerSecond: drained, stagedPerSecond: staged }
}

const NODE = path.join(FOLDER, 'node_modules', '.bin', 'node')

function nodeOfPeers(args: readonly string[]): void {
  execFileSync(NODE, args, { stdio: 'pipe' })
}
