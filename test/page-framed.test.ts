import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { FrameLocator, Page } from 'playwright-core'
import { type EmbedOptions, signViewerLink, verifyViewerLink } from '../src/page/index.ts'
import { findings } from './support/axe.ts'
import { noBrowser, openTab, screenshot } from './support/browser.ts'
import { scratchDatabase } from './support/database.ts'
import { entries, MINE } from './support/framed-entries.ts'
import { listen } from './support/http.ts'
import { appendToLog } from './support/log-entries.ts'
import { pageOn, readerOn, rowIds } from './support/pages.ts'
import { waitFor } from './support/wait-for.ts'

const SECRET = 'a8f3c1d2e4b5968770a1b2c3d4e5f607'
const HOUR_MS = 3_600_000

const options = { skip: noBrowser }

/** A customer's application, which answers any path with what it holds, and its strict policy. */
async function application(
  t: TestContext,
  files: Record<string, string>,
  frameOrigin: () => string,
) {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const text = files[request.url ?? '/']
    const type = request.url?.endsWith('.js') ? 'text/javascript' : 'text/html'
    response.writeHead(text === undefined ? 404 : 200, {
      'content-type': `${type}; charset=utf-8`,
      'content-security-policy': [
        `default-src 'none'; script-src 'self' ${frameOrigin()}; frame-src ${frameOrigin()}`,
        "style-src 'self'; base-uri 'none'",
        "require-trusted-types-for 'script'; trusted-types 'none'",
      ].join('; '),
    })
    response.end(text)
  })
  return new URL(await listen(t, server)).port
}

/**
 * The page on 127.0.0.1 and an application on localhost: two sites, so that the browser sends the frame
 * no cookie of the page's.
 */
async function twoSites(
  t: TestContext,
  embed: EmbedOptions = {},
  files: Record<string, string> = {},
) {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, entries())
  let origin = ''
  const appPort = await application(t, files, () => origin)
  const page = pageOn(readerOn(t, scratch), {
    authorize: (request) => verifyViewerLink(request, { secret: SECRET }),
    embed: { ancestors: [`http://localhost:${appPort}`], ...embed },
  })
  origin = await listen(
    t,
    createServer((request, response) => void page.listener(request, response)),
  )
  const link = (leftMs = HOUR_MS, mountedAt = '/audit') => {
    const path = signViewerLink({
      ...{ secret: SECRET, tenant: MINE, until: Date.now() + leftMs, path: mountedAt },
      viewer: { name: 'Ada' },
    })
    return `${origin}${path}`
  }
  return { scratch, origin, link, app: `http://localhost:${appPort}`, port: appPort }
}

const elementPage = (
  origin: string,
  src: string,
) => `<!doctype html><html lang="en"><title>App</title>
<main><h1>My app</h1><audit-timeline src="${src}" label="Your activity"></audit-timeline></main>
<script type="module" src="${origin}/audit?asset=audit-timeline.js"></script>`

const frameIn = (page: Page): FrameLocator => page.frameLocator('audit-timeline iframe')

async function useTheFrame(page: Page): Promise<void> {
  const frame = frameIn(page)
  await frame.locator('.entry').first().waitFor()
  assert.equal(await frame.locator('.entry').count(), 20)
  assert.doesNotMatch(await frame.locator('#entries').innerText(), /Emeka/)
  // A link, a form and what the script fetches all keep the signed path.
  await frame.locator('.entry .action').last().click()
  await frame.locator('.chip').first().waitFor()
  await frame.locator('#q').fill('Noor')
  await frame.locator('#q').press('Enter')
  await frame.locator('.chip', { hasText: 'Noor' }).waitFor()
  await frame.locator('.entry .open').first().click()
  await frame.locator('#detail').waitFor()
}

const heightOf = (page: Page) =>
  page.evaluate<number>(
    "Number(document.querySelector('audit-timeline').shadowRoot.querySelector('iframe').height)",
  )

test('plain HTML frames the page of another site under a strict policy', options, async (t) => {
  const files: Record<string, string> = {}
  const { origin, link, app } = await twoSites(t, { header: false }, files)
  files['/'] = elementPage(origin, link())
  const { page, complaints } = await openTab(t)
  const warnings: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'warning') warnings.push(message.text())
  })
  await page.goto(app)
  await useTheFrame(page)
  await waitFor(async () => (await heightOf(page)) > 400, {
    what: 'the frame is as high as the page',
  })
  assert.equal(await page.getAttribute('audit-timeline iframe', 'title'), 'Your activity')
  for (const frame of page.frames()) assert.deepEqual(await findings(frame), [])
  assert.deepEqual(complaints, [])
  assert.deepEqual(warnings, [], 'such as of a sandbox that the frame can leave')
  await screenshot(page, 'framed-plain')
})

test('an iframe without the element shows the page, below a prefix', options, async (t) => {
  const files: Record<string, string> = {}
  const { link, app } = await twoSites(t, { lang: 'de', theme: 'dark' }, files)
  files['/'] = `<!doctype html><html lang="en"><title>App</title>
    <iframe src="${link(HOUR_MS, '/tools/audit')}" title="Aktivität" width="1200" height="700"></iframe>`
  const { page, complaints } = await openTab(t)
  await page.goto(app)
  const frame = page.frameLocator('iframe')
  await frame.locator('.entry').first().waitFor()
  assert.equal(await frame.locator('html').getAttribute('lang'), 'de')
  assert.equal(await frame.locator('html').getAttribute('data-theme'), 'dark')
  await frame.locator('#q').fill('Noor')
  await frame.locator('#q').press('Enter')
  await frame.locator('.chip', { hasText: 'Noor' }).waitFor()
  assert.deepEqual(complaints, [])
})

// Goal: what was clicked is seen, also in a frame, which is as high as its page and higher than the window.
// Method: the window is scrolled down to the last entry, which is opened.
test('an entry opens in the part of the page that the window shows', options, async (t) => {
  const files: Record<string, string> = {}
  const { origin, link, app } = await twoSites(t, { header: false }, files)
  files['/'] = elementPage(origin, link())
  const { page } = await openTab(t, { viewport: { width: 1_280, height: 500 } })
  const openTheLast = async (place: Page | FrameLocator, name: string) => {
    await place.locator('.entry .open').last().click()
    await place.locator('#detail').waitFor()
    const isSeen = async () => {
      const box = await place.locator('#detail-heading').boundingBox()
      return box !== null && box.y > 0 && box.y + box.height < 500
    }
    await waitFor(isSeen, { what: `${name}: the heading of the entry in the window` })
    await screenshot(page, `low-entry-${name}`)
  }
  await page.goto(link())
  await openTheLast(page, 'alone')
  await page.goto(app)
  await frameIn(page).locator('.entry').first().waitFor()
  await waitFor(async () => (await heightOf(page)) > 700, { what: 'the frame is high' })
  await openTheLast(frameIn(page), 'framed')
})

test('a page behind a signed link offers no link to pass on', options, async (t) => {
  const { link, scratch } = await twoSites(t)
  const page = await (await fetch(link())).text()
  assert.match(page, /id="help"/)
  assert.doesNotMatch(page, /send it to a colleague/)
  const [id] = rowIds(page)
  const open = await (await fetch(`${link()}?entry=${id}`)).text()
  assert.match(open, /id="detail"/)
  assert.doesNotMatch(open, /permalink|copy-link/)
  const own = pageOn(readerOn(t, scratch))
  assert.match(await own.text(''), /send it to a colleague/)
  assert.match(await own.text(`?entry=${id}`), /permalink/)
})

test('a React application frames it, rendered on the server first', options, async (t) => {
  const files: Record<string, string> = {}
  const { link, app } = await twoSites(t, {}, files)
  const wrapper = fileURLToPath(new URL('../src/react/audit-timeline.ts', import.meta.url))
  const bundle = async (source: string, platform: 'browser' | 'node') => {
    const { outputFiles } = await build({
      stdin: { contents: source, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
      ...{ bundle: true, write: false, platform, format: platform === 'node' ? 'cjs' : 'esm' },
      define: { 'process.env.NODE_ENV': '"production"' },
    })
    return outputFiles[0]?.text ?? ''
  }
  const app1 = `import { createElement } from 'react'
    import { AuditTimeline } from ${JSON.stringify(wrapper)}
    const element = createElement(AuditTimeline, {
      src: ${JSON.stringify(link())}, label: 'Your activity', maxHeight: 700,
      onClosed: () => { document.title = 'closed' },
    })`
  const server = await bundle(
    `import { renderToString } from 'react-dom/server'
    ${app1}
    module.exports = renderToString(element)`,
    'node',
  )
  const module = { exports: '' }
  new Function('module', 'require', server)(module, createRequire(import.meta.url))
  assert.match(
    module.exports,
    /^<audit-timeline src="http[^"]*" label="Your activity" max-height="700">/,
  )
  files['/'] =
    `<!doctype html><html lang="en"><title>App</title><div id="root">${module.exports}</div>
    <script type="module" src="/app.js"></script>`
  files['/app.js'] = await bundle(
    `import { hydrateRoot } from 'react-dom/client'
    ${app1}
    hydrateRoot(document.getElementById('root'), element)`,
    'browser',
  )
  const { page, complaints } = await openTab(t)
  await page.goto(app)
  await useTheFrame(page)
  await waitFor(async () => (await heightOf(page)) === 700, { what: 'the frame is bounded' })
  assert.deepEqual(complaints, [])
})

test('a site that is not named frames nothing', options, async (t) => {
  const files: Record<string, string> = {}
  const { origin, link, app } = await twoSites(t, { ancestors: ['https://app.example.com'] }, files)
  files['/'] = elementPage(origin, link())
  const { page, complaints } = await openTab(t)
  await page.goto(app)
  const isRefused = () => complaints.some((text) => /frame-ancestors/.test(text))
  await waitFor(isRefused, { what: 'the browser to refuse' })
  assert.equal(await frameIn(page).locator('.entry').count(), 0)
})

test('a link that has ended tells the application, which gives another', options, async (t) => {
  const files: Record<string, string> = {}
  const { origin, link, app } = await twoSites(t, {}, files)
  files['/'] = elementPage(origin, `${link().slice(0, -9)}AAAAAAAAA`)
  const { page } = await openTab(t)
  await page.goto(app)
  await frameIn(page).locator('.notice').waitFor()
  const renew = `(src) => new Promise((resolve) => {
    const element = document.querySelector('audit-timeline')
    element.addEventListener('audit-closed', () => { element.setAttribute('src', src); resolve('closed') })
  })`
  const told = page.evaluate<string>(`(${renew})(${JSON.stringify(link())})`)
  await page.evaluate(
    "document.querySelector('audit-timeline').shadowRoot.querySelector('iframe').src += '?q=again'",
  )
  assert.equal(await told, 'closed')
  await frameIn(page).locator('.entry').first().waitFor()
})

// Goal: no other frame or script can play the page: neither its size nor its end.
test('a message from anywhere else changes nothing', options, async (t) => {
  const files: Record<string, string> = {}
  const { origin, link, app } = await twoSites(t, {}, files)
  files['/'] = elementPage(origin, link())
  const { page } = await openTab(t)
  await page.goto(app)
  await frameIn(page).locator('.entry').first().waitFor()
  await waitFor(async () => (await heightOf(page)) > 400, { what: 'the frame has its height' })
  const before = await heightOf(page)
  const forge = `new Promise((resolve) => {
    const element = document.querySelector('audit-timeline')
    let closed = 0
    element.addEventListener('audit-closed', () => { closed += 1 })
    addEventListener('message', () => setTimeout(() => resolve(closed)))
    postMessage({ type: 'audit-timeline', state: 'closed', height: 333 }, '*')
  })`
  assert.equal(await page.evaluate<number>(forge), 0)
  assert.equal(await heightOf(page), before)
  // What is no page is not loaded.
  await page.evaluate(
    `document.querySelector('audit-timeline').setAttribute('src', 'javascript:alert(1)')`,
  )
  assert.equal(await page.getAttribute('audit-timeline iframe', 'src'), null)
})
