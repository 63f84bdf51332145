import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import { archiveFailed } from './files/archive-fault.ts'
import type { LocalArchive } from './archived-file.ts'
import { ContentDigest } from './files/content-digest.ts'
import { fileMaker } from './files/file-maker.ts'

/** Characters of lines in one statement. */
const BATCH_CHARACTERS = 2_000_000

/**
 * Brings the entries of an archived file into a table next to the log, and compares that table with
 * the content digest of the file.
 *
 * @param database with a deadline that is long enough to make indexes
 * @returns the name of the table: `restored_PARTITION`, or `restored_PARTITION_claimed` for a file
 * that this database did not archive
 * @throws {AuditError} `AUDIT_ARCHIVE_FAILED` where the file or the table differs
 */
export async function restoreArchive(
  database: Database,
  { url, path, manifest }: LocalArchive,
  { signal, onRows }: { readonly signal: AbortSignal; readonly onRows: (rows: number) => void },
): Promise<string> {
  const { partition, digest: told } = manifest.archive
  const digest = new ContentDigest()
  let rows = 0
  let batch: string[] = []
  let characters = 0
  const send = async () => {
    if (batch.length === 0) return
    const lines = `[${batch.join(',')}]`
    batch = []
    characters = 0
    await database.execute(
      sql`select audit.restore_rows(${partition}::pg_catalog.text, ${lines}::pg_catalog.text::pg_catalog.json)`,
    )
    onRows(rows)
  }
  await database.execute(sql`select audit.begin_restore(${partition}::pg_catalog.text)`)
  for await (const line of fileMaker(manifest.format).linesOf(path)) {
    digest.add(line)
    const text = line.toString()
    batch.push(text)
    characters += text.length
    rows += 1
    if (characters < BATCH_CHARACTERS) continue
    signal.throwIfAborted()
    await send()
  }
  await send()
  if (digest.hex() !== told) {
    throw archiveFailed(`${url} does not hold the entries that its manifest speaks of.`)
  }
  const [row] = await database.execute<{ restored: string | null }>(
    sql`select audit.join_restored(${partition}::pg_catalog.text, ${told}::pg_catalog.text)
      as "restored"`,
  )
  if (row?.restored) return row.restored
  throw archiveFailed(
    `What was restored of ${url} differs from it. The table audit.restored_${partition}_part has it.`,
  )
}
