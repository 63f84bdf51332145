import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import { databaseFault } from '../../src/errors.ts'
import { Blocked, type BlockedPartition } from './blocked.ts'
import { type MergedPartitions, mergeKept } from './merge-kept.ts'
import { proveDefault } from './prove-default.ts'
import {
  type LaggingCursor,
  listWaiting,
  type PlannedPartition,
  planRetention,
  textArray,
} from './retention-plan.ts'
import { TRIED_AGAIN, tryAgain } from './try-again.ts'

/** What an archive says of the entries that leave; it stands in the log's entry about them. */
export type ArchivedPartition = Readonly<Record<string, unknown>>

/** Copies what leaves a partition to another place, and proves that it is there, before it goes. */
export interface Archiver {
  /**
   * @param kept the table of what stays: all other entries of the partition leave
   * @throws where the archive does not hold all of them: then nothing is removed
   */
  archive(partition: string, kept: string): Promise<ArchivedPartition>
}

export interface RetentionOptions {
  /** Names of cursors that are not waited for. */
  readonly ignored?: readonly string[]
  /** Longest wait for a lock, in milliseconds. Everybody else waits behind it. Default: 100. */
  readonly lockTimeoutMs?: number
  /** For how long a step is tried again while another session holds a lock. Default: 10 minutes. */
  readonly deadlineMs?: number
  readonly archiver?: Archiver | undefined
  /** Called with each step, for people. */
  readonly onStep?: (text: string) => void
  /** Called with what is only looked at, before anything is done. */
  readonly onLook?: (text: string) => void
  /** Ends the run behind the step in hand. What is done by then stays done. */
  readonly signal?: AbortSignal | undefined
}

export interface RemovedPartition {
  readonly partition: string
  readonly removed: number
  readonly kept: number
  readonly held: number
  /** The entry `audit.retention`. */
  readonly entryId: string
}

export interface RetentionResult {
  readonly removed: readonly RemovedPartition[]
  /** Partitions whose removed entries are gone for good now. */
  readonly dropped: readonly string[]
  /** Small partitions that became one, with all of their entries. */
  readonly merged: readonly MergedPartitions[]
  readonly blocked: readonly BlockedPartition[]
  /** Where the signal ended the run: the next one does the rest. */
  readonly isStopped?: true
}

const LOCK_TIMEOUT_MS = 100
const DEADLINE_MS = 600_000
/** How often what is kept is built again because policies, holds or entries changed meanwhile. */
const MAX_BUILDS = 5

/**
 * Removes what the policies let go, partition by partition, the oldest first, and drops what was
 * removed long enough ago. One partition that has to stay does not keep the others.
 *
 * @param database whose login was granted `audit_keeper`
 */
export async function applyRetention(
  database: Database,
  options: RetentionOptions = {},
): Promise<RetentionResult> {
  const run = new RetentionRun(database, options)
  const { removed, dropped, merged, blocked } = run
  try {
    await run.dropRemoved()
    await run.removeDue()
    await run.mergeKept()
    await run.note()
  } catch (error) {
    if (!options.signal?.aborted) throw error
    return { removed, dropped, merged, blocked, isStopped: true }
  }
  return { removed, dropped, merged, blocked }
}

/** Takes back the newest removal of a partition. @returns why not, where that cannot be done */
export function undoRetention(
  database: Database,
  partition: string,
  options: RetentionOptions = {},
): Promise<Undone> {
  return new RetentionRun(database, options).undo(partition)
}

export type Undone =
  | { readonly entryId: string }
  | { readonly refused: string }
  | { readonly blocked: BlockedPartition }

class RetentionRun {
  readonly blocked: BlockedPartition[] = []
  readonly removed: RemovedPartition[] = []
  readonly dropped: string[] = []
  readonly merged: MergedPartitions[] = []
  readonly #database: Database
  readonly #options: RetentionOptions
  #planned: readonly PlannedPartition[] = []
  /** The beginning of the oldest partition that holds an entry of a policy, by its pattern. */
  readonly #oldest: Record<string, string> = {}

  constructor(database: Database, options: RetentionOptions) {
    this.#database = database
    this.#options = options
  }

  async dropRemoved(): Promise<void> {
    const due = (await listWaiting(this.#database)).filter(({ isDue }) => isDue)
    for (const partition of new Set(due.map((one) => one.partition))) {
      await this.#unlessBlocked(partition, async () => {
        const [row] = await this.#tryAgain(() =>
          this.#database.execute<{ dropped: number; held: number }>(sql`
            select d.dropped, d.held::double precision as held
            from audit.drop_removed(${partition}, ${this.#lockTimeoutMs}::integer) as d`),
        )
        if (row && row.dropped > 0) {
          this.dropped.push(partition)
          this.#say(`${partition}: what was removed of it is dropped.`)
        }
        if (row && row.held > 0) {
          throw new Blocked(
            'hold',
            `${row.held} removed entries are on hold now; bring them back with ` +
              `"audit-relay retention undo ${partition}", or release the hold`,
          )
        }
      })
    }
  }

  async removeDue(): Promise<void> {
    const { ignored, onLook = () => {} } = this.#options
    const { partitions } = await planRetention(this.#database, ignored, (text) => {
      this.#unlessStopped()
      onLook(text)
    })
    this.#planned = partitions
    const { removed } = this
    for (const planned of partitions) {
      this.#unlessStopped()
      const before = removed.length
      if (planned.goes > 0) {
        await this.#unlessBlocked(planned.partition, async () => {
          const one = await this.#remove(planned)
          if (one) removed.push(one)
        })
      }
      this.#noteOldest(planned, removed.length > before)
    }
  }

  async mergeKept(): Promise<void> {
    await mergeKept(this.#database, this.#planned, {
      lockTimeoutMs: this.#lockTimeoutMs,
      deadlineMs: this.#options.deadlineMs,
      onStep: (text) => this.#say(text),
      onMerged: (one) => this.merged.push(one),
      signal: this.#options.signal,
    })
  }

  /** For status and metrics. Where another run is under way, that one will do so. */
  async note(): Promise<void> {
    const run = JSON.stringify({ blocked: this.blocked, oldest: this.#oldest })
    try {
      await this.#database.execute(
        sql`select audit.note_retention(${run}::pg_catalog.jsonb)::pg_catalog.text as noted`,
      )
    } catch (error) {
      if (!TRIED_AGAIN.has(databaseFault(error).code)) throw error
    }
  }

  #noteOldest({ from, actions }: PlannedPartition, isRemoved: boolean): void {
    for (const { policy, rows, due, held } of actions) {
      if (policy === null || from === null) continue
      if (rows > (isRemoved ? due - held : 0)) this.#oldest[policy] ??= from
    }
  }

  async undo(partition: string): Promise<Undone> {
    let undone: Undone | undefined
    await this.#unlessBlocked(partition, async () => {
      this.#say(`${partition}: bringing back what was removed ...`)
      await this.#proveDefault(partition)
      const [row] = await this.#tryAgain(() =>
        this.#database.execute<{ entryId: string | null; reason: string | null }>(sql`
          select u.entry_id as "entryId", u.reason
          from audit.undo_retention(${partition}, ${this.#lockTimeoutMs}::integer) as u`),
      )
      undone = row?.entryId ? { entryId: row.entryId } : { refused: row?.reason ?? 'it is unknown' }
    })
    const [blocked] = this.blocked
    return undone ?? { blocked: blocked ?? { partition, by: 'lock', why: 'unknown' } }
  }

  async #remove({
    partition,
    goes,
    rows,
    cursors,
  }: PlannedPartition): Promise<RemovedPartition | undefined> {
    const behind = cursors.filter(({ waits }) => waits)
    if (behind.length > 0) throw new Blocked('cursor', waitsFor(behind))
    let why = ''
    for (let attempt = 1; attempt <= MAX_BUILDS; attempt += 1) {
      this.#say(`${partition}: ${goes} of ${rows} entries go; building what stays ...`)
      const built = await this.#build(partition)
      if (built === undefined) return undefined
      const archived = await this.#archive(partition)
      if (built.kept > 0) await this.#proveDefault(partition)
      this.#say(`${partition}: swapping ...`)
      const swapped = await this.#swap(partition, built.swap, archived)
      if (swapped.entryId !== null) {
        const { removed, kept, held } = built
        this.#say(`${partition}: ${removed} removed, ${kept} kept.`)
        return { partition, removed, kept, held, entryId: swapped.entryId }
      }
      why = swapped.reason ?? ''
      if (swapped.refusal === 'cursor' || swapped.refusal === 'seal') {
        throw new Blocked(swapped.refusal, why)
      }
      this.#say(`${partition}: ${why} since it was built; again ...`)
    }
    throw new Blocked('changes', `${why}, ${MAX_BUILDS} times; run it again`)
  }

  async #build(partition: string) {
    const [built] = await this.#tryAgain(() =>
      this.#database.execute<{
        swap: string | null
        removed: number
        kept: number
        held: number
      }>(sql`
        select b.swap::pg_catalog.text as swap, b.removed::double precision as removed,
          b.kept::double precision as kept, b.held::double precision as held
        from audit.build_kept(${partition}) as b`),
    )
    return built && built.swap !== null ? { ...built, swap: built.swap } : undefined
  }

  async #proveDefault(partition: string): Promise<void> {
    await proveDefault(this.#database, partition, {
      lockTimeoutMs: this.#lockTimeoutMs,
      tryAgain: (step) => this.#tryAgain(step),
      onRead: () => this.#say(`${partition}: reading DEFAULT, which is long, before the swap ...`),
    })
  }

  async #archive(partition: string): Promise<ArchivedPartition | undefined> {
    const { archiver } = this.#options
    if (!archiver) return undefined
    this.#say(`${partition}: archiving ...`)
    try {
      return await archiver.archive(partition, `${partition}_kept`)
    } catch (error) {
      this.#unlessStopped()
      throw new Blocked('archive', error instanceof Error ? error.message : String(error))
    }
  }

  async #swap(partition: string, swap: string, archived: ArchivedPartition | undefined) {
    const { ignored = [] } = this.#options
    const [row] = await this.#tryAgain(() =>
      this.#database.execute<{
        entryId: string | null
        refusal: string | null
        reason: string | null
      }>(sql`
        select s.entry_id as "entryId", s.refusal, s.reason
        from audit.swap_kept(
          ${partition}, ${swap}::bigint,
          ${archived === undefined ? null : JSON.stringify(archived)}::pg_catalog.jsonb,
          ${textArray(ignored)}, ${this.#lockTimeoutMs}::integer
        ) as s`),
    )
    return row ?? { entryId: null, refusal: null, reason: null }
  }

  #tryAgain<T>(step: () => Promise<T>): Promise<T> {
    const { deadlineMs = DEADLINE_MS, signal } = this.#options
    return tryAgain(this.#database, step, { deadlineMs, signal })
  }

  #unlessStopped(): void {
    this.#options.signal?.throwIfAborted()
  }

  async #unlessBlocked(partition: string, act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      if (!(error instanceof Blocked)) throw error
      this.blocked.push({ partition, by: error.by, why: error.message })
      this.#say(`${partition}: stays, because ${error.message}.`)
    }
  }

  get #lockTimeoutMs(): number {
    return this.#options.lockTimeoutMs ?? LOCK_TIMEOUT_MS
  }

  #say(text: string): void {
    this.#options.onStep?.(text)
  }
}

function waitsFor(cursors: readonly LaggingCursor[]): string {
  return cursors.map(({ name, seq }) => `${name} has read up to seq ${seq} only`).join(', ')
}
