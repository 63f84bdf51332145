import type { TestContext } from 'node:test'
import { pino } from 'pino'
import {
  openFollowStatements,
  type FollowStatements,
} from '../../relay/follow/follow-statements.ts'
import { Follower } from '../../relay/follow/follower.ts'
import { searchConsumer } from '../../relay/search/search-consumer.ts'
import type { AuditDatabase } from '../../src/database/callers-database.ts'
import { type LoggedEntry, timeline, type TimelineOptions } from '../../src/read/timeline.ts'
import type { ScratchDatabase } from './database.ts'
import { appendToLog, type GivenEntry } from './log-entries.ts'
import { readerOn } from './pages.ts'

export type Random = () => number

/** Numbers from 0 to 1 by a seed (mulberry32). */
export function randomBy(seed: number): Random {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function oneOf<T>(random: Random, given: readonly T[]): T {
  return given[Math.floor(random() * given.length)] as T
}

export const NAMES = ['ada', 'grace', 'linus', 'María', 'Straße', 'O’Neil']
export const SURNAMES = ['lovelace', 'hopper', 'torvalds', 'gonzález', 'byron', 'kahlo']
const ACTIONS = ['refund.issue', 'refund.update', 'guest.check_in', 'invoice.pay', 'x.update']
export const USERS = Array.from(
  { length: 20 },
  (_, n) => `0190a0a0-1111-7222-8333-4444555566${n.toString(16).padStart(2, '0')}`,
)

/** An entry as many applications write them: some words are everywhere, and some only once. */
export function randomEntry(random: Random, at: number, nowMs: number): GivenEntry {
  const name = `${oneOf(random, NAMES)} ${oneOf(random, SURNAMES)}`
  const isOld = random() < 0.01
  return {
    // The order of ids is not that of numbers, and an import brings entries of the past.
    ms: Math.floor(nowMs - (isOld ? random() * 3e10 : 0) + at * 10 - random() * 60_000),
    action: oneOf(random, ACTIONS),
    entityType: random() < 0.5 ? oneOf(random, ['guest', 'Invoice']) : null,
    userId: oneOf(random, USERS),
    targetId: random() < 0.3 ? oneOf(random, USERS) : null,
    moreTargets: random() < 0.05 ? [oneOf(random, USERS)] : null,
    requestId: `req-${at % 97}`,
    metadata: {
      name,
      email: `${name.replace(' ', '.')}@x${Math.floor(random() * 40)}.example`,
      ...(random() < 0.3 ? { invoice: `INV-2026-${String(at).padStart(6, '0')}` } : {}),
      ...(random() < 0.3 ? { cents: Math.floor(random() * 5_000) - 100 } : {}),
      ...(random() < 0.1
        ? { deep: [{ note: `left "the" company\n${oneOf(random, SURNAMES)}` }] }
        : {}),
      ...(random() < 0.02
        ? { plan: oneOf(random, ['gold', 'Gold member', 'marigold', true, null]) }
        : {}),
    },
    context: {
      ip: `10.${Math.floor(random() * 3)}.0.${Math.floor(random() * 250)}`,
      userAgent: `Firefox/${Math.floor(random() * 5)}`,
    },
  }
}

/** Appends random entries, some thousand at a time. */
export async function fillLog(
  { sql }: Pick<ScratchDatabase, 'sql'>,
  count: number,
  random: Random,
  nowMs = Date.now() - 3_600_000,
): Promise<void> {
  for (let from = 0; from < count; from += 2_000) {
    const some = Math.min(2_000, count - from)
    await appendToLog(
      sql,
      Array.from({ length: some }, (_, at) => randomEntry(random, from + at, nowMs)),
    )
  }
}

/** A follower that makes the search. */
export function searcherOf(
  t: TestContext,
  scratch: ScratchDatabase,
  wrap: (statements: FollowStatements) => FollowStatements = (statements) => statements,
): Follower {
  return searcherAt(t, scratch.urlAs('audit_relay'), wrap)
}

export function searcherAt(
  t: TestContext,
  url: string,
  wrap: (statements: FollowStatements) => FollowStatements = (statements) => statements,
): Follower {
  const statements = wrap(openFollowStatements({ url, statementTimeoutMs: 60_000 }))
  const follower = new Follower({
    ...{ statements, consumers: [searchConsumer(statements)] },
    logger: pino({ level: 'silent' }),
  })
  t.after(() => follower.stop())
  return follower
}

/** A reader that counts how often it has asked the search, and keeps what it asked, with the values. */
export function countingReader(t: TestContext, scratch: ScratchDatabase) {
  const db = readerOn(t, scratch)
  const asked = {
    slices: 0,
    statements: 0,
    texts: [] as string[],
  }
  const counting = Object.create(db) as typeof db
  const execute = db.execute.bind(db)
  Object.defineProperty(counting, 'execute', {
    value(query: Parameters<typeof execute>[0]) {
      asked.statements += 1
      asked.texts.push(textOf(query))
      if (textOf(query).includes('audit_search_slice')) asked.slices += 1
      return execute(query)
    },
  })
  return { db: counting as AuditDatabase, asked }
}

function textOf(query: unknown): string {
  const chunks: unknown[] = [query]
  let text = ''
  while (chunks.length > 0) {
    const chunk = chunks.pop()
    if (typeof chunk === 'string') text += chunk
    if (Array.isArray(chunk)) chunks.push(...chunk)
    else if (typeof chunk === 'object' && chunk !== null) {
      const { queryChunks, value, name } = chunk as Record<string, unknown>
      const tableName = Reflect.get(chunk, Symbol.for('drizzle:Name'))
      chunks.push(queryChunks, value, name, tableName)
    }
  }
  return text
}

/** The same reader, for which the search is off. */
export function withoutSearch(db: AuditDatabase): AuditDatabase {
  const plain = Object.create(db) as { execute: (query: unknown) => unknown }
  const execute = (db as unknown as typeof plain).execute.bind(db)
  Object.defineProperty(plain, 'execute', {
    value: (query: unknown) =>
      textOf(query).includes('audit.follow_state') ? Promise.resolve([]) : execute(query),
  })
  return plain as unknown as AuditDatabase
}

/** The entries of all pages, one after the other, until there are enough. */
export async function allPages(
  db: AuditDatabase,
  options: TimelineOptions,
  most = Number.POSITIVE_INFINITY,
): Promise<readonly LoggedEntry[]> {
  const entries: LoggedEntry[] = []
  let cursor: string | undefined
  do {
    const page = await timeline(db, { ...options, cursor })
    entries.push(...page.entries)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined && entries.length < most)
  return entries
}
