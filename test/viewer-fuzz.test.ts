import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { newToken } from '../src/page/auth/api-tokens.ts'
import {
  createTimelinePage,
  signViewerLink,
  type Viewer,
  verifyViewerLink,
} from '../src/page/index.ts'
import { scratchDatabase } from './support/database.ts'
import { silentLogger } from './support/lanes.ts'
import { readerOn } from './support/pages.ts'
import { sealLog } from './support/seal-log.ts'
import { testKeys } from './support/seals.ts'
import { type Canaries, fillTwoTenants } from './support/two-tenants.ts'
import { Dice } from './support/dice.ts'
import { type Asked, requestFrom, type SeenCursor } from './support/viewer-requests.ts'

const RUNS = Number(process.env['AUDIT_FUZZ_RUNS'] ?? 1_000)
const SEED = Number(process.env['AUDIT_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
/** Requests under way at once. */
const LANES = 8

/** Whatever came, headers included. Of a stream what comes soon. */
async function textOf(response: Response, isStream: boolean): Promise<string> {
  // A view that is saved is in a cookie, where nobody could read it.
  const head = JSON.stringify([...response.headers]).replaceAll(
    /audit_views=([\w-]+)/g,
    (_, value: string) => `audit_views=${Buffer.from(value, 'base64url').toString()}`,
  )
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

const SECRET = 'a secret of this test alone: 8f2c61d0e7b94a35'
/** Of one token. The clock stands still, so its minute never ends. */
const PER_MINUTE = 6_000

async function fuzzedPage(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const tenants = await fillTwoTenants(scratch.sql, new Dice(SEED))
  await sealLog(scratch.sql, { signer: testKeys().signers[0] })
  const db = readerOn(t, scratch)
  const tokens = new Map<Viewer, string[]>()
  const links = new Map<Viewer, string>()
  for (const viewer of tenants.viewers) {
    const { name, ...scope } = viewer
    const own = Array.from({ length: 1 + Math.ceil(RUNS / PER_MINUTE) }, () => newToken())
    for (const { hash } of own) {
      await scratch.sql`select audit.make_token(${name}, ${hash},
        ${JSON.stringify(scope)}::text::jsonb, ${PER_MINUTE}, now() + interval '1 day')`
    }
    tokens.set(
      viewer,
      own.map(({ token }) => token),
    )
    const { onlyEventId, sees: _, ...fields } = viewer
    if (onlyEventId === undefined) continue
    const until = tenants.nowMs + 20 * 3_600_000
    const link = { secret: SECRET, tenant: onlyEventId, viewer: fields, path: '/audit', until }
    links.set(viewer, signViewerLink(link))
  }
  t.mock.timers.enable({ apis: ['Date'], now: tenants.nowMs })
  const names = async (ids: readonly string[]) => {
    // An application may know the name of everybody, and answer more than it was asked.
    const all = [...ids, ...tenants.allIds]
    return new Map(all.map((id) => [id, tenants.nameOf(id)]))
  }
  const find = async (text: string) => tenants.allIds.filter((id) => tenants.nameOf(id) === text)
  const common = { db, names, find, recorder: { record: () => true }, logger: silentLogger() }
  const doors = new Map(
    tenants.viewers.map((one) => [
      one,
      {
        session: createTimelinePage({ ...common, authorize: () => one }),
        token: createTimelinePage({ ...common, authorize: () => null, tokens: true }),
        link: createTimelinePage({
          ...common,
          authorize: (request) => verifyViewerLink(request, { secret: SECRET }),
        }),
        frame: createTimelinePage({
          ...{ ...common, authorize: () => one },
          embed: { ancestors: ['https://app.test'], header: false, title: 'Activity', lang: 'de' },
        }),
      },
    ]),
  )
  let uses = 0
  const tokenOf = (viewer: Viewer) => {
    const own = tokens.get(viewer) ?? []
    uses += 1
    return own[uses % own.length]
  }
  const ask = async (asked: Asked) => {
    const { query, headers, viewer: asking, isStream, door, path, method } = asked
    const place = door === 'link' ? links.get(asking) : '/audit'
    const bearer = door === 'token' ? { authorization: `Bearer ${tokenOf(asking)}` } : {}
    const request = new Request(`http://page.test${place}${path}${query}`, {
      ...{ method, headers: { ...headers, ...bearer } },
    })
    const response = await doors.get(asking)?.[door].fetch(request)
    assert.ok(response)
    assert.ok(![401, 429, 500].includes(response.status), `${response.status} ${told(asked)}`)
    return await textOf(response, isStream)
  }
  return { tenants, ask }
}

function told(asked: Asked): string {
  return `AUDIT_FUZZ_SEED=${SEED} ${JSON.stringify(asked)}`
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
  const cursors: SeenCursor[] = []
  let [left, twins, found] = [RUNS, 0, 0]
  const lane = async () => {
    while (left-- > 0) {
      const asked = requestFrom(dice, tenants, cursors.filter(Boolean))
      if (left % 5_000 === 0) t.diagnostic(`${RUNS - left} at ${new Date().toISOString()}`)
      const text = await ask(asked)
      const canaries = tenants.canariesOf(asked.viewer)
      const story = told(asked)
      assert.deepEqual(leaks(text, asked, canaries), [], story)
      const given = cursorsIn(asked.query)
      for (const cursor of cursorsIn(text)) {
        if (given.includes(cursor)) continue
        for (const id of canaries.entries) {
          assert.ok(!cursor.includes(id.replaceAll('-', '')), `cursor of ${story}`)
        }
      }
      const [, cursor] = /"nextCursor":"([\w-]+)"/.exec(text) ?? []
      if (cursor !== undefined && !asked.query.includes('cursor=')) {
        cursors[dice.below(200)] = { query: asked.query, cursor }
      }
      if (tenants.ownWords.some((word) => text.includes(word))) found += 1
      const twin = tenants.twinOf(asked.query, asked.viewer)
      // A cursor is of its own filter alone.
      if (twin === undefined || asked.isStream || asked.query.includes('cursor=')) continue
      twins += 1
      // On a busy machine an answer can lack its bars, or names, because they took too long. That does not
      // come again and again.
      let pair = ['', 'not asked']
      for (let tries = 0; pair[0] !== pair[1] && tries < 10; tries += 1) {
        const other = await ask({ ...asked, query: twin.query })
        const again = tries === 0 ? text : await ask(asked)
        pair = [other, again].map((one) => withoutCursors(twin.back(one)))
      }
      assert.equal(pair[0], pair[1], `as ${twin.query}: ${story}`)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  t.diagnostic(`${twins} were sent with another word as well, ${found} answers showed something`)
  assert.ok(twins > RUNS / 10 && found > RUNS / 20)
})
