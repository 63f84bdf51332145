import { setTimeout as sleep } from 'node:timers/promises'
import { AuditError, databaseFault } from '../../src/errors.ts'
import type { ErasureFile } from './erasure-file.ts'
import type { CommittedField } from '../../src/seal/leaf.ts'
import type { Erasure, Erasures, FoundEntry } from './erasures.ts'

export interface EraseOptions {
  readonly reason: string
  /** Only these of the fields. Default: all that an erasure of this kind empties. */
  readonly fields?: readonly CommittedField[] | undefined
  /** Where erasures are noted outside of the database. Default: nowhere. */
  readonly file?: ErasureFile | undefined
  readonly signal: AbortSignal
  /** For how long a batch is tried again while another session is in its way. Default: 10 minutes. */
  readonly deadlineMs?: number
  /** For how long the seal is waited for where the log is sealed. Default: 60 s. */
  readonly sealDeadlineMs?: number
  /** Called after each batch, with how many entries were erased by then. */
  readonly onErased?: (entries: number) => void
  /** Called when a batch has to wait, with the sessions that it waits for. */
  readonly onWait?: (why: string) => void
}

/** Entries of one transaction. Nobody makes a partition or runs retention meanwhile. */
const BATCH_ENTRIES = 1_000
const DEADLINE_MS = 600_000
/** A sealer that runs seals an entry within 10 s, unless it was told otherwise. */
const SEAL_DEADLINE_MS = 60_000
/** A lock that was not had, and a deadlock: trying again helps. */
const TRIED_AGAIN = new Set(['55P03', '40P01'])

/**
 * Erases fields of the entries with these numbers, a batch at a time. What a run that was ended has left
 * is erased by the next one.
 *
 * @returns how many entries changed
 */
export async function eraseEntries(
  erasures: Erasures,
  seqs: readonly number[],
  options: EraseOptions & { readonly fields: readonly CommittedField[] },
): Promise<number> {
  const run = new Run(erasures, options)
  await run.begin()
  for (let at = 0; at < seqs.length; at += BATCH_ENTRIES) {
    await run.erase(seqs.slice(at, at + BATCH_ENTRIES), options.fields)
  }
  return run.erased
}

/** Erases a user, place by place. What is logged meanwhile is found in the next run. */
export async function eraseUser(
  erasures: Erasures,
  user: string,
  options: EraseOptions,
): Promise<number> {
  const run = new Run(erasures, options)
  await run.begin()
  for (const { place } of await erasures.places()) {
    for await (const page of erasures.ofUser(place, user, BATCH_ENTRIES)) {
      for (const { seqs, fields } of byFields(page, options.fields)) await run.erase(seqs, fields)
    }
  }
  return run.erased
}

/** The entries of a page by what is erased of them: most users act, some are acted on. */
function byFields(page: readonly FoundEntry[], only: readonly CommittedField[] | undefined) {
  const groups = new Map<string, { seqs: number[]; fields: readonly CommittedField[] }>()
  for (const { seq, fields: found } of page) {
    const fields = only === undefined ? found : found.filter((field) => only.includes(field))
    if (fields.length === 0) continue
    const key = fields.join()
    const group = groups.get(key) ?? { seqs: [], fields }
    group.seqs.push(seq)
    groups.set(key, group)
  }
  return groups.values()
}

const NOT_SEALED =
  'the log is sealed, and an entry of these is not sealed yet: look whether a relay with a seal key, ' +
  'or audit-relay seal, runs'

/** Whether an entry was not sealed yet. The error of the function names the table of checkpoints. */
function waitsForSeal(error: unknown): boolean {
  const { code, table_name: table } = databaseFault(error)
  return code === '55000' && table === 'audit_checkpoint'
}

class Run {
  erased = 0
  readonly #erasures: Erasures
  readonly #options: EraseOptions

  constructor(erasures: Erasures, options: EraseOptions) {
    this.#erasures = erasures
    this.#options = options
  }

  /** Notes what an earlier run has erased and could not note before it ended. */
  async begin(): Promise<void> {
    const { file } = this.#options
    if (file === undefined) return
    for await (const known of this.#erasures.all()) await file.note(known)
  }

  async erase(seqs: readonly number[], fields: readonly CommittedField[]): Promise<void> {
    const { file, signal, reason, onErased } = this.#options
    signal.throwIfAborted()
    const changed = await this.#tryAgain(() => this.#erasures.erase(seqs, fields, reason))
    await file?.note(changed)
    this.erased += changed.length
    onErased?.(this.erased)
  }

  async #tryAgain(step: () => Promise<readonly Erasure[]>): Promise<readonly Erasure[]> {
    const { deadlineMs = DEADLINE_MS, sealDeadlineMs = SEAL_DEADLINE_MS } = this.#options
    const { signal, onWait } = this.#options
    const beganMs = performance.now()
    for (;;) {
      try {
        return await step()
      } catch (error) {
        const isUnsealed = waitsForSeal(error)
        if (!isUnsealed && !TRIED_AGAIN.has(databaseFault(error).code)) throw error
        const why = isUnsealed ? NOT_SEALED : await this.#whoBlocks()
        if (performance.now() - beganMs >= (isUnsealed ? sealDeadlineMs : deadlineMs)) {
          throw new AuditError(
            'AUDIT_DEADLINE_PASSED',
            `Nothing more could be erased, because ${why}. ${this.erased} entries were erased before; ` +
              'run it again for the others.',
          )
        }
        onWait?.(why)
      }
      await sleep(300 + Math.random() * 700, undefined, { signal })
    }
  }

  async #whoBlocks(): Promise<string> {
    const blockers = await this.#erasures.blockers()
    const named = blockers.map(({ pid, login, application }) => {
      const about = [login, application].filter(Boolean).join(', ')
      return `pid ${pid ?? 'of a prepared transaction'}${about ? ` (${about})` : ''}`
    })
    return named.length === 0
      ? 'another session makes partitions, runs retention or erases'
      : `another session holds a lock that is needed: ${named.join(', ')}`
  }
}
