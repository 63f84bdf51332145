import { sql } from 'drizzle-orm'
import type { Asked } from './ask.ts'
import type { Findings } from './finding.ts'

/** Entries of recorders, as a run counted them. */
export interface Counted {
  /** Up to which number: what is sealed cannot go unseen any more, and need not be counted again. */
  readonly throughSeq: number
  /** How many there were up to it. */
  readonly present: number
  /** How many more the moves had counted than were there in all: those that a policy had removed. */
  readonly missing: number
}

const FIRST_ID = '00000000-0000-0000-0000-000000000000'
const AT_ONCE = 10_000

/**
 * The accounts of recorders: the moves count what they log, and this counts what is there. It closes
 * the last gap: anyone who deletes the newest entries before they are sealed, and sets the head back,
 * leaves the counts of the moves as they were.
 */
export class Accounts {
  readonly #base: Counted | undefined
  /** By the recorder's id: what the moves had counted before anything was read, less what was read. */
  readonly #owed: Map<string, number>
  /** Entries that are sealed, and those that are not. */
  #present = { sealed: 0, unsealed: 0 }

  private constructor(owed: Map<string, number>, base: Counted | undefined) {
    this.#owed = owed
    this.#base = base
  }

  /** For a run that reads all entries. Whatever is counted now is there for a reader that comes later. */
  static async ofAll(asked: Asked): Promise<Accounts> {
    const owed = new Map<string, number>()
    for (let after: string | undefined = FIRST_ID; after !== undefined; ) {
      const rows = await asked.rows(sql`
        select r.id::pg_catalog.text as "id", r.logged::pg_catalog.text as "logged"
        from audit.logged_counts(${after}::pg_catalog.uuid, ${sql.raw(String(AT_ONCE))}) as r`)
      for (const { id, logged } of rows) owed.set(String(id), Number(logged))
      after = rows.length < AT_ONCE ? undefined : String(rows.at(-1)?.['id'])
    }
    return new Accounts(owed, undefined)
  }

  /** For a run that reads what came since an earlier one. */
  static since(base: Counted): Accounts {
    return new Accounts(new Map(), base)
  }

  saw(
    { seq, recorderId }: { readonly seq: number; readonly recorderId: string | null },
    isSealed: boolean,
  ): void {
    if (recorderId === null || seq <= (this.#base?.throughSeq ?? 0)) return
    this.#present[isSealed ? 'sealed' : 'unsealed'] += 1
    // One that logs for the first time while this runs was not counted before.
    const owed = this.#owed.get(recorderId)
    if (owed !== undefined) this.#owed.set(recorderId, owed - 1)
  }

  /**
   * @param total what the moves had counted up to the last number of the log: all entries were seen
   * @param throughSeq the last number that is sealed
   */
  counted({ logged }: Total, throughSeq: number): Counted {
    const present = this.#present.sealed + (this.#base?.present ?? 0)
    const missing = Math.max(0, logged - present - this.#present.unsealed)
    return { throughSeq, present, missing }
  }

  /** @param gone how many entries are known to be gone: nobody knows any more whose they were */
  compare(total: Total, gone: number, findings: Findings): void {
    if (this.#base !== undefined) {
      const more = this.counted(total, 0).missing - this.#base.missing
      if (more <= 0) return
      const text = `${more} entries that were logged since the last run are not in the log.`
      findings.add('accounts', null, text)
      return
    }
    const missing = [...this.#owed].filter(([, owed]) => owed > 0)
    const more = missing.reduce((sum, [, owed]) => sum + owed, 0) - gone
    if (more <= 0) return
    const [[id] = ['']] = missing
    const others = missing.length > 1 ? ` and ${missing.length - 1} others` : ''
    const text = `${more} entries of the recorder ${id}${others} were logged and are not in the log.`
    findings.add('accounts', null, text)
  }
}

export interface Total {
  readonly lastSeq: number
  readonly logged: number
}

/** The last number of the log and what the moves have counted up to it, in one snapshot. */
export async function readTotal(asked: Asked): Promise<Total> {
  const [row] = await asked.rows(sql`
    select t.last_seq::pg_catalog.text as "lastSeq", t.logged::pg_catalog.text as "logged"
    from audit.logged_total() as t`)
  return { lastSeq: Number(row?.['lastSeq'] ?? 0), logged: Number(row?.['logged'] ?? 0) }
}
