import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { COLOURS } from '../src/page/embed/colours.ts'
import { createTimelinePage, type EmbedOptions } from '../src/page/index.ts'
import { scratchDatabase } from './support/database.ts'
import { appendToLog } from './support/log-entries.ts'
import { pageOn, readerOn } from './support/pages.ts'

const NOBODY = "frame-ancestors 'none'"

test('only the named sites may frame the page, and each answer says so', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerOn(t, scratch)
  const policyOf = async (embed: EmbedOptions | undefined, query = '') => {
    const page = pageOn(db, embed === undefined ? {} : { embed })
    const { headers } = await page.get(query)
    return [headers.get('content-security-policy'), headers.get('x-frame-options')] as const
  }
  for (const embed of [undefined, {}, { ancestors: [] }, { header: false }]) {
    const [policy, options] = await policyOf(embed)
    assert.match(String(policy), new RegExp(NOBODY))
    assert.equal(options, 'DENY')
  }
  const ancestors = ['self', 'https://app.example.com', 'https://*.example.org:8443']
  for (const query of ['', '?x=1', '?part=histogram', '?entry=x', '?export=csv']) {
    const [policy, options] = await policyOf({ ancestors }, query)
    assert.match(String(policy), /frame-ancestors 'self' https:\/\/app\.example\.com https:\/\/\*/)
    assert.match(String(policy), /default-src 'none'.*base-uri 'none'/)
    assert.equal(options, null)
  }
  const [any] = await policyOf({ ancestors: 'any' })
  assert.match(String(any), /frame-ancestors \*;/)
})

test('an answer of the application itself stays as it is', async (t) => {
  const scratch = await scratchDatabase(t)
  const own = () => Response.redirect('https://app.example.com/sign-in', 302)
  const embed = { ancestors: ['https://app.example.com'] }
  const page = pageOn(readerOn(t, scratch), { authorize: own, embed })
  const { status, headers } = await page.get('')
  assert.equal(status, 302)
  assert.equal(headers.get('content-security-policy'), null)
})

test('header, title, columns, language, zone and colours are the application’s', async (t) => {
  const scratch = await scratchDatabase(t)
  const ms = Date.UTC(2026, 10, 22, 14, 5)
  await appendToLog(scratch.sql, [{ action: 'branding.update', requestId: 'req-1', ms }])
  const db = readerOn(t, scratch)
  const text = (embed: EmbedOptions) => pageOn(db, { embed }).text('')

  const plain = await text({})
  assert.match(plain, /<header class="top-bar">/)
  assert.match(plain, /class="action"/)
  assert.match(plain, /class="request"/)
  assert.doesNotMatch(plain, /own\.css/)

  const own = await text({
    ...{ header: false, title: 'Aktivität', columns: [], lang: 'de', zone: 'Europe/Berlin' },
    theme: { base: 'dark', accent: ['#0000aa', '#aaccff'] },
  })
  assert.doesNotMatch(own, /top-bar/)
  assert.match(own, /<h1 class="unseen">Aktivität<\/h1>/)
  assert.match(own, /<title>Aktivität<\/title>/)
  assert.match(own, /<html lang="de" data-theme="dark">/)
  assert.match(own, /class="no-action no-request"/)
  assert.doesNotMatch(own, /class="action"|class="request"/)
  assert.match(own, />15:05:00</)

  // What the viewer has chosen wins, and in a frame it is a cookie of that frame.
  const page = pageOn(db, { embed: { lang: 'de', ancestors: ['https://app.example.com'] } })
  assert.match(await (await page.get('', { cookie: 'audit_lang=fr' })).text(), /<html lang="fr"/)
  const chosen = await page.fetch(new Request('https://page.test/audit?lang=es&theme=dark'))
  assert.equal(chosen.status, 303)
  const cookies = chosen.headers.getSetCookie()
  assert.equal(cookies.length, 2)
  for (const cookie of cookies) assert.match(cookie, /HttpOnly; Secure; SameSite=None; Partitioned/)
  const strict = await pageOn(db).fetch(new Request('https://page.test/audit?lang=es'))
  assert.match(strict.headers.getSetCookie().join(), /SameSite=Strict/)
  // A link of another site is not to change it.
  for (const [site, isOwn] of [
    ...([
      ['same-origin', true],
      ['none', true],
    ] as const),
    ...([
      ['cross-site', false],
      ['same-site', false],
    ] as const),
  ]) {
    for (const given of ['lang=es', 'theme=dark', 'zone=Europe%2FBerlin']) {
      const response = await page.get(`?${given}&user=${randomUUID()}`, { 'sec-fetch-site': site })
      assert.equal(response.status, 303, site)
      assert.match(String(response.headers.get('location')), /^\?user=[\w-]+$/)
      assert.equal(response.headers.getSetCookie().length > 0, isOwn, `${given} from ${site}`)
    }
  }
})

test('own colours come in a stylesheet that is kept for a year', async (t) => {
  const scratch = await scratchDatabase(t)
  const page = pageOn(readerOn(t, scratch), {
    embed: { theme: { accent: ['#00529b', '#8cc8ff'] } },
  })
  const found = /href="(\?asset=own\.css&amp;v=[\w-]+)"/.exec(await page.text(''))?.[1] ?? ''
  const response = await page.get(found.replace('&amp;', '&'))
  assert.equal(await response.text(), ':root {\n--accent: light-dark(#00529b, #8cc8ff);\n}\n')
  assert.match(String(response.headers.get('cache-control')), /immutable/)
  assert.equal((await pageOn(readerOn(t, scratch)).get('?asset=own.css')).status, 404)
})

test('colours that are none, or that nobody can read on each other, are refused', async (t) => {
  const scratch = await scratchDatabase(t)
  const db = readerOn(t, scratch)
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ ancestors: ['*'] }, /ancestors: 'any'/],
    [{ ancestors: ['https://*.com'] }, /embed\.ancestors must be origins/],
    [{ ancestors: ['http://app.example.com'] }, /embed\.ancestors must be origins/],
    [{ ancestors: ['https://app.example.com/path'] }, /embed\.ancestors must be origins/],
    [{ ancestors: ['https://a.example; script-src *'] }, /embed\.ancestors must be origins/],
    [{ ancestors: 'https://app.example.com' }, /embed\.ancestors must be up to 50 origins/],
    [{ header: 1 }, /embed\.header/],
    [{ lang: 'nl' }, /embed\.lang must be one of en, de, es, fr/],
    [{ title: '' }, /embed\.title/],
    [{ title: 'x'.repeat(101) }, /embed\.title must have 1 to 100/],
    [{ columns: ['actor'] }, /embed\.columns must be some of action, request/],
    [{ zone: 'Mars/Olympus' }, /embed\.zone/],
    [{ theme: 'pink' }, /embed\.theme must be/],
    [{ theme: { accent: 'red;}' } }, /embed\.theme\.accent must be a colour/],
    [{ theme: { shadow: '#000' } }, /embed\.theme has no colour "shadow"/],
    [{ theme: { accent: '#eeeeee' } }, /accent #eeeeee on ground #f7f7f5 cannot be read in light/],
    [{ theme: { text: ['#000', '#222'] } }, /text #222 on ground #14171a cannot be read in dark/],
    [{ frame: true }, /frame/],
  ]
  for (const [embed, message] of wrong) {
    const make = () =>
      createTimelinePage({ db, authorize: () => null, embed: embed as EmbedOptions })
    assert.throws(make, { message }, JSON.stringify(embed))
  }
})

test('the colours whose contrast is checked are those of the stylesheet', () => {
  const css = readFileSync(new URL('../src/page/client/base.css', import.meta.url), 'utf8')
  for (const [name, [light, dark]] of Object.entries(COLOURS)) {
    assert.ok(css.includes(`--${name}: light-dark(${light}, ${dark});`), name)
  }
})
