import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { EXPORT_FORMATS, exportToFile, verifyExport } from '../src/export/index.ts'
import { tail } from '../src/read/tail.ts'
import { entry, timeline } from '../src/read/timeline.ts'
import { erase, filledLog, SECRET } from './support/erasures.ts'
import { readerOf, scratchFolder } from './support/exports.ts'
import { connectAs } from './support/logins.ts'

const [USER, OTHER] = [randomUUID(), randomUUID()] as [string, string]
const ERASED = ['userId', 'metadata', 'context']

/** Of two entries the first one has lost its user, metadata and context. */
async function erasedLog(t: TestContext) {
  const { scratch, ids } = await filledLog(t, [
    { user: USER, target: OTHER },
    { user: OTHER, target: OTHER },
  ])
  await erase(connectAs(t, scratch, 'audit_eraser'), [1], ['user_id', 'metadata', 'context'])
  return { scratch, db: readerOf(t, scratch), id: String(ids[0]) }
}

test('timeline, entry and tail say which fields were erased', async (t) => {
  const { db, id } = await erasedLog(t)
  const { entries } = await timeline(db, { order: 'oldest' })
  assert.deepEqual(
    entries.map(({ seq, userId, metadata, erased }) => [seq, userId, metadata, erased]),
    [
      [1, null, {}, ERASED],
      [2, OTHER, { mail: SECRET }, undefined],
    ],
  )
  assert.ok(entries[1] && !('erased' in entries[1]))
  assert.deepEqual((await entry(db, id))?.erased, ERASED)
  for (const filter of [{}, { targetId: OTHER }]) {
    for await (const one of tail(db, { fromSeq: 1, filter })) {
      assert.deepEqual(one.erased, ERASED)
      break
    }
  }
})

test('every format of an export holds empty fields, and says which were erased', async (t) => {
  const { db } = await erasedLog(t)
  for (const format of EXPORT_FORMATS) {
    const out = path.join(scratchFolder(t), `log.${format}`)
    const { rows } = await exportToFile(db, { out, format })
    assert.equal(rows, 2)
    const text = fs.readFileSync(out, 'utf8')
    const first = text.split(format === 'csv' ? '\r\n' : '\n').find((line) => line.includes(OTHER))
    assert.ok(first && !first.includes(USER) && !first.includes('192.0.2.1'), format)
    assert.equal(text.split(USER).length, 1, format)
    const mark = '["user_id","metadata","context"]'
    const said = format === 'csv' ? `,"${mark.replaceAll('"', '""')}"\r\n` : `"erased":${mark}`
    assert.equal(text.split(said).length, 2, format)
    assert.deepEqual((await verifyExport(out)).problems, [], format)
  }
})

test('an export of an entry of which nothing was erased is as it was', async (t) => {
  const { scratch } = await filledLog(t, [{ user: USER }])
  const db = readerOf(t, scratch)
  const [before, after] = ['before', 'after'].map((name) => path.join(scratchFolder(t), name)) as [
    string,
    string,
  ]
  await exportToFile(db, { out: before })
  await scratch.sql`
    insert into audit.audit_erasure (seq, id, fields) values (7, gen_random_uuid(), '{context}')`
  await exportToFile(db, { out: after })
  assert.equal(fs.readFileSync(after, 'utf8'), fs.readFileSync(before, 'utf8'))
})
