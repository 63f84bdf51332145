import { ROW_COLUMNS } from '../encode/row.ts'
import fs from 'node:fs/promises'
import path from 'node:path'
import type { Database } from '../database/connection.ts'
import { faultKind } from '../database/faults.ts'
import { AuditError, databaseFault } from '../errors.ts'
import {
  type DatabaseIdentity,
  readDatabaseIdentity,
  sendReport,
} from '../lanes/recorder-statements.ts'
import { stageBatch } from '../lanes/staging.ts'
import { DUMP_EXTENSION, type DumpHeader, UNFINISHED_EXTENSION } from './dump-file.ts'
import { readDump } from './read-dump.ts'

/** What became of one file. */
export interface RecoveredFile {
  readonly file: string
  /** The recorder that left it; null where the file does not say. */
  readonly recorder: string | null
  /**
   * `staged`: all of it is in the lane, and the file is gone. `damaged`: some lines are no rows; the
   * others are staged, and the file has another name now. `refused`: it cannot be read, or the
   * database takes none of it. `other-database`, `not-a-dump`: as they say. The last three stay as
   * they are.
   */
  readonly outcome: 'staged' | 'damaged' | 'refused' | 'other-database' | 'not-a-dump'
  /** Where it was refused: the SQLSTATE, or the error code of the file system. */
  readonly code?: string
  /** How many entries of it were staged. */
  readonly entries: number
  /** How many more the recorder had, which the disk had no room for or which are damaged. */
  readonly lost: number
}

export interface RecoverParts {
  readonly folder: string
  readonly database: Database
  /**
   * Whether a dump is of this database whose recorder had not reached its own yet, so that only its
   * URL tells.
   */
  readonly isOurTarget: (target: string) => boolean
  /** Called after each file. */
  readonly onFile: (found: RecoveredFile) => void
}

const BATCH_ENTRIES = 500
const BATCH_CHARACTERS = 1024 * 1024
/** A process needs less than a second for its dump, so an older unfinished one is left behind. */
const UNFINISHED_AFTER_MS = 60_000
const DAMAGED_EXTENSION = '.damaged'

/**
 * Stages what recorders left in a folder, and deletes each file whose entries are in the lane. It may
 * run while another process does the same, because an entry's id makes it safe to stage it twice.
 *
 * @throws {Error} where the folder cannot be read
 * @throws {AuditError} where the database does not answer or takes nothing now; the files stay then
 */
export async function recoverFolder(parts: RecoverParts): Promise<void> {
  const files = await dumpsIn(parts.folder)
  if (files.length === 0) return
  const identity = await readDatabaseIdentity(parts.database)
  for (const file of files) {
    try {
      parts.onFile(await recoverFile(file, identity, parts))
    } catch (error) {
      const code = refusalOf(error)
      if (code === GONE) continue // somebody else has recovered it meanwhile
      // One file that is refused holds up no other.
      parts.onFile({ ...left(file, null, 'refused'), code })
    }
  }
}

const GONE = 'ENOENT'
/** insufficient_privilege: another key, or no grant. */
const NOT_PERMITTED = '42501'

/** The code of an error that is one file's own. @throws any other error, which all files would meet */
function refusalOf(error: unknown): string {
  if (error instanceof AuditError) {
    const { code } = databaseFault(error)
    if (code === NOT_PERMITTED || faultKind(error) === 'entry') return code
    throw error
  }
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code === 'string') return code
  throw error
}

/** The dumps in a folder, by name; none where there is no folder. */
export async function dumpsIn(folder: string): Promise<string[]> {
  const names = await fs.readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const files: string[] = []
  for (const name of names.toSorted()) {
    const file = path.join(folder, name)
    const isDump =
      name.endsWith(DUMP_EXTENSION) || (name.endsWith(UNFINISHED_EXTENSION) && (await isOld(file)))
    if (isDump) files.push(file)
  }
  return files
}

async function isOld(file: string): Promise<boolean> {
  const found = await fs.lstat(file).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > UNFINISHED_AFTER_MS
}

async function recoverFile(
  file: string,
  identity: DatabaseIdentity | null,
  { database, isOurTarget }: RecoverParts,
): Promise<RecoveredFile> {
  if (!(await fs.lstat(file)).isFile()) return left(file, null, 'not-a-dump')
  let header: DumpHeader | undefined
  let entries = 0
  let damaged = 0
  let batch = new Batch()
  const stage = async (by: DumpHeader) => {
    await stageBatch(
      database,
      { recorderId: by.recorder, recorderKey: by.key },
      batch.plain,
      batch.odd,
    )
    entries += batch.length
    batch = new Batch()
  }
  for await (const line of readDump(file)) {
    if (header === undefined) {
      if (line.kind !== 'header') return left(file, null, 'not-a-dump')
      header = line.header
      if (!isSameDatabase(header, identity, isOurTarget)) {
        return left(file, header.recorder, 'other-database')
      }
    } else if (line.kind === 'row') {
      batch.add(withClaim(line.row, header), line.isOdd)
      if (batch.isFull) await stage(header)
    } else {
      damaged += 1
    }
  }
  if (header === undefined) return left(file, null, 'not-a-dump')
  if (batch.length > 0) await stage(header)
  const lost = Math.max(damaged, header.entries - entries)
  await reportFor(database, header, entries, lost)
  if (damaged === 0) await fs.unlink(file)
  else await fs.rename(file, `${file}${DAMAGED_EXTENSION}`)
  const outcome = damaged === 0 ? 'staged' : 'damaged'
  return { file, recorder: header.recorder, outcome, entries, lost }
}

function left(
  file: string,
  recorder: string | null,
  outcome: RecoveredFile['outcome'],
): RecoveredFile {
  return { file, recorder, outcome, entries: 0, lost: 0 }
}

class Batch {
  readonly #plain: string[] = []
  readonly #odd: string[] = []
  #characters = 0

  add(row: string, isOdd: boolean): void {
    const rows = isOdd ? this.#odd : this.#plain
    rows.push(row)
    this.#characters += row.length
  }

  get length(): number {
    return this.#plain.length + this.#odd.length
  }

  get isFull(): boolean {
    return this.length >= BATCH_ENTRIES || this.#characters >= BATCH_CHARACTERS
  }

  /** Slices of the rows whose ids are UUIDs. */
  get plain(): readonly string[] {
    return slicesOf(this.#plain)
  }

  /** Slices of all other rows. */
  get odd(): readonly string[] {
    return slicesOf(this.#odd)
  }
}

function slicesOf(rows: readonly string[]): readonly string[] {
  return rows.length === 0 ? [] : [`[${rows.join(',')}]`]
}

function isSameDatabase(
  { database, target }: DumpHeader,
  identity: DatabaseIdentity | null,
  isOurTarget: (target: string) => boolean,
): boolean {
  if (database === null || identity === null) return isOurTarget(target)
  return database.system === identity.system && database.database === identity.database
}

/**
 * The row with a note of where it comes from. It is a claim of the file's, so it stands in the
 * context. The text is not parsed where it need not be, because that could change it.
 */
function withClaim(given: string, header: DumpHeader): string {
  // What few entries have follows the context.
  const [row, rare] = withoutRare(given)
  const claimed = claimedRow(row, header)
  return rare === undefined ? claimed : `${claimed.slice(0, -1)},${rare}]`
}

/** The row up to its context, and the JSON of the object behind it. */
function withoutRare(row: string): [row: string, rare: string | undefined] {
  const values: unknown[] = JSON.parse(row)
  if (values.length === ROW_COLUMNS.length) return [row, undefined]
  const rare = JSON.stringify(values.at(-1))
  // As the recorder writes it. Somebody may have written it in another way since.
  const isAsWritten = row.endsWith(`,${rare}]`)
  return [
    isAsWritten ? `${row.slice(0, -rare.length - 2)}]` : JSON.stringify(values.slice(0, -1)),
    rare,
  ]
}

function claimedRow(row: string, { pid, endedAt }: DumpHeader): string {
  const claim = `"recovered":${JSON.stringify({ from: 'exit dump', pid, endedAt })}`
  if (row.endsWith(',{}]')) return `${row.slice(0, -2)}${claim}}]`
  if (!row.includes('"recovered"')) return `${row.slice(0, -2)},${claim}}]`
  const values: unknown[] = JSON.parse(row)
  const { recovered, ...context } = (values.at(-1) ?? {}) as Record<string, unknown>
  const given = recovered === undefined ? {} : { 'recovered (given)': recovered }
  const kept = JSON.stringify([...values.slice(0, -1), { ...context, ...given }])
  return kept.endsWith(',{}]')
    ? `${kept.slice(0, -2)}${claim}}]`
    : `${kept.slice(0, -2)},${claim}}]`
}

/** The last report of the recorder that ended, so that its account balances. */
async function reportFor(
  database: Database,
  header: DumpHeader,
  entries: number,
  lost: number,
): Promise<void> {
  const { recorder, key, startedAt, accepted, staged, dropped } = header
  const timeout = (dropped.timeout ?? 0) + lost
  await sendReport(
    database,
    { recorderId: recorder, recorderKey: key, startedAt },
    {
      accepted,
      staged: Math.min(accepted, staged + entries),
      dropped: timeout > 0 ? { ...dropped, timeout } : dropped,
      closed: true,
    },
  )
}
