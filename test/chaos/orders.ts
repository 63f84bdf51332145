import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import type { Recorder } from '../../src/index.ts'
import type { AccountWriter, TransactionEnd } from './account.ts'
import type { Random } from './random.ts'
import type { WriterSettings } from './writer.ts'

const DEADLINE_MS = 3_000
const ROLLED_BACK_SHARE = 0.2
const ATOMIC_SHARE = 0.5

class RolledBack extends Error {}

export interface OrdersParts {
  readonly settings: WriterSettings
  readonly recorder: Recorder
  readonly account: AccountWriter
  readonly random: Random
}

/**
 * A business that audits in its own transactions: an order, and an entry for it if and only if the
 * order is there. Some are rolled back on purpose. With a driver that nothing can bring down, and
 * one client that is thrown away with the first error.
 */
export class Orders {
  readonly #parts: OrdersParts
  #client: pg.Client | undefined
  #isStopped = false
  #running: Promise<void> | undefined
  #number = 0
  done = 0

  constructor(parts: OrdersParts) {
    this.#parts = parts
  }

  get isBusy(): boolean {
    return this.#running !== undefined
  }

  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Resolves when none is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  async #run(): Promise<void> {
    const { settings, random } = this.#parts
    while (!this.#isStopped) {
      const waitMs = (2_000 / settings.transactionsPerSecond) * random.next()
      await sleep(waitMs)
      const isOver = await this.#transaction()
      if (!isOver) await sleep(200)
    }
    this.#client?.end().catch(() => {})
  }

  /** @returns false where the database was not there */
  async #transaction(): Promise<boolean> {
    const { settings, recorder, account, random } = this.#parts
    this.#number += 1
    const name = `${settings.name}:${process.pid}:${this.#number}`
    const count = random.between(1, 3)
    const mode = random.chance(ATOMIC_SHARE) ? 'atomic' : 'best-effort'
    const isRolledBack = random.chance(ROLLED_BACK_SHARE)
    const entries = Array.from({ length: count }, (_, n) => ({
      action: 'order.place' as const,
      entityType: 'order',
      metadata: { transaction: name, n, of: count },
    }))
    account.begins(name)
    let mayHaveCommitted = false
    const work = async (client: pg.Client): Promise<TransactionEnd> => {
      await drizzle(client).transaction(async (tx) => {
        await tx.execute(sql`insert into public.orders (name) values (${name})`)
        const taken = await recorder.recordIn(tx, entries, { mode })
        account.took(name, taken)
        if (isRolledBack) throw new RolledBack()
        mayHaveCommitted = true
      })
      return 'committed'
    }
    let end: TransactionEnd
    try {
      end = await withinDeadline(this.#connected().then(work))
    } catch (error) {
      end = mayHaveCommitted ? 'unknown' : 'rolled-back'
      if (!(error instanceof RolledBack)) this.#discard()
    }
    account.ended(name, end)
    this.done += 1
    return this.#client !== undefined
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client) return this.#client
    const client = new pg.Client({
      connectionString: this.#parts.settings.databaseUrl,
      application_name: `${this.#parts.settings.name} orders`,
    })
    client.on('error', () => {}) // the next statement says so
    this.#client = client
    await client.connect()
    return client
  }

  #discard(): void {
    const client = this.#client
    this.#client = undefined
    if (client === undefined) return
    client.end().catch(() => {})
    Reflect.get(Object(Reflect.get(client, 'connection')), 'stream')?.destroy()
  }
}

function withinDeadline<T>(work: Promise<T>): Promise<T> {
  work.catch(() => {}) // the loser of the race must not become an unhandled rejection
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('deadline')), DEADLINE_MS)
  })
  return Promise.race([work, deadline]).finally(() => clearTimeout(timer))
}
