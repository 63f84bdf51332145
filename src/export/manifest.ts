import { type SQL, sql } from 'drizzle-orm'
import { readBatch } from '../read/batch.ts'
import { type IdWindow, inWindow } from '../read/id-windows.ts'
import { entryColumns, entryJson, entryRow, logColumns, toEntry } from '../read/logged-entry.ts'
import { partitionsOf } from '../read/partitions.ts'
import { EXPORT_DEADLINE_MS, readRows } from '../read/read-rows.ts'
import { wholePlan } from '../read/seq-plan.ts'
import type { AuditDatabase } from '../database/callers-database.ts'
import { removedIn } from '../removed/removed-seqs.ts'
import { auditLog, entityOf } from '../schema/tables.ts'
import type { LettersFile } from './about/letters-file.ts'
import { ABOUT_REASONS, type AboutCounts, noneFound } from './about/reasons.ts'
import type { ExportFormat } from './formats.ts'
import type { ExportPage } from './pages.ts'
import type { ManifestProof } from './sealed/prove-file.ts'

/** A loss that the log itself declares, inside the range of an export. */
export interface ManifestGap {
  readonly seq: number
  readonly occurredAt: string
  /** What is known of its bounds, as the relay wrote it down. */
  readonly metadata: unknown
}

/** What an export about a user says of what it found. */
export interface ManifestAbout {
  readonly id: string
  readonly found: AboutCounts
  /** The file of dead letters that name the user. Null: they were not looked through. */
  readonly letters: LettersFile | null
}

/** What an export says about itself, in a file next to it. */
export interface ExportManifest {
  /** 2: with proofs. */
  readonly version: 1 | 2
  /** Name of the file, without its folder; null where it went to a stream. */
  readonly file: string | null
  readonly format: ExportFormat
  readonly gzip: boolean
  /** As it was understood, but for the ids of `staff`; empty where everything was asked for. */
  readonly filter: Readonly<Record<string, unknown>>
  /** Only in an export about a user. */
  readonly about?: ManifestAbout
  readonly fromSeq: number | null
  readonly toSeq: number | null
  /** Everything up to this number of the log has been looked at. */
  readonly throughSeq: number
  readonly rows: number
  readonly firstSeq: number | null
  readonly lastSeq: number | null
  /** The earliest and the latest `occurred_at` in it. */
  readonly firstTime: string | null
  readonly lastTime: string | null
  readonly bytes: number
  /** Of the file as it lies there, so of the compressed one where it is compressed. */
  readonly sha256: string
  /** The signed checkpoint by which its entries are proved. Only in an export with proofs. */
  readonly checkpoint?: string
  /** What leads from its entries to the root of the checkpoint. Only in an export with proofs. */
  readonly proof?: ManifestProof
  /** Losses that the log declares between the first and the last number looked at: up to 1,000. */
  readonly gaps: readonly ManifestGap[]
  readonly gapCount: number
  /**
   * Runs of numbers that the log does not hold and does not account for, up to 1,000: somebody took
   * rows or partitions away. Null with a filter, under which numbers are bound to be left out.
   */
  readonly missingSeqs: readonly (readonly [number, number])[] | null
  /**
   * Runs of numbers whose entries a policy removed, up to 1,000, from `fromSeq` on, or else from the
   * beginning of the log. The filter does not apply.
   */
  readonly removedSeqs: readonly (readonly [number, number])[]
  /** How many numbers a policy removed there. */
  readonly removedCount: number
  /** The entries `audit.retention` that say so, by their ids. */
  readonly removedBy: readonly string[]
  /** Entries whose `metadata` or `context` was too large to be read, up to 1,000 of them. */
  readonly unreadableSeqs: readonly number[]
  readonly unreadableCount: number
  /** Which history of the log its numbers belong to. */
  readonly history: string
  /** Which log. Another log starts its numbers again. Null where the server does not tell. */
  readonly logEpoch: string | null
  readonly startedAt: string
  readonly finishedAt: string
}

/** What is counted while an export runs. It is plain JSON, so that one can be taken up again. */
export interface ExportTally {
  rows: number
  firstSeq: number | null
  lastSeq: number | null
  firstTime: string | null
  lastTime: string | null
  missing: (readonly [number, number])[]
  unreadableSeqs: number[]
  unreadableCount: number
  /** Only in an export about a user. */
  found?: AboutCounts
}

const MAX_LISTED = 1_000

export function emptyTally(): ExportTally {
  return {
    ...{ rows: 0, firstSeq: null, lastSeq: null, firstTime: null, lastTime: null, missing: [] },
    ...{ unreadableSeqs: [], unreadableCount: 0 },
  }
}

export function count(tally: ExportTally, page: ExportPage): void {
  tally.rows += page.rows
  tally.firstSeq ??= page.firstSeq ?? null
  tally.lastSeq = page.lastSeq ?? tally.lastSeq
  if (
    page.firstTime !== undefined &&
    (tally.firstTime === null || page.firstTime < tally.firstTime)
  ) {
    tally.firstTime = page.firstTime
  }
  if (page.lastTime !== undefined && (tally.lastTime === null || page.lastTime > tally.lastTime)) {
    tally.lastTime = page.lastTime
  }
  if (page.found !== undefined) {
    const found = tally.found ?? noneFound()
    for (const reason of ABOUT_REASONS) found[reason] += page.found[reason]
    tally.found = found
  }
  tally.unreadableCount += page.unreadable.length
  for (const seq of page.unreadable) {
    if (tally.unreadableSeqs.length < MAX_LISTED) tally.unreadableSeqs.push(seq)
  }
  for (const [first, last] of page.missing) {
    const before = tally.missing.at(-1)
    if (before?.[1] === first - 1) tally.missing[tally.missing.length - 1] = [before[0], last]
    else if (tally.missing.length < MAX_LISTED) tally.missing.push([first, last])
  }
}

/**
 * The losses that the log declares in a range. The filter does not apply, because each may concern
 * it.
 */
export async function readGaps(
  db: AuditDatabase,
  fromSeq: number,
  toSeq: number,
): Promise<Pick<ExportManifest, 'gaps' | 'gapCount'>> {
  const map = await partitionsOf(db)
  const range = { nextSeq: fromSeq, lastSeq: toSeq }
  const { windows } = wholePlan(map, range, map.lastSeq >= toSeq)
  const gaps: ManifestGap[] = []
  let gapCount = 0
  for (const window of windows) {
    const found = await gapsIn(db, { fromSeq, toSeq, window, limit: MAX_LISTED - gaps.length })
    gaps.push(...found.gaps)
    gapCount += found.gapCount
  }
  return { gaps, gapCount }
}

interface WantedGaps {
  readonly fromSeq: number
  readonly toSeq: number
  readonly window: IdWindow
  readonly limit: number
}

async function gapsIn(
  db: AuditDatabase,
  { fromSeq, toSeq, window, limit: most }: WantedGaps,
): Promise<Pick<ExportManifest, 'gaps' | 'gapCount'>> {
  const isGap = sql.join(
    [
      sql`${entityOf(auditLog.action)} operator(pg_catalog.=) 'audit'::pg_catalog.text
        and ${auditLog.action} operator(pg_catalog.=) 'audit.gap'::pg_catalog.text
        and ${auditLog.seq} operator(pg_catalog.>=) ${fromSeq}::bigint
        and ${auditLog.seq} operator(pg_catalog.<=) ${toSeq}::bigint`,
      ...inWindow(window),
    ],
    sql` and `,
  )
  const [counted] = await readRows(
    db,
    sql`select pg_catalog.count(*)::double precision as "gaps" from ${auditLog} where ${isGap}`,
    EXPORT_DEADLINE_MS,
  )
  const gapCount = Number(counted?.['gaps'] ?? 0)
  if (gapCount === 0 || most === 0) return { gaps: [], gapCount }
  const { rows } = await readBatch(
    db,
    {
      limit: most,
      isDescending: false,
      key: sql`${entryRow.id}`,
      metadata: entryJson.metadata,
      context: sql`'{}'::pg_catalog.jsonb`,
      columns: entryColumns,
      from: (limit) => sql`(
        select ${logColumns} from ${auditLog} where ${isGap}
        order by ${auditLog.id} limit ${sql.raw(String(limit))}
      ) as entry`,
    },
    EXPORT_DEADLINE_MS,
  )
  return {
    gapCount,
    gaps: rows.map((row) => ({
      seq: Number(row['seq']),
      occurredAt: toEntry(row).occurredAt.toISOString(),
      metadata:
        typeof row['metadata'] === 'string' ? (JSON.parse(row['metadata']) as unknown) : null,
    })),
  }
}

/** What policies removed in a range of numbers. The filter does not apply. */
export async function readRemoved(
  db: AuditDatabase,
  fromSeq: number,
  toSeq: number,
): Promise<Pick<ExportManifest, 'removedSeqs' | 'removedCount' | 'removedBy'>> {
  const ask = (query: SQL) => readRows(db, query, EXPORT_DEADLINE_MS)
  const { runs, count, entries } = await removedIn(ask, [fromSeq, toSeq], MAX_LISTED)
  return { removedSeqs: runs, removedCount: count, removedBy: entries }
}

/**
 * Which log this is: the cluster's own number, and the timeline that it is on, which changes when a
 * standby takes over. Numbers of the log may have been given twice across such a change.
 */
export async function readLogEpoch(db: AuditDatabase): Promise<string | null> {
  try {
    const [row] = await readRows(
      db,
      sql`
        select (select system_identifier from pg_catalog.pg_control_system())::pg_catalog.text
            as "system",
          case when pg_catalog.pg_is_in_recovery()
            then (select timeline_id from pg_catalog.pg_control_checkpoint())::pg_catalog.text
            else pg_catalog.ltrim(pg_catalog.left(
              pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8), '0'::pg_catalog.text)
          end as "timeline"`,
    )
    return row ? `${row['system']}/${row['timeline']}` : null
  } catch {
    return null // some hosted servers keep these to themselves
  }
}
