import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { BrowserContextOptions } from 'playwright-core'
import { readHttpConfig } from '../relay/http/config.ts'
import { serveHttp } from '../relay/http/server.ts'
import { noBrowser, openTab, screenshot } from './support/browser.ts'
import { POOR_CONTRASTS } from './support/contrast.ts'
import { scratchDatabase } from './support/database.ts'
import { evening } from './support/evening.ts'
import { silentLogger } from './support/lanes.ts'
import { appendToLog } from './support/log-entries.ts'

const options = { skip: noBrowser }
const TOKENS = { ada: '6f1d6b0c0a4e4d7f9a2b', grace: '0c9e7d5b3a1f42688d6e' }
const IS_WITHIN = 'document.documentElement.scrollWidth <= document.documentElement.clientWidth'

/** The page as a relay serves it, and a tab for whom its token names. */
async function party(t: TestContext, host = '127.0.0.1') {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, evening())
  const config = readHttpConfig({
    ...{ AUDIT_HTTP_PORT: '0', AUDIT_PAGE_VIEWS: 'shared', AUDIT_PAGE_AUDIT_READS: 'off' },
    AUDIT_PAGE_TOKEN: `ada:${TOKENS.ada},grace:${TOKENS.grace}`,
    AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader'),
  })
  assert.ok(config)
  const server = await serveHttp(config, silentLogger())
  t.after(() => server.stop())
  const url = server.url.replace('127.0.0.1', host)
  const tabOf = async (who: keyof typeof TOKENS, given: BrowserContextOptions = {}) => {
    const tab = await openTab(t, given)
    await tab.page.goto(`${url}?token=${TOKENS[who]}`)
    const visit = (query = '') => tab.page.goto(`${url}${query}`)
    const menu = tab.page.locator('.views > summary')
    const press = (name: string) =>
      Promise.all([tab.page.waitForEvent('load'), tab.page.getByRole('button', { name }).click()])
    return { ...tab, visit, menu, press }
  }
  return { scratch, tabOf }
}

// Goal: views are shared and removed by hand, without a script, where a browser does not say which site a
// form is of.
// Method: two viewers on a host that is served over plain HTTP, one on a phone.
test('a view is shared by one viewer and found by another one', options, async (t) => {
  const { tabOf } = await party(t, 'plain.test')
  const ada = await tabOf('ada', { javaScriptEnabled: false })
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }
  const grace = await tabOf('grace', { ...phone, javaScriptEnabled: false })
  for (const [query, name] of [
    ['?q=ticket.*&range=-30d', 'Tickets of the month'],
    ['?q=outcome:denied+or+failed', 'What went wrong'],
  ] as const) {
    await ada.visit(query)
    await ada.menu.click()
    await ada.page.getByLabel('Name of this view').fill(name)
    await ada.press('Share')
    assert.equal(new URL(ada.page.url()).search, query)
  }
  await ada.visit('?q=refund.*')
  await ada.menu.click()
  await ada.page.getByLabel('Name of this view').fill('Refunds')
  await ada.press('Save')
  await ada.menu.click()
  await screenshot(ada.page, 'shared-views')

  await grace.visit('?q=outcome:denied+or+failed')
  await grace.menu.tap()
  await screenshot(grace.page, 'shared-views-phone')
  assert.ok(await grace.page.evaluate<boolean>(IS_WITHIN))
  await grace.page.getByLabel('Name of this view').fill('What went wrong')
  await grace.press('Share')
  assert.equal(await grace.page.locator('.message h2').textContent(), 'This view was not saved')
  assert.equal(await grace.page.getByLabel('Name of this view').inputValue(), 'What went wrong')
  assert.match(
    (await grace.page.locator('.views .problem').textContent()) ?? '',
    /^ada shares a view of this name/,
    'where it is not covered by the menu',
  )
  await screenshot(grace.page, 'shared-views-taken')
  await grace.page.getByRole('link', { name: 'Tickets of the month' }).tap()
  await grace.page.waitForURL(/q=ticket\.\*&range=-30d/)
  await grace.menu.tap()
  await grace.page.locator('.sure > summary').first().tap()
  await screenshot(grace.page, 'shared-views-sure')
  assert.ok(await grace.page.evaluate<boolean>(IS_WITHIN))
  await grace.press('Remove for everybody')
  assert.match(grace.page.url(), /q=ticket/, 'and stays where she was')
  await ada.visit()
  await ada.menu.click()
  assert.deepEqual(await ada.page.locator('.views li a').allTextContents(), [
    'Refunds',
    'What went wrong',
  ])
})

test('the menu of views can be read, light and dark', options, async (t) => {
  const { tabOf } = await party(t)
  const { page, visit, menu, press, complaints } = await tabOf('ada')
  await visit('?q=ticket.*')
  await menu.click()
  await page.getByLabel('Name of this view').fill('Tickets')
  await press('Share')
  for (const theme of ['light', 'dark']) {
    await visit(`?q=ticket.*&theme=${theme}`)
    await menu.click()
    await page.locator('.sure > summary').click()
    await screenshot(page, `shared-views-${theme}`)
    assert.deepEqual(await page.evaluate(POOR_CONTRASTS), [], theme)
  }
  assert.deepEqual(complaints, [])
})
