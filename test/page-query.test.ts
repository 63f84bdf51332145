import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { LANGUAGES } from '../src/actions/language.ts'
import { scratchDatabase } from './support/database.ts'
import { evening } from './support/evening.ts'
import { appendToLog } from './support/log-entries.ts'
import { pageOn, readerOn, readEvents, rowIds } from './support/pages.ts'
import { QUESTIONS } from './questions/questions.ts'
import { ASKED_MS, findByName, IDS, LABELS, SMALL_LOG } from './questions/small-log.ts'
import { smallLogPage } from './questions/small-log-page.ts'

const textOf = (html: string) =>
  html
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&quot;', '"')
    .replaceAll(/\s+/g, ' ')

test('the page answers every question of the table', async (t) => {
  const { ask, shown } = await smallLogPage(t)
  const wrong: unknown[] = []
  for (const { asked, line, answer } of QUESTIONS) {
    const html = await ask(line)
    const found = shown(html).toReversed()
    const isRight = JSON.stringify(found) === JSON.stringify(answer)
    if (!isRight || html.includes('is not used')) wrong.push({ asked, line, found, answer })
  }
  assert.deepEqual(wrong, [])
})

test('each part of the line is a chip that can be taken out', async (t) => {
  const { ask } = await smallLogPage(t)
  const html = await ask('action:refund.* or invoice.* -by:ada "over the limit"', '&range=7d')
  const chips = Array.from(
    html.matchAll(/class="chip"><small>([^<]*)<\/small> ([^\n]*)\n<a href="([^"]*)"/g),
    ([, label, value, href = '']) => [
      label,
      value,
      new URLSearchParams(href.replaceAll('&amp;', '&')).get('q'),
    ],
  )
  assert.deepEqual(chips, [
    ['action', 'refund.* or invoice.*', '-by:ada "over the limit"'],
    ['not by', 'ada', 'action:refund.* or invoice.* "over the limit"'],
    ['text', 'over the limit', 'action:refund.* or invoice.* -by:ada'],
    ['time', '7d', 'action:refund.* or invoice.* -by:ada "over the limit"'],
  ])
  assert.match(
    html,
    /name="q" type="search" aria-label="Search" value="action:refund\.\* or invoice\.\* -by:ada &quot;over/,
  )
  assert.match(html, /name="range" aria-label="Time range" value="7d"/)
})

test('what is not understood is named with what is near, and the rest is shown', async (t) => {
  const { ask, shown, get } = await smallLogPage(t)
  const html = await ask('outcome:denied acton:refund.* <b>')
  assert.deepEqual(shown(await ask('outcome:denied acton:refund.*')), ['refundDenied'])
  assert.match(textOf(html), /acton:refund\.\* is not used: there is no "acton"/)
  assert.match(html, /href="\?q=outcome:denied\+action:refund\.\*\+%3Cb%3E"/)
  assert.equal((await get('?q=acton:x')).status, 200)
  assert.match(textOf(await ask('by:bob')), /"bob" is no id of this log/)
})

test('several of one name are told, each with a link to that one', async (t) => {
  const { ask } = await smallLogPage(t)
  const html = await ask('by:ada outcome:denied')
  assert.match(textOf(html), /3 are called “ada”: Ada Lovelace Ada Byron Ada King/)
  assert.ok(html.includes(`href="?q=outcome:denied+by:${IDS.byron}"`))
})

test('a line that finds nothing offers its other readings', async (t) => {
  const { ask, shown } = await smallLogPage(t)
  const html = await ask('colour invoice:acme')
  assert.match(
    textOf(html),
    /No entry matches this filter Did you mean changed:colour, has:colour, "acme"/,
  )
  assert.match(html, /href="\?q=changed:colour\+invoice:acme"/)
  assert.deepEqual(shown(await ask('has:colour')), ['mfaOff'])
})

test('"me" is the viewer', async (t) => {
  const authorize = () => ({ name: 'Grace', userId: IDS.grace, sees: 'everything' as const })
  const known = await smallLogPage(t, { authorize })
  assert.deepEqual(known.shown(await known.ask('by:me refund')), ['refundDenied'])
  assert.ok(!known.shown(await known.ask('-by:me')).includes('refundDenied'))
})

test('a customer finds what staff did by the name that is shown', async (t) => {
  const authorize = () => ({ name: 'Maria', onlyEventId: IDS.acme, staffAs: 'Support' })
  const { ask, shown } = await smallLogPage(t, { authorize })
  for (const q of ['by:support', 'actor:Support', 'Support', 'is:impersonated']) {
    assert.deepEqual(shown(await ask(q)), ['emailChanged'], q)
  }
  assert.ok(!shown(await ask('-by:Support')).includes('emailChanged'))
  assert.deepEqual(shown(await ask('user:Support')), [])
})

test('a customer who may not see who acted finds nothing by the name of staff', async (t) => {
  const limits = { onlyEventId: IDS.acme, staffAs: 'Support', hides: ['actorId'] as const }
  const { ask, shown } = await smallLogPage(t, { authorize: () => ({ name: 'Maria', ...limits }) })
  for (const q of ['by:Support', 'actor:Support', 'is:impersonated']) {
    assert.deepEqual(shown(await ask(q)), [], q)
  }
})

test('the oldest entries are a page of their own, from which newer ones follow', async (t) => {
  const { text, shown, get } = await smallLogPage(t)
  const linkTo = (html: string, label: string) =>
    new RegExp(`href="([^"]*)">${label}<`).exec(html)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const newest = await text('?limit=3')
  const oldest = await text(linkTo(newest, 'Oldest'))
  assert.deepEqual(shown(oldest), ['ordered', 'downloaded', 'planChanged'])
  assert.doesNotMatch(oldest, />Oldest</)
  const newer = await text(linkTo(oldest, '← Newer'))
  assert.deepEqual(shown(newer), ['refunded', 'refundDenied', 'paid'])
  assert.deepEqual(shown(await text(linkTo(newer, 'Older →'))), shown(oldest))
  assert.deepEqual(shown(await text(linkTo(newer, 'Newest'))), shown(newest))
  const json = await (await get('?order=oldest&limit=1', { accept: 'application/json' })).json()
  assert.equal(Reflect.get(Object(json), 'entries')[0].action, 'plan.change')
  assert.equal((await get('?order=random')).status, 400)
})

test('a viewer of one event is told nothing of the names of others', async (t) => {
  const asked: unknown[] = []
  const find = async (text: string, viewer: object) => {
    asked.push([text, viewer])
    return await findByName(text)
  }
  const authorize = () => ({ name: 'ada', onlyEventId: IDS.globex })
  const { ask, shown } = await smallLogPage(t, { authorize, find })
  const html = await ask('by:ada or maria')
  assert.deepEqual(shown(html), ['flagToggled', 'venueRenamed', 'venueDeleted'])
  assert.doesNotMatch(html, /are called|Lovelace|Santos/)
  assert.deepEqual(asked, [
    ['ada', { onlyEventId: IDS.globex }],
    ['maria', { onlyEventId: IDS.globex }],
  ])
  for (const q of [`event:${IDS.acme}`, 'event:Acme', `event:Globex or ${IDS.acme}`, 'seq:1..99']) {
    const all = shown(await ask(q)).filter((label) => label && !('eventId' in SMALL_LOG[label]))
    assert.deepEqual(all, [], q)
    assert.ok(!shown(await ask(q)).includes('ordered'), q)
  }
})

test('reads are left out until somebody asks for them', async (t) => {
  const { text, shown, ask, get, idOf } = await smallLogPage(t)
  const hidden = await text('')
  assert.equal(shown(hidden).length, LABELS.length - 1)
  assert.ok(!shown(hidden).includes('logRead'))
  assert.match(hidden, /class="reads" href="\?reads=1"[^>]*>Show reads</)
  const all = await text('?reads=1')
  assert.equal(shown(all).length, LABELS.length)
  assert.match(all, />Hide reads</)
  for (const q of ['action:audit.read', 'audit.*', 'audit.read']) {
    assert.ok(shown(await ask(q)).includes('logRead'), q)
  }
  assert.ok(shown(await text('?action=audit.*')).includes('logRead'))
  assert.ok(!shown(await ask('by:"Grace Hopper"')).includes('logRead'))
  // What is exported is what the filter finds, and hiding is no filter.
  const exported = await (await get('?export=ndjson')).text()
  assert.ok(exported.includes(idOf('logRead')))
  const found = await (await get('?export=ndjson&q=by:Linus')).text()
  assert.equal(found.trimEnd().split('\n').length, 5)
})

test('several reads in a row are one line', async (t) => {
  const { text, scratch } = await smallLogPage(t)
  const actions = ['thing.do', 'audit.read', 'audit.read', 'thing.do', 'audit.read', 'audit.read']
  await appendToLog(
    scratch.sql,
    [...actions, 'audit.read'].map((action, n) => ({ action, ms: ASKED_MS + n })),
  )
  const html = await text('?reads=1')
  assert.deepEqual(
    Array.from(html.matchAll(/<summary>(The log was read[^<]*)</g), ([, said]) => said),
    ['The log was read 3 times'],
  )
})

test('a live view follows the query line, without reads', async (t) => {
  const { get, scratch, shown } = await smallLogPage(t)
  const stream = await get(`?stream=1&after=${LABELS.length}&q=by:Linus`)
  await appendToLog(scratch.sql, [
    { action: 'audit.read', userId: IDS.linus },
    { action: 'thing.do', userId: IDS.maria },
    { action: 'thing.done', userId: IDS.linus },
  ])
  const [event] = await readEvents(stream, { event: 'entry', count: 1 })
  assert.match(event?.data ?? '', /thing\.done/)
  assert.equal(shown(event?.data ?? '').length, 1)
})

test('a read is written down with the query line', async (t) => {
  const told: unknown[] = []
  const recorder = { record: ({ metadata }: { metadata?: unknown }) => told.push(metadata) > 0 }
  const { ask } = await smallLogPage(t, { recorder })
  await ask('by:ada acton:x')
  assert.deepEqual(
    told.map((metadata) => Reflect.get(Object(metadata), 'filter')),
    [{ q: 'by:ada acton:x' }],
  )
})

const LOOKS = ['', '?q=guest.*', '?q=-audit.*+guest.*+or+branding.*+-meta.gate%3DSouth&range=-30d']

// Goal: a page is small without compression, too.
// Method: an evening at an event with requests of their own, in bars of all its hours; as it is, and with the
// longest of everyday actions; without a filter, and with ever longer ones; in each language, and in a frame.
test('a page of 50 entries has at most 40 kB without compression', async (t) => {
  const scratch = await scratchDatabase(t)
  const entries = evening().map((entry) => ({ ...entry, requestId: randomUUID() }))
  await appendToLog(scratch.sql, entries)
  const db = readerOn(t, scratch)
  const { get } = pageOn(db)
  const ancestors = ['https://app.example.com']
  const framed = pageOn(db, { embed: { title: 'What happened at Old Mill', ancestors } })
  const sizes: [string, number][] = []
  const look = async (page: Pick<typeof framed, 'get'>, query: string, language: string) => {
    const html = await (await page.get(query, { cookie: `audit_lang=${language}` })).text()
    assert.match(html, new RegExp(`<html lang="${language}"`))
    assert.ok(rowIds(html).length >= 35)
    sizes.push([`${language} ${query}`, Buffer.byteLength(html)])
  }
  for (const language of LANGUAGES) {
    for (const query of LOOKS) await look({ get }, query, language)
    await look(framed, '', language)
  }
  const long = entries.map((entry) => ({ ...entry, action: `event_ticketing.${entry.action}` }))
  const other = await scratchDatabase(t)
  await appendToLog(other.sql, long)
  for (const language of LANGUAGES) await look(pageOn(readerOn(t, other)), '', language)
  for (const [name, bytes] of sizes.sort(([, one], [, other]) => other - one).slice(0, 4)) {
    t.diagnostic(`${name}: ${bytes} bytes`)
  }
  assert.ok((sizes[0]?.[1] ?? Number.NaN) <= 40_000, `${sizes[0]?.join(': ')} bytes`)
})
