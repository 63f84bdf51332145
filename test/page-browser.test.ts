import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { BrowserContextOptions, Locator, Page } from 'playwright-core'
import { serveHttp } from '../relay/http/server.ts'
import { readHttpConfig } from '../relay/http/config.ts'
import { noBrowser, openTab, picture, screenshot } from './support/browser.ts'
import { POOR_CONTRASTS } from './support/contrast.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { ADA, evening } from './support/evening.ts'
import { relayOn, silentLogger } from './support/lanes.ts'
import { appendToLog, type GivenEntry } from './support/log-entries.ts'
import { recorderOn } from './support/recorders.ts'

const TOKEN = 'an-oak-and-two-owls'
const EVIL = `"><script>alert(1)</script><img src=x onerror=alert(2)>' onmouseover='alert(3)</title>`
const MINUTE_MS = 60_000

const options = { skip: noBrowser }

/** The id of a row's entry. */
async function idOf(row: Locator): Promise<string | undefined> {
  const address = await row.locator('.open').first().getAttribute('href')
  return /entry=([^&]+)/.exec(address ?? '')?.[1]
}

/** The page as a relay serves it, and a tab that has opened it with its token. */
async function visitor(t: TestContext, given: BrowserContextOptions = {}) {
  const scratch = await scratchDatabase(t)
  const url = await serve(t, scratch)
  const tab = await openTab(t, given)
  const visit = (query = '') => tab.page.goto(`${url}${query}`)
  const append = (entries: readonly GivenEntry[]) => appendToLog(scratch.sql, entries)
  const rows = tab.page.locator('.entry')
  await tab.page.goto(`${url}?token=${TOKEN}`)
  return { ...tab, scratch, url, visit, append, rows }
}

async function serve(
  t: TestContext,
  { urlAs }: ScratchDatabase,
  readerUrl = urlAs('audit_reader'),
) {
  const config = readHttpConfig({
    ...{
      AUDIT_HTTP_PORT: '0',
      AUDIT_PAGE_TOKEN: `ada:${TOKEN}`,
      AUDIT_PAGE_AUDIT_READS: 'off',
    },
    AUDIT_READER_DATABASE_URL: readerUrl,
  })
  assert.ok(config)
  const server = await serveHttp(config, silentLogger())
  t.after(() => server.stop())
  return server.url
}

// What runs in the page is given as text: this project's types know no browser.
const IS_WITHIN = 'document.documentElement.scrollWidth <= document.documentElement.clientWidth'
const FOCUSED = `document.activeElement.closest('.entry')?.querySelector('.open').href.match(/entry=([^&]+)/)[1]
  ?? document.activeElement.id`
const COVERED_LINES_OF_HELP = `[...document.querySelectorAll('#help .sheet :is(dd, p)')]
  .filter((line) => {
    line.scrollIntoView({ block: 'center' })
    const { left, top, width, height } = line.getBoundingClientRect()
    return !document.elementFromPoint(left + width / 2, top + height / 2)?.closest('#help')
  })
  .map((line) => line.textContent)`
const NOTE_WHEN_ROWS_COME = `new MutationObserver((changes) => {
  for (const node of changes.flatMap(({ addedNodes }) => [...addedNodes])) {
    if (node.dataset) node.dataset.seenMs ??= Date.now()
  }
}).observe(document.body, { childList: true, subtree: true })`

const hasNoSidewaysScroll = (page: Page) => page.evaluate<boolean>(IS_WITHIN)

// Goal: a long filter is not told by each row, and stays when one of its links is followed.
// Method: the links of a row as the server sends them, and as the script leaves them.
test('links of rows keep a long filter', options, async (t) => {
  const { page, complaints, visit, append, rows } = await visitor(t)
  await append(evening())
  const asked = `?q=${'-audit.* '.repeat(9)}guest.* or branding.* meta.gate=North`
  const response = await visit(encodeURI(asked))
  const [sent = ''] = /<li class="entry[\s\S]*?<\/li>/.exec(String(await response?.text())) ?? []
  assert.match(sent, /class="user" href="\?q=user:/, 'without a script it asks for the user alone')
  const row = rows.first()
  const href = (name: string) => row.locator(name).first().getAttribute('href')
  for (const name of ['.user', '.target', '.open']) {
    assert.match(String(await href(name)), /^\?q=(-audit\.\*\+){9}guest\.\*\+or\+branding/, name)
  }
  assert.match(String(await href('.user')), /North\+user:[0-9a-f-]{36}$/)
  assert.match(String(await href('.action')), /North\+action:guest\.check_in$/)
  assert.match(String(await href('.request')), /^\?q=request:/)
  await row.locator('.user').click()
  await page.waitForURL(/guest\..*user:/)
  assert.ok((await rows.count()) > 0)
  assert.deepEqual(complaints, [])
})

// Goal: a link has the filter once, and a row that comes changes no link of those that are there.
// Method: a long filter that begins as the links of rows do, live, with one entry after the other.
test('links of rows stay as they are when others come', options, async (t) => {
  const { page, complaints, visit, append } = await visitor(t)
  const userId = randomUUID()
  const one = (gate: string): GivenEntry => ({
    action: 'door.open',
    userId,
    metadata: { gate },
  })
  await append([one('first')])
  await visit(encodeURI(`?q=user:${userId} action:door.* or guest.*&live=1`))
  await page.locator('#live[data-on=yes]').waitFor()
  const links = () =>
    page.evaluate<string[]>(
      `[...[...document.querySelectorAll('.entry')].at(-1).querySelectorAll('a')].map((a) => a.href)`,
    )
  const before = await links()
  assert.match(before.join(), /door\.\*/)
  await append([one('second')])
  await page.locator('.entry', { hasText: 'second' }).waitFor()
  assert.deepEqual(await links(), before)
  assert.deepEqual(complaints, [])
})

// Goal: what support staff do all day works, and the address says where they are.
// Method: type a filter, click an id, a preset, a bar; go on, go back.
test('filters by typing, by clicking and by time, all of it in the address', options, async (t) => {
  const { page, complaints, visit, append, rows } = await visitor(t)
  await append(evening())
  await visit()
  await screenshot(page, 'wide-light')
  assert.equal(await rows.count(), 50)
  await page.getByText('More filters').click()
  await page.getByLabel('Action').fill('branding.*')
  await page.getByRole('button', { name: 'Filter' }).click()
  await page.waitForURL('**/?action=branding.*')
  assert.equal(await rows.count(), 10)
  assert.match(
    (await rows.first().innerText()).replaceAll(/\s+/g, ' '),
    /updated the branding of event 5a1f0c3e: primaryColor #1d4ed8 → #be123c/,
  )
  await rows.first().locator('a.user').click()
  await page.waitForURL(/q=user:/)
  assert.ok((await rows.count()) < 10)
  await page.getByLabel('Remove action').click()
  await page.waitForURL((url) => !url.search.includes('action'))
  await page.getByLabel('Time range', { exact: true }).first().fill('-1h')
  await page.keyboard.press('Enter')
  await page.waitForURL(/range=-1h/)
  assert.ok((await rows.count()) < 10)
  await visit()
  await page.locator('.bars').click({ position: { x: 400, y: 40 } })
  await page.waitForURL(/from=.*&to=/)
  assert.match(await page.locator('#range').inputValue(), /^\d{4}-\d\d-\d\d \d\d:\d\d\.\./)
  await page.goBack()
  await page.getByRole('link', { name: 'Older' }).click()
  await page.waitForURL(/cursor=/)
  assert.equal(await rows.count(), 42)
  await page.getByRole('link', { name: 'Newest' }).click()
  await rows.nth(49).waitFor()
  assert.deepEqual(complaints, [])
})

// Goal: a question is typed as it is asked, and the answer says what was understood.
// Method: type, press Enter, take a part out, follow what was meant, show the reads.
test('a query line is typed, and its parts are taken out by a click', options, async (t) => {
  const { page, complaints, visit, append, rows } = await visitor(t)
  const read = {
    action: 'audit.read',
    metadata: { read: 'page' },
    context: { viewer: 'grace' },
  }
  await append([...evening(), read, read, read])
  await visit()
  await page.keyboard.press('/')
  await page.keyboard.type('Haddad or refund -meta.gate=North outcom:done')
  await page.keyboard.press('Enter')
  await page.waitForURL(/q=Haddad/)
  await screenshot(page, 'query-line')
  assert.match(await page.locator('.line-notes').innerText(), /outcom:done is not used/)
  await page.getByRole('link', { name: 'outcome:done' }).click()
  await page.waitForURL(/outcome:done/)
  assert.equal(await page.locator('.chip').count(), 3)
  const before = await rows.count()
  await page.getByLabel('Remove not meta.gate').click()
  await page.waitForURL((url) => !url.search.includes('gate'))
  assert.ok((await rows.count()) > before)
  await page.locator('#help summary').click()
  await screenshot(page, 'query-help')
  await visit('?reads=1')
  assert.equal(await page.getByText('The log was read 3 times').count(), 1)
  await screenshot(page, 'reads-folded')
  await page.getByText('The log was read 3 times').click()
  assert.ok(await page.getByText('grace').first().isVisible())
  assert.deepEqual(complaints, [])
})

test('a range dragged over the bars becomes the filter', options, async (t) => {
  const { page, complaints, visit, append } = await visitor(t)
  await append(evening())
  await visit()
  const box = await page.locator('.histogram .bars').boundingBox()
  assert.ok(box)
  const at = (part: number) => [box.x + box.width * part, box.y + box.height / 2] as const
  await page.mouse.move(...at(0.25))
  await page.mouse.down()
  await page.mouse.move(...at(0.4), { steps: 4 })
  await page.mouse.move(...at(0.5), { steps: 4 })
  const said = await page.locator('.histogram .range').innerText()
  assert.match(said, /^\d+ \w+,? \d\d:\d\d:\d\d – \d+ \w+,? \d\d:\d\d:\d\d$/, 'the range, in words')
  await screenshot(page, 'histogram-drag')
  await page.mouse.up()
  await page.waitForURL(/from=.*&to=/)
  const { searchParams } = new URL(page.url())
  const spanMs =
    Date.parse(searchParams.get('to') ?? '') - Date.parse(searchParams.get('from') ?? '')
  const quarterMs = (90 * 9 * MINUTE_MS) / 4
  assert.ok(Math.abs(spanMs - quarterMs) < quarterMs * 0.1, `${spanMs} ms`)
  assert.deepEqual(complaints, [])
})

// Goal: what is recorded now is on the screen now.
// Method: the whole way, from record() through the relay, nine times; the time from the moment that
// the row is in the log (by looking) to the moment that it is in the page (by its own observer).
test('a new entry is in the live view within half a second of being logged', options, async (t) => {
  const { page, complaints, visit, scratch, append, rows } = await visitor(t)
  await append(evening())
  const recorder = recorderOn(t, scratch)
  void relayOn(t, scratch, { pollMinMs: 5, pollMaxMs: 20 }).start()
  await visit('?live=1')
  await page.locator('#live[data-on=yes]').waitFor()
  await page.evaluate(NOTE_WHEN_ROWS_COME)
  const delays: number[] = []
  for (let n = 0; n < 9; n += 1) {
    recorder.record({ action: 'door.open', metadata: { n }, userId: ADA })
    const row = page.locator('.entry', {
      hasText: `opened the door — n ${n}`,
    })
    await row.waitFor()
    const [logged] = await scratch.sql`
      select extract(epoch from logged_at)::float8 * 1000 as ms from audit.audit_log
      where action = 'door.open' and metadata @> ${scratch.sql.json({ n })}`
    delays.push(Number(await row.getAttribute('data-seen-ms')) - Number(logged?.['ms']))
  }
  t.diagnostic(`from log to screen: ${delays.map(Math.round).join(', ')} ms`)
  const median = delays.toSorted((a, b) => a - b)[4] ?? 0
  assert.ok(median < 500, `${median} ms`)
  assert.match(await rows.first().innerText(), /— n 8/, 'the newest is the first')
  await page.locator('#news', { hasText: 'new entries' }).waitFor()
  await screenshot(page, 'live')
  assert.deepEqual(complaints, [])
})

// Goal: nothing that anybody writes into the log runs in a reader's browser.
// Method: the attack in every field, by list, panel, live row and address; the browser is silent.
test(
  'attacks in every field are shown as text, and the browser has nothing to refuse',
  options,
  async (t) => {
    const { page, complaints, visit, append, rows } = await visitor(t)
    const evil: GivenEntry = {
      ...{
        action: `a.${EVIL}`.slice(0, 128),
        entityType: EVIL,
        requestId: EVIL,
      },
      ...{ eventId: randomUUID(), targetId: randomUUID() },
      metadata: {
        name: EVIL,
        [EVIL]: EVIL,
        from: EVIL,
        to: { [EVIL]: [EVIL] },
        link: 'javascript:alert(4)',
      },
      context: {
        invalid: { userId: EVIL },
        degraded: [EVIL],
        impersonatorId: EVIL,
        viewer: EVIL,
      },
    }
    await append([evil])
    await visit()
    await rows.first().locator('.open').click()
    await page.locator('#detail .json-tree').first().waitFor()
    await page.locator('.json summary').click()
    await screenshot(page, 'attack')
    assert.ok((await page.locator('#detail').innerText()).includes('<script>alert(1)</script>'))
    assert.equal(await page.locator('a[href^="javascript"], img, #detail script').count(), 0)
    await visit('?live=1')
    await page.locator('#live[data-on=yes]').waitFor()
    await append([{ ...evil, requestId: 'live' }])
    await page.locator('.entry', { hasText: 'live' }).waitFor()
    await page.locator('.entry p').first().hover()
    await visit(`?${new URLSearchParams({ request: EVIL })}`)
    assert.equal(await rows.count(), 1)
    await visit(`?${new URLSearchParams({ user: EVIL, action: EVIL })}`)
    assert.equal(await page.locator('.problem').count(), 2)
    assert.deepEqual(complaints, [])
  },
)

test('the whole page is used with the keyboard', options, async (t) => {
  const { page, complaints, visit, append } = await visitor(t)
  await append(evening())
  await visit()
  const here = () => page.evaluate<string>(FOCUSED)
  const id = (n: number) => idOf(page.locator('.entry').nth(n))
  await page.keyboard.press('j')
  assert.equal(await here(), await id(0))
  await page.keyboard.press('j')
  await page.keyboard.press('j')
  await page.keyboard.press('k')
  assert.equal(await here(), await id(1))
  await page.keyboard.press('Enter')
  await page.locator('#detail').waitFor()
  assert.match(page.url(), /entry=/)
  const first = await page.locator('#detail').getAttribute('data-id')
  await page.keyboard.press('j')
  await page.locator(`#detail:not([data-id="${first}"])`).waitFor()
  await page.keyboard.press('Escape')
  assert.equal(await page.locator('#detail').count(), 0)
  assert.doesNotMatch(page.url(), /entry=/)
  assert.match(String(await here()), /^[0-9a-f-]{36}$/, 'the focus is back in the list')
  await page.goBack()
  await page.locator('#detail').waitFor()
  await page.keyboard.press('/')
  assert.equal(await here(), 'q')
  await page.keyboard.type('j?')
  assert.equal(
    await page.getByLabel('Search').inputValue(),
    'j?',
    'where one types, keys are letters',
  )
  await page.keyboard.press('Escape')
  await page.keyboard.press('?')
  assert.ok(await page.getByText('Previous entry').isVisible())
  await screenshot(page, 'help')
  await page.keyboard.press('Escape')
  assert.ok(!(await page.getByText('Previous entry').isVisible()))
  assert.deepEqual(complaints, [])
})

test('an entry shows its tree, its changes and its JSON', options, async (t) => {
  const { page, complaints, visit, append, rows, url } = await visitor(t, {
    viewport: { width: 1_280, height: 820 },
    deviceScaleFactor: 1.25,
  })
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: url })
  await append(evening())
  await visit('?action=seating_plan.*')
  await rows.first().click({ position: { x: 3, y: 3 } })
  const detail = page.locator('#detail')
  await detail.waitFor()
  await screenshot(page, 'detail-light')
  const changed = (await detail.locator('.change-table tbody tr').allInnerTexts()).map((row) =>
    row.split('\t'),
  )
  assert.deepEqual(
    changed.find(([field]) => field === 'rows'),
    ['rows', '12', '14'],
  )
  assert.deepEqual(
    await detail
      .locator('.change-table del')
      .allInnerTexts()
      .then((all) => all.includes('Friday')),
    true,
  )
  assert.equal(
    await detail.getByRole('link', { name: 'https://example.org/plan.pdf' }).getAttribute('rel'),
    'noopener noreferrer',
  )
  await detail.getByRole('button', { name: 'Copy as JSON' }).click()
  await detail.getByRole('button', { name: 'Copied' }).waitFor()
  const copied = JSON.parse(await page.evaluate<string>('navigator.clipboard.readText()'))
  assert.equal(copied.action, 'seating_plan.update')
  await visit()
  await rows.first().locator('.open').click()
  await page.locator('.entry[aria-current]').waitFor()
  assert.equal(await detail.getAttribute('data-id'), await idOf(rows.first()))
  await picture(page, 'timeline-page') // the README's: it is copied to .github/
  assert.deepEqual(complaints, [])
})

// Goal: a printed page says what it shows, of when, and who printed it, and has nothing to press.
// Method: a filter by word and day in the zone of the reader, shown as on paper.
test('a printed page says what it shows and by whom it was printed', options, async (t) => {
  const { page, complaints, visit, append, rows } = await visitor(t)
  await append(evening())
  const today = new Date().toISOString().slice(0, 10)
  await visit(`?q=guest.*&range=2020-01-01..${today}`)
  await rows.first().locator('.open').click()
  await page.locator('#detail').waitFor()
  await page.emulateMedia({ media: 'print' })
  const said = (await page.locator('.printed').innerText()).replaceAll(/\s+/g, ' ')
  assert.match(
    said,
    /^guest\.\* Time: 2020-01-01 00:00\.\.\d{4}-\d\d-\d\d 00:00 \(UTC\) Printed by ada at \d{4}-/,
  )
  for (const control of ['search', '.top-bar nav', '.exports', '.steps', '#copy']) {
    assert.ok(!(await page.locator(control).first().isVisible()), control)
  }
  await screenshot(page, 'print')
  assert.deepEqual(complaints, [])
})

// Goal: nothing but comfort depends on the script.
// Method: a browser without it: filter, open, close, go on, change the colours, choose a bar.
test('without JavaScript everything can still be read', options, async (t) => {
  const { page, visit, append, rows } = await visitor(t, {
    javaScriptEnabled: false,
  })
  await append(evening())
  await visit()
  await page.getByText('More filters').click()
  await page.getByLabel('Action').fill('guest.*')
  await page.getByRole('button', { name: 'Filter' }).click()
  assert.match(page.url(), /\?action=guest\.\*$/)
  await page.getByLabel('Search').fill('guest.* or refund meta.gate=North')
  await page.getByLabel('Search').press('Enter')
  assert.match(page.url(), /\?q=guest\.\*\+or\+refund\+meta\.gate%3DNorth&action=guest\.\*$/)
  await visit('?action=guest.*')
  await rows.first().locator('.open').click()
  assert.match(await page.locator('#detail').innerText(), /guest/)
  await screenshot(page, 'no-javascript')
  await page.getByRole('link', { name: 'Close' }).click()
  assert.equal(await page.locator('#detail').count(), 0)
  await page.getByRole('link', { name: 'Older' }).click()
  assert.match(page.url(), /cursor=/)
  await page.locator('.theme').click()
  await page.locator('.theme').click()
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark')
  assert.match(page.url(), /cursor=/, 'and one is where one was')
  await page.locator('.bars').click()
  await page.waitForURL(/bars=1/)
  await page.locator('#bars a').first().click()
  assert.match(page.url(), /from=.*&to=/)
})

test('on a phone nothing is cut off, in light and in dark', options, async (t) => {
  const phone = {
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
    deviceScaleFactor: 2,
  }
  const { page, complaints, visit, append, rows } = await visitor(t, phone)
  await append([
    ...evening(),
    {
      action: 'a.b',
      metadata: { long: 'x'.repeat(400) },
      requestId: 'r'.repeat(256),
    },
  ])
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await visit()
    assert.ok(await hasNoSidewaysScroll(page))
    await screenshot(page, `phone-${colorScheme}`)
    await rows.first().locator('.open').tap()
    await page.locator('#detail').waitFor()
    assert.ok(await hasNoSidewaysScroll(page))
    await screenshot(page, `phone-detail-${colorScheme}`)
    const first = await page.locator('#detail').getAttribute('data-id')
    await page.getByRole('link', { name: 'Older entry' }).tap()
    await page.locator(`#detail:not([data-id="${first}"])`).waitFor()
    assert.ok(await page.getByRole('link', { name: 'Newer entry' }).isVisible())
  }
  await page.getByRole('link', { name: 'Close' }).tap()
  await page.getByText('More filters').tap()
  await page.getByLabel('Action').waitFor()
  assert.ok(await hasNoSidewaysScroll(page))
  await screenshot(page, 'phone-filter')
  assert.deepEqual(complaints, [])
})

// Goal: nothing on the page covers the help, which is laid over it.
// Method: open it on a phone; what is at the middle of each of its lines is the help itself.
test('on a phone the help is in front of the page', options, async (t) => {
  const viewport = { width: 390, height: 844 }
  const { page, visit, append } = await visitor(t, {
    viewport,
    isMobile: true,
    hasTouch: true,
  })
  await append(evening())
  await visit()
  await page.locator('#help summary').tap()
  await screenshot(page, 'phone-help')
  assert.deepEqual(await page.evaluate(COVERED_LINES_OF_HELP), [])
  assert.ok(await hasNoSidewaysScroll(page))
})

// Goal: a name for what is asked for is given and used without a script, on a phone, too.
// Method: the form on a narrow screen, the link that it makes, and the button that takes it away.
test('a view is saved, opened and forgotten by hand', options, async (t) => {
  const viewport = { width: 390, height: 844 }
  const given = {
    viewport,
    isMobile: true,
    hasTouch: true,
    javaScriptEnabled: false,
  }
  const { page, visit, append, rows } = await visitor(t, given)
  await append(evening())
  await visit('?q=ticket.*&range=-30d')
  const found = await rows.count()
  await page.locator('.views summary').tap()
  await page.getByLabel('Name of this view').fill('Refunds')
  await screenshot(page, 'phone-views')
  assert.ok(await hasNoSidewaysScroll(page))
  await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Save' }).tap()])
  await visit()
  await page.locator('.views summary').tap()
  await page.getByRole('link', { name: 'Refunds' }).tap()
  await page.waitForURL(/q=ticket\.\*&range=-30d/)
  assert.equal(await rows.count(), found)
  await page.locator('.views summary').tap()
  await Promise.all([
    page.waitForEvent('load'),
    page.getByRole('button', { name: 'Remove Refunds' }).tap(),
  ])
  await visit()
  assert.equal(await page.locator('.views').count(), 0)
})

// Goal: the script does nothing on a page that has no log.
// Method: press every key and click on the notice before signing in; the browser reports no error.
test('keys and clicks do nothing on the notice for strangers', options, async (t) => {
  const { page, complaints, url } = await visitor(t)
  await page.context().clearCookies()
  const response = await page.goto(url)
  assert.equal(response?.status(), 401)
  for (const key of ['/', 'l', '?', 'Escape', 'j', 'k', 'Enter']) await page.keyboard.press(key)
  await page.locator('h1').click()
  await page.goBack()
  await page.goForward()
  await screenshot(page, 'notice')
  assert.equal(await page.locator('h1').innerText(), 'Sign in first')
  assert.deepEqual(complaints, [])
})

// Goal: after the button nothing of the log can be had in this browser, also by going back.
// Method: sign in, sign out by mouse and by keyboard, go back, ask again.
test('the button signs out', options, async (t) => {
  const { page, complaints, url, visit, append, rows } = await visitor(t)
  await append(evening())
  for (const press of [false, true]) {
    await visit(`?token=${TOKEN}`)
    await rows.first().waitFor()
    const button = page.getByRole('button', { name: 'Sign out' })
    await screenshot(page, 'sign-out')
    if (press) {
      await button.focus()
      await page.keyboard.press('Enter')
    } else await button.click()
    await page.getByRole('heading', { name: 'Sign in first' }).waitFor()
    assert.deepEqual(
      (await page.context().cookies()).filter(({ name }) => name === 'audit_page'),
      [],
    )
    await page.goBack()
    assert.equal(await rows.count(), 0, 'the page that was left is not kept')
    assert.equal((await page.goto(url))?.status(), 401)
  }
  assert.deepEqual(complaints, [])
})

test('times are in UTC or in the reader’s own zone, and typed ones too', options, async (t) => {
  const { page, visit, append, rows } = await visitor(t)
  await append([{ ms: Date.parse('2026-07-01T10:00:00Z'), action: 'july.open' }])
  await visit()
  assert.match(await rows.first().innerText(), /^10:00:00/)
  await page.getByRole('link', { name: 'Local' }).click()
  await page.getByRole('link', { name: 'Berlin' }).waitFor()
  assert.match(await rows.first().innerText(), /^12:00:00/)
  await page.locator('#range').fill('2026-07-01 11:59..2026-07-01 12:01')
  await page.getByRole('button', { name: 'Filter' }).click()
  await page.waitForURL(/from=2026-07-01T09:59Z&to=2026-07-01T10:01Z/)
  assert.equal(await rows.count(), 1)
  assert.equal(await page.locator('#range').inputValue(), '2026-07-01 11:59..2026-07-01 12:01')
  await page.locator('#range').fill('1 July 2026')
  await page.keyboard.press('Enter')
  await page.waitForURL(/from=2026-06-30T22:00Z&to=2026-07-01T22:00Z/)
  assert.equal(await page.locator('#range').inputValue(), '1 Jul 2026')
})

// Goal: nothing there, nothing fitting, something missing and something broken never look alike.
// Method: each of them, in light and in dark.
test('empty, filtered out, gap, wrong and broken each say what they are', options, async (t) => {
  const { page, complaints, visit, append, scratch } = await visitor(t)
  const broken = await serve(t, scratch, 'postgres://nobody:x@127.0.0.1:1/none')
  const shot = async (name: string) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await screenshot(page, `state-${name}-${colorScheme}`)
    }
  }
  await visit()
  assert.ok(await page.getByText('The log is empty').isVisible())
  await shot('empty')
  await append(evening())
  await visit('?action=no.such&range=1h')
  assert.ok(await page.getByText('No entry matches this filter').isVisible())
  await shot('nothing-fits')
  await visit()
  assert.match(
    await page.locator('.entry.gap').innerText(),
    /Entries may be missing here, at most 28: staging/,
  )
  await page.locator('.entry.gap .open').click()
  await page.locator('#detail').waitFor()
  await shot('gap')
  await visit('?user=abc&from=yesterday')
  assert.ok(await page.getByText('Must be a UUID, got "abc".').isVisible())
  await shot('wrong')
  await page.goto(`${broken}?token=${TOKEN}`)
  assert.ok(await page.getByText('The log cannot be read right now').isVisible())
  await shot('broken')
  assert.deepEqual(complaints, [])
})

// Goal: everything can be read by those who see little contrast.
// Method: all text of the page, a panel open, a filter set, a wrong one; in light and in dark.
test('all text has a contrast of 4.5 or more, in light and in dark', options, async (t) => {
  const { page, visit, append, rows } = await visitor(t)
  await append([...evening(), { action: 'audit.read', context: { viewer: 'grace' } }])
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    for (const query of [
      '?live=1',
      '?user=abc',
      '?reads=1&q=acton:x+by:nobody+-audit.drop',
      '?action=no.such&range=1h',
      '?action=seating_plan.*',
    ]) {
      await visit(query)
      if (query.includes('seating')) {
        await rows.first().locator('.open').click()
        await page.locator('#detail').waitFor()
        await page.mouse.move(0, 0)
      }
      await page.keyboard.press('?')
      assert.deepEqual(await page.evaluate(POOR_CONTRASTS), [], `${colorScheme} ${query}`)
    }
  }
})

// Goal: a link in a ticket opens the page for everybody who has been there before.
// Method: another site with a link to a filter; its visit comes without the cookie at first.
test(
  'a link from another site works, though the cookie is kept from other sites',
  options,
  async (t) => {
    const { page, complaints, url, append, rows } = await visitor(t)
    await append(evening())
    const other = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html')
      response.end(`<a href="${url}?request=req-1003">the request</a>`)
    })
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    t.after(() => other.close())
    t.after(() => other.closeAllConnections())
    // By another name than the page's own, so another site.
    await page.goto(`http://localhost:${(other.address() as AddressInfo).port}/`)
    await page.getByRole('link', { name: 'the request' }).click()
    await rows.first().waitFor()
    assert.equal(await rows.count(), 1)
    assert.deepEqual(complaints, [])
  },
)
