import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import { databaseFault } from '../../src/errors.ts'
import { Blocked } from './blocked.ts'

/** A lock that was not had, and a deadlock: trying again helps. With every other error it does not. */
export const TRIED_AGAIN: ReadonlySet<string> = new Set(['55P03', '40P01'])

/**
 * Repeats a step while another session holds a lock that it needs. Nothing has changed then.
 *
 * @throws {Blocked} once the deadline has passed, with the sessions that hold locks; the signal's own
 * reason where it came before an attempt
 */
export async function tryAgain<T>(
  database: Database,
  step: () => Promise<T>,
  {
    deadlineMs,
    signal,
  }: { readonly deadlineMs: number; readonly signal?: AbortSignal | undefined },
): Promise<T> {
  const untilMs = performance.now() + deadlineMs
  for (;;) {
    signal?.throwIfAborted()
    try {
      return await step()
    } catch (error) {
      if (!TRIED_AGAIN.has(databaseFault(error).code)) throw error
      if (performance.now() >= untilMs) throw new Blocked('lock', await whoHolds(database))
    }
    await sleep(Math.min(300 + Math.random() * 700, Math.max(0, untilMs - performance.now())))
  }
}

async function whoHolds(database: Database): Promise<string> {
  const holders = await database.execute<{
    pid: number | null
    login: string | null
    application: string | null
  }>(sql`select w.pid, w.login, w.application from audit.who_blocks_retention() as w limit 3`)
  const named = holders.map(({ pid, login, application }) => {
    const about = [login, application].filter(Boolean).join(', ')
    return `pid ${pid ?? 'of a prepared transaction'}${about ? ` (${about})` : ''}`
  })
  return named.length === 0
    ? 'another session held a lock that was needed, again and again'
    : `a lock was not had; it is held by ${named.join(', ')}`
}
