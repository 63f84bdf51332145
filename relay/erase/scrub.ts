import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import { AuditError, databaseFault } from '../../src/errors.ts'

export interface ScrubOptions {
  readonly signal: AbortSignal
  /** For how long other sessions are waited for, in milliseconds. Default: 10 minutes. */
  readonly deadlineMs?: number
  /** Called before each table, with its name and its size in bytes. */
  readonly onTable: (place: string, bytes: number) => void
  /** Called while somebody is waited for. */
  readonly onWait: (why: string) => void
}

export interface ScrubbedTable {
  readonly place: string
  readonly bytesBefore: number
  readonly bytes: number
}

export interface Scrubbed {
  readonly tables: readonly ScrubbedTable[]
  /** Entries of which something was erased that is in no file of a table any more. */
  readonly entries: number
}

interface Viewer {
  readonly pid: number | null
  readonly login: string | null
  readonly application: string | null
  readonly what: string
}

const DEADLINE_MS = 600_000
const LOCK_TIMEOUT_MS = 100
const POLL_MS = 500
/** A lock that was not had, a deadlock, and a session that still sees old rows. */
const TRIED_AGAIN = new Set(['55P03', '40P01', '55006'])

/**
 * Rewrites each table whose files may hold what was erased, each in a transaction of its own. It waits
 * until nobody sees the rows as they were: else a rewritten table keeps them.
 *
 * @param database with a deadline that is long enough to rewrite a partition
 * @throws {AuditError} `AUDIT_DEADLINE_PASSED`, naming who was in the way
 */
export async function scrub(database: Database, options: ScrubOptions): Promise<Scrubbed> {
  const [start] = await database.execute<{ cut: string; began: string }>(sql`
    select pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::pg_catalog.text as cut,
      pg_catalog.clock_timestamp()::pg_catalog.text as began`)
  const { cut = '', began = '' } = start ?? {}
  const places = await database.execute<{ place: string; bytes: number }>(
    sql`select p.place, p.bytes::double precision as bytes from audit.scrub_places() as p`,
  )
  const tables: ScrubbedTable[] = []
  for (const { place, bytes } of places) {
    options.onTable(place, bytes)
    tables.push({ place, ...(await scrubOne(database, place, cut, options)) })
  }
  const [ended] = await database.execute<{ entries: number }>(sql`
    select audit.end_scrub(${began}::pg_catalog.text::pg_catalog.timestamptz)::double precision
      as entries`)
  return { tables, entries: ended?.entries ?? 0 }
}

async function scrubOne(
  database: Database,
  place: string,
  cut: string,
  { signal, deadlineMs = DEADLINE_MS, onWait }: ScrubOptions,
): Promise<Omit<ScrubbedTable, 'place'>> {
  const untilMs = performance.now() + deadlineMs
  for (;;) {
    signal.throwIfAborted()
    let why = await whoSees(database, cut)
    if (why === undefined) {
      try {
        const [row] = await database.execute<Omit<ScrubbedTable, 'place'>>(sql`
          select s.bytes_before::double precision as "bytesBefore",
            s.bytes::double precision as bytes
          from audit.scrub(${place}::pg_catalog.text, ${cut}::pg_catalog.text,
            ${LOCK_TIMEOUT_MS}::integer) as s`)
        return row ?? { bytesBefore: 0, bytes: 0 }
      } catch (error) {
        if (!TRIED_AGAIN.has(databaseFault(error).code)) throw error
        why = (await whoSees(database, cut)) ?? (await whoLocks(database))
      }
    }
    if (performance.now() >= untilMs) {
      throw new AuditError(
        'AUDIT_DEADLINE_PASSED',
        `What was erased is erased, but ${place} was not rewritten on disk, because ${why}. ` +
          'Run it again with --scrub.',
      )
    }
    onWait(why)
    await sleep(POLL_MS, undefined, { signal })
  }
}

async function whoSees(database: Database, cut: string): Promise<string | undefined> {
  const viewers = await database.execute<Viewer>(
    sql`select w.pid, w.login, w.application, w.what
      from audit.who_sees_erased(${cut}::pg_catalog.text) as w limit 3`,
  )
  if (viewers.length === 0) return undefined
  return `rows as they were are still seen by ${viewers.map(nameOf).join(', ')}`
}

async function whoLocks(database: Database): Promise<string> {
  const holders = await database.execute<Omit<Viewer, 'what'>>(
    sql`select w.pid, w.login, w.application from audit.who_blocks_retention() as w limit 3`,
  )
  const named = holders.map((one) => nameOf({ ...one, what: 'session' })).join(', ')
  return `a lock was not had${named ? `; it may be held by ${named}` : ''}`
}

function nameOf({ pid, login, application, what }: Viewer): string {
  const about = [login, application].filter(Boolean).join(', ')
  return `${pid === null ? what : `${what} ${pid}`}${about ? ` (${about})` : ''}`
}
