import { hash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { COMMITTED_FIELDS, type CommittedField } from '../../../src/seal/leaf.ts'
import type { Asked } from './ask.ts'
import type { Finding } from './finding.ts'
import type { StoredEntry, StretchReader } from './stretch-rows.ts'

type Run = readonly [first: number, last: number]

/** What an entry of the log says was removed or erased counts from its seal on. */
export type IsSealed = (entry: StoredEntry) => Promise<'sealed' | 'pending' | 'altered'>

/** A row of audit_removed. */
interface RemovedRow {
  readonly first: number
  readonly last: number
  readonly by: string
  readonly removedMs: number
}

/** What the log's own entries say of removals. */
interface Removal {
  readonly isSealed: boolean
  /** Undefined where there are so many that the entry has their hash alone. */
  readonly runs: readonly Run[] | undefined
  readonly runsSha256: string
}

export interface Clock {
  /** The database's time, in Unix milliseconds. */
  readonly nowMs: number
  /** What is younger than this, in milliseconds, may still be on its way to its seal. */
  readonly patienceMs: number
}

/**
 * What was removed and erased by the book: an entry of the log says so, and that entry is sealed.
 * Nothing else excuses an entry that is gone.
 */
export class Said {
  readonly #runs: readonly Run[]
  readonly #erased: ReadonlyMap<number, number>
  /** What `audit_removed` claims without an entry that says it. */
  readonly findings: readonly Finding[]
  /** Removals and erasures whose entry waits for its seal. */
  readonly pending: number

  private constructor(
    runs: readonly Run[],
    erased: ReadonlyMap<number, number>,
    findings: readonly Finding[],
    pending: number,
  ) {
    this.#runs = runs
    this.#erased = erased
    this.findings = findings
    this.pending = pending
  }

  static async read(
    asked: Asked,
    reader: StretchReader,
    isSealed: IsSealed,
    clock: Clock,
  ): Promise<Said> {
    const undone = new Set([
      ...(await undoneBy(reader, isSealed, 'audit.retention_undo')),
      ...(await undoneBy(reader, isSealed, 'audit.archive_restore')),
    ])
    const removals = await readRemovals(reader, isSealed, undone)
    const rows = await readRemoved(asked)
    const runs: Run[] = []
    const findings: Finding[] = []
    let pending = 0
    for (const [by, removed] of byEntry(rows)) {
      const removal = removals.get(by)
      if (removal !== undefined && says(removal, removed)) {
        runs.push(...removed.map(({ first, last }): Run => [first, last]))
        if (!removal.isSealed) pending += 1
      } else if (
        removal === undefined &&
        !undone.has(by) &&
        removed.every((row) => isNew(row, clock))
      ) {
        // The entry is still on its way to the log.
        runs.push(...removed.map(({ first, last }): Run => [first, last]))
        pending += 1
      } else {
        findings.push(...removed.map(unsaid))
      }
    }
    // What a sealed entry says holds, whatever has become of audit_removed.
    for (const { isSealed: isSure, runs: said } of removals.values()) {
      if (isSure && said !== undefined) runs.push(...said)
    }
    const erased = await readErased(reader, isSealed)
    return new Said(merged(runs), erased.fields, findings, pending + erased.pending)
  }

  /** Whether a policy removed the entry of a number. */
  isRemoved(seq: number): boolean {
    let [low, high] = [0, this.#runs.length - 1]
    while (low <= high) {
      const middle = (low + high) >> 1
      const [first = 0, last = 0] = this.#runs[middle] ?? []
      if (seq < first) high = middle - 1
      else if (seq > last) low = middle + 1
      else return true
    }
    return false
  }

  isErased(seq: number, field: CommittedField): boolean {
    return ((this.#erased.get(seq) ?? 0) & bitOf(field)) !== 0
  }
}

function bitOf(field: CommittedField): number {
  return 1 << COMMITTED_FIELDS.indexOf(field)
}

function isNew({ removedMs }: RemovedRow, { nowMs, patienceMs }: Clock): boolean {
  return removedMs <= nowMs && removedMs > nowMs - patienceMs
}

function unsaid({ first, last }: RemovedRow): Finding {
  const text = `audit_removed has seq ${first} to ${last} as removed, and no sealed entry says so.`
  return { kind: 'removed-unsaid', seq: first, text }
}

/** Ids of removals that were taken back. */
async function undoneBy(
  reader: StretchReader,
  isSealed: IsSealed,
  action: string,
): Promise<readonly string[]> {
  const undone: string[] = []
  for await (const entry of reader.ofAction(action)) {
    if ((await isSealed(entry)) === 'altered') continue
    const { retention } = metadataOf(entry)
    const ids: readonly unknown[] = Array.isArray(retention) ? retention : [retention]
    undone.push(...ids.map(String))
  }
  return undone
}

async function readRemovals(
  reader: StretchReader,
  isSealed: IsSealed,
  undone: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Removal>> {
  const removals = new Map<string, Removal>()
  for await (const entry of reader.ofAction('audit.retention')) {
    const state = undone.has(entry.id) ? 'altered' : await isSealed(entry)
    if (state === 'altered') continue
    const { seqs, runs, seqsSha256 } = metadataOf(entry)
    const listed = Array.isArray(seqs) && seqs.length === runs && seqs.every(isRun)
    removals.set(entry.id, {
      isSealed: state === 'sealed',
      runs: listed ? (seqs as Run[]) : undefined,
      runsSha256: String(seqsSha256),
    })
  }
  return removals
}

function isRun(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every(Number.isSafeInteger)
}

function metadataOf({ row }: StoredEntry): Readonly<Record<string, unknown>> {
  return JSON.parse(row.metadata) as Record<string, unknown>
}

async function readRemoved(asked: Asked): Promise<readonly RemovedRow[]> {
  const rows = await asked.rows(sql`
    select r.first_seq::pg_catalog.text as "first", r.last_seq::pg_catalog.text as "last",
      r.by_entry::pg_catalog.text as "by",
      (extract(epoch from r.removed_at) operator(pg_catalog.*) 1000)::double precision as "removedMs"
    from audit.audit_removed as r order by r.first_seq`)
  return rows.map(({ first, last, by, removedMs }) => ({
    first: Number(first),
    last: Number(last),
    by: String(by),
    removedMs: Number(removedMs),
  }))
}

function byEntry(rows: readonly RemovedRow[]): ReadonlyMap<string, readonly RemovedRow[]> {
  const groups = new Map<string, RemovedRow[]>()
  for (const row of rows) {
    const group = groups.get(row.by)
    if (group) group.push(row)
    else groups.set(row.by, [row])
  }
  return groups
}

/** Whether the entry lists the rows, or has hashed them: as the text of a multirange of Postgres. */
function says({ runs, runsSha256 }: Removal, rows: readonly RemovedRow[]): boolean {
  if (runs !== undefined) return rows.every((row) => runs.some((run) => isWithin(row, run)))
  const text = `{${rows.map(({ first, last }) => `[${first},${last + 1})`).join(',')}}`
  return hash('sha256', text, 'hex') === runsSha256
}

function isWithin({ first, last }: RemovedRow, run: Run): boolean {
  return first >= run[0] && last <= run[1]
}

/** Runs in their order, without overlaps. */
function merged(runs: readonly Run[]): readonly Run[] {
  const sorted = [...runs].sort(([one], [other]) => one - other)
  const result: [number, number][] = []
  for (const [first, last] of sorted) {
    const before = result.at(-1)
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else result.push([first, last])
  }
  return result
}

/** Which fields of which entries an entry `audit.erase` says were erased, as bits. */
async function readErased(
  reader: StretchReader,
  isSealed: IsSealed,
): Promise<{ readonly fields: ReadonlyMap<number, number>; readonly pending: number }> {
  const fields = new Map<number, number>()
  let pending = 0
  for await (const entry of reader.ofAction('audit.erase')) {
    const state = await isSealed(entry)
    if (state === 'altered') continue
    if (state === 'pending') pending += 1
    const said = metadataOf(entry)
    const bits = COMMITTED_FIELDS.filter((field) => isListed(said['fields'], field))
      .map(bitOf)
      .reduce((all, bit) => all | bit, 0)
    for (const seq of seqsIn(said['seqs'])) fields.set(seq, (fields.get(seq) ?? 0) | bits)
  }
  return { fields, pending }
}

function isListed(list: unknown, word: string): boolean {
  return Array.isArray(list) && list.includes(word)
}

/** No call erases more, so a longer run says nothing. */
const MOST_IN_A_RUN = 10_000_000

/** A list of numbers, or of runs of them. */
function* seqsIn(list: unknown): Generator<number> {
  if (!Array.isArray(list)) return
  for (const one of list) {
    if (Number.isSafeInteger(one)) yield one
    if (!isRun(one)) continue
    const [first, last] = one as Run
    if (last - first > MOST_IN_A_RUN) continue
    for (let seq = first; seq <= last; seq += 1) yield seq
  }
}
