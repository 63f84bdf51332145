import { sql } from 'drizzle-orm'
import { Database } from '../../../src/database/connection.ts'
import { databaseFault, optionInvalid } from '../../../src/errors.ts'
import { isArchiveFault } from '../../archive/files/archive-fault.ts'
import { readArchiveOptions } from '../../archive/archive-options.ts'
import { type ArchivedPartition, type ArchiveProgress, Archiver } from '../../archive/archiver.ts'
import { openStore } from '../../archive/stores/open-store.ts'
import { type Environment, readConfig } from '../../config.ts'
import { ArchiveMeter } from './archive-meter.ts'
import { untilSignal } from './until-signal.ts'

const DONE = 0
const BLOCKED = 3

export interface ArchiveRequest {
  /** Empty: those that have ended and are not archived. */
  readonly partitions: readonly string[]
  readonly isJson: boolean
  readonly isQuiet: boolean
}

const STEPS: Readonly<Record<ArchiveProgress['step'], string>> = {
  write: 'entries written',
  compare: 'entries compared in the database',
  store: 'entries stored',
}

/** Archives partitions, one after another. @returns 3 where one of them could not be archived */
export async function runArchive(
  environment: Environment,
  { partitions, isJson, isQuiet }: ArchiveRequest,
): Promise<number> {
  const options = readArchiveOptions(environment)
  if (options === undefined) {
    throw optionInvalid(
      'Archives are off. Set AUDIT_ARCHIVE_URL to file:///folder or s3://bucket/prefix.',
    )
  }
  const { databaseUrl, limits } = readConfig(environment, 'keeper')
  return await untilSignal(async (signal) => {
    const meter = new ArchiveMeter(process.stderr, { isQuiet })
    let at = ''
    const archiver = new Archiver({
      databaseUrl,
      format: options.format,
      store: openStore(options, environment, signal),
      signal,
      onProgress: ({ step, rows }) => meter.now(`${at}: ${rows} ${STEPS[step]}`),
      onFailure: (error) => meter.note(`the database failed (${databaseFault(error).code})`),
    })
    const archived: ArchivedPartition[] = []
    const failed: { partition: string; why: string }[] = []
    try {
      const names = partitions.length > 0 ? partitions : await due(databaseUrl, limits)
      for (const partition of names) {
        at = partition
        try {
          const one = await archiver.archive({ partition })
          archived.push(one)
          if (!isJson) process.stdout.write(linesOf(one))
        } catch (error) {
          // Another partition may go well, as where one of them changes just now.
          const why = whyNot(error)
          if (why === undefined) throw error
          failed.push({ partition, why })
          if (!isJson) process.stdout.write(`${partition}: not archived. ${why}\n`)
        }
      }
      meter.end()
      if (isJson) process.stdout.write(`${JSON.stringify({ archived, failed })}\n`)
      else if (names.length === 0)
        process.stdout.write(
          'No closed partition waits to be archived; one that is not closed yet can be named.\n',
        )
    } finally {
      meter.end()
      await archiver.close()
    }
    return failed.length > 0 ? BLOCKED : DONE
  })
}

const NO_SUCH_TABLE = '42P01'

/** Why one partition cannot be archived. Undefined where no other one could be, either. */
function whyNot(error: unknown): string | undefined {
  if (isArchiveFault(error)) return error.message
  if (databaseFault(error).code !== NO_SUCH_TABLE) return undefined
  return 'The log has no partition of this name. "audit-relay retention" and audit.audit_partition have them.'
}

/** The partitions that wait to be archived, oldest first. */
async function due(
  databaseUrl: string,
  { statementTimeoutMs }: { readonly statementTimeoutMs: number },
): Promise<readonly string[]> {
  const database = new Database({
    url: databaseUrl,
    role: 'audit_keeper',
    applicationName: 'audit-relay archive',
    statementTimeoutMs,
  })
  try {
    const rows = await database.execute<{ partition: string }>(
      sql`select "partition" from audit.archive_due()`,
    )
    return rows.map(({ partition }) => partition)
  } finally {
    await database.close()
  }
}

function linesOf({ partition, files }: ArchivedPartition): string {
  if (files.length === 0) return `${partition}: no entries.\n`
  return files
    .map(
      ({ url, rows, firstSeq, lastSeq, bytes, digest }) =>
        `${partition}: ${rows} entries, seq ${firstSeq} to ${lastSeq}, ${bytes} bytes in ${url}, ` +
        `content digest ${digest}\n`,
    )
    .join('')
}
