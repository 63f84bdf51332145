import assert from 'node:assert/strict'
import net, { type AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { sql } from 'drizzle-orm'
import { Database } from '../src/database/connection.ts'
import { scratchDatabase } from './support/database.ts'
import { openDatabase } from './support/lanes.ts'

/** A server that accepts, says nothing, and counts. */
async function muteServer(t: TestContext) {
  const sockets = new Set<net.Socket>()
  let accepted = 0
  const server = net.createServer((socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `postgres://app@127.0.0.1:${port}/app`, accepted: () => accepted }
}

test('a server that never answers costs a statement its deadline, and the next a new client', {
  timeout: 20_000,
}, async (t) => {
  const mute = await muteServer(t)
  const database = new Database({
    url: mute.url,
    applicationName: 'test',
    statementTimeoutMs: 1_000,
  })
  t.after(() => database.close())
  for (let round = 1; round <= 3; round += 1) {
    const beganMs = performance.now()
    await assert.rejects(database.execute(sql`select 1`), { code: 'AUDIT_DEADLINE_PASSED' })
    const tookMs = performance.now() - beganMs
    assert.ok(tookMs >= 990 && tookMs < 4_000, `${tookMs} ms`)
    assert.equal(mute.accepted(), round)
  }
})

test('after its backend was ended the next statement has a connection of its own', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  const backend = async () => {
    const [row] = await database.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
    return row?.pid
  }
  const first = await backend()
  const ending = database.execute(sql`select pg_terminate_backend(pg_backend_pid()), pg_sleep(5)`)
  await assert.rejects(ending, { code: 'AUDIT_DATABASE_FAILED' })
  assert.notEqual(await backend(), first)
})

test('no connection of ours has its plans compiled', async (t) => {
  const scratch = await scratchDatabase(t)
  for (const isReader of [false, true]) {
    const options = {
      url: scratch.url,
      applicationName: 'test',
      statementTimeoutMs: 5_000,
      isReader,
    }
    const database = new Database(options)
    t.after(() => database.close())
    assert.deepEqual([...(await database.execute(sql`show jit`))], [{ jit: 'off' }])
  }
})

test('an error names the schema, and repeats neither the values nor the row', async (t) => {
  const scratch = await scratchDatabase(t)
  const database = openDatabase(t, scratch.url)
  await database.execute(sql`create table public.guest (name text primary key)`)
  const insert = () => database.execute(sql`insert into public.guest values (${'canary'})`)
  await insert()
  const error: unknown = await insert().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof Error)
  assert.equal(Reflect.get(error, 'code'), 'AUDIT_DATABASE_FAILED')
  const { code, constraint_name } = Object(Reflect.get(error, 'fault'))
  assert.deepEqual({ code, constraint_name }, { code: '23505', constraint_name: 'guest_pkey' })
  const own = Object.getOwnPropertyNames(error).map((name) => Reflect.get(error, name))
  assert.doesNotMatch(JSON.stringify([String(error), own]), /canary/)
})
