import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { ROOT } from './commands.ts'

const FETCH_TIMEOUT_MS = 180_000

/**
 * Where promtool is. Where it is not installed, root gets it from Debian's package `prometheus`, which
 * is unpacked below `.data` and not installed, because it would start a service.
 *
 * @returns its path, or the reason why there is none
 */
export function promtoolOrReason(): string | { readonly reason: string } {
  const found = programFound()
  if (found) return found
  const isRoot = process.getuid?.() === 0
  if (!isRoot || spawnSync('apt-get', ['--version']).status !== 0) {
    return { reason: 'promtool is not installed (Debian: apt-get install prometheus)' }
  }
  fetchPackage()
  return programFound() ?? { reason: 'promtool could not be fetched with apt-get' }
}

const FOLDER = path.join(ROOT, '.data/promtool')

function programFound(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), FOLDER]
  return folders.map((folder) => path.join(folder, 'promtool')).find((file) => fs.existsSync(file))
}

function fetchPackage(): void {
  fs.mkdirSync(FOLDER, { recursive: true })
  const packed = fs.mkdtempSync(path.join(FOLDER, 'package-'))
  const options = { cwd: packed, timeout: FETCH_TIMEOUT_MS, stdio: 'ignore' } as const
  const download = () => spawnSync('apt-get', ['download', 'prometheus'], options).status === 0
  const isThere =
    download() || (spawnSync('apt-get', ['update'], options).status === 0 && download())
  const [file] = fs.readdirSync(packed).filter((name) => name.endsWith('.deb'))
  if (isThere && file !== undefined) {
    execFileSync('dpkg-deb', ['-x', file, 'unpacked'], options)
    fs.renameSync(path.join(packed, 'unpacked/usr/bin/promtool'), path.join(FOLDER, 'promtool'))
  }
  fs.rmSync(packed, { recursive: true })
}
