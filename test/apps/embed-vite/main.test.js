import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import net from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { createRecorder } from 'audit-outbox'
import { createRelay } from 'audit-outbox/relay'

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

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function answers(url) {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await fetch(url).catch(() => undefined)) return
    await sleep(100)
  }
  throw new Error(`${url} does not answer.`)
}

// Goal: a customer sees the log of their tenant, although no cookie of the page reaches its frame.
// Method: application and page are two sites (localhost and 127.0.0.1), and the browser blocks cookies of others.
test('Vite: the built application frames the log of its tenant', { skip }, async (t) => {
  await record()
  const APP_ORIGIN = `http://localhost:${await freePort()}`
  const PAGE_ORIGIN = `http://127.0.0.1:${await freePort()}`
  const server = spawn(process.execPath, ['server.js'], {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...{ APP_ORIGIN, PAGE_ORIGIN, TENANT: mine },
      AUDIT_LINK_SECRET: randomBytes(32).toString('hex'),
    },
  })
  t.after(() => server.kill('SIGKILL'))
  await answers(APP_ORIGIN)

  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--test-third-party-cookie-phaseout'],
  })
  t.after(() => browser.close())
  const page = await browser.newPage({ viewport: { width: 1_280, height: 800 } })
  page.setDefaultTimeout(60_000)
  const complaints = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  await page.goto(APP_ORIGIN)
  const frame = page.frameLocator('audit-timeline iframe')
  await frame.locator('.entry').first().waitFor()
  assert.equal(await frame.locator('.entry').count(), 20)
  assert.doesNotMatch(await frame.locator('body').innerText(), /Emeka/)
  assert.equal(await frame.locator('html').getAttribute('lang'), 'fr')
  assert.equal(await frame.locator('html').getAttribute('data-theme'), 'dark')

  // The frame follows its content. A form and what the script fetches keep the signed path.
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
