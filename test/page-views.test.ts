import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { appendToLog } from './support/log-entries.ts'
import { pageOn, readerOn } from './support/pages.ts'
import { cookieOf, MAX_VIEWS, viewName, viewsIn } from '../src/page/query/saved-views.ts'

/** The page, asked by its own forms and links. */
function ownPage(t: TestContext, scratch: ScratchDatabase) {
  const page = pageOn(readerOn(t, scratch))
  const get = (query: string, headers: Readonly<Record<string, string>> = {}) =>
    page.get(query, { 'sec-fetch-site': 'same-origin', ...headers })
  return { ...page, get }
}

const cookieIn = (response: Response) =>
  /audit_views=[^;]*/.exec(response.headers.get('set-cookie') ?? '')?.[0] ?? ''

// Goal: what is asked for gets a name, is found again under it, and is forgotten.
// Method: the form's own requests, with the cookie that the page has set, and nothing else.
test('a view is saved in the browser of its viewer, and forgotten', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, [{ action: 'refund.issue' }, { action: 'a.b' }])
  const { get } = ownPage(t, scratch)
  const saved = await get('?q=refund.*&range=-7d&cursor=&save=Refunds+%3Cb%3E+of+the+week')
  assert.equal(saved.status, 303)
  assert.equal(saved.headers.get('location'), '?q=refund.*&range=-7d')
  assert.match(saved.headers.get('set-cookie') ?? '', /HttpOnly; SameSite=Strict/)
  const cookie = cookieIn(saved)
  const html = await (await get('', { cookie })).text()
  const link = '<a href="?q=refund.*&amp;range=-7d">Refunds &lt;b&gt; of the week</a>'
  assert.ok(html.includes(link), 'and its name is text')
  assert.doesNotMatch(html, /name="save"/, 'all entries need no name')
  const again = await get('?q=a.b&save=Refunds+%3Cb%3E+of+the+week', { cookie })
  const one = await (await get('', { cookie: cookieIn(again) })).text()
  assert.ok(one.includes('<a href="?q=a.b">Refunds'), 'the same name is another view')
  const forgotten = await get('?forget=Refunds+%3Cb%3E+of+the+week', { cookie })
  assert.match(forgotten.headers.get('set-cookie') ?? '', /^audit_views=; Max-Age=0/)
})

test('nobody else saves a view, and what is wrong is said', async (t) => {
  const { get } = ownPage(t, await scratchDatabase(t))
  const foreign = { 'sec-fetch-site': 'cross-site' }
  for (const [query, headers] of [
    ['?q=x&save=y', foreign],
    ['?forget=y', { 'sec-fetch-site': 'same-site' }],
    [`?q=x&save=${'n'.repeat(61)}`, {}],
    ['?q=x&save=%0a', {}],
    ['?save=all', {}],
    ['?range=soon&save=wrong', {}],
  ] as const) {
    const response = await get(query, headers)
    assert.equal(response.status, 400, query)
    assert.equal(response.headers.get('set-cookie'), null, query)
  }
  assert.equal((await get('?q=x&save=y', { 'sec-fetch-site': 'same-origin' })).status, 303)
})

test('a browser keeps as many views as it can, and a wrong cookie holds none', async (t) => {
  const view = (n: number) => ({ name: `view ${n}`, address: `?q=word${n}` })
  const views = Array.from({ length: MAX_VIEWS }, (_, n) => view(n))
  const full = cookieOf(views)
  assert.deepEqual(viewsIn(full), views)
  assert.equal(cookieOf([...views, view(99)]), undefined)
  assert.equal(cookieOf([{ name: 'long', address: `?q=${'x'.repeat(3_000)}` }]), undefined)
  const { get } = ownPage(t, await scratchDatabase(t))
  const refused = await get('?q=x&save=more', { cookie: `audit_views=${full}` })
  assert.equal(refused.status, 400)
  assert.match(await refused.text(), /Remove one first/)
  const evil = new URLSearchParams({
    'a\u0000b': 'q=x&sort=y&entry=z',
    b: '//evil.example/',
    '': 'q=x',
  })
  const cookie = Buffer.from(String(evil)).toString('base64url')
  assert.deepEqual(viewsIn(cookie), [{ name: 'a b', address: '?q=x' }])
  for (const wrong of [undefined, '', '%%%', 'x'.repeat(5_000)])
    assert.deepEqual(viewsIn(wrong), [])
  assert.equal(viewName('  a \n b '), 'a b')
})
