import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { AuditError } from '../../src/errors.ts'
import { fileCode } from '../../src/file-fault.ts'
import type { Environment } from '../config.ts'
import { withSalts } from './archived-salts.ts'
import { isArchiveFault } from './files/archive-fault.ts'
import { readLines } from './files/ndjson-file.ts'
import type { LocalArchive } from './archived-file.ts'
import { hashOf } from './verify-archive.ts'

export interface CheckedSalts {
  /** How many entries the files open. */
  readonly rows: number
  readonly problems: readonly string[]
}

/** `NAME-HASH.salts.gz`: the name of the archived file, and the beginning of the SHA-256. */
const HASH_IN_NAME = /-([0-9a-f]{12})\.salts\.gz$/
const SALT = /^[0-9a-f]{32}$/

/**
 * Checks the files with the salts of an archived file: the bytes by the hash in the name, and that each
 * line opens an entry of that file, once. Whether a salt is the right one, the leaf of the tree says
 * when it is restored.
 *
 * @param noted where the database says that the salts lie. Undefined: it was not asked, and those that lie
 * next to a file of a folder are checked; that there should be some, nobody knows then.
 */
export async function verifySalts(
  { url, manifest }: LocalArchive,
  noted: string | null | undefined,
  environment: Environment,
  signal: AbortSignal,
): Promise<CheckedSalts> {
  const urls = noted === undefined ? await nextTo(url) : noted === null ? [] : [noted]
  const checked: CheckedSalts[] = []
  for (const one of urls) {
    checked.push(
      await withSalts(one, { environment, signal }, (local) =>
        checkFile(one, local, manifest),
      ).catch((error: unknown) => {
        if (!(error instanceof AuditError) || !isArchiveFault(error)) throw error
        return { rows: 0, problems: [error.message] }
      }),
    )
  }
  return {
    rows: Math.max(0, ...checked.map(({ rows }) => rows)),
    problems: checked.flatMap(({ problems }) => problems),
  }
}

/** The files of salts of a file in a folder. An earlier archive of it may have left one as well. */
async function nextTo(url: string): Promise<readonly string[]> {
  if (!url.startsWith('file:')) return []
  const file = decodeURIComponent(new URL(url).pathname)
  const names = await readdir(path.dirname(file)).catch((error: unknown) => {
    if (fileCode(error) === 'ENOENT') return []
    throw error
  })
  return names
    .filter((name) => name.startsWith(`${path.basename(file)}-`) && HASH_IN_NAME.test(name))
    .sort()
    .map((name) => pathToFileURL(path.join(path.dirname(file), name)).href)
}

async function checkFile(
  url: string,
  local: string,
  { firstSeq, lastSeq }: LocalArchive['manifest'],
): Promise<CheckedSalts> {
  const problems: string[] = []
  const { sha256 } = await hashOf(local)
  if (HASH_IN_NAME.exec(url)?.[1] !== sha256.slice(0, 12)) {
    problems.push(`${url}: its SHA-256 is another one than its name says.`)
  }
  let [rows, bad, last] = [0, 0, (firstSeq ?? 0) - 1]
  for await (const line of readLines(local)) {
    rows += 1
    const seq = seqOf(line.toString())
    if (seq === undefined || seq <= last || seq > (lastSeq ?? 0)) bad += 1
    else last = seq
  }
  if (bad > 0) {
    problems.push(`${url}: ${bad} of ${rows} lines open no entry of the archived file.`)
  }
  return { rows, problems }
}

/** The entry that a line opens. Undefined where it is none that the database wrote. */
function seqOf(line: string): number | undefined {
  try {
    const { seq, salt, opening } = Object(JSON.parse(line)) as Readonly<Record<string, unknown>>
    const isWhole = typeof salt === 'string' ? SALT.test(salt) : Object(opening) === opening
    return isWhole && Number.isSafeInteger(seq) ? Number(seq) : undefined
  } catch {
    return undefined
  }
}
