import { performance } from 'node:perf_hooks'
import postgres from 'postgres'
import { createRelay, type Relay } from '../../relay/index.ts'
import { silentLogger } from '../support/lanes.ts'
import type { Logs } from './growth-logs.ts'
import { cpuOfTreeMs } from './process-cpu.ts'
import type { Sample } from './rounds.ts'
import { fillStaging } from './staged.ts'

/** One relay on one log: fills the fast lane, then takes the time until it is empty. */
export class Drain {
  readonly #sql: postgres.Sql
  readonly #relay: Relay
  readonly #serverPid: number
  #staged = 0

  constructor(logs: Logs, log: string) {
    this.#sql = postgres(logs.url(log), { max: 1, onnotice: () => {} })
    this.#relay = createRelay({ databaseUrl: logs.url(log), logger: silentLogger() })
    this.#serverPid = logs.server.pid
  }

  /**
   * @param isBehindCheckpoint the first touch of every page then writes the whole of it to the WAL:
   * at its dearest for a short drain, and none of it where checkpoints are far between
   */
  async run(rows: number, isBehindCheckpoint: boolean): Promise<Sample> {
    // A server that was stopped at once has a gap to declare, which is one entry more.
    await this.#relay.drain({ deadlineMs: 60_000 })
    // Entries that no other turn has had, of any run on these logs.
    await fillStaging(this.#sql, rows, (Date.now() % 1e9) * 1_000 + this.#staged)
    this.#staged += rows
    if (isBehindCheckpoint) await this.#sql`checkpoint`
    const [from] = await this.#sql`select pg_current_wal_insert_lsn()::text as lsn`
    const loggedBefore = this.#relay.stats().logged
    const cpuBeforeMs = cpuOfTreeMs(this.#serverPid)
    const beganMs = performance.now()
    await this.#relay.drain({ deadlineMs: 600_000 })
    const seconds = (performance.now() - beganMs) / 1_000
    const cpuMs = cpuOfTreeMs(this.#serverPid) - cpuBeforeMs
    const logged = this.#relay.stats().logged - loggedBefore
    if (logged !== rows) throw new Error(`${logged} of ${rows} entries were logged.`)
    const [wal] = await this.#sql`
      select (pg_current_wal_insert_lsn() - ${from?.['lsn']}::pg_lsn)::float8 as bytes`
    return {
      entriesPerSecond: rows / seconds,
      cpuSecondsPerMillion: (cpuMs * 1_000) / rows,
      walBytesPerEntry: Number(wal?.['bytes']) / rows,
    }
  }

  async close(): Promise<void> {
    await this.#relay.stop()
    await this.#sql.end({ timeout: 1 })
  }
}
