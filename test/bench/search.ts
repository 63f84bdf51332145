import assert from 'node:assert/strict'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { openFollowStatements } from '../../relay/follow/follow-statements.ts'
import { Follower } from '../../relay/follow/follower.ts'
import { searchConsumer } from '../../relay/search/search-consumer.ts'
import { exportLog } from '../../src/export/index.ts'
import { histogram } from '../../src/page/histogram/histogram.ts'
import { UTC } from '../../src/query/zone.ts'
import { type AuditDatabase, timeline } from '../../src/read/timeline.ts'
import { BenchServer } from './bench-server.ts'
import type { Goal, Part, PartOptions, Result } from './part.ts'
import { cpuOfTreeMs } from './process-cpu.ts'
import { quietLogger } from './quiet-logger.ts'
import { emailOf, fillLog, invoiceOf, ipOf, nameOf, USERS, userOf } from './search-log.ts'

const ENTRIES = Number(process.env['AUDIT_BENCH_ENTRIES'] ?? '10000000')
const PAGE = 50

interface Question {
  readonly kind: string
  readonly line: string
  /** The newest entries that answer it, the newest first. */
  readonly seqs: readonly number[]
}

/** Numbers that answer a condition, the newest first. */
function newest(count: number, condition: (seq: number) => boolean): readonly number[] {
  const seqs: number[] = []
  for (let seq = count; seq >= 1 && seqs.length < PAGE; seq -= 1) if (condition(seq)) seqs.push(seq)
  return seqs
}

/** 200 questions whose answers are known, because the log is generated. */
function questionsOf(count: number): readonly Question[] {
  const at = (n: number, of: number) => 1 + Math.floor(((n + 0.5) / of) * (count - 1))
  const of = <T>(length: number, make: (n: number) => T) =>
    Array.from({ length }, (_, n) => make(n))
  return [
    ...of(50, (n): Question => {
      const seq = Math.floor(at(n, 50) / 3) * 3 + 3
      return { kind: 'an invoice', line: invoiceOf(seq), seqs: seq <= count ? [seq] : [] }
    }),
    ...of(50, (n): Question => {
      const user = userOf(at(n, 50))
      const seqs = newest(count, (seq) => userOf(seq) === user)
      return { kind: 'an e-mail', line: emailOf(user), seqs }
    }),
    ...of(20, (n): Question => {
      const user = (n * 9_973) % USERS
      const name = nameOf(user)
      const seqs = newest(count, (seq) => nameOf(userOf(seq)).includes(name))
      return { kind: 'a phrase', line: `"${name}"`, seqs }
    }),
    ...of(20, (n): Question => {
      const ip = ipOf(at(n, 20))
      return {
        kind: 'an address',
        line: `ip:${ip}`,
        seqs: newest(count, (seq) => ipOf(seq) === ip),
      }
    }),
    ...of(30, (n): Question => {
      const line = ['zebra', 'nobody@mail.example', 'xylophone', 'INV-1999-7', 'qqq'][n % 5] ?? ''
      return { kind: 'what is not there', line: `${line}${n < 5 ? '' : n}`, seqs: [] }
    }),
    ...of(10, (n): Question => {
      const line = ['goldenrod', 'meta.plan=goldenrod'][n % 2] ?? ''
      return { kind: 'one of a thousand', line, seqs: newest(count, (seq) => seq % 1_000 === 7) }
    }),
    ...of(20, (n): Question => {
      const first = nameOf(n).split(' ')[0] ?? ''
      const seqs = newest(
        count,
        (seq) => seq % 5 === 3 && nameOf(userOf(seq)).startsWith(`${first} `),
      )
      return { kind: 'a common word', line: `"${first} " action:refund.issue`, seqs }
    }),
  ]
}

async function run({ isQuick, say }: PartOptions): Promise<Result> {
  const count = isQuick ? 40_000 : ENTRIES
  const bench = await BenchServer.start()
  const clients: postgres.Sql[] = []
  try {
    const url = await bench.make('log', (sql) => fillLog(sql, count, say))
    const admin = bench.connect('log')
    clients.push(admin)
    await admin`select audit.search_on(1, null)`
    const made = await makeSearch(url, bench.server.pid, say)
    const [state] =
      await admin`select bytes::float8 as bytes, seq::float8 as seq from audit.search_state()`
    const bytes = state?.['bytes'] / state?.['seq']
    const reader = postgres(url, { max: 1, onnotice: () => {} })
    clients.push(reader)
    const db = drizzle(reader)
    const page = await timed(100, async () => void (await timeline(db, {})))
    const answered = await answer(db, bench.server.pid, questionsOf(count), say)
    let asked = 0
    const nextLine = () => {
      asked += 1
      return emailOf(userOf(asked * 4_801))
    }
    const bars = await timed(20, async () => {
      await histogram(db, { filter: { query: nextLine() }, zone: UTC, nowMs: Date.now() })
    })
    const exported = await timed(10, async () => {
      const { pages } = await exportLog(db, { format: 'ndjson', filter: { query: nextLine() } })
      for await (const page of pages) assert.ok(page.throughSeq > 0)
    })
    const all = answered.flatMap(({ ms }) => ms)
    const recall = answered.reduce((sum, one) => sum + one.found, 0)
    const wanted = answered.reduce((sum, one) => sum + one.wanted, 0)
    const goals: Goal[] = [
      { name: 'recall of 200 questions', value: recall / wanted, atLeast: 1 },
      {
        name: 'answer that was wrong',
        value: answered.filter((one) => !one.isRight).length,
        atMost: 0,
      },
      { name: 'a question, p95', value: quantile(all, 0.95), atMost: 200, unit: 'ms' },
      { name: 'the bars of an e-mail, p95', value: quantile(bars, 0.95), atMost: 300, unit: 'ms' },
      { name: 'a page without a query, p95', value: quantile(page, 0.95), atMost: 20, unit: 'ms' },
      { name: 'bytes an entry', value: bytes, atMost: 150, unit: 'B' },
    ]
    const kinds = [...new Set(answered.map(({ kind }) => kind))]
    const ms = (value: number) => `${value.toFixed(1)} ms`
    const rows = kinds.map((kind) => {
      const asked = answered.filter((one) => one.kind === kind)
      const own = asked.flatMap((one) => one.ms)
      const cpu = asked.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / asked.length
      const times = [quantile(own, 0.5), quantile(own, 0.95), Math.max(...own), cpu].map(ms)
      return [kind, String(own.length), ...times]
    })
    return {
      goals,
      charts: [],
      measured: { count, made, bytes, page, answered, bars, exported },
      tables: [
        {
          title: `200 questions to ${count} entries, the first page of each`,
          columns: ['', 'asked', 'p50', 'p95', 'longest', 'CPU of all, mean'],
          rows,
        },
        {
          title: 'What else asks it for an e-mail',
          columns: ['', 'asked', 'p50', 'longest'],
          rows: Object.entries({ 'the bars above a page': bars, 'an export': exported }).map(
            ([name, all]) => [
              name,
              String(all.length),
              ms(quantile(all, 0.5)),
              ms(Math.max(...all)),
            ],
          ),
        },
        {
          title: 'What the search costs for each entry',
          columns: ['', ''],
          rows: [
            ['CPU of the relay', `${made.ownUs.toFixed(1)} µs`],
            ['CPU of the server', `${made.serverUs.toFixed(1)} µs`],
            ['on disk, indexes included', `${bytes.toFixed(0)} B`],
          ],
        },
      ],
    }
  } finally {
    for (const client of clients) await client.end({ timeout: 5 })
    await bench.remove()
  }
}

async function makeSearch(url: string, serverPid: number, say: (progress: string) => void) {
  const statements = openFollowStatements({ url, statementTimeoutMs: 120_000 })
  const consumer = searchConsumer(statements)
  const follower = new Follower({ statements, consumers: [consumer], logger: quietLogger })
  const [serverMs, own] = [cpuOfTreeMs(serverPid), process.cpuUsage()]
  const progress = setInterval(async () => {
    const [state] = await statements.look().catch(() => [])
    say(`the search has ${state?.seq} of ${state?.head}`)
  }, 20_000)
  try {
    await follower.drain()
    const [state] = await statements.look()
    const { user, system } = process.cpuUsage(own)
    const seqs = state?.seq ?? 1
    return {
      ownUs: (user + system) / seqs,
      serverUs: ((cpuOfTreeMs(serverPid) - serverMs) * 1_000) / seqs,
    }
  } finally {
    clearInterval(progress)
    await follower.stop()
  }
}

async function answer(
  db: AuditDatabase,
  serverPid: number,
  questions: readonly Question[],
  say: (progress: string) => void,
) {
  const answered = []
  for (const { kind, line, seqs } of questions) {
    const [serverMs, own, beganMs] = [cpuOfTreeMs(serverPid), process.cpuUsage(), performance.now()]
    const page = await timeline(db, { query: line, limit: PAGE })
    const ms = performance.now() - beganMs
    const { user, system } = process.cpuUsage(own)
    const cpuMs = (user + system) / 1_000 + cpuOfTreeMs(serverPid) - serverMs
    const given = page.entries.map(({ seq }) => seq)
    const found = seqs.filter((seq) => given.includes(seq)).length
    const isRight = found === seqs.length && given.length === seqs.length
    if (!isRight) say(`${line}: ${given.length} instead of ${seqs.length}, ${found} of them right`)
    answered.push({ kind, line, ms: [ms], cpuMs, wanted: seqs.length, found, isRight })
  }
  return answered
}

async function timed(times: number, work: () => Promise<void>): Promise<readonly number[]> {
  const all: number[] = []
  for (let n = 0; n < times; n += 1) {
    const beganMs = performance.now()
    await work()
    all.push(performance.now() - beganMs)
  }
  return all
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

export const part: Part = {
  name: 'search',
  summary: 'words, phrases and addresses in a log of millions, and what finding them costs',
  run,
}
