import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { exportLog } from '../src/export/index.ts'
import { leafHash, leafText, missingText, type Opening } from '../src/seal/leaf.ts'
import { scratchDatabase } from './support/database.ts'
import { readerOf } from './support/exports.ts'
import { goldenLeaves, logGoldenEntries } from './support/golden-leaves.ts'

const hashOf = (line: string, opening: Opening) => leafHash(leafText(line, opening)).toString('hex')

test('leaves are those that another program computed from the same lines', () => {
  assert.ok(goldenLeaves.entries.length > 30)
  for (const { name, line, salt, text, leaf } of goldenLeaves.entries) {
    assert.equal(leafText(line, { salt }), text, name)
    assert.equal(leafHash(text).toString('hex'), leaf, name)
  }
  for (const { seq, text, leaf } of goldenLeaves.missing) {
    assert.equal(missingText(seq), text)
    assert.equal(leafHash(text).toString('hex'), leaf)
  }
})

test('an entry has the same leaf after fields of it were erased', () => {
  assert.ok(goldenLeaves.erased.length > 5)
  for (const { of, fields, line, opening, leaf } of goldenLeaves.erased) {
    assert.equal(hashOf(line, opening), leaf, `${of} without ${fields.join(', ')}`)
  }
})

test('the golden leaves are what their program makes', (t) => {
  const program = fileURLToPath(new URL('golden/make_leaves.py', import.meta.url))
  const ran = spawnSync('python3', [program, '--check'], { encoding: 'utf8' })
  if (ran.error) return t.skip('python3 is not here')
  assert.equal(ran.status, 0, ran.stderr)
})

test('an export of the golden entries has their lines', async (t) => {
  const database = await scratchDatabase(t)
  const entries = await logGoldenEntries(database.sql, 'uuid')
  const { pages } = await exportLog(readerOf(t, database))
  let text = ''
  for await (const page of pages) text += page.text
  assert.deepEqual(
    text.trimEnd().split('\n'),
    entries.map(({ line }) => line),
  )
})

function golden(name: string) {
  const found = goldenLeaves.entries.find((entry) => entry.name === name)
  assert.ok(found)
  return found
}

const notProved = { code: 'AUDIT_NOT_PROVED' }

test('what is not a line of an export has no leaf', () => {
  const { line, salt } = golden('every field')
  const refused: readonly string[] = [
    '',
    '{}',
    `${line}\n`,
    ` ${line}`,
    `${line} `,
    line.slice(0, -1),
    line.replace('"seq":2', '"seq":02'),
    line.replace('"seq":2', '"seq":null'),
    line.replace('"seq":2', '"seq": 2'),
    line.replace('"id":', '"ID":'),
    line.replace('"action":"thing.done"', '"action":null'),
    line.replace('"action":"thing.done",', ''),
    line.replace('"metadata":{', '"metadata":['),
    line.replace(/"more_targets":\[[^\]]*\]/, '"more_targets":"x"'),
    line.replace(/"recorder_seq":\d+/, '"recorder_seq":"1"'),
    line.replace('"request_id":"req-1"', '"request_id":"req\t1"'),
    line.replace('"context":', '"metadata":'),
  ]
  for (const text of refused) {
    assert.notEqual(text, line)
    assert.throws(() => leafText(text, { salt }), notProved, text)
  }
})

test('every byte of a line changes its leaf, or the line has none', () => {
  const { line, salt, leaf } = golden('every field')
  for (let at = 0; at < line.length; at += 1) {
    const changed = String.fromCharCode(line.charCodeAt(at) ^ 1)
    const other = `${line.slice(0, at)}${changed}${line.slice(at + 1)}`
    let found: string | undefined
    try {
      found = hashOf(other, { salt })
    } catch (error) {
      assert.equal(Reflect.get(Object(error), 'code'), 'AUDIT_NOT_PROVED')
    }
    assert.notEqual(found, leaf, `byte ${at}`)
  }
})

test('numbers that are one double have two leaves', () => {
  const { line, salt, leaf } = golden('numbers beyond a double')
  assert.match(line, /9007199254740993/)
  for (const [from, to] of [
    ['9007199254740993', '9007199254740992'],
    ['0.1000', '0.1'],
    ['"c": 0.10', '"c": 0.100'],
  ] as const) {
    const other = line.replace(from, to)
    assert.notEqual(other, line)
    assert.notEqual(hashOf(other, { salt }), leaf)
  }
})

test('a salt or an opening that does not fit is refused', () => {
  const { line, salt } = golden('every field')
  const erased = goldenLeaves.erased.find(({ fields }) => fields.join() === 'user_id')
  assert.ok(erased)
  const whole = erased.opening as Record<string, Record<string, string>>
  const { metadata: _, ...withoutMetadata } = whole
  const refused: readonly (readonly [string, unknown])[] = [
    [line, { salt: salt.slice(2) }],
    [line, { salt: salt.toUpperCase().replace(/^../, 'AB') }],
    [line, { salt: 1 }],
    [line, { salt, user_id: { salt: 'ab'.repeat(12) } }],
    [line, {}],
    [erased.line, withoutMetadata],
    [erased.line, { ...whole, event_id: { salt: 'ab'.repeat(12) } }],
    [erased.line, { ...whole, metadata: { salt: 'ab'.repeat(13) } }],
    [erased.line, { ...whole, user_id: { erased: 'ab' } }],
    [erased.line, { ...whole, user_id: { salt: 'ab'.repeat(12) } }],
  ]
  for (const [text, opening] of refused) {
    assert.throws(() => leafText(text, opening as Opening), notProved, JSON.stringify(opening))
  }
})

// A checker that took the commitment from the record, and never looked at the column, was green here.
test('an erased field that holds a value again is refused', () => {
  for (const { fields, line, opening } of goldenLeaves.erased) {
    for (const field of fields) {
      const value = field === 'more_targets' ? '["x"]' : '"x"'
      const filled = line
        .replace(`"${field}":{}`, `"${field}":{"a": 1}`)
        .replace(`"${field}":null`, `"${field}":${value}`)
      assert.notEqual(filled, line)
      assert.throws(() => leafText(filled, opening), { ...notProved, message: /was erased/ }, field)
    }
  }
})
