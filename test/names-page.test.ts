import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { firstNames, namesFromLabels } from 'audit-outbox/page'
import { serveHttp } from '../relay/http/server.ts'
import { readHttpConfig } from '../relay/http/config.ts'
import { SqlNames } from '../relay/names/sql-names.ts'
import { runRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { silentLogger } from './support/lanes.ts'
import { appendToLog, type GivenEntry } from './support/log-entries.ts'
import { connectAs } from './support/logins.ts'
import { pageOn, readerOn } from './support/pages.ts'

// Goal: a page shows people by name, also those who are gone, and finds them by it; a viewer of one event
// sees and finds no name of another one.
// Method: real pages on real logs, read as text; the statements of the operator as one would write them.

const [ADA, GRACE, LINUS] = [randomUUID(), randomUUID(), randomUUID()]
const [ONE, OTHER] = [randomUUID(), randomUUID()]
const NAMES = 'select id, name from users where id = any($1)'
const FIND = "select id from users where name ilike '%' || $1 || '%'"

const named = (userId: string, name: string, more: GivenEntry = {}): GivenEntry => ({
  userId,
  context: { user: { id: userId, name } },
  ...more,
})

function textOf(page: string): string {
  return page.replaceAll(/<[^>]*>/g, '').replaceAll(/\s+/g, ' ')
}

async function openEntry(text: (query: string) => Promise<string>, query: string) {
  const list = await text(query)
  const [, id] = /entry=([\da-f-]{36})"/.exec(list) ?? []
  return textOf(await text(`?entry=${id}&part=entry`))
}

test('without a lookup an entry shows the name that it holds', async (t) => {
  const { sql, ...scratch } = await scratchDatabase(t)
  await appendToLog(sql, [
    { action: 'report.first', userId: LINUS, context: { user: { id: ADA, name: 'Ada' } } },
    named(ADA, 'Ada Byron', { action: 'report.send' }),
    {
      action: 'guest.check_in',
      userId: ADA,
      actorId: GRACE,
      context: { actor: { id: GRACE, name: 'Grace' } },
    },
  ])
  const { text } = pageOn(readerOn(t, { ...scratch, sql }))
  const page = textOf(await text(''))
  assert.match(page, /Ada Byron sent the report/)
  assert.match(page, /Grace as Ada Byron/, 'the name is that of the other entry')
  assert.ok(page.includes(LINUS.slice(0, 8)), 'another one’s name is not taken for it')
})

test('an entry tells the name of its time where there is another one now', async (t) => {
  const { sql, ...scratch } = await scratchDatabase(t)
  await appendToLog(sql, [
    named(ADA, 'Ada Byron', { action: 'a.old' }),
    named(ADA, 'Ada Lovelace', { action: 'a.new' }),
  ])
  const names = async () => new Map([[ADA, 'Ada Lovelace']])
  const { text } = pageOn(readerOn(t, { ...scratch, sql }), { names })
  assert.match(await openEntry(text, '?action=a.old'), /Ada Lovelace, then known as “Ada Byron”/)
  assert.doesNotMatch(await openEntry(text, '?action=a.new'), /then known as/)
  const withoutNow = pageOn(readerOn(t, { ...scratch, sql }))
  assert.doesNotMatch(await openEntry(withoutNow.text, '?action=a.old'), /then known as/)
})

test('the page finds people by the names in the log, each in the events of the viewer', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, [
    named(ADA, 'Ada Lovelace', { eventId: ONE, action: 'report.send' }),
    { userId: ADA, eventId: ONE, action: 'guest.check_in' },
    named(GRACE, 'Grace Hopper', { eventId: OTHER, action: 'a.other' }),
    { userId: GRACE, eventId: ONE, action: 'guest.check_in' },
  ])
  await connectAs(t, scratch, 'audit_relay')`select audit.take_labels(1, 4)`
  const db = readerOn(t, scratch)
  const all = pageOn(db, namesFromLabels(db))
  const page = textOf(await all.text(`?q=${encodeURIComponent('by:"Ada Lovelace"')}`))
  assert.match(page, /2 entries/)
  assert.match(page, /Ada Lovelace checked in the guest/)
  assert.match(textOf(await all.text('?q=by:hopper')), /Grace Hopper checked in the guest/)

  const own = pageOn(db, {
    ...namesFromLabels(db),
    authorize: () => ({ name: 'tenant', onlyEventId: ONE.toUpperCase() }),
  })
  assert.match(textOf(await own.text('?q=by:lovelace')), /2 entries/)
  const foreign = await own.text('?q=by:hopper')
  assert.match(textOf(foreign), /no name that the application finds/)
  assert.doesNotMatch(textOf(foreign), /Grace/)
  const list = textOf(await own.text(''))
  assert.match(list, /Ada Lovelace checked in the guest/)
  assert.doesNotMatch(list, /Grace/, 'the name stands in an entry of another event')
})

// Goal: a name that is hidden from a viewer comes by no other way.
// Method: names that only hidden parts of entries give; the page, as text and as JSON, and finding by them.
test('a viewer is told no collected name that is hidden in the entries', async (t) => {
  const scratch = await scratchDatabase(t)
  await appendToLog(scratch.sql, [
    named(ADA, 'Ada Lovelace', { eventId: ONE, action: 'internal.note' }),
    { userId: ADA, eventId: ONE, action: 'guest.check_in' },
    {
      ...{ userId: ADA, eventId: ONE, actorId: GRACE, action: 'guest.check_in' },
      context: { actor: { id: GRACE, name: 'Grace Hopper' } },
    },
    { userId: GRACE, eventId: ONE, action: 'guest.check_out' },
  ])
  await connectAs(t, scratch, 'audit_relay')`select audit.take_labels(1, 4)`
  const db = readerOn(t, scratch)
  const hidden = [
    [{ hides: ['context'] }, /Lovelace|Hopper/],
    [{ hides: ['context.user', 'context.actor.name'] }, /Lovelace|Hopper/],
    [{ hides: ['userId'] }, /Lovelace|Hopper/],
    [{ hides: ['actorId'] }, /Hopper/],
    [{ staffAs: 'Support' }, /Hopper/],
    [{ actions: ['guest.*'] }, /Lovelace/],
  ] as const
  for (const [projection, names] of hidden) {
    for (const who of [{ sees: 'everything' }, { onlyEventId: ONE }] as const) {
      const authorize = () => ({ name: 'x', ...projection, ...who })
      const page = pageOn(db, { ...namesFromLabels(db), authorize })
      for (const query of [
        '',
        '?q=by:lovelace',
        '?q=by:hopper',
        '?q=hopper',
        `?history=${GRACE}`,
      ]) {
        const what = `${JSON.stringify({ ...projection, ...who })} ${query}`
        assert.doesNotMatch(await page.text(query), names, what)
        const json = await page.get(query, { accept: 'application/json' })
        assert.doesNotMatch(await json.text(), names, what)
      }
      const known = String(names).includes('Lovelace') ? 'lovelace' : 'hopper'
      const found = await page.text(`?q=by:${known}`)
      assert.match(textOf(found), /no name that the application finds/)
    }
  }
  const open = { name: 'x', onlyEventId: ONE, hides: ['context.ip'] } as const
  const page = pageOn(db, { ...namesFromLabels(db), authorize: () => open })
  assert.match(textOf(await page.text('?q=by:hopper')), /Grace Hopper checked out/)
})

test('of several sources the first that knows a name wins, and one that fails is left out', async () => {
  const asked: unknown[] = []
  const failing = {
    names: () => Promise.reject(new Error('down')),
    find: () => Promise.reject(new Error('down')),
  }
  const first = {
    names: async (ids: readonly string[], viewer: object) => {
      asked.push([ids, viewer])
      return new Map([['a', 'First']])
    },
  }
  const last = {
    names: async () =>
      new Map([
        ['a', 'Last'],
        ['b', 'Last'],
      ]),
    find: async () => ['a', 'b', 'a'],
  }
  const { names, find } = firstNames(failing, first, last)
  const viewer = { onlyEventId: ONE }
  assert.deepEqual(Object.fromEntries(await names(['a', 'b'], viewer)), { a: 'First', b: 'Last' })
  assert.deepEqual(asked, [[['a', 'b'], viewer]])
  assert.deepEqual(await find('x', viewer), ['a', 'b'])
  const never = { names: () => new Promise<never>(() => {}) }
  assert.deepEqual(Object.fromEntries(await firstNames(never, last).names(['a'], {})), {
    a: 'Last',
    b: 'Last',
  })
})

/** The application's own table, which the reader may read. */
async function withUsers(t: TestContext, type = 'uuid') {
  const scratch = await scratchDatabase(t)
  const reader = new URL(scratch.urlAs('audit_reader')).username
  await scratch.sql.unsafe(`
    create table public.users (id ${type} primary key, name text, org uuid);
    create table public.secrets (id ${type} primary key, name text);
    grant usage on schema public to "${reader}";
    grant select on public.users to "${reader}"`)
  return scratch
}

function sqlNames(t: TestContext, { urlAs }: ScratchDatabase, namesSql?: string, findSql?: string) {
  const source = new SqlNames({ url: urlAs('audit_reader'), namesSql, findSql })
  t.after(() => source.close())
  return source
}

test('one statement turns ids into names, another one finds them', async (t) => {
  const scratch = await withUsers(t)
  await scratch.sql`
    insert into public.users values (${ADA}, 'Ada', ${ONE}), (${GRACE}, 'Grace', ${OTHER}), (${LINUS}, null, null)`
  const source = sqlNames(t, scratch, `${NAMES};\n`, FIND)
  await source.check()
  const asked = [ADA, LINUS, randomUUID(), 'no uuid', `"}' \\`]
  assert.deepEqual([...(await source.names(asked))], [[ADA, 'Ada']])
  assert.deepEqual(await source.find('GR', {}), [GRACE])
  assert.deepEqual(await source.find('gr', { onlyEventId: OTHER }), [], 'it is not told the event')

  const ofEvent = `${FIND} and ($2::text is null or org::text = $2) -- whose`
  const told = sqlNames(t, scratch, undefined, ofEvent)
  await told.check()
  assert.deepEqual(await told.find('gr', { onlyEventId: OTHER }), [GRACE])
  assert.deepEqual(await told.find('gr', { onlyEventId: ONE }), [])
  assert.deepEqual(await told.find('gr', {}), [GRACE])
  assert.deepEqual([...(await told.names([ADA]))], [], 'without a statement')
})

test('ids of other kinds than the table’s are left out', async (t) => {
  for (const [type, id, other] of [
    ['bigint', '9876543210', ADA],
    ['integer', '42', '9876543210'],
    ['text', 'user_2abc', ADA],
  ] as const) {
    const scratch = await withUsers(t, type)
    await scratch.sql`insert into public.users (id, name) values (${id}, 'Ada')`
    const source = sqlNames(t, scratch, NAMES)
    await source.check()
    const names = await source.names([other, id, '9'.repeat(30)])
    assert.deepEqual([...names], [[id, 'Ada']], type)
  }
})

test('a statement that cannot work is refused at the start, with its cause', async (t) => {
  const scratch = await withUsers(t)
  const cases: readonly (readonly [string | undefined, string | undefined, RegExp])[] = [
    ['select id, name from users', undefined, /AUDIT_NAMES_SQL must use \$1/],
    [undefined, 'select id from users', /AUDIT_FIND_SQL must use \$1/],
    ['select id from users where id = any($1)', undefined, /two columns, the id and the name/],
    ['select id, name from people where id = any($1)', undefined, /write the schema, too/],
    ['select id, nick from users where id = any($1)', undefined, /a column that is not there/],
    ['select id, name from secrets where id = any($1)', undefined, /grant select/],
    ['select id, name from users where id = $1', undefined, /a list/],
    ['delete from users where id = any($1) returning id, name', undefined, /no single SELECT/],
    [`${NAMES}; drop table users`, undefined, /no single SELECT/],
    [undefined, 'select id from users where name = any($1)', /AUDIT_FIND_SQL/],
    [undefined, 'select id from users where $1 is null', /of which type/],
  ]
  for (const [namesSql, findSql, message] of cases) {
    await assert.rejects(sqlNames(t, scratch, namesSql, findSql).check(), (error: Error) => {
      assert.match(error.message, message)
      return true
    })
  }
  const away = new SqlNames({
    url: 'postgres://nobody@127.0.0.1:1/none',
    namesSql: NAMES,
    findSql: FIND,
  })
  t.after(() => away.close())
  await away.check() // the relay starts, and the page says that the database is away
})

test('a statement cannot write, and takes no longer than a second', async (t) => {
  const scratch = await withUsers(t)
  const reader = new URL(scratch.urlAs('audit_reader')).username
  await scratch.sql.unsafe(`
    create function public.sly() returns uuid language plpgsql security definer as
      $$ begin insert into public.users values (gen_random_uuid(), 'x'); return null; end $$;
    grant execute on function public.sly() to "${reader}"`)
  await scratch.sql`insert into public.users values (${ADA}, 'Ada', null)`
  const sly = sqlNames(t, scratch, 'select public.sly(), name from users where id = any($1)')
  await sly.check()
  await assert.rejects(sly.names([ADA]))
  const [count] = await scratch.sql`select count(*)::integer as n from public.users`
  assert.equal(count?.['n'], 1)

  const slow = 'select id, name from users, pg_sleep(20) where id = any($1)'
  const source = sqlNames(t, scratch, slow)
  await source.check()
  const beganMs = performance.now()
  await assert.rejects(source.names([ADA]))
  assert.ok(performance.now() - beganMs < 10_000)
})

test('the page of the relay shows the names of both, and takes them in the query line', async (t) => {
  const scratch = await withUsers(t)
  await scratch.sql`insert into public.users values (${ADA}, 'Ada Lovelace', null)`
  await appendToLog(scratch.sql, [
    { userId: ADA, action: 'report.send' },
    named(GRACE, 'Grace Hopper', { action: 'report.open' }),
    { userId: GRACE, action: 'guest.check_in' },
  ])
  await connectAs(t, scratch, 'audit_relay')`select audit.take_labels(1, 3)`
  const environment = {
    AUDIT_HTTP_PORT: '0',
    AUDIT_PAGE_TOKEN: 'ada:an-oak-and-two-owls',
    AUDIT_PAGE_AUDIT_READS: 'off',
    AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader'),
    AUDIT_NAMES_SQL: NAMES,
    AUDIT_FIND_SQL: FIND,
  }
  const config = readHttpConfig(environment)
  assert.ok(config)
  const server = await serveHttp(config, silentLogger())
  t.after(() => server.stop())
  const visit = await fetch(`${server.url}?token=an-oak-and-two-owls`, { redirect: 'manual' })
  const cookie = visit.headers.get('set-cookie')?.split(';')[0] ?? ''
  const text = async (query: string) => {
    const url = `${server.url}${query}`
    return textOf(await (await fetch(url, { headers: { cookie } })).text())
  }
  const all = await text('')
  assert.match(all, /Ada Lovelace sent the report/)
  assert.match(all, /Grace Hopper checked in the guest/)
  assert.match(await text('?q=by:lovelace'), /1 entry/)
  assert.match(await text('?q=by:hopper'), /2 entries/)

  const wrong = readHttpConfig({ ...environment, AUDIT_NAMES_SQL: 'select 1' })
  assert.ok(wrong)
  await assert.rejects(serveHttp(wrong, silentLogger()), /AUDIT_NAMES_SQL must use \$1/)
})

test('doctor tries the statements', async (t) => {
  const scratch = await withUsers(t)
  const environment = {
    DATABASE_URL: scratch.url,
    AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader'),
    AUDIT_FIND_SQL: 'select id from nowhere where name = $1',
  }
  const { stdout } = await runRelay(t, ['doctor', '--json'], environment)
  const kinds = JSON.parse(stdout).findings.map(({ kind }: { kind: string }) => kind)
  assert.ok(kinds.includes('names-sql'), stdout)
})
