import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { createRecorder } from 'audit-outbox'
import { createRelay } from 'audit-outbox/relay'

const NEXT = 'node_modules/next/dist/bin/next'
const executablePath = process.env.AUDIT_TEST_CHROMIUM ?? '/usr/bin/chromium'
const skip = existsSync(executablePath) ? false : 'No Chromium'
const [mine, theirs] = [randomUUID(), randomUUID()]

async function record() {
  const audit = createRecorder()
  for (let at = 0; at < 40; at += 1) {
    const [eventId, guest] = at % 2 ? [mine, 'Noor'] : [theirs, 'Emeka']
    audit.record({ action: 'guest.check_in', eventId, metadata: { guest } })
  }
  await audit.close()
  const relay = createRelay()
  await relay.drain({ deadlineMs: 60_000 })
  await relay.stop()
}

/** Starts what was built. @returns its address */
async function start(t) {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
  const args = [NEXT, 'start', '--hostname', '127.0.0.1', '--port', '0']
  const server = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...inherited, TENANT: mine, AUDIT_LINK_SECRET: randomBytes(32).toString('hex') },
  })
  t.after(async () => {
    server.kill('SIGKILL')
    if (server.exitCode === null) await once(server, 'exit')
  })
  let said = ''
  return await new Promise((resolve, reject) => {
    server.once('exit', () => reject(new Error(said)))
    server.stdout.setEncoding('utf8').on('data', (text) => {
      said += text
      const [found] = said.match(/http:\/\/127\.0\.0\.1:\d+/) ?? []
      if (found && /Ready/.test(said)) resolve(found)
    })
  })
}

test('Next: the built application frames the log of its tenant', { skip }, async (t) => {
  await record()
  const origin = await start(t)
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu'],
  })
  t.after(() => browser.close())
  const page = await browser.newPage({ viewport: { width: 1_280, height: 800 } })
  page.setDefaultTimeout(60_000)
  const complaints = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // The browser asks for an icon, which this application has not.
    if (message.location().url.endsWith('/favicon.ico')) return
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  await page.goto(`${origin}/activity`)
  const frame = page.frameLocator('audit-timeline iframe')
  await frame.locator('.entry').first().waitFor()
  assert.equal(await frame.locator('.entry').count(), 20)
  assert.doesNotMatch(await frame.locator('body').innerText(), /Emeka/)
  assert.equal(await frame.locator('html').getAttribute('lang'), 'es')

  const height = async () =>
    Number(await page.locator('audit-timeline iframe').getAttribute('height'))
  while ((await height()) <= 500) await sleep(50)
  await frame.locator('.entry .open').last().click()
  await frame.locator('#detail').waitFor()
  await frame.locator('#q').fill('nobody')
  await frame.locator('#q').press('Enter')
  await frame.locator('.chip').first().waitFor()
  while ((await height()) > 700) await sleep(50)
  assert.deepEqual(complaints, [])
})
