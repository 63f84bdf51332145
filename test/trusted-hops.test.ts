import assert from 'node:assert/strict'
import { test } from 'node:test'
import { honoAudit } from 'audit-outbox/hono'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { Hono } from 'hono'
import { clientAddress } from '../src/frameworks/request/headers.ts'

const SOCKET = '10.0.0.1'

test('an address that the client wrote itself is not believed', () => {
  const forged = '6.6.6.6, 203.0.113.7, 10.0.0.2'
  assert.equal(clientAddress(forged, 0, SOCKET), SOCKET)
  assert.equal(clientAddress(forged, 1, SOCKET), '10.0.0.2')
  assert.equal(clientAddress(forged, 2, SOCKET), '203.0.113.7')
  assert.equal(clientAddress(['6.6.6.6', '203.0.113.7'], 1, SOCKET), '203.0.113.7')
})

test('a request that came by way of fewer proxies has the address of its socket', () => {
  assert.equal(clientAddress('203.0.113.7', 2, SOCKET), SOCKET)
  assert.equal(clientAddress(undefined, 1, SOCKET), SOCKET)
  assert.equal(clientAddress(undefined, 1), undefined)
})

test('ports and brackets that proxies write are left out, and what is no address is none', () => {
  assert.equal(clientAddress('203.0.113.7:4711', 1), '203.0.113.7')
  assert.equal(clientAddress('[2001:db8::7]:4711', 1), '2001:db8::7')
  assert.equal(clientAddress('2001:db8::7', 1), '2001:db8::7')
  for (const none of ['unknown', '', '<script>', '1.2.3', '1.2.3.4.5:6']) {
    assert.equal(clientAddress(none, 1, SOCKET), SOCKET, none)
  }
})

test('Hono reads the header when it is told how many proxies there are', async () => {
  const recorder = createMemoryRecorder()
  for (const trustedHops of [undefined, 1]) {
    const app = new Hono().use(honoAudit({ recorder, trustedHops }))
    app.get('/', (c) => c.json(c.var.audit.record({ action: 'a.b' })))
    await app.request('/', { headers: { 'x-forwarded-for': '6.6.6.6, 203.0.113.7' } })
  }
  assert.deepEqual(
    recorder.entries.map(({ context }) => context['ip']),
    [undefined, '203.0.113.7'],
  )
  for (const trustedHops of [-1, 17, 1.5, Number.NaN]) {
    assert.throws(() => honoAudit({ recorder, trustedHops }), /trustedHops must be a whole number/)
  }
})
