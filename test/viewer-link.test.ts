import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { signViewerLink, verifyViewerLink, type ViewerLinkOptions } from '../src/page/index.ts'

const SECRET = 'a8f3c1d2e4b5968770a1b2c3d4e5f607'
const OTHER = '0f1e2d3c4b5a69788796a5b4c3d2e1f0'
const TENANT = '5a1f0c3e-90ab-4c2d-8e11-000000000e01'
const HOUR_MS = 3_600_000

const link = (given: Partial<ViewerLinkOptions> = {}) =>
  signViewerLink({
    ...{ secret: SECRET, tenant: TENANT, until: Date.now() + HOUR_MS, path: '/audit' },
    ...{ viewer: { name: 'Ada' } },
    ...given,
  })
const asked = (path: string, given: Parameters<typeof verifyViewerLink>[1] = { secret: SECRET }) =>
  verifyViewerLink(new Request(`http://page.test${path}`), given)

const bytesOf = (text: string) => Buffer.from(text, 'base64url')

test('a link opens the page for its tenant, with all that the viewer is', () => {
  assert.deepEqual(asked(link()), { name: 'Ada', onlyEventId: TENANT })
  const viewer = { name: 'Ada', userId: 42, hides: ['context.ip'] as const, staffAs: 'Support' }
  assert.deepEqual(asked(`${link({ viewer })}?live=1`), { ...viewer, onlyEventId: TENANT })
  assert.deepEqual(asked(link({ tenant: 7 })), { name: 'Ada', onlyEventId: '7' })
  assert.deepEqual(asked(link({ path: '/' })), { name: 'Ada', onlyEventId: TENANT })
  // Express hides where it has mounted the page.
  const [, segment = ''] = /(\/~.*)$/.exec(link()) ?? []
  assert.deepEqual(asked(segment, { secret: SECRET, path: '/audit/' }), {
    ...{ name: 'Ada', onlyEventId: TENANT },
  })
})

test('without a link it says nothing, so that a session can', () => {
  for (const path of ['/audit', '/audit/', '/~/audit', '/audit/x~y']) {
    assert.equal(asked(path), undefined, path)
  }
})

test('a link does not tell who has it what is hidden from them', () => {
  const [staff, field] = ['5a1f0c3e-90ab-4c2d-8e11-0000000057af', 'metadata.fraudScore'] as const
  const viewer = { name: 'Ada', staffAs: 'Support', staff: [staff], hides: [field] }
  const one = link({ viewer })
  const [, payload = ''] = /~([\w-]+)\./.exec(one) ?? []
  for (const text of [payload, payload.slice(3)]) {
    for (const encoding of ['utf8', 'latin1'] as const) {
      assert.doesNotMatch(bytesOf(text).toString(encoding), /Ada|57af|fraudScore|Support|until/)
    }
  }
  assert.notEqual(one, link({ viewer }), 'two links cannot be compared')
  assert.deepEqual(asked(one), { ...viewer, onlyEventId: TENANT })
  // A link that stands in an entry, as in the address of a request, is censored there.
  assert.match(payload, /^eyJ/)
})

test('a link of another secret, path or time is refused', async (t) => {
  const unknown = { denied: 'unknown link' }
  assert.deepEqual(asked(link({ secret: OTHER })), unknown)
  assert.deepEqual(asked(link().replace('/audit', '/other')), unknown)
  assert.deepEqual(asked(link(), { secret: SECRET, path: '/other' }), unknown)
  assert.deepEqual(asked('/audit/~'), unknown)
  assert.deepEqual(asked(`/audit/~${'a'.repeat(5_000)}.${'a'.repeat(43)}`), unknown)
  // A new secret in front of the old one: links of both are taken.
  const both = { secret: [OTHER, SECRET] }
  assert.deepEqual(asked(link(), both), asked(link({ secret: OTHER }), both))

  const nowMs = 1_790_000_000_000
  t.mock.timers.enable({ apis: ['Date'], now: nowMs })
  const short = link({ until: nowMs + 2_000 })
  const week = link({ until: nowMs + 168 * HOUR_MS, maxAgeMs: 168 * HOUR_MS })
  assert.deepEqual(asked(week), { denied: 'link for too long' })
  assert.equal(
    Reflect.get(Object(asked(week, { secret: SECRET, maxAgeMs: 168 * HOUR_MS })), 'name'),
    'Ada',
  )
  t.mock.timers.setTime(nowMs + 1_999)
  assert.equal(Reflect.get(Object(asked(short)), 'name'), 'Ada')
  t.mock.timers.setTime(nowMs + 2_000)
  assert.deepEqual(asked(short), { denied: 'expired link' })
  t.mock.timers.setTime(nowMs + HOUR_MS)
  assert.deepEqual(asked(short), { denied: 'expired link' })
})

// Goal: nobody makes a link out of another one.
// Method: one or several characters of a link are changed; a link that differs opens nothing.
test('a link that was changed anywhere opens nothing', () => {
  const good = link()
  const alphabet = 'ABCxyz019-_.~/'
  const change = fc.record({
    at: fc.integer({ min: 0, max: good.length - 1 }),
    by: fc.constantFrom(...alphabet, ''),
  })
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      let path = good
      for (const { at, by } of changes) path = path.slice(0, at) + by + path.slice(at + 1)
      const sent = path.startsWith('/') ? path : `/${path}`
      const answer = asked(sent)
      if (answer === undefined || 'denied' in answer) return
      // The same link in another spelling: base64url ends in bits that stand for nothing.
      const { pathname } = new URL(sent, 'http://page.test')
      const [, head, tail = ''] = /^(.*)\.([^.]*?)\/?$/.exec(pathname) ?? []
      assert.equal(head, good.slice(0, -44))
      assert.equal(Buffer.compare(bytesOf(tail), bytesOf(good.slice(-43))), 0)
    }),
    { numRuns: 3_000 },
  )
})

test('a link that would be none is refused when it is made, and no secret is quoted', () => {
  const wrong: readonly (readonly [Partial<Record<keyof ViewerLinkOptions, unknown>>, RegExp])[] = [
    [{ secret: 'short-secret-0123' }, /secret must have at least 32/],
    [{ secret: 'a'.repeat(40) }, /secret must have/],
    [{ secret: [] }, /secret must have/],
    [{ until: Date.now() - 1 }, /until must be a time in the future/],
    [{ until: Date.now() + 25 * HOUR_MS }, /at most 86400000 ms from now/],
    [{ until: Number.NaN }, /until must be/],
    [{ maxAgeMs: 31 * 24 * HOUR_MS }, /maxAgeMs must be a whole number from 1000 to 2592000000/],
    [{ tenant: '' }, /tenant must be/],
    [{ tenant: 1.5 }, /tenant must be/],
    [{ viewer: { name: '' } }, /viewer is none: its name has not 1 to 128/],
    [{ viewer: { name: 'Ada', sees: 'everything' } }, /both sees and onlyEventId/],
    [{ viewer: { name: 'Ada', hides: ['nothing'] } }, /viewer is none/],
    [{ viewer: { name: 'Ada', context: { note: 'x'.repeat(4_000) } } }, /longer than a link/],
    [{ path: 'audit' }, /path must be/],
    [{ path: '//evil.example' }, /path must be/],
    [{ path: '/audit?x' }, /path must be/],
    [{ unitl: 1 } as never, /until/],
  ]
  for (const [given, message] of wrong) {
    assert.throws(
      () => link(given as Partial<ViewerLinkOptions>),
      (error: Error) => {
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /short-secret|a8f3c1d2/)
        return true
      },
    )
  }
})
