import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import { databaseFault } from '../../src/errors.ts'
import type { CommittedField } from '../../src/seal/leaf.ts'

/** Something of an entry that was erased. It says nothing of what it held. */
export interface Erasure {
  readonly seq: number
  readonly id: string
  /** All fields of the entry that are erased by now. */
  readonly fields: readonly CommittedField[]
}

/** An entry of a user in one place of the log, and what an erasure of the user empties of it. */
export interface FoundEntry extends Erasure {
  /** The legal hold in force that forbids it. */
  readonly hold: string | null
}

/** An entry that was asked for by its number. */
export interface AskedEntry {
  readonly seq: number
  readonly action: string
  /** Its fields that hold something. */
  readonly present: readonly CommittedField[]
  /** False for the log's own entries but those that say who has read. */
  readonly isErasable: boolean
  readonly hold: string | null
}

/** A table that holds entries of the log. */
export interface LogPlace {
  /** Its quoted name. */
  readonly place: string
  /** `removed` waits for its drop; a `copy` is being built or was restored from an archive. */
  readonly kind: 'partition' | 'removed' | 'copy'
}

/** An entry of somebody else that names the user. */
export interface NamingEntry {
  readonly seq: number
  readonly action: string
  readonly fields: readonly CommittedField[]
}

export interface NamingPage {
  readonly entries: readonly NamingEntry[]
  readonly looked: number
  /** The id to go on behind; null at the end. */
  readonly last: string | null
}

/** What else the database holds about a user. */
export interface Elsewhere {
  /** Names that the user has or had, one for each event. An erasure of the user takes them, too. */
  readonly labels: number
  /** Shared views that the user saved, or that name the user. An erasure of the user takes them, too. */
  readonly views: number
  /** Numbers of dead letters, at most 1,000. */
  readonly letters: readonly number[]
  /** Entries that wait in the lanes. */
  readonly staged: number
  /** Ids of legal holds, also of those that were released. */
  readonly holds: readonly string[]
  readonly archives: readonly { readonly partition: string; readonly url: string }[]
}

const BEFORE_ALL_IDS = '00000000-0000-0000-0000-000000000000'

/** The statements of an erasure. Each is a function of the schema, for a login with `audit_eraser`. */
export class Erasures {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  places(): Promise<readonly LogPlace[]> {
    return this.#database.execute<LogPlace>(
      sql`select p.place, p.kind from audit.list_log_places() as p`,
    )
  }

  /** A user's entries in one place, in pages. @yields at most `maxRows` of them */
  async *ofUser(
    place: string,
    user: string,
    maxRows: number,
  ): AsyncGenerator<readonly FoundEntry[], void, undefined> {
    let after = BEFORE_ALL_IDS
    for (;;) {
      const rows = await this.#database.execute<FoundEntry>(sql`
        select f.seq::double precision as seq, f.id, pg_catalog.to_json(f.fields) as fields, f.hold
        from audit.find_of_user(${place}::pg_catalog.text, ${user}::pg_catalog.text,
          ${after}::pg_catalog.text::pg_catalog.uuid, ${maxRows}::integer) as f`)
      const last = rows.at(-1)
      if (last === undefined) return
      yield rows
      if (rows.length < maxRows) return
      after = last.id
    }
  }

  entries(seqs: readonly number[]): Promise<readonly AskedEntry[]> {
    return this.#database.execute<AskedEntry>(sql`
      select f.seq::double precision as seq, f.action, pg_catalog.to_json(f.present) as present,
        f.is_erasable as "isErasable", f.hold
      from audit.find_entries(${numbers(seqs)}) as f`)
  }

  async naming(
    place: string,
    user: string,
    after: string | null,
    maxRows: number,
  ): Promise<NamingPage> {
    const [row] = await this.#database.execute<NamingPage>(sql`
      select f.entries, f.looked::double precision as looked, f.last
      from audit.find_naming(${place}::pg_catalog.text, ${user}::pg_catalog.text,
        ${after ?? BEFORE_ALL_IDS}::pg_catalog.text::pg_catalog.uuid, ${maxRows}::integer) as f`)
    return row ?? { entries: [], looked: 0, last: null }
  }

  /** @param fromSeq of the entries that are erased; archived files that hold none of them are left out */
  async elsewhere(user: string, fromSeq: number, toSeq: number): Promise<Elsewhere> {
    const [row] = await this.#database.execute<Elsewhere>(sql`
      select e.labels::double precision as labels,
        e.views::double precision as views, pg_catalog.to_json(e.letters) as letters, e.staged::double precision as staged,
        pg_catalog.to_json(e.holds) as holds, e.archives
      from audit.erasure_elsewhere(${user}::pg_catalog.text, ${fromSeq}::bigint, ${toSeq}::bigint) as e`)
    return row ?? { labels: 0, views: 0, letters: [], staged: 0, holds: [], archives: [] }
  }

  /** Erases fields of at most 10,000 entries, all or none. @returns those that changed */
  erase(
    seqs: readonly number[],
    fields: readonly CommittedField[],
    reason: string,
  ): Promise<readonly Erasure[]> {
    return this.#database.execute<Erasure>(sql`
      select e.seq::double precision as seq, e.id, pg_catalog.to_json(e.erased) as fields
      from audit.erase(${numbers(seqs)}, ${texts(fields)}, ${reason}::pg_catalog.text) as e`)
  }

  /** Erases the names of a user that are left: each goes with the last entry that has it. */
  async eraseLabels(user: string): Promise<void> {
    await this.#database.execute(sql`select audit.erase_labels(${user}::pg_catalog.text)`)
  }

  /** Forgets that a user saved a view, and removes those that name the user. */
  async eraseViews(user: string): Promise<void> {
    await this.#database.execute(sql`select audit.erase_views(${user}::pg_catalog.text)`)
  }

  /** Everything that was ever erased, in the order of the numbers, a page at a time. */
  async *all(): AsyncGenerator<readonly Erasure[], void, undefined> {
    let after = 0
    for (;;) {
      const rows = await this.#database.execute<Erasure>(sql`
        select e.seq::double precision as seq, e.id, pg_catalog.to_json(e.fields) as fields
        from audit.list_erasures(${after}::bigint, ${ERASURES_AT_ONCE}::integer) as e`)
      const last = rows.at(-1)
      if (last === undefined) return
      yield rows
      after = last.seq
    }
  }

  /** The sessions for which an erasure waits, the longest transaction first. */
  blockers(): Promise<readonly Blocker[]> {
    return this.#database.execute<Blocker>(
      sql`select w.pid, w.login, w.application from audit.who_blocks_retention() as w limit 3`,
    )
  }
}

export interface Blocker {
  /** Null for a prepared transaction. */
  readonly pid: number | null
  readonly login: string | null
  readonly application: string | null
}

const ERASURES_AT_ONCE = 10_000

/** A list as one text of JSON, because this driver cannot send a list. */
function texts(values: readonly (string | number)[]) {
  return sql`array(select pg_catalog.json_array_elements_text(${JSON.stringify(values)}::pg_catalog.json))`
}

function numbers(seqs: readonly number[]) {
  return sql`${texts(seqs)}::bigint[]`
}

/** A legal hold that forbids an erasure. The error of the function names it as a constraint. */
export function holdOf(error: unknown): string | undefined {
  const { code, table_name: table, constraint_name: hold } = databaseFault(error)
  return code === '55006' && table === 'audit_hold' ? hold : undefined
}
