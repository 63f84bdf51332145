import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import express from 'express'
import { scratchDatabase } from './support/database.ts'
import { appendToLog } from './support/log-entries.ts'
import { pageOn, readerOn, readEvents } from './support/pages.ts'
import type { JsonSchema } from '../src/page/api/json-schema.ts'
import { fits } from './support/json-schema.ts'

interface Answer {
  readonly entries: readonly { readonly id: string; readonly action: string }[]
  readonly entry: { readonly action: string }
  readonly nextCursor: string | null
  readonly names: Readonly<Record<string, string>>
  readonly problems: readonly { readonly text: string }[]
  readonly bars: readonly { readonly count: number }[]
  readonly error: { readonly code: string; readonly problems: Readonly<Record<string, string>> }
}

interface Parameter {
  readonly name: string
  readonly schema: JsonSchema
}

interface Noted {
  readonly metadata: Readonly<Record<string, unknown>>
}

const JSON_TYPE = { accept: 'application/json' }
type Options = Parameters<typeof pageOn>[1]

async function jsonPage(t: TestContext, options: Options = {}) {
  const scratch = await scratchDatabase(t)
  const userId = randomUUID()
  const beginMs = Date.now() - 10
  const given = Array.from({ length: 5 }, (_, at) => ({
    userId,
    action: `order.n${at}`,
    ms: beginMs + at,
  }))
  const ids = await appendToLog(scratch.sql, given)
  const db = readerOn(t, scratch)
  const page = pageOn(db, options)
  const ask = async (query: string, headers: Readonly<Record<string, string>> = {}) => {
    const response = await page.get(query, { ...JSON_TYPE, ...headers })
    const body = (await response.json()) as Answer
    return { response, status: response.status, body }
  }
  return { ...page, ask, ids, userId, db }
}

interface Description {
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<
    Record<string, { readonly get: { readonly parameters: readonly Parameter[] } }>
  >
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

test('a program gets the list, an entry and the bars as JSON', async (t) => {
  const names = async () => new Map([[first.userId, 'Ada']])
  const first = await jsonPage(t, { names })
  const { ask, ids, userId } = first
  const one = await ask('?limit=2')
  assert.deepEqual(
    one.body.entries.map(({ id }) => id),
    [ids[4], ids[3]],
  )
  assert.deepEqual(one.body.names, { [userId]: 'Ada' })
  assert.equal(one.response.headers.get('content-type'), 'application/json; charset=utf-8')
  assert.equal(one.response.headers.get('cache-control'), 'no-store')
  assert.equal(one.response.headers.get('access-control-allow-origin'), null)
  const two = await ask(`?limit=2&cursor=${one.body.nextCursor}`)
  assert.deepEqual(
    two.body.entries.map(({ id }) => id),
    [ids[2], ids[1]],
  )
  const entry = await ask(`?entry=${ids[0]}`)
  assert.equal(entry.body.entry.action, 'order.n0')
  assert.equal((await ask(`?entry=${randomUUID()}`)).status, 404)
  const bars = await ask('?part=histogram')
  const count = bars.body.bars.reduce((sum, bar) => sum + bar.count, 0)
  assert.equal(count, 5)
  const line = await ask('?q=action:order.n1+acton:x')
  assert.deepEqual(
    line.body.problems.map(({ text }) => text),
    ['acton:x'],
  )
  assert.equal(line.body.entries.length, 1)
})

test('what is refused is JSON with a code, and names the parameters', async (t) => {
  const { ask, get, db } = await jsonPage(t)
  const bad = await ask('?user=7&limit=0&part=x')
  assert.equal(bad.status, 400)
  assert.equal(bad.body.error.code, 'AUDIT_FILTER_INVALID')
  assert.deepEqual(Object.keys(bad.body.error.problems).sort(), ['limit', 'part', 'user'])
  assert.equal((await ask('?cursor=none')).status, 400)
  assert.match(await (await get('?limit=0')).text(), /^<!doctype html>/i)
  const { get: closed } = pageOn(db, { authorize: () => null })
  const nobody = await closed('', JSON_TYPE)
  assert.equal(nobody.status, 401)
  assert.equal(((await nobody.json()) as Answer).error.code, 'unauthorized')
})

test('a stream and a browser each have their own form', async (t) => {
  const { get } = await jsonPage(t)
  const response = await get('?stream=1&after=0', JSON_TYPE)
  const [event] = await readEvents(response, { event: 'entry', count: 1 })
  assert.equal(JSON.parse(event?.data ?? '').action, 'order.n0')
  const browser = await get('', {
    accept: 'text/html,application/xhtml+xml,application/json;q=0.9',
  })
  assert.match(await browser.text(), /^<!doctype html>/i)
  assert.match(await (await get('', { accept: '*/*' })).text(), /^<!doctype html>/i)
})

test('each read as JSON is an entry, as that of the page is', async (t) => {
  const read: Noted[] = []
  const recorder = { record: (entry: object) => read.push(entry as Noted) > 0 }
  const { ask, ids } = await jsonPage(t, { recorder })
  await ask('?action=order.*')
  await ask(`?entry=${ids[1]}`)
  await ask('?part=histogram')
  assert.deepEqual(
    read.map(({ metadata }) => [metadata['read'], metadata['as']]),
    [
      ['page', 'json'],
      ['entry', 'json'],
      ['histogram', 'json'],
    ],
  )
  assert.deepEqual(read[0]?.metadata['filter'], { action: 'order.*' })
})

// Goal: the description cannot differ from what is done.
// Method: values on both sides of each schema are sent; an answer is held against its own schema.
test('the description is what the page does', async (t) => {
  const { ask, ids, fetch } = await jsonPage(t, { views: { sharedWith: () => true } })
  const { body } = await ask('?openapi=1')
  const { paths, components } = body as object as Description
  const get = paths['/audit']?.get
  assert.ok(get)
  const names = get.parameters.map(({ name }) => name)
  assert.ok(names.includes('q') && names.includes('cursor') && !names.includes('theme'))
  for (const { name, schema } of get.parameters) {
    if (name === 'stream' || name === 'export' || name === 'proof' || name === 'openapi') continue
    for (const word of schema.enum ?? []) {
      assert.equal((await ask(`?${name}=${word}`)).status, 200, `${name}=${word}`)
    }
    if (schema.enum || schema.pattern)
      assert.equal((await ask(`?${name}=nonsense`)).status, 400, name)
    if (schema.type === 'integer') {
      const { minimum = 0, maximum = 0 } = schema
      for (const [value, status] of [
        [minimum, 200],
        [maximum, 200],
        [minimum - 1, 400],
        [maximum + 1, 400],
      ]) {
        assert.equal((await ask(`?${name}=${value}`)).status, status, `${name}=${value}`)
      }
    }
    if (schema.maxLength && name !== 'q') {
      assert.equal((await ask(`?${name}=${'x'.repeat(schema.maxLength + 1)}`)).status, 400, name)
    }
  }
  const { List = {}, OneEntry = {}, Histogram = {}, Views = {}, Refused = {} } = components.schemas
  assert.deepEqual(fits((await ask('?q=acton:x')).body, List), [])
  assert.deepEqual(fits((await ask(`?entry=${ids[0]}`)).body, OneEntry), [])
  assert.deepEqual(fits((await ask('?part=histogram')).body, Histogram), [])
  const form = new URLSearchParams({ q: 'x', save: 'y' })
  const headers = { 'sec-fetch-site': 'same-origin' }
  await fetch(new Request('http://page.test/audit', { method: 'POST', headers, body: form }))
  const { views } = (await ask('?part=views')).body as { readonly views?: readonly object[] }
  assert.equal(views?.length, 1)
  assert.deepEqual(fits({ views }, Views), [])
  assert.deepEqual(fits((await ask('?limit=0')).body, Refused), [])
})

test('the description names the path that the browser sees', async (t) => {
  const { fetch, listener } = await jsonPage(t)
  const described = async (url: string) => {
    const answer = await fetch(new Request(url))
    const { servers, paths } = (await answer.json()) as Description
    return `${servers[0]?.url} ${Object.keys(paths)[0]}`
  }
  assert.equal(await described('http://x.test/a/log?openapi=1'), '/a /log')
  assert.equal(await described('http://x.test/a/log/openapi.json'), '/a /log')
  assert.equal(await described('http://x.test/?openapi=1'), '/ /')
  const app = express()
  app.use('/admin/audit', listener)
  const server = app.listen(0)
  t.after(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  assert.equal(
    await (async () => {
      const answer = await globalThis.fetch(`http://127.0.0.1:${port}/admin/audit/openapi.json`)
      const { servers, paths } = (await answer.json()) as Description
      return `${servers[0]?.url} ${Object.keys(paths)[0]}`
    })(),
    '/admin /audit',
  )
})
