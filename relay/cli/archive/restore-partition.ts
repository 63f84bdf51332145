import path from 'node:path'
import { sql } from 'drizzle-orm'
import type { Database } from '../../../src/database/connection.ts'
import { optionInvalid } from '../../../src/errors.ts'
import { archiveFailed, isArchiveFault } from '../../archive/files/archive-fault.ts'
import { attachRestored } from '../../archive/attach-restored.ts'
import { archivesBelow, withArchive } from '../../archive/archived-file.ts'
import { readNoted } from '../../archive/noted-archives.ts'
import { restoreArchive } from '../../archive/restore-archive.ts'
import { restoreSalts } from '../../archive/archived-salts.ts'
import type { Environment } from '../../config.ts'
import { unlessRefused } from '../command/unless-refused.ts'
import { ArchiveMeter } from './archive-meter.ts'
import { openKeeper } from './keeper-database.ts'
import { untilSignal } from './until-signal.ts'

const DONE = 0
const BLOCKED = 3

export interface RestoreRequest {
  readonly partition: string
  /** Into a table next to the log, which is not touched. */
  readonly isBeside: boolean
  /** A file, folder or URL. Undefined: the files that the database has noted. */
  readonly from: string | undefined
  readonly isJson: boolean
  readonly isQuiet: boolean
}

/** Brings an archived partition back. @returns 3 where its files are not what was archived */
export async function restorePartition(
  environment: Environment,
  { partition, isBeside, from, isJson, isQuiet }: RestoreRequest,
): Promise<number> {
  return await untilSignal(async (signal) => {
    const database = openKeeper(environment)
    const meter = new ArchiveMeter(process.stderr, { isQuiet })
    try {
      const urls =
        from === undefined
          ? (await readNoted(database, partition)).map(({ url }) => url)
          : (await archivesBelow(from)).filter(
              (url) => url === from || path.basename(url).startsWith(`${partition}-`),
            )
      if (urls.length === 0) {
        if (from !== undefined) {
          throw optionInvalid(`No archived file of ${partition} lies in ${from}.`)
        }
        throw optionInvalid(
          `No archived file of ${partition} is noted. "audit-relay archive verify --database" lists ` +
            'those that are; --from names others.',
        )
      }
      if (!isBeside && from === undefined && (await removedEntries(database, partition)) === 0) {
        const text = `Nothing of ${partition} is removed: the log has what was archived of it.`
        const said = { partition, files: [], rows: 0 }
        process.stdout.write(`${isJson ? JSON.stringify(said) : text}\n`)
        return DONE
      }
      await database.execute(sql`select audit.drop_restored(${partition}::pg_catalog.text)`)
      const tables = new Set<string>()
      let before = 0
      for (const url of urls) {
        const restored = await withArchive(
          url,
          environment,
          async (archive) => {
            const { rows, archive: of } = archive.manifest
            if (of.partition !== partition) {
              throw optionInvalid(`${url} holds entries of ${of.partition}, not of ${partition}.`)
            }
            const onRows = (done: number) =>
              meter.now(`${partition}: ${before + done} entries restored`)
            const table = await restoreArchive(database, archive, { signal, onRows })
            before += rows
            return table
          },
          signal,
        )
        tables.add(restored)
      }
      const said = { partition, tables: [...tables], files: urls, rows: before }
      if (isBeside) {
        meter.end()
        const where = said.tables.map((name) => `audit.${name}`).join(' and ')
        const text =
          urls.length === 1
            ? `${before} entries of ${partition} are in ${where}.`
            : `${before} entries of ${partition}, of ${urls.length} files, are in ${where}; one that ` +
              'several files have is there once.'
        process.stdout.write(`${isJson ? JSON.stringify(said) : text}\n`)
        return DONE
      }
      if (said.tables.some((name) => name.endsWith('_claimed'))) {
        throw archiveFailed(
          'This database has not archived these files, so they do not come into its log. They are in ' +
            `audit.restored_${partition}_claimed.`,
        )
      }
      meter.now(`${partition}: waiting for a moment in which nobody reads the log`)
      const onWait = () => meter.note('another session holds a lock of the log; again ...')
      const broughtBack = await attachRestored(database, partition, { signal, onWait })
      for (const { saltsUrl } of await readNoted(database, partition)) {
        if (saltsUrl === null) continue
        meter.now(`${partition}: the salts of the seal`)
        await restoreSalts(database, partition, saltsUrl, { environment, signal })
      }
      meter.end()
      const text = `${broughtBack} entries of ${partition} are back in the log.`
      process.stdout.write(
        `${isJson ? JSON.stringify({ partition, files: urls, rows: broughtBack }) : text}\n`,
      )
      return DONE
    } catch (error) {
      if (!isArchiveFault(error)) throw error
      meter.end()
      process.stderr.write(`audit-relay: ${error.message}\n`)
      return BLOCKED
    } finally {
      meter.end()
      await database.close()
    }
  })
}

/** How many entries of it the log has not. */
async function removedEntries(database: Database, partition: string): Promise<number> {
  const [row] = await database.execute<{ removed: number }>(
    sql`select audit.removed_entries(${partition}::pg_catalog.text)::double precision as "removed"`,
  )
  return row?.removed ?? 0
}

/** Drops what a restore has made next to the log. */
export async function dropRestored(environment: Environment, partition: string): Promise<number> {
  const database = openKeeper(environment)
  const drop = async () => {
    const [row] = await database.execute<{ dropped: number }>(
      sql`select audit.drop_restored(${partition}::pg_catalog.text) as "dropped"`,
    )
    const dropped = row?.dropped ?? 0
    process.stdout.write(
      dropped === 0
        ? `There is no restored table of ${partition}.\n`
        : `${dropped} restored ${dropped === 1 ? 'table' : 'tables'} of ${partition} dropped.\n`,
    )
    return DONE
  }
  try {
    return await unlessRefused(drop)
  } finally {
    await database.close()
  }
}
