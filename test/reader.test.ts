import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { Database } from '../src/database/connection.ts'
import { databaseFault } from '../src/errors.ts'
import { timeline } from '../src/read/timeline.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { waitFor } from './support/wait-for.ts'

function readerAt(t: TestContext, url: string, statementTimeoutMs = 5_000): Database {
  const options = { url, applicationName: 'reader', statementTimeoutMs, isReader: true }
  const db = new Database(options)
  t.after(() => db.close())
  return db
}

// Goal: a reader that goes away leaves no statement behind that nobody waits for.
// Method: the server does not notice a client that has gone, so what has ended, it ended itself.
// Which of the two deadlines is first, the server's by a tenth, is chance on a busy machine.
test('the server itself ends a long statement of a reading connection, and the next one runs', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerAt(t, scratch.urlAs('audit_reader'), 1_000)
  assert.deepEqual(
    [...(await db.execute(sql`select current_setting('statement_timeout') as timeout`))],
    [{ timeout: '900ms' }],
  )
  const slow = db.execute(sql`select pg_sleep(60)`)
  await assert.rejects(slow, (error) => {
    const code = databaseFault(error).code
    return code === '57014' || code === 'AUDIT_DEADLINE_PASSED'
  })
  const isOver = async () => {
    const running = await scratch.sql`
      select from pg_stat_activity
      where application_name = 'reader' and state = 'active' and query like '%pg_sleep(60)%'`
    return running.length === 0
  }
  await waitFor(isOver, { what: 'the server to end the statement' })
  assert.deepEqual([...(await db.execute(sql`select 2 as two`))], [{ two: 2 }])
})

test('a reading connection writes nothing with any login', async (t) => {
  const scratch = await scratchDatabase(t)
  const write = readerAt(t, scratch.url).execute(sql`create table public.x (y integer)`)
  await assert.rejects(write, { code: 'AUDIT_DATABASE_FAILED', message: /25006/ })
})

/** Stands between a client and the server as PgBouncer does: unknown settings are refused. */
async function strictPooler(t: TestContext, { urlAs }: ScratchDatabase) {
  const url = new URL(urlAs('audit_reader'))
  const [port, host] = [Number(url.port), url.hostname]
  const startups: string[] = []
  const pooler = net.createServer((client) => {
    client.on('error', () => {})
    client.once('data', (startup) => {
      startups.push(startup.toString('latin1'))
      if (startup.includes('statement_timeout')) {
        client.end(refusal('unsupported startup parameter: statement_timeout'))
        return
      }
      const server = net.connect(port, host)
      server.on('error', () => client.destroy())
      server.write(startup)
      client.pipe(server).pipe(client)
    })
  })
  pooler.listen(0, '127.0.0.1')
  await once(pooler, 'listening')
  t.after(() => pooler.close())
  const address = pooler.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  url.port = String(address.port)
  return { url: url.href, startups }
}

/** An ErrorResponse of the server's protocol. */
function refusal(message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C08P01\0M${message}\0\0`)
  const head = Buffer.from('E\0\0\0\0', 'latin1')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}

test('a reading connection does without its settings where a pooler refuses them', async (t) => {
  const scratch = await scratchDatabase(t)
  const { url, startups } = await strictPooler(t, scratch)
  const db = readerAt(t, url)
  assert.deepEqual((await timeline(db)).entries, [])
  assert.deepEqual((await timeline(db)).entries, [])
  const refused = startups.map((startup) => startup.includes('statement_timeout'))
  assert.deepEqual(refused, [true, false], 'asked for once')
})
