import { optionInvalid } from '../../../src/errors.ts'
import { isArchiveFault } from '../../archive/files/archive-fault.ts'
import { archivesBelow, withArchive } from '../../archive/archived-file.ts'
import { type NotedArchive, readNoted } from '../../archive/noted-archives.ts'
import { verifyArchive } from '../../archive/verify-archive.ts'
import { verifySalts } from '../../archive/verify-salts.ts'
import type { Environment } from '../../config.ts'
import { ArchiveMeter } from './archive-meter.ts'
import { openKeeper } from './keeper-database.ts'
import { untilSignal } from './until-signal.ts'

const DONE = 0
const DIFFERS = 5

export interface VerifyRequest {
  /** Files, folders and URLs; where the database is asked, names of partitions. */
  readonly operands: readonly string[]
  readonly asksDatabase: boolean
  readonly isJson: boolean
  readonly isQuiet: boolean
}

interface Checked {
  readonly url: string
  readonly rows: number
  /** How many of them can be proved after a restore. */
  readonly salts: number
  readonly problems: readonly string[]
}

/** Checks archived files, one after another. @returns 5 where one is not what was archived */
export async function verifyArchives(
  environment: Environment,
  { operands, asksDatabase, isJson, isQuiet }: VerifyRequest,
): Promise<number> {
  if (!asksDatabase && operands.length === 0) {
    throw optionInvalid('Name files or a folder, or give --database for those that it has noted.')
  }
  return await untilSignal(async (signal) => {
    const files = asksDatabase ? await noted(environment, operands) : await named(operands)
    const meter = new ArchiveMeter(process.stderr, { isQuiet })
    const checked: Checked[] = []
    try {
      for (const { url, note, isEmpty } of files) {
        if (isEmpty) {
          const one = {
            url,
            rows: 0,
            salts: 0,
            problems: ['No archived file with a manifest lies in it.'],
          }
          checked.push(one)
          if (!isJson) process.stdout.write(linesOf(one))
          continue
        }
        const one = await check(url, note, environment, signal, (rows) =>
          meter.now(`${url}: ${rows} entries read`),
        )
        signal.throwIfAborted()
        checked.push(one)
        if (!isJson) process.stdout.write(linesOf(one))
      }
    } finally {
      meter.end()
    }
    if (isJson) process.stdout.write(`${JSON.stringify({ files: checked })}\n`)
    else if (checked.length === 0) process.stdout.write('There are no archived files.\n')
    return checked.some(({ problems }) => problems.length > 0) ? DIFFERS : DONE
  })
}

interface ToCheck {
  readonly url: string
  readonly note?: NotedArchive
  /** A folder in which there is nothing to check: where a disk is not there, all is missing. */
  readonly isEmpty?: true
}

async function noted(
  environment: Environment,
  partitions: readonly string[],
): Promise<readonly ToCheck[]> {
  const database = openKeeper(environment)
  try {
    const all = await readNoted(database)
    const unknown = partitions.find((name) => all.every(({ partition }) => partition !== name))
    if (unknown !== undefined) throw optionInvalid(`No archived file of ${unknown} is noted.`)
    const of = all.filter(
      ({ partition }) => partitions.length === 0 || partitions.includes(partition),
    )
    return of.map((note) => ({ url: note.url, note }))
  } finally {
    await database.close()
  }
}

async function named(operands: readonly string[]): Promise<readonly ToCheck[]> {
  const found = operands.map(async (operand): Promise<readonly ToCheck[]> => {
    const urls = await archivesBelow(operand)
    return urls.length === 0 ? [{ url: operand, isEmpty: true }] : urls.map((url) => ({ url }))
  })
  return (await Promise.all(found)).flat()
}

async function check(
  url: string,
  note: NotedArchive | undefined,
  environment: Environment,
  signal: AbortSignal,
  onRows: (rows: number) => void,
): Promise<Checked> {
  try {
    return await withArchive(
      url,
      environment,
      async (archive) => {
        const problems = await verifyArchive(archive, note, onRows)
        const salts = await verifySalts(archive, note?.saltsUrl, environment, signal)
        return {
          url,
          rows: archive.manifest.rows,
          salts: salts.rows,
          problems: [...problems, ...salts.problems],
        }
      },
      signal,
    )
  } catch (error) {
    if (!isArchiveFault(error)) throw error
    return { url, rows: 0, salts: 0, problems: [error.message] }
  }
}

function linesOf({ url, rows, salts, problems }: Checked): string {
  const sealed = salts > 0 ? `, with the salts of ${salts}` : ''
  if (problems.length === 0) return `${url}: ${rows} entries, as they were archived${sealed}.\n`
  return `${url} is not what was archived.\n${problems.map((problem) => `  ${problem}\n`).join('')}`
}
