import fs from 'node:fs'

/** How a transaction of a writer's ended, as far as the writer knows. */
export type TransactionEnd = 'committed' | 'rolled-back' | 'unknown'

/** What one life of a writer knows of its own doing. */
export interface Account {
  readonly recorderId: string
  /** Entries that `record()` accepted: their running numbers are 1 to this. */
  readonly accepted: number
  /** Of those, how many the recorder had seen staged. */
  readonly staged: number
  /** When (Unix milliseconds) so many were seen staged, in order. */
  readonly stagedAt: readonly (readonly [staged: number, atMs: number])[]
  /** By transaction: how many entries the outbox took, and how it ended. */
  readonly transactions: ReadonlyMap<
    string,
    { readonly end: TransactionEnd; readonly taken: number }
  >
  /** What `close()` said; undefined for a writer that was killed. */
  readonly closed: Closed | undefined
}

export interface Closed {
  readonly flushed: number
  readonly dropped: number
  readonly tookMs: number
  readonly recorded: number
  readonly droppedByReason: Readonly<Record<string, number>>
}

/**
 * A writer's own account, line by line, appended to a file at once and never flushed: a SIGKILL
 * takes nothing of what the kernel was given, and a power cut is not what we play.
 */
export class AccountWriter {
  readonly #file: number
  #accepted = 0
  #staged = 0

  constructor(path: string, recorderId: string) {
    this.#file = fs.openSync(path, 'a')
    this.#write('recorder', recorderId)
  }

  /** Called in the same turn as `record()`, so nothing can be staged that is not in here. */
  counts(accepted: number, staged: number): void {
    if (accepted === this.#accepted && staged === this.#staged) return
    this.#accepted = accepted
    this.#staged = staged
    this.#write('counts', accepted, staged, Date.now())
  }

  /** Before it begins. */
  begins(transaction: string): void {
    this.#write('begin', transaction)
  }

  /** Before COMMIT is sent. */
  took(transaction: string, taken: number): void {
    this.#write('took', transaction, taken)
  }

  ended(transaction: string, end: TransactionEnd): void {
    this.#write('end', transaction, end)
  }

  closed(closed: Closed): void {
    this.#write('closed', JSON.stringify(closed))
  }

  #write(...words: readonly (string | number)[]): void {
    fs.writeSync(this.#file, `${words.join(' ')}\n`)
  }
}

export function readAccount(path: string): Account | undefined {
  let recorderId = ''
  let accepted = 0
  let staged = 0
  let closed: Closed | undefined
  const stagedAt: [number, number][] = []
  const transactions = new Map<string, { end: TransactionEnd; taken: number }>()
  const lines = fs.readFileSync(path, 'utf8').split('\n').slice(0, -1) // the last may be torn
  for (const line of lines) {
    const [word = '', first = '', second = '', third = ''] = line.split(' ', 4)
    if (word === 'recorder') recorderId = first
    if (word === 'counts') {
      accepted = Number(first)
      if (Number(second) > staged) stagedAt.push([Number(second), Number(third)])
      staged = Number(second)
    }
    // Killed before it heard: either.
    if (word === 'begin') transactions.set(first, { end: 'unknown', taken: 0 })
    if (word === 'took') transactions.set(first, { end: 'unknown', taken: Number(second) })
    if (word === 'end') {
      const { taken = 0 } = transactions.get(first) ?? {}
      transactions.set(first, { end: second as TransactionEnd, taken })
    }
    if (word === 'closed') closed = JSON.parse(line.slice('closed '.length)) as Closed
  }
  if (recorderId === '') return undefined
  return { recorderId, accepted, staged, stagedAt, transactions, closed }
}
