import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Viewer } from '../src/page/index.ts'
import { scratchDatabase } from './support/database.ts'
import { pageOn, readerOn } from './support/pages.ts'
import { type Canaries, fillTwoTenants, type TwoTenants } from './support/two-tenants.ts'
import { Dice } from './support/dice.ts'

const RUNS = Number(process.env['AUDIT_FUZZ_RUNS'] ?? 1_000)
const SEED = Number(process.env['AUDIT_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
/** Requests under way at once. */
const LANES = 8

interface Asked {
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly viewer: Viewer
  readonly isStream: boolean
}

const FIELDS = ['user', 'event', 'target', 'actor', 'also', 'request', 'action'] as const
const ID_QUALIFIERS = ['by', 'user', 'actor', 'on', 'event', 'request', ''] as const
const TEXT_QUALIFIERS = ['', 'type', 'login', 'request', 'changed', 'action', 'ip'] as const
const PATHS = [
  'meta.note',
  'meta.secret.code',
  'meta.people.ssn',
  'context.ip',
  'context.agent',
  'meta.deep.a',
]

/** A random request: of any address, for any form, with values that are seen, hidden or nowhere. */
function requestFrom(dice: Dice, tenants: TwoTenants): Asked {
  const viewer = dice.of(tenants.viewers)
  const parameters = new URLSearchParams()
  const id = () => dice.of(dice.chance(0.5) ? tenants.hiddenIds(viewer) : tenants.ownIds)
  const word = () => dice.of(dice.chance(0.5) ? tenants.hiddenWords(viewer) : tenants.ownWords)
  const part = () => {
    const minus = dice.chance(0.25) ? '-' : ''
    if (dice.chance(0.4)) {
      const name = dice.of(ID_QUALIFIERS)
      return `${minus}${name === '' ? '' : `${name}:`}${id()}`
    }
    if (dice.chance(0.3))
      return `${minus}${dice.of(PATHS)}${dice.of(['=', ':', '!=', '>'])}${word()}`
    const name = dice.of(TEXT_QUALIFIERS)
    return `${minus}${name === '' ? '' : `${name}:`}${word()}`
  }
  if (dice.chance(0.6)) {
    const parts = Array.from({ length: 1 + dice.below(3) }, part)
    parameters.set('q', parts.join(dice.chance(0.3) ? ' or ' : ' '))
  }
  if (dice.chance(0.3)) {
    const field = dice.of(FIELDS)
    parameters.set(field, field === 'request' || field === 'action' ? word() : id())
  }
  if (dice.chance(0.2)) parameters.set('range', dice.of(['-7d', '-2h', 'yesterday', '2020..']))
  if (dice.chance(0.3)) parameters.set('limit', String(dice.of([1, 2, 5, 500])))
  if (dice.chance(0.2)) parameters.set('reads', '1')
  if (dice.chance(0.1)) parameters.set('live', '1')
  if (dice.chance(0.2)) parameters.set('entry', dice.of(tenants.entryIds))
  if (dice.chance(0.1)) parameters.set('lang', dice.of(['en', 'de', 'es', 'fr']))
  const kind = dice.below(13)
  if (kind === 12) parameters.set('history', id())
  if (kind === 0) parameters.set('export', dice.of(['ndjson', 'csv']))
  if (kind === 1) parameters.set('part', 'histogram')
  if (kind === 2) parameters.set('part', 'entry')
  if (kind === 3) parameters.set('proof', dice.of(['line', 'proof']))
  if (kind === 4 && dice.chance(0.3)) parameters.set('openapi', '1')
  const isStream = kind === 5 && dice.chance(0.3)
  if (isStream) {
    parameters.set('stream', '1')
    parameters.set('after', String(dice.below(20)))
  }
  const headers = {
    accept: dice.of(['application/json', 'text/html', '*/*', 'text/event-stream']),
    ...(dice.chance(0.2) ? { 'accept-language': dice.of(['de', 'fr-FR', 'es;q=0.9']) } : {}),
    ...(dice.chance(0.1) ? { 'last-event-id': String(dice.below(50)) } : {}),
    ...(dice.chance(0.1) ? { cookie: 'audit_zone=Europe/Berlin; audit_theme=dark' } : {}),
  }
  return { query: `?${parameters}`, headers, viewer, isStream }
}

/** Whatever came, headers included. Of a stream what comes soon. */
async function textOf(response: Response, isStream: boolean): Promise<string> {
  const head = JSON.stringify([...response.headers])
  if (!isStream || !response.headers.get('content-type')?.startsWith('text/event-stream')) {
    return `${response.status} ${head}\n${await response.text()}`
  }
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = head
  for (let chunks = 0; chunks < 4 && reader; chunks += 1) {
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, 30, undefined))
    const next = await Promise.race([reader.read(), late])
    if (next === undefined || next.done) break
    text += decoder.decode(next.value, { stream: true })
  }
  await reader?.cancel()
  return text
}

/** Cursors are of the filter and differ with it. What an address holds of one is left out. */
const withoutCursors = (text: string) =>
  text
    .replaceAll(/cursor=[\w-]+/g, 'cursor=')
    .replaceAll(/"(nextCursor|prevCursor)":"[\w-]+"/g, '"$1":"…"')

function cursorsIn(text: string): readonly string[] {
  const found = text.matchAll(/(?:cursor=|Cursor":")([\w-]{20,})/g)
  return Array.from(found, ([, cursor = '']) => Buffer.from(cursor, 'base64url').toString('hex'))
}

async function fuzzedPage(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const tenants = await fillTwoTenants(scratch.sql, new Dice(SEED))
  t.mock.timers.enable({ apis: ['Date'], now: tenants.nowMs })
  const names = async (ids: readonly string[]) => {
    // An application may know the name of everybody, and answer more than it was asked.
    const all = [...ids, ...tenants.allIds]
    return new Map(all.map((id) => [id, tenants.nameOf(id)]))
  }
  const find = async (text: string) => tenants.allIds.filter((id) => tenants.nameOf(id) === text)
  const db = readerOn(t, scratch)
  const pages = new Map(
    tenants.viewers.map((one) => [one, pageOn(db, { names, find, authorize: () => one })]),
  )
  const ask = async ({ query, headers, viewer: asking, isStream }: Asked) => {
    const response = await pages.get(asking)?.get(query, headers)
    assert.ok(response)
    return await textOf(response, isStream)
  }
  return { tenants, ask }
}

/** What is hidden from a viewer and does not stand in the request. */
function leaks(text: string, asked: Asked, { hidden }: Canaries): readonly string[] {
  const given = decodeURIComponent(asked.query.replaceAll('+', ' ')).toLowerCase()
  const lower = text.toLowerCase()
  return hidden.filter((one) => lower.includes(one) && !given.includes(one))
}

// Goal: no answer depends on what its viewer may not see, and none holds a byte of it.
// Method: words and ids that stand nowhere else are planted in each column and depth of another tenant and
// of what is hidden. No answer may have one that the request does not. A request that has one is sent a
// second time with another in its place that is nowhere in the log, and must have the same answer.
test('no answer to a random request shows or depends on what is hidden', async (t) => {
  t.diagnostic(`AUDIT_FUZZ_SEED=${SEED}, ${RUNS} requests`)
  const { tenants, ask } = await fuzzedPage(t)
  const dice = new Dice(SEED + 1)
  let [left, twins, found] = [RUNS, 0, 0]
  const lane = async () => {
    while (left-- > 0) {
      const asked = requestFrom(dice, tenants)
      const text = await ask(asked)
      const canaries = tenants.canariesOf(asked.viewer)
      const told = `AUDIT_FUZZ_SEED=${SEED} ${JSON.stringify(asked)}`
      assert.deepEqual(leaks(text, asked, canaries), [], told)
      for (const cursor of cursorsIn(text)) {
        for (const id of canaries.entries) {
          assert.ok(!cursor.includes(id.replaceAll('-', '')), `cursor of ${told}`)
        }
      }
      if (tenants.ownWords.some((word) => text.includes(word))) found += 1
      const twin = tenants.twinOf(asked.query, asked.viewer)
      if (twin === undefined || asked.isStream) continue
      twins += 1
      // On a busy machine an answer can lack its bars, or names, because they took too long. That does not
      // come again and again.
      let pair = ['', 'not asked']
      for (let tries = 0; pair[0] !== pair[1] && tries < 10; tries += 1) {
        const other = await ask({ ...asked, query: twin.query })
        const again = tries === 0 ? text : await ask(asked)
        pair = [other, again].map((one) => withoutCursors(twin.back(one)))
      }
      assert.equal(pair[0], pair[1], `as ${twin.query}: ${told}`)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  t.diagnostic(`${twins} were sent with another word as well, ${found} answers showed something`)
  assert.ok(twins > RUNS / 10 && found > RUNS / 20)
})
