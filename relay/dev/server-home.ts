import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { NativePostgres } from './native-postgres.ts'

/** A server's program and data directory, and the user that it runs as. */
export interface PostgresHome {
  readonly program: string
  readonly dataDir: string
  readonly password: string
  /** Undefined: the user of this process. */
  readonly runAs: RunAs | undefined
}

type RunAs = Readonly<{ uid: number; gid: number }>
type Say = (line: string) => void

const SERVER_USER = 'postgres'
const PASSWORD_FILE = 'superuser-password'

// Without the caller's environment, because PGDATA, PGPORT and locales would change the server.
export const SERVER_ENVIRONMENT = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' }

/** Finds the program and the data directory, and makes the ones that are missing. */
export function preparePostgresHome(
  wanted: string,
  native: NativePostgres,
  say: Say,
): PostgresHome {
  const runAs = serverUser(wanted)
  const major = Number.parseInt(native.version, 10)
  const binDir = path.join(reachableNative(native, runAs, say), 'bin')
  const dataDir = reachableDataDir(wanted, runAs, say)
  const holds = majorIn(dataDir)
  if (holds === undefined) initialise(path.join(binDir, 'initdb'), dataDir, runAs)
  else if (holds !== String(major)) {
    throw new Error(
      `${dataDir} was made by Postgres ${holds}, not ${major}. Delete it, or use another folder.`,
    )
  }
  const password = fs.readFileSync(path.join(dataDir, PASSWORD_FILE), 'utf8')
  return { program: path.join(binDir, 'postgres'), dataDir, password, runAs }
}

/**
 * Postgres refuses to run as root. If we are root, it runs as the data's owner or a system user.
 */
function serverUser(dataDir: string): RunAs | undefined {
  if (process.getuid?.() !== 0) return undefined
  if (majorIn(dataDir) !== undefined) {
    const { uid, gid } = fs.statSync(dataDir)
    if (uid !== 0) return { uid, gid }
  }
  const idOf = (flag: '-u' | '-g') =>
    Number(execFileSync('id', [flag, SERVER_USER], { stdio: ['ignore', 'pipe', 'ignore'] }))
  try {
    return { uid: idOf('-u'), gid: idOf('-g') }
  } catch {
    const made = spawnSync('useradd', ['--system', '--user-group', SERVER_USER], {
      encoding: 'utf8',
    })
    if (made.status === 0) return { uid: idOf('-u'), gid: idOf('-g') }
    throw new Error(
      `Postgres does not run as root, and the system user "${SERVER_USER}" could not be made ` +
        `(${made.error?.message ?? made.stderr.trim()}). Run this as an ordinary user.`,
    )
  }
}

/** The folder of the platform package, or a copy of it if the server's user cannot read it. */
function reachableNative(
  { folder: native, version }: NativePostgres,
  runAs: RunAs | undefined,
  say: Say,
): string {
  const problem = cannotRun(native, runAs)
  if (problem === undefined) return native
  const copy = path.join(os.tmpdir(), `audit-outbox-postgres-${version}`)
  // A copy helps only if the server runs as another user.
  if (runAs === undefined) throw new Error(cannotRunMessage(native, problem))
  if (!fs.existsSync(copy)) {
    say(`The user that Postgres runs as cannot read ${native}, so it is copied to ${copy}`)
    copyForEveryone(native, copy)
  }
  // Another user can guess the folder's name and put programs into it, which we would run.
  if (fs.lstatSync(copy).uid !== process.getuid?.()) {
    throw new Error(`${copy} belongs to another user. Delete it, or set TMPDIR.`)
  }
  const copyProblem = cannotRun(copy, runAs)
  if (copyProblem !== undefined) throw new Error(cannotRunMessage(copy, copyProblem))
  return copy
}

function cannotRun(native: string, runAs: RunAs | undefined): string | undefined {
  for (const program of ['initdb', 'postgres']) {
    const tried = spawnSync(path.join(native, 'bin', program), ['--version'], {
      encoding: 'utf8',
      cwd: '/',
      env: SERVER_ENVIRONMENT,
      ...runAs,
    })
    if (tried.status !== 0) return tried.error?.message ?? tried.stderr.trim()
  }
  return undefined
}

function cannotRunMessage(native: string, problem: string): string {
  // The package's install script makes the links between its libraries.
  const hint = problem.includes('shared libraries')
    ? ' Its install script did not run: try `npm rebuild --foreground-scripts`.'
    : ''
  return `Postgres in ${native} does not run: ${problem}.${hint}`
}

/** Copies under another name and then renames, so that a copy is always complete. */
function copyForEveryone(from: string, to: string): void {
  const unfinished = fs.mkdtempSync(`${to}.`)
  fs.cpSync(from, unfinished, { recursive: true, verbatimSymlinks: true })
  execFileSync('chmod', ['-R', 'u=rwX,go=rX', unfinished])
  try {
    fs.renameSync(unfinished, to)
  } catch (error) {
    fs.rmSync(unfinished, { recursive: true })
    if (!fs.existsSync(to)) throw error // otherwise another process was faster
  }
}

function reachableDataDir(wanted: string, runAs: RunAs | undefined, say: Say): string {
  const parent = path.dirname(wanted)
  fs.mkdirSync(parent, { recursive: true })
  if (runAs === undefined) return wanted
  const entered = spawnSync('test', ['-x', parent], { cwd: '/', ...runAs })
  if (entered.status === 0) return wanted
  const key = createHash('sha256').update(wanted).digest('hex').slice(0, 12)
  const instead = path.join(os.tmpdir(), `audit-outbox-data-${key}`)
  say(`The user that Postgres runs as cannot enter ${parent}, so the data goes to ${instead}`)
  return instead
}

function majorIn(dataDir: string): string | undefined {
  try {
    return fs.readFileSync(path.join(dataDir, 'PG_VERSION'), 'utf8').trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Works under another name and then renames, so that a data directory is always complete. */
function initialise(initdb: string, dataDir: string, runAs: RunAs | undefined): void {
  if (fs.existsSync(dataDir) && fs.readdirSync(dataDir).length > 0) {
    throw new Error(`${dataDir} is not empty and is not a data directory. Use another folder.`)
  }
  const workshop = fs.mkdtempSync(`${dataDir}.initdb-`)
  try {
    const passwordFile = path.join(workshop, PASSWORD_FILE)
    const unfinished = path.join(workshop, 'data')
    // A password, although only this machine can connect. Its other users must not become the
    // superuser, who may run programs as the user of the server.
    fs.writeFileSync(passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600 })
    if (runAs !== undefined) {
      for (const item of [workshop, passwordFile]) fs.chownSync(item, runAs.uid, runAs.gid)
    }
    const done = spawnSync(
      initdb,
      [
        ...['--pgdata', unfinished, '--username', 'postgres', '--pwfile', passwordFile],
        ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C'],
        ...['--no-sync', '--no-instructions'],
      ],
      { encoding: 'utf8', cwd: '/', env: SERVER_ENVIRONMENT, ...runAs },
    )
    if (done.status !== 0) {
      throw new Error(`initdb failed: ${done.error?.message ?? done.stderr.trim()}`)
    }
    fs.renameSync(passwordFile, path.join(unfinished, PASSWORD_FILE))
    fs.renameSync(unfinished, dataDir)
  } finally {
    fs.rmSync(workshop, { recursive: true, force: true })
  }
}
