import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { readHttpConfig } from '../../relay/http/config.ts'
import { serveHttp } from '../../relay/http/server.ts'
import { encoded, numberedId, openDatabase, silentLogger, stage } from '../support/lanes.ts'
import { appendToLog } from '../support/log-entries.ts'
import { pageOn, readerOn } from '../support/pages.ts'
import { refusalOf } from '../support/logins.ts'
import { type Attack, held, succeeded, unless } from './attack.ts'
import { DOORS, leftIn, put } from './doors.ts'

/**
 * What a process may need for entries. Together with the 60 MB of one that has only loaded Drizzle and
 * the driver, it stays below 200 MB. The process here compiles its sources as well, so it begins higher.
 */
const MAX_GROWTH_MB = 130

/** A process of its own, with a small heap, reads the log in every way. */
async function readEverything(url: string) {
  const child = spawn(
    process.execPath,
    [...['--max-old-space-size=96', '--import', 'tsx', 'test/support/read-everything.ts'], url],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const said = text(child.stdout)
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`the reader ended with ${code}`)
  return JSON.parse(await said) as { entries: number[]; memoryMb: number }
}

export const resources: readonly Attack[] = [
  {
    name: 'twelve of the largest entries, read in every way with a small heap',
    by: 'audit_app',
    async play(arena) {
      const app = arena.as('audit_app')
      await appendToLog(arena.sql, [{}])
      const atFirst = await readEverything(arena.urlAs('audit_reader'))
      const metadata = `{"a":[${Array(300_000).fill('{}').join(',')}]}`
      for (let n = 0; n < 12; n += 1) await put(app, DOORS[n % 3] ?? 'record', [{ metadata }])
      const count = await arena.moveAll()
      const { entries, memoryMb } = await readEverything(arena.urlAs('audit_reader'))
      const grownMb = memoryMb - atFirst.memoryMb
      const problems = entries.some((found) => found !== count + 1)
        ? [`read ${entries} of ${count + 1}`]
        : []
      if (grownMb >= MAX_GROWTH_MB) problems.push(`${grownMb} MB more than for one small entry`)
      return unless(problems, `${count} entries, ${grownMb} MB more than for a small one`)
    },
  },
  {
    name: 'the numbers of dead letters are taken, as after a copy of the data',
    by: 'no one',
    async play(arena) {
      await arena.sql`
        insert into audit.audit_dead_letter (number, entry) overriding system value
        select n, '{}' from generate_series(1, 50) as n`
      const database = openDatabase(arena.t, arena.url)
      await stage(database, 'outbox', [encoded({ action: null, id: numberedId(1) })])
      const raised = await refusalOf(
        arena.as('audit_app')`select audit.record_in('{"user_id": "x"}')`,
      )
      const relay = arena.startRelay()
      const untilMs = performance.now() + 10_000
      while (relay.health().fault === undefined && performance.now() < untilMs) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      const { fault, hint } = relay.health()
      const { waiting } = await leftIn(arena)
      return waiting >= 1 && fault?.code === '23505' && /setval/.test(hint ?? '')
        ? held(`the move stops and says so (23505); record_in ${raised?.code}`)
        : succeeded(`${waiting} waiting, fault ${fault?.code}`)
    },
  },
  {
    name: 'one viewer takes all live views and exports',
    by: 'viewer',
    async play(arena) {
      await appendToLog(arena.sql, [{ action: 'shown.do' }])
      let name = 'ada'
      const { get } = pageOn(readerOn(arena.t, arena), {
        authorize: () => ({ name, sees: 'everything' }),
      })
      const problems: string[] = []
      const counts: number[] = []
      const open: Response[] = []
      for (const way of ['?stream=1&after=0', '?export=ndjson']) {
        name = 'ada'
        let opened = 0
        for (let n = 0; n < 40; n += 1) {
          const response = await get(way)
          if (response.status === 200) opened += 1
          open.push(response)
        }
        counts.push(opened)
        if (opened > 30) problems.push(`${opened} of ${way}`)
        name = 'grace'
        const other = await get(way)
        if (other.status !== 200) problems.push(`another viewer got ${other.status}`)
        open.push(other)
      }
      for (const response of open) await response.body?.cancel()
      return unless(problems, `${counts.join(' and ')}, then 429; another viewer is served`)
    },
  },
  {
    name: 'two thousand connections that never finish a request',
    by: 'visitor',
    async play(arena) {
      const config = readHttpConfig({ AUDIT_HTTP_PORT: '0' })
      if (config === undefined) throw new Error('nothing to serve')
      const routes = { '/livez': async () => new Response('alive') }
      const server = await serveHttp(config, silentLogger(), routes)
      arena.t.after(() => server.stop())
      const { port } = new URL(server.url)
      const sockets = Array.from({ length: 2_000 }, () => {
        const socket = net.connect(Number(port), '127.0.0.1')
        socket.on('error', () => {})
        socket.write('GET / HTTP/1.1\r\nX-Slow: ')
        return socket
      })
      arena.t.after(() => {
        for (const socket of sockets) socket.destroy()
      })
      await new Promise((resolve) => setTimeout(resolve, 500))
      const answers = await Promise.allSettled(
        ['/livez', '/livez'].map((path) =>
          fetch(new URL(path, server.url), { signal: AbortSignal.timeout(10_000) }),
        ),
      )
      const isServed = answers.every(
        (one) => one.status === 'fulfilled' && one.value.status === 200,
      )
      return isServed ? held('/livez answers') : succeeded('/livez does not answer')
    },
  },
  {
    name: 'ids that are taken, nulls, and texts that are no entries, to audit.record',
    by: 'audit_app',
    async play(arena) {
      const app = arena.as('audit_app')
      const problems: string[] = []
      const texts = [
        ...[
          null,
          '',
          'x',
          '[',
          '{}',
          '[]',
          '[[]]',
          '7',
          '"x"',
          'null',
          '[null]',
          '{"action":null}',
        ],
        ...['{"action":7}', '{"action":{}}', `{"action":"a.b","user_id":{"a":1}}`, '[1,"x",{}]'],
        ...[
          '{"action":"a.b","metadata":"x"}',
          '{"a":"\\u0000"}',
          '[{"action":"a.b"},]',
          '\ufeff{}',
        ],
        '['.repeat(100_000),
        '{"a":'.repeat(50_000),
        `{"action":"a.b","metadata":${'['.repeat(6_000)}${']'.repeat(6_000)}}`,
      ]
      for (const given of texts) {
        await app`begin`
        const refusal = await refusalOf(app`select audit.record(${given}::text)`)
        if (refusal) problems.push(`${refusal.code} for ${String(given).slice(0, 30)}`)
        const after = await refusalOf(app`select audit.record('{"action":"after.do"}')`)
        if (after) problems.push(`the transaction was ${after.code}`)
        await app`commit`
      }
      await arena.moveAll()
      const [row] = await arena.sql`
        select count(*)::integer as count from audit.audit_log where action = 'after.do'`
      if (row?.['count'] !== texts.length) problems.push(`${row?.['count']} of ${texts.length}`)
      return unless(problems, `${texts.length} texts, no transaction was harmed`)
    },
  },
]
