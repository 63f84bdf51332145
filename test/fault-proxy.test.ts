import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultMode } from './support/fault-link.ts'
import { FaultProxy, statementWith } from './support/fault-proxy.ts'
import { waitFor } from './support/wait-for.ts'

/** A server that answers with what it was sent, and a proxy in front of it. */
async function echo(t: TestContext) {
  let chunks = 0
  let received = ''
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      chunks += 1
      received += chunk
      socket.write(chunk)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = await FaultProxy.start((server.address() as net.AddressInfo).port)
  t.after(async () => {
    await proxy.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { proxy, sockets, chunks: () => chunks, received: () => received }
}

interface Caller {
  readonly socket: net.Socket
  text(): string
  /** How the connection ended. */
  ending(): string | undefined
}

async function call(t: TestContext, port: number): Promise<Caller> {
  const socket = net.connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  let text = ''
  let ending: string | undefined
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('end', () => {
    ending ??= 'FIN'
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    ending ??= error.code
  })
  await once(socket, 'connect').catch(() => {})
  return { socket, text: () => text, ending: () => ending }
}

const says = (caller: Caller, text: string) =>
  waitFor(() => caller.text() === text, { what: `"${text}", not "${caller.text()}"` })

const ends = (caller: Caller, how: string) =>
  waitFor(() => caller.ending() === how, { what: `${how}, not ${caller.ending()}` })

test('pass: bytes and ends go through, both ways', async (t) => {
  const { proxy, sockets } = await echo(t)
  const caller = await call(t, proxy.port)
  caller.socket.write('one')
  await says(caller, 'one')
  assert.equal(proxy.open, 1)
  for (const socket of sockets) socket.end()
  await ends(caller, 'FIN')
  await waitFor(() => proxy.open === 0, { what: 'the connection to be let go' })
})

const SWALLOWING: readonly (readonly [string, FaultMode, boolean])[] = [
  ['black hole', { kind: 'black-hole' }, false],
  ['requests dropped', { kind: 'drop', toward: 'server' }, false],
  ['replies dropped', { kind: 'drop', toward: 'client' }, true],
]

for (const [name, mode, arrives] of SWALLOWING) {
  test(`${name}: what was open stays silent for good, what comes later works`, async (t) => {
    const { proxy, received } = await echo(t)
    const caller = await call(t, proxy.port)
    caller.socket.write('a')
    await says(caller, 'a')
    await proxy.set(mode)
    const late = await call(t, proxy.port)
    caller.socket.write('b')
    late.socket.write('c')
    await sleep(50)
    assert.equal(caller.text() + late.text(), 'a')
    assert.equal(received().includes('b'), arrives)
    await proxy.set({ kind: 'pass' })
    caller.socket.write('d')
    const next = await call(t, proxy.port)
    next.socket.write('e')
    await says(next, 'e')
    assert.equal(caller.text(), 'a')
    assert.equal(caller.ending(), undefined)
  })
}

test('a black hole keeps the end of one side from the other until it heals', async (t) => {
  const { proxy, sockets } = await echo(t)
  const caller = await call(t, proxy.port)
  caller.socket.write('a')
  await says(caller, 'a')
  await proxy.set({ kind: 'black-hole' })
  caller.socket.destroy()
  await sleep(50)
  assert.equal(sockets.size, 1)
  await proxy.set({ kind: 'pass' })
  await waitFor(() => sockets.size === 0, { what: 'the server to be told' })
})

for (const [kind, code] of [['reset', 'ECONNRESET'] as const, ['finish', 'FIN'] as const]) {
  test(`${kind}: ends what is open and what comes`, async (t) => {
    const { proxy, sockets } = await echo(t)
    const caller = await call(t, proxy.port)
    caller.socket.write('a')
    await says(caller, 'a')
    await proxy.set({ kind })
    await ends(caller, code)
    const late = await call(t, proxy.port)
    await ends(late, code)
    await waitFor(() => sockets.size === 0, { what: 'the server to be told' })
    await proxy.set({ kind: 'pass' })
    const next = await call(t, proxy.port)
    next.socket.write('b')
    await says(next, 'b')
  })
}

test('refuse: nothing listens, and what is open goes on', async (t) => {
  const { proxy } = await echo(t)
  const caller = await call(t, proxy.port)
  caller.socket.write('a')
  await says(caller, 'a')
  await proxy.set({ kind: 'refuse' })
  await ends(await call(t, proxy.port), 'ECONNREFUSED')
  caller.socket.write('b')
  await says(caller, 'ab')
  await proxy.set({ kind: 'pass' })
  const next = await call(t, proxy.port)
  next.socket.write('c')
  await says(next, 'c')
})

test('say nothing: accepts and never answers, and what is open goes on', async (t) => {
  const { proxy } = await echo(t)
  const caller = await call(t, proxy.port)
  await proxy.set({ kind: 'say-nothing' })
  const late = await call(t, proxy.port)
  caller.socket.write('a')
  late.socket.write('b')
  await says(caller, 'a')
  await proxy.set({ kind: 'pass' })
  await sleep(50)
  assert.equal(late.text(), '')
  assert.equal(late.ending(), undefined)
})

test('drip: one byte at a time, nothing lost, in order also when the mode changes', async (t) => {
  const { proxy, chunks } = await echo(t)
  const caller = await call(t, proxy.port)
  await proxy.set({ kind: 'drip' })
  const text = Array.from({ length: 500 }, (_, n) => String(n % 10)).join('')
  caller.socket.write(text)
  await says(caller, text)
  assert.ok(chunks() > 50, `${chunks()} chunks`)
  caller.socket.write('x'.repeat(500))
  await sleep(2)
  await proxy.set({ kind: 'pass' })
  caller.socket.write('y')
  await says(caller, `${text}${'x'.repeat(500)}y`)
})

test('latency: later, and in order', async (t) => {
  const { proxy } = await echo(t)
  const caller = await call(t, proxy.port)
  await proxy.set({ kind: 'latency', ms: 60 })
  const beganMs = performance.now()
  caller.socket.write('a')
  await says(caller, 'a')
  assert.ok(performance.now() - beganMs >= 118, 'once each way')
  caller.socket.write('b')
  await sleep(10)
  await proxy.set({ kind: 'pass' })
  caller.socket.write('c')
  await says(caller, 'abc')
})

test('cut reply: the request arrives, the reply does not', async (t) => {
  const { proxy, received } = await echo(t)
  const caller = await call(t, proxy.port)
  let cuts = 0
  await proxy.set({
    kind: 'cut-reply',
    watch: () => statementWith('insert'),
    onCut: () => {
      cuts += 1
    },
  })
  const sync = Buffer.from([0x53, 0, 0, 0, 4])
  caller.socket.write(Buffer.concat([Buffer.from('select'), sync]))
  await waitFor(() => caller.text().startsWith('select'), { what: 'an answer to another one' })
  caller.socket.write('ins')
  await sleep(20)
  caller.socket.write('ert; values')
  await waitFor(() => caller.text().endsWith('values'), { what: 'an answer before it is whole' })
  caller.socket.write(sync)
  await ends(caller, 'ECONNRESET')
  assert.ok(received().includes('insert; valuesS'))
  assert.equal(cuts, 1)
})

test('time replies: how long the reply to a request took, and nothing else happens', async (t) => {
  const { proxy } = await echo(t)
  const caller = await call(t, proxy.port)
  const timesMs: number[] = []
  await proxy.set({
    kind: 'time-replies',
    watch: () => statementWith('insert'),
    onReply: (ms) => timesMs.push(ms),
  })
  caller.socket.write('select')
  await says(caller, 'select')
  caller.socket.write(Buffer.concat([Buffer.from('insert'), Buffer.from([0x53, 0, 0, 0, 4])]))
  await waitFor(() => caller.text().startsWith('selectinsertS'), { what: 'the reply' })
  assert.equal(timesMs.length, 1)
})
