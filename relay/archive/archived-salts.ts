import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import type { Environment } from '../config.ts'
import type { ArchiveSource } from './archive-rows.ts'
import { archiveFailed } from './files/archive-fault.ts'
import { type LocalFile, NdjsonFile, readLines } from './files/ndjson-file.ts'
import { openStore } from './stores/open-store.ts'

/** Lines in one statement. */
const LINES_AT_ONCE = 5_000

/** Which entries of a source a file holds, as int8 in text. */
export interface SeqSpan {
  readonly fromSeq: string
  readonly toSeq: string
}

/**
 * Writes the salts of the entries of an archived file into a file next to it. A table that is dropped
 * takes its salts along, and without them nobody can prove what comes back.
 *
 * @returns undefined where the log has no seal
 */
export async function writeSalts(
  database: Database,
  { partition, kept }: ArchiveSource,
  { fromSeq, toSeq }: SeqSpan,
  { to, signal }: { readonly to: string; readonly signal: AbortSignal },
): Promise<LocalFile | undefined> {
  let file: NdjsonFile | undefined
  let after = '-1'
  try {
    for (;;) {
      signal.throwIfAborted()
      const rows = await database.execute<{ seq: string; line: string | null }>(sql`
        select s.seq::pg_catalog.text as seq, s.line
        from audit.archive_salts(${partition}::pg_catalog.text, ${kept ?? null}::pg_catalog.text,
          ${fromSeq}::pg_catalog.int8, ${toSeq}::pg_catalog.int8, ${after}::pg_catalog.int8,
          ${LINES_AT_ONCE}::integer) as s`)
      for (const { line } of rows) {
        if (line === null) continue
        file ??= new NdjsonFile(to)
        file.add(undefined, `${line}\n`)
      }
      await file?.flush()
      const last = rows.at(-1)
      if (last === undefined || rows.length < LINES_AT_ONCE) break
      after = last.seq
    }
    const finished = await file?.finish()
    file = undefined
    return finished
  } finally {
    await file?.leave()
  }
}

/**
 * Gives `use` a file of salts on this machine.
 *
 * @throws {AuditError} `AUDIT_ARCHIVE_FAILED` where it is gone
 */
export async function withSalts<T>(
  from: string,
  { environment, signal }: { readonly environment: Environment; readonly signal: AbortSignal },
  use: (local: string) => Promise<T>,
): Promise<T> {
  const url = new URL(from)
  const place = { url: new URL('./', url), keepMs: undefined, legalHold: false }
  const store = openStore(place, environment, signal)
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'audit-salts-'))
  try {
    const local = path.join(folder, 'salts')
    if (!(await store.bring(decodeURIComponent(path.posix.basename(url.pathname)), local))) {
      throw archiveFailed(`${from}, with the salts of the seal, does not exist.`)
    }
    return await use(local)
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

/**
 * Puts the salts of an archived file back, of entries that are in the log again.
 *
 * @returns how many of them open the leaf that was sealed
 * @throws {AuditError} `AUDIT_ARCHIVE_FAILED` where the file is gone or damaged
 */
export async function restoreSalts(
  database: Database,
  partition: string,
  from: string,
  { environment, signal }: { readonly environment: Environment; readonly signal: AbortSignal },
): Promise<number> {
  return await withSalts(from, { environment, signal }, async (local) => {
    let restored = 0
    let lines: string[] = []
    const send = async () => {
      if (lines.length === 0) return
      const list = `[${lines.join(',')}]`
      lines = []
      const [row] = await database.execute<{ restored: number }>(sql`
        select audit.restore_salts(${partition}::pg_catalog.text,
          ${list}::pg_catalog.text::pg_catalog.json)::double precision as restored`)
      restored += row?.restored ?? 0
    }
    for await (const line of readLines(local)) {
      lines.push(line.toString())
      if (lines.length < LINES_AT_ONCE) continue
      signal.throwIfAborted()
      await send()
    }
    await send()
    return restored
  })
}
