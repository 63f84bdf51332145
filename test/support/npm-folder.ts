import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const DATA = fileURLToPath(new URL('../../.data', import.meta.url))

/** Written after everything is installed, with what was installed. A folder with it is complete. */
const RECEIPT = 'installed.json'

/**
 * Installs packages into their own folder under `.data`, at the first call. It is for packages that
 * few tests need, because they would make every `npm ci` longer.
 *
 * @param packages each with its exact version
 * @param withScripts the packages whose install scripts may run, among these and their dependencies
 * @returns the path of the folder's package.json, from which the packages resolve
 */
export function npmFolder(
  name: string,
  packages: readonly string[],
  withScripts: readonly string[],
  say: (line: string) => void,
): string {
  const folder = path.join(DATA, name)
  const manifest = path.join(folder, 'package.json')
  const receipt = path.join(folder, RECEIPT)
  const wanted = JSON.stringify({ packages, withScripts })
  if (fs.existsSync(receipt) && fs.readFileSync(receipt, 'utf8') === wanted) return manifest
  say(`Installing ${packages.join(', ')} into ${folder} …`)
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  const allowScripts = Object.fromEntries(withScripts.map((allowed) => [allowed, true]))
  fs.writeFileSync(manifest, JSON.stringify({ private: true, allowScripts }))
  const flags = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error']
  execFileSync('npm', ['install', ...flags, ...packages], { cwd: folder, stdio: 'inherit' })
  fs.writeFileSync(receipt, wanted)
  return manifest
}
