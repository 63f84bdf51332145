import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'

/** A dead letter without what it says: that is personal, and can be long. */
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
  /** The entry as it stood in its lane; as text where it is no JSON. */
  readonly entry: unknown
}

/** What became of one: `retried`, `missing`, or the SQLSTATE with which its lane refuses it. */
export interface Retried {
  readonly number: number
  readonly outcome: string
}

const summary = sql`
  d.number::double precision as number, d.died_at as "diedAt",
  d.lane, d.sqlstate, d.reason, d.id, d.recorder_id as "recorderId",
  d.recorder_seq::double precision as "recorderSeq", d.entry_bytes as "entryBytes"`

/** The newest ones, newest first. */
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

/** One statement for each, so that one that cannot go back holds up none of the others. */
export async function retryLetter(database: Database, number: number): Promise<Retried> {
  const [row] = await database.execute<{ outcome: string }>(
    sql`select audit.retry_dead_letter(${number}::bigint) as outcome`,
  )
  return { number, outcome: row?.outcome ?? 'missing' }
}

/** @returns whether there was one */
export async function dropLetter(database: Database, number: number): Promise<boolean> {
  const [row] = await database.execute<{ dropped: boolean }>(
    sql`select audit.drop_dead_letter(${number}::bigint) as dropped`,
  )
  return row?.dropped === true
}

const NUMBERS_AT_ONCE = 500

/**
 * The numbers of all that are there now, oldest first. What dies meanwhile is not among them, so
 * trying all of them again comes to an end.
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
