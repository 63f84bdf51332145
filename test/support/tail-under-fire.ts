import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createRelay } from '../../relay/index.ts'
import { Database } from '../../src/database/connection.ts'
import { tail } from '../../src/read/tail.ts'
import type { ScratchDatabase } from './database.ts'
import { silentLogger } from './lanes.ts'

type Scene = Pick<ScratchDatabase, 'sql' | 'urlAs'>

export interface FireOptions {
  readonly entries: number
  readonly consumers: number
  /** How long the other transaction stays open at least. The writers take as long. */
  readonly openForMs: number
  readonly deadlineMs: number
  readonly stop: AbortController
}

export interface FireResult {
  /** The `seq`s that each consumer saw, in the order in which it saw them. */
  readonly seen: readonly (readonly number[])[]
  /** How often the consumers stopped and resumed. */
  readonly resumes: number
  readonly relaysKilled: number
  readonly connectionsEnded: number
  /** How long the other transaction was open. */
  readonly openMs: number
  /** Entries in the log when the other transaction ended. The move did not wait for it. */
  readonly loggedMeanwhile: number
}

const WRITERS = 4
const BATCH = 100

/**
 * Runs consumers that stop and resume at random places. Meanwhile one relay is killed by SIGKILL
 * repeatedly, another one loses its connections, and another transaction stays open.
 */
export async function tailUnderFire(scene: Scene, options: FireOptions): Promise<FireResult> {
  const { entries, openForMs, deadlineMs, stop } = options
  const holder = await scene.sql.reserve()
  const openedMs = performance.now()
  await holder`begin isolation level repeatable read`
  await holder`select count(*) from audit.audit_log`
  await holder`select pg_current_xact_id()`
  const harm = { relaysKilled: 0, connectionsEnded: 0, resumes: 0 }
  const relays = [killProcesses(scene, stop.signal, harm), endConnections(scene, stop.signal, harm)]
  const consumers = Array.from({ length: options.consumers }, (_, number) =>
    consume(scene, { entries, isFiltered: number % 5 === 4, signal: stop.signal, harm }),
  )
  const late = sleep(deadlineMs, undefined, { ref: false, signal: stop.signal }).then(() => {
    throw new Error(`The consumers did not see every entry within ${deadlineMs} ms.`)
  })
  late.catch(() => {}) // usually the consumers finish first, and nobody awaits this
  try {
    await writeAll(scene, entries, openForMs)
    const leftMs = openForMs - (performance.now() - openedMs)
    if (leftMs > 0) await sleep(leftMs)
    const [row] = await scene.sql`select count(*)::integer as logged from audit.audit_log`
    const openMs = performance.now() - openedMs
    await holder`rollback`
    const seen = await Promise.race([Promise.all(consumers), late])
    return { seen, ...harm, openMs, loggedMeanwhile: Number(row?.['logged']) }
  } finally {
    stop.abort()
    holder.release()
    await Promise.all(relays)
  }
}

/** Writes as an application does, spread over the time that the other transaction is open. */
async function writeAll({ sql }: Scene, entries: number, forMs: number): Promise<void> {
  const each = entries / WRITERS
  const pauseMs = (2 * forMs * BATCH) / each
  const write = async () => {
    for (let n = 0; n < each; n += BATCH) {
      await sql`
        select audit.record((
          select jsonb_agg(jsonb_build_object('action', 'thing.done'))
          from generate_series(1, ${Math.min(BATCH, each - n)}::int)
        )::text)`
      await sleep(Math.random() * pauseMs * 0.8)
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, write))
}

interface Harm {
  relaysKilled: number
  connectionsEnded: number
  resumes: number
}

async function killProcesses({ urlAs }: Scene, signal: AbortSignal, harm: Harm): Promise<void> {
  while (!signal.aborted) {
    const relay = startRelayProcess(urlAs('audit_relay'))
    const ended = once(relay, 'exit')
    await sleep(1_000 + Math.random() * 2_000)
    relay.kill('SIGKILL')
    await ended
    harm.relaysKilled += 1
  }
}

function startRelayProcess(databaseUrl: string): ChildProcess {
  const main = fileURLToPath(new URL('../../relay/main.ts', import.meta.url))
  const env = { ...process.env, AUDIT_RELAY_DATABASE_URL: databaseUrl, AUDIT_LOG_LEVEL: 'silent' }
  return spawn(process.execPath, ['--import', 'tsx', main, 'run'], { env, stdio: 'ignore' })
}

async function endConnections(scene: Scene, signal: AbortSignal, harm: Harm): Promise<void> {
  const relay = createRelay({ databaseUrl: scene.urlAs('audit_relay'), logger: silentLogger() })
  void relay.start()
  let head = -1
  while (!signal.aborted) {
    await sleep(Math.random() * 400)
    // Waits for a move first. Otherwise a busy machine would never move anything.
    const [{ seq } = { seq: head }] = await scene.sql<{ seq: number }[]>`
      select seq::float8 as seq from audit.audit_head`
    if (seq === head) continue
    head = seq
    const ended = await scene.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'audit-relay' and datname = current_database() and random() < 0.5`
    harm.connectionsEnded += ended.length
  }
  await relay.stop()
}

interface ConsumeOptions {
  readonly entries: number
  readonly isFiltered: boolean
  readonly signal: AbortSignal
  readonly harm: Harm
}

async function consume({ urlAs }: Scene, options: ConsumeOptions): Promise<readonly number[]> {
  const { entries, isFiltered, signal, harm } = options
  const seen: number[] = []
  while (seen.length < entries && !signal.aborted) {
    const url = urlAs('audit_reader')
    const db = new Database({
      ...{ url, applicationName: 'tail', statementTimeoutMs: 5_000, isReader: true },
    })
    const halt = new AbortController()
    const stopsAfterMs = 50 + Math.random() * 1_500
    // Most consumers see an entry before they stop, so that most rounds make progress.
    const isImpatient = Math.random() < 0.25
    let timer = isImpatient ? setTimeout(() => halt.abort(), stopsAfterMs) : undefined
    const takeAtMost = Math.ceil(Math.random() * 6_000)
    let taken = 0
    for await (const { seq } of tail(db, {
      fromSeq: (seen.at(-1) ?? 0) + 1,
      filter: isFiltered ? { action: 'thing.*' } : {},
      signal: halt.signal,
    })) {
      timer ??= setTimeout(() => halt.abort(), stopsAfterMs)
      seen.push(seq)
      taken += 1
      if (taken === takeAtMost || seen.length === entries) break
    }
    clearTimeout(timer)
    await db.close()
    harm.resumes += 1
  }
  return seen
}
