import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { BrowserContextOptions } from 'playwright-core'
import { noBrowser, openTab, screenshot } from './support/browser.ts'
import { POOR_CONTRASTS } from './support/contrast.ts'
import { ORDER, orderPage } from './support/order-history.ts'

const SCREENS: readonly (readonly [string, BrowserContextOptions])[] = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['phone', { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true }],
]

for (const [name, given] of SCREENS) {
  test(`the history is read in a browser, ${name}`, { skip: noBrowser }, async (t) => {
    const { listener } = await orderPage(t)
    const server = createServer((request, response) => void listener(request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const { page, complaints } = await openTab(t, given)
    await page.goto(`${url}?q=on:${ORDER}`)
    await page.getByRole('link', { name: 'History' }).click()
    await page.getByRole('heading', { name: 'History of Order 4711' }).waitFor()
    await screenshot(page, `history-${name}`)
    assert.deepEqual(await page.evaluate(POOR_CONTRASTS), [])
    const overflow =
      "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('.target-view'))"
    assert.equal(await page.evaluate(overflow), 0)
    await page.getByLabel('State at').fill('2026-05-03 18:00')
    await page.getByLabel('compared with').fill('2026-05-03 13:00')
    await page.getByRole('button', { name: 'Show' }).click()
    await page.getByRole('cell', { name: 'different' }).first().waitFor()
    await screenshot(page, `history-${name}-two`)
    assert.equal(await page.evaluate(overflow), 0)
    assert.deepEqual(complaints, [])
  })
}
