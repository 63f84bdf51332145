import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, type TestContext } from 'node:test'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** The path of a Chromium, or undefined. */
export const browserPath = [process.env['AUDIT_TEST_CHROMIUM'] ?? '', ...PLACES].find(
  (place) => place !== '' && existsSync(place),
)

/** Why a browser test cannot run, or false if it can. */
export const noBrowser: string | false = browserPath
  ? false
  : 'No Chromium: apt-get install chromium, or set AUDIT_TEST_CHROMIUM to its path.'

let launched: Promise<Browser> | undefined

function browser(): Promise<Browser> {
  launched ??= chromium.launch({
    ...(browserPath === undefined ? {} : { executablePath: browserPath }),
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
      // A host that is not this machine to the browser, so that it trusts it no more than any other one.
      '--host-resolver-rules=MAP plain.test 127.0.0.1',
    ],
  })
  return launched
}

after(async () => {
  await (await launched)?.close()
})

export interface Tab {
  readonly page: Page
  /** Errors in the tab: script errors, dialogs, and what the content security policy refused. */
  readonly complaints: readonly string[]
}

/** Opens a tab in its own browser profile. Closed after the test. */
export async function openTab(t: TestContext, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await (await browser()).newContext({
    ...{ viewport: { width: 1_280, height: 800 }, timezoneId: 'Europe/Berlin' },
    ...options,
  })
  t.after(() => context.close())
  context.setDefaultTimeout(60_000) // a busy machine is slow
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    // The browser's own message for an answer of 4xx or 5xx, which some tests cause on purpose.
    const isStatus = message.text().startsWith('Failed to load resource')
    if (message.type() === 'error' && !isStatus) complaints.push(message.text())
  })
  return { page, complaints }
}

/** Saves a screenshot in the folder `AUDIT_SCREENSHOTS`, if the variable is set. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env['AUDIT_SCREENSHOTS']
  if (!folder) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: path.join(folder, `${name}.png`) })
}

// Code for the page is a text, because this project's types do not include the browser's.
const AS_WEBP = `async (png) => {
  const bytes = Uint8Array.from(atob(png), (sign) => sign.charCodeAt(0))
  const image = await createImageBitmap(new Blob([bytes]))
  const canvas = new OffscreenCanvas(image.width, image.height)
  canvas.getContext('2d').drawImage(image, 0, 0)
  const webp = await canvas.convertToBlob({ type: 'image/webp', quality: 0.8 })
  const made = new Uint8Array(await webp.arrayBuffer())
  return btoa(Array.from(made, (byte) => String.fromCharCode(byte)).join(''))
}`

/** Saves a screenshot as WebP, a third of the size, for a picture in the repository. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['AUDIT_SCREENSHOTS']
  if (!folder) return
  mkdirSync(folder, { recursive: true })
  const png = (await page.screenshot()).toString('base64')
  const webp = await page.evaluate<string>(`(${AS_WEBP})(${JSON.stringify(png)})`)
  writeFileSync(path.join(folder, `${name}.webp`), Buffer.from(webp, 'base64'))
}
