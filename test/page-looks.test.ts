import { createServer } from 'node:http'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { EmbedOptions } from '../src/page/index.ts'
import { findings } from './support/axe.ts'
import { noBrowser, openTab, screenshot } from './support/browser.ts'
import { scratchDatabase } from './support/database.ts'
import { entries, TARGET } from './support/framed-entries.ts'
import { listen } from './support/http.ts'
import { appendToLog } from './support/log-entries.ts'
import { pageOn, readerOn } from './support/pages.ts'

const options = { skip: noBrowser }

/** What axe looks at, each reached from the address of the page. */
const STATES = {
  list: async () => {},
  entry: async (page) => {
    await page.locator('.entry .open').first().click()
    await page.locator('#detail').waitFor()
  },
  problems: async (page, url) => {
    await page.goto(`${url}?q=acton:refund.*+meta.a..b:1`)
    const help = page.locator('#help summary')
    if ((await help.count()) > 0) await help.click()
  },
  empty: async (page, url) => void (await page.goto(`${url}?q=nobody`)),
  history: async (page, url) => void (await page.goto(`${url}?history=${TARGET}&since=-10h`)),
  print: async (page, url) => {
    await page.goto(`${url}?bars=1`)
    await page.emulateMedia({ media: 'print' })
  },
} as const satisfies Record<string, (page: Page, url: string) => Promise<void>>
type State = keyof typeof STATES
const EVERY_STATE = Object.keys(STATES) as State[]

const VIOLET = { accent: ['#7a1fa2', '#d9a8f0'] } as const
const LOOKS = [
  ['en-light', { lang: 'en', theme: 'light' }, 1_280, ['list', 'entry', 'history']],
  ['de-dark', { lang: 'de', theme: 'dark' }, 1_280, ['list', 'entry', 'problems', 'print']],
  ['es-own', { lang: 'es', theme: { base: 'light', ...VIOLET } }, 1_280, ['entry', 'empty']],
  [
    'fr-own-dark',
    { lang: 'fr', theme: { base: 'dark', ...VIOLET } },
    1_280,
    ['problems', 'history'],
  ],
  ['fr-phone', { lang: 'fr', theme: 'auto' }, 390, ['list', 'entry', 'problems']],
  ['es-phone-dark', { lang: 'es', theme: 'dark' }, 390, ['history', 'empty']],
  ['de-bare', { lang: 'de', header: false, columns: [], title: 'Aktivität' }, 1_280, ['entry']],
] as const satisfies readonly (readonly [string, EmbedOptions, number, readonly State[]])[]

// Goal: the page is for everybody, in each language and each of its colours.
// Method: axe looks at some states of each look; with AUDIT_TEST_LOOKS=all, at each of them.
test(
  'axe finds nothing, in four languages, in light, dark and own colours, on a phone, on paper',
  options,
  async (t) => {
    const scratch = await scratchDatabase(t)
    await appendToLog(scratch.sql, entries())
    const db = readerOn(t, scratch)
    const isWhole = process.env['AUDIT_TEST_LOOKS'] === 'all'
    for (const [name, embed, width, some] of LOOKS) {
      const timeline = pageOn(db, { embed })
      const origin = await listen(
        t,
        createServer((a, b) => void timeline.listener(a, b)),
      )
      const { page, complaints } = await openTab(t, { viewport: { width, height: 900 } })
      const url = `${origin}/audit`
      for (const state of isWhole ? EVERY_STATE : some) {
        await page.emulateMedia({ media: 'screen' })
        await page.goto(url)
        await STATES[state](page, url)
        assert.deepEqual(await findings(page), [], `${name}, ${state}`)
        await screenshot(page, `look-${name}-${state}`)
      }
      assert.deepEqual(complaints, [], name)
    }
  },
)
