import { type SQL, sql } from 'drizzle-orm'
import { AuditError, filterInvalid } from '../errors.ts'
import { auditHistory } from '../schema/tables.ts'
import type { AuditDatabase } from '../database/callers-database.ts'
import { shown } from './filter-values.ts'
import { readRows } from './read-rows.ts'

/** A place in the log, behind this entry. An entry of a tail is a cursor, too. */
export interface Cursor {
  /** The history of the log. A restore begins a new one. */
  readonly history: string
  readonly seq: number
  readonly id: string
}

/** A reader would go on after a cursor, but this is not the log that it has read. */
export class HistoryChangedError extends AuditError {
  /**
   * Every entry from this number on may be another one than before. Reading some twice is safe,
   * because an entry keeps its id.
   */
  readonly readAgainFromSeq: number

  constructor(message: string, readAgainFromSeq: number) {
    super(
      'AUDIT_HISTORY_CHANGED',
      `${message} Read again from seq ${readAgainFromSeq}, and skip the ids that you have.`,
    )
    this.readAgainFromSeq = readAgainFromSeq
  }
}

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const CURSOR = new RegExp(`^(${UUID})\\.(\\d{1,16})\\.(${UUID})$`)

/** Writes a cursor as text, for a file or a column. `parseCursor` reads it back. */
export function cursorText({ history, seq, id }: Cursor): string {
  return `${history}.${seq}.${id}`
}

/** @throws {AuditError} `AUDIT_FILTER_INVALID` */
export function parseCursor(text: unknown): Cursor {
  const [, history, seq, id] = (typeof text === 'string' && CURSOR.exec(text)) || []
  if (history !== undefined && id !== undefined && Number.isSafeInteger(Number(seq))) {
    return { history, seq: Number(seq), id }
  }
  throw filterInvalid(`A cursor must be one that cursorText() made, got ${shown(text)}.`)
}

/** @throws {AuditError} `AUDIT_FILTER_INVALID` where it is no cursor */
export function checkCursor(given: unknown): Cursor {
  const { history, seq, id } = Object(given) as Partial<Cursor>
  return parseCursor(typeof given === 'string' ? given : `${history}.${seq}.${id}`)
}

/** The current history of the log, as text. */
export const currentHistory: SQL = sql`(
  select ${auditHistory.history}::pg_catalog.text from ${auditHistory}
  order by ${auditHistory.firstSeq} desc, ${auditHistory.at} desc limit 1
)`

export async function readHistory(db: AuditDatabase): Promise<string> {
  const [row] = await readRows(db, sql`select ${currentHistory} as "history"`)
  return String(row?.['history'])
}

/**
 * Makes the error for a cursor whose entry the log does not hold.
 *
 * Both logs are the same up to the first number of the history that followed the cursor's own.
 */
export async function historyChanged(
  db: AuditDatabase,
  { history, seq }: Cursor,
): Promise<HistoryChangedError> {
  const begins = (condition: SQL) => sql`
    select pg_catalog.min(${auditHistory.firstSeq})::pg_catalog.text from ${auditHistory}
    where ${condition}`
  const own = sql`(
    select ${auditHistory.at} from ${auditHistory}
    where ${auditHistory.history} operator(pg_catalog.=) ${history}::pg_catalog.uuid
  )`
  const [row] = await readRows(
    db,
    sql`select (${begins(sql`${auditHistory.at} operator(pg_catalog.>) ${own}`)}) as "first",
      ${currentHistory} as "history"`,
  )
  if (String(row?.['history']) === history) {
    return new HistoryChangedError(`The log does not hold entry ${seq} of the cursor any more.`, 1)
  }
  if (row?.['first'] == null) {
    return new HistoryChangedError(`The cursor's history ${history} is not one of this log.`, 1)
  }
  const message = `The log has begun a new history since the cursor's, as after a restore.`
  return new HistoryChangedError(message, Math.min(seq + 1, Number(row['first'])))
}
