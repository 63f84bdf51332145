import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import { databaseFault } from '../../src/errors.ts'

/** A dead letter without its entry, because the entry is personal and can be long. */
export interface DeadLetter {
  readonly number: number
  /** ISO 8601, in UTC. */
  readonly diedAt: string
  readonly lane: string | null
  readonly sqlstate: string | null
  readonly reason: string | null
  readonly id: string | null
  readonly recorderId: string | null
  readonly recorderSeq: number | null
  readonly entryBytes: number
}

export interface OpenedLetter extends DeadLetter {
  /** The entry as its lane held it. A text where it is no JSON. */
  readonly entry: unknown
}

/**
 * The result of one retry: `retried`, `missing`, or the SQLSTATE with which the lane refused it.
 */
export interface Retried {
  readonly number: number
  readonly outcome: string
}

const summary = sql`
  d.number::double precision as number, d.died_at as "diedAt",
  d.lane, d.sqlstate, d.reason, d.id, d.recorder_id as "recorderId",
  d.recorder_seq::double precision as "recorderSeq", d.entry_bytes as "entryBytes"`

/** Lists the newest dead letters, newest first, at most `limit`. */
export function listLetters(database: Database, limit: number): Promise<readonly DeadLetter[]> {
  return database.execute<DeadLetter>(sql`
    select ${summary} from audit.list_letters(${limit}::integer) as d`)
}

export async function openLetter(
  database: Database,
  number: number,
): Promise<OpenedLetter | undefined> {
  const [found] = await database.execute<DeadLetter & { text: string | null }>(sql`
    select ${summary}, d.entry as text from audit.open_letter(${number}::bigint) as d`)
  if (found === undefined) return undefined
  const { text, ...letter } = found
  return { ...letter, entry: parsed(text) }
}

/**
 * Puts the entry of a letter back into a lane. Each letter has a statement of its own, so that one
 * that its lane refuses does not stop the others.
 */
export async function retryLetter(database: Database, number: number): Promise<Retried> {
  const [row] = await database.execute<{ outcome: string }>(
    sql`select audit.retry_dead_letter(${number}::bigint) as outcome`,
  )
  return { number, outcome: row?.outcome ?? 'missing' }
}

/** Why a letter cannot be dropped. */
export interface LetterHold {
  /** The id of a legal hold in force. */
  readonly hold: string
  /** False: the hold could be about it, because nobody can read what it says. */
  readonly isReadable: boolean
}

/** Deletes a letter, unless a legal hold forbids it. */
export async function dropLetter(
  database: Database,
  number: number,
): Promise<'dropped' | 'missing' | LetterHold> {
  try {
    const [row] = await database.execute<{ dropped: boolean }>(
      sql`select audit.drop_dead_letter(${number}::bigint) as dropped`,
    )
    return row?.dropped === true ? 'dropped' : 'missing'
  } catch (error) {
    const {
      code,
      table_name: table,
      constraint_name: hold,
      column_name: column,
    } = databaseFault(error)
    if (code !== IN_USE || table !== 'audit_hold' || hold === undefined) throw error
    return { hold, isReadable: column === undefined }
  }
}

/** The SQLSTATE with which a hold forbids to drop a letter. The error names the hold as a constraint. */
const IN_USE = '55006'

const NUMBERS_AT_ONCE = 500

/**
 * The numbers of all dead letters that there are now, oldest first. Letters that are made meanwhile
 * are left out, so that a retry of all letters ends.
 */
export async function* allLetters(database: Database): AsyncGenerator<number> {
  const [newest] = await listLetters(database, 1)
  const last = newest?.number ?? 0
  let after = 0
  while (after < last) {
    const rows = await database.execute<{ number: number }>(sql`
      select n.number::double precision as number
      from audit.letter_numbers(${after}::bigint, ${NUMBERS_AT_ONCE}::integer) as n (number)`)
    for (const { number } of rows) if (number <= last) yield number
    after = rows.at(-1)?.number ?? last
  }
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return text
  }
}
