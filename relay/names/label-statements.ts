import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'

/** How far the names are collected. */
export interface NamesState {
  readonly on: boolean
  /** The last number of the log, and the last one that was looked at. Null where it is off. */
  readonly head: number | null
  readonly seq: number | null
  readonly names: number
  readonly people: number
}

/** Turns it on, as a login with `audit_keeper`. Where it is on, nothing changes. */
export async function turnNamesOn(database: Database): Promise<void> {
  await database.execute(sql`select audit.names_on()::pg_catalog.text as since`)
}

/** Turns it off. @returns how many names were forgotten */
export async function turnNamesOff(database: Database): Promise<number> {
  const [row] = await database.execute<{ forgotten: number }>(
    sql`select audit.names_off()::double precision as forgotten`,
  )
  return row?.forgotten ?? 0
}

export async function readNamesState(database: Database): Promise<NamesState> {
  const [row] = await database.execute<{
    head: number | null
    seq: number | null
    names: number
    people: number
  }>(sql`
    select c.labels::double precision as names, c.subjects::double precision as people,
      f.head::double precision as head, f.seq::double precision as seq
    from audit.label_counts() as c
    left join audit.follow_state() as f on f.consumer operator(pg_catalog.=) 'names'`)
  const { head = null, seq = null, names = 0, people = 0 } = row ?? {}
  return { on: seq !== null, head, seq, names, people }
}
