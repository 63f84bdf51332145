import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PARAMETERS } from '../src/page/query/address.ts'
import { AuditError } from '../src/errors.ts'
import { exportLog } from '../src/export/index.ts'
import { FILTER_NAMES } from '../src/read/filter.ts'
import { tail } from '../src/read/tail.ts'
import { type AuditDatabase, entry, timeline } from '../src/read/timeline.ts'
import { onlyIdKind } from './support/id-kind.ts'
import { pageOn } from './support/pages.ts'

/** What has broken other readers of query strings: each as every parameter that there is. */
const HOSTILE: readonly unknown[] = [
  ...['', '%', '%%%', "a' --", "' or 1=1 --", '$.a.x == 1 || 1==1', '$', '{"', '(select 1)'],
  ...['\u0000', 'a\u0000b', 'a\nb', '\ud800', '../../etc/passwd', '__proto__', 'constructor'],
  ...['null', 'undefined', 'NaN', '1e9', '-1', '01a211af-f7ce-726b-8fe1', 'x'.repeat(100_000)],
  ...[null, true, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 10n, Symbol('a'), () => 'a'],
  ...[[], ['a'], ['01a211af-f7ce-726b-8fe1-a3226d40e2c3'], { a: 'x'.repeat(100_000) }],
]

/** Names and request ids may be any text of one line: there it is looked for, as text. */
const FREE_TEXT = new Set(['requestId', 'entityType', 'request'])
const isLineOfText = (value: unknown) =>
  typeof value === 'string' && /^[^\p{C}]{1,256}$/u.test(value)

/** Not hostile there: an action may be called so, and the rest are good values of that kind. */
function isGood(name: string, value: unknown): boolean {
  // Of a query line, what is understood is answered, and the rest is named (query.test).
  if (name === 'query' || name === 'q') return typeof value === 'string'
  // What has no such name is forgotten already.
  if (name === 'forget') return true
  if (FREE_TEXT.has(name)) return isLineOfText(value)
  if (name === 'action') return isLineOfText(value) && /^[^\s*%'"`;\\]+$/.test(String(value))
  return false
}

const pairs = (names: readonly string[]) =>
  names.flatMap((name) =>
    HOSTILE.filter((value) => !isGood(name, value)).map((value) => [name, value] as const),
  )

const untouchable: AuditDatabase = {
  execute: () => assert.fail('the database was asked'),
}

/** What is no UUID might be an id elsewhere, so that alone may be asked. */
const onlyIds = onlyIdKind('uuid')

function isRefusal(what: string) {
  return (error: unknown) => {
    assert.ok(error instanceof AuditError, `${what}: ${error}`)
    assert.equal(error.code, 'AUDIT_FILTER_INVALID', `${what}: ${error.message}`)
    assert.ok(error.message.length < 400, what)
    assert.doesNotMatch(error.message, /\n/)
    return true
  }
}

const said = (name: string, value: unknown) => `${name} ${String(value).slice(0, 40)}`

// Goal: one entry is asked for by an id and by nothing else.
// Method: every hostile value, and ids that are nearly one, on a database that must not be asked.
test('an entry is asked for by a UUID, or the database is not asked', async () => {
  const id = '01a211af-f7ce-726b-8fe1-a3226d40e2c3'
  const near = [`{${id}}`, id.replaceAll('-', ''), ` ${id}`, `${id}\n`, `${id}0`, id.slice(1), 7]
  for (const given of [...HOSTILE, ...near, undefined]) {
    const asked = entry(untouchable, given as string)
    await assert.rejects(asked, isRefusal(said('id', given)))
  }
})

// Goal: for any query string the answer is a message and never a statement.
// Method: every name of a filter and every option, each with every hostile value.
test('each parameter of a timeline, a tail and an export refuses what is hostile', async () => {
  // With a good filter, so that the value is refused, and not a filter that stands alone.
  const goodFilter = (name: string) => (name === 'requestId' ? {} : { requestId: 'r' })
  for (const [name, value] of pairs([...FILTER_NAMES, 'order', 'cursor', 'limit'])) {
    const options = { ...goodFilter(name), [name]: value } as object
    await assert.rejects(timeline(onlyIds, options), isRefusal(said(name, value)))
  }
  for (const [name, value] of pairs([...FILTER_NAMES])) {
    const filter = { [name]: value } as object
    const tailed = async () => tail(onlyIds, { filter }).next()
    await assert.rejects(tailed, isRefusal(said(`tail ${name}`, value)))
    const exported = exportLog(onlyIds, { filter })
    await assert.rejects(exported, isRefusal(said(`export ${name}`, value)))
  }
  for (const [name, value] of pairs(['about'])) {
    const exported = exportLog(onlyIds, { [name]: value } as object)
    await assert.rejects(exported, isRefusal(said(`export ${name}`, value)))
  }
  for (const [name, value] of pairs(['fromSeq', 'filter'])) {
    const options = { [name]: value } as object
    assert.throws(() => tail(untouchable, options), isRefusal(said(`tail ${name}`, value)))
  }
  for (const [name, value] of pairs(['format', 'fromSeq', 'toSeq', 'filter'])) {
    const exported = exportLog(untouchable, { [name]: value } as object)
    await assert.rejects(exported, isRefusal(said(`export ${name}`, value)))
  }
})

// Goal: the same for people: a page that says so, 400 and never 500.
// Method: every parameter that the page knows, and one that it does not, with every hostile text.
test('each parameter of the page answers what is hostile with 400', async () => {
  const { get } = pageOn(onlyIds)
  // As an address carries them: half a character becomes the sign for one that cannot be read.
  const texts = HOSTILE.flatMap((value) =>
    typeof value === 'string' && value !== '' ? Buffer.from(value).toString() : [],
  )
  for (const name of [...PARAMETERS, 'metadata', 'sort']) {
    for (const value of texts.filter((text) => !isGood(name, text.trim()))) {
      const response = await get(`?${new URLSearchParams({ [name]: value })}`)
      const body = await response.text()
      assert.equal(response.status, 400, `${said(name, value)}: ${body.slice(0, 300)}`)
      assert.match(body, /<div class="message warning"/)
      assert.ok(body.length < 20_000, said(name, value))
    }
  }
  for (const name of ['export', 'part']) {
    assert.equal((await get(`?${name}=`)).status, 400, `${name} without a value`)
  }
})
