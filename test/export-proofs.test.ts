import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import zlib from 'node:zlib'
import {
  exportLog,
  exportToFile,
  exportToStream,
  proveEntry,
  verifyExport,
} from '../src/export/index.ts'
import { volatileMemory } from '../relay/seal/memory.ts'
import { leafHash, readLeaf } from '../src/seal/leaf.ts'
import { subtreesBetween } from '../src/seal/many-leaves.ts'
import { newKey, vkeyOf } from '../src/seal/note.ts'
import { splitSeal, verifyProof } from '../src/seal/proof.ts'
import { runRelay } from './support/audit-relay.ts'
import { scratchDatabase } from './support/database.ts'
import { erase } from './support/erasures.ts'
import { readerOf, scratchFolder } from './support/exports.ts'
import { connectAs } from './support/logins.ts'
import { logGoldenEntries } from './support/golden-leaves.ts'
import { PassThrough } from 'node:stream'
import { LOG_NAME, sealerOn, testKeys } from './support/seals.ts'

const ENTRIES = 3_000

/** A sealed log of the golden entries and many others, of which each tenth is an `order.pay`. */
async function sealedLog(t: TestContext, { entries = ENTRIES } = {}) {
  const database = await scratchDatabase(t)
  const { sql } = database
  const golden = await logGoldenEntries(sql, 'uuid')
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action, user_id, metadata)
    select ('01990000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, n, clock_timestamp(),
      case when n % 10 = 0 then 'order.pay' else 'order.view' end, gen_random_uuid(),
      jsonb_build_object('n', n)
    from generate_series(${golden.length + 1}::int, ${entries}::int) as n`
  await sql`update audit.audit_head set seq = (select max(seq) from audit.audit_log)`
  const keys = testKeys()
  const memory = volatileMemory()
  const seal = () => sealerOn(t, database, { keys, memory }).drain()
  await seal()
  const policy = `log ${vkeyOf(LOG_NAME, keys.signers[0].publicKey)}\nquorum none\n`
  return { ...database, policy, seal, db: readerOf(t, database), folder: scratchFolder(t) }
}

const linesOf = (file: string) => fs.readFileSync(file, 'utf8').split('\n').slice(0, -1)

test('a whole log is proved without a hash more than its entries', async (t) => {
  const { db, policy, folder } = await sealedLog(t)
  const out = path.join(folder, 'log.ndjson')
  const manifest = await exportToFile(db, { out, proofs: true })
  assert.deepEqual(
    [manifest.version, manifest.rows, manifest.proof?.hashes, manifest.proof?.list],
    [2, ENTRIES, 0, []],
  )
  assert.match(manifest.checkpoint ?? '', /^example\.com\/audit\n3000\n/)
  const { problems, proved, unproved } = await verifyExport(out, { policy })
  assert.deepEqual([problems, unproved], [[], undefined])
  assert.deepEqual(proved, {
    ...{ origin: LOG_NAME, size: ENTRIES, rows: ENTRIES, firstSeq: 1, lastSeq: ENTRIES },
    ...{ leftOut: 0, unsealed: 0, withErased: 0 },
  })
  assert.deepEqual(fs.readdirSync(folder).sort(), ['log.ndjson', 'log.ndjson.manifest.json'])
})

test('a part of a log is proved by few hashes, compressed or not', async (t) => {
  const { db, policy, folder } = await sealedLog(t)
  for (const name of ['part.ndjson', 'part.ndjson.gz']) {
    const out = path.join(folder, name)
    const gzip = name.endsWith('.gz')
    const asked = { out, gzip, proofs: true, fromSeq: 1_001, toSeq: 1_500 }
    const { proof } = await exportToFile(db, asked)
    assert.ok(proof && proof.hashes < 20, `${proof?.hashes} hashes`)
    const { problems, proved } = await verifyExport(out, { policy })
    assert.deepEqual([problems, proved?.rows, proved?.leftOut], [[], 500, 0])
  }
})

test('a filtered file proves each of its entries, and says what it does not prove', async (t) => {
  const { db, policy, folder, urlAs } = await sealedLog(t, { entries: 30_000 })
  const out = path.join(folder, 'pays.ndjson')
  const { proof, rows } = await exportToFile(db, {
    ...{ out, proofs: true, filter: { action: 'order.pay' } },
  })
  assert.ok(proof && proof.hashes > 1_000 && proof.list === undefined)
  const hashes = fs.readFileSync(`${out}.proof`, 'utf8')
  assert.equal(hashes.split('\n').length, proof.hashes + 1)
  assert.equal(createHash('sha256').update(hashes).digest('hex'), proof.sha256)
  const { proved } = await verifyExport(out, { policy })
  assert.deepEqual([proved?.rows, proved?.leftOut], [rows, 30_000 - 30 - rows + 1])
  fs.writeFileSync(path.join(folder, 'policy'), policy)
  const args = ['verify-export', out, '--policy', path.join(folder, 'policy')]
  const { code, stdout } = await runRelay(t, args, { DATABASE_URL: urlAs('audit_reader') })
  assert.equal(code, 0)
  assert.match(
    stdout,
    /Each of the \d+ entries is proved by example\.com\/audit, in a tree of 30000\./,
  )
  assert.match(stdout, /\d+ numbers between the first and the last are not in it/)
})

/** The file with its manifest made to fit, as somebody would who can change both. */
function rewritten(out: string, change: (lines: readonly string[]) => readonly string[]): void {
  const lines = change(linesOf(out))
  const text = lines.map((line) => `${line}\n`).join('')
  fs.writeFileSync(out, text)
  const manifest = JSON.parse(fs.readFileSync(`${out}.manifest.json`, 'utf8'))
  const seqAt = (line: string | undefined) => Number(/\d+/.exec(line ?? '')?.[0])
  fs.writeFileSync(
    `${out}.manifest.json`,
    JSON.stringify({
      ...manifest,
      ...{ bytes: Buffer.byteLength(text), rows: lines.length },
      ...{ firstSeq: seqAt(lines[0]), lastSeq: seqAt(lines.at(-1)) },
      sha256: createHash('sha256').update(text).digest('hex'),
    }),
  )
}

test('a file that was changed together with its manifest is refused by the policy alone', async (t) => {
  const { db, policy, folder } = await sealedLog(t)
  const original = path.join(folder, 'original.ndjson')
  await exportToFile(db, { out: original, proofs: true, fromSeq: 101, toSeq: 200 })
  const at = (lines: readonly string[], place: number) => lines[place] ?? ''
  const changes: [string, RegExp, (lines: readonly string[]) => readonly string[]][] = [
    [
      'a value',
      /is not what/,
      (lines) =>
        lines.map((line, place) => (place === 50 ? line.replace(/"n": \d+/, '"n": 7') : line)),
    ],
    ['a line less', /hashes|is not what/, (lines) => lines.filter((_, place) => place !== 50)],
    ['the first line less', /hashes|is not what/, (lines) => lines.slice(1)],
    ['the last line less', /hashes|is not what/, (lines) => lines.slice(0, -1)],
    [
      'a line twice',
      /stands after/,
      (lines) => [...lines.slice(0, 50), at(lines, 49), ...lines.slice(50)],
    ],
    [
      'two lines swapped',
      /stands after/,
      (lines) => [...lines.slice(0, 50), at(lines, 51), at(lines, 50), ...lines.slice(52)],
    ],
    [
      'a line of another number',
      /hashes|is not what/,
      (lines) =>
        lines.map((line, place) => (place === 99 ? line.replace('"seq":200', '"seq":201') : line)),
    ],
    [
      'a number beyond the tree',
      /is not one of the/,
      (lines) =>
        lines.map((line, place) => (place === 99 ? line.replace('"seq":200', '"seq":9000') : line)),
    ],
    [
      'a user left out of the line',
      /salt|seal|is not what/,
      (lines) =>
        lines.map((line, place) =>
          place === 50 ? line.replace(/"user_id":"[^"]*"/, '"user_id":null') : line,
        ),
    ],
  ]
  for (const [name, message, change] of changes) {
    const out = path.join(folder, 'changed.ndjson')
    fs.copyFileSync(original, out)
    fs.copyFileSync(`${original}.manifest.json`, `${out}.manifest.json`)
    rewritten(out, change)
    const plain = await verifyExport(out)
    assert.ok(
      plain.problems.every((problem) => /out of order/.test(problem)),
      name,
    )
    const { problems, proved } = await verifyExport(out, { policy })
    assert.equal(proved, undefined, name)
    assert.match(problems.join('\n'), message, name)
  }
})

test('a proof that was changed, or that nobody signed, proves nothing', async (t) => {
  const { db, policy, folder } = await sealedLog(t)
  const out = path.join(folder, 'log.ndjson')
  const manifest = await exportToFile(db, { out, proofs: true, fromSeq: 101, toSeq: 200 })
  const list = [...(manifest.proof?.list ?? [])]
  assert.ok(list.length > 3)
  const sha256 = (lines: readonly string[]) =>
    createHash('sha256')
      .update(lines.map((line) => `${line}\n`).join(''))
      .digest('hex')
  const changed = [list[1] ?? '', list[0] ?? '', ...list.slice(2)]
  const proofs: [string, 'problems' | 'unproved', object][] = [
    [
      'hashes swapped',
      'problems',
      { proof: { ...manifest.proof, list: changed, sha256: sha256(changed) } },
    ],
    [
      'hashes swapped, sha256 as it was',
      'problems',
      { proof: { ...manifest.proof, list: changed } },
    ],
    [
      'a hash less',
      'problems',
      { proof: { ...manifest.proof, list: list.slice(1), sha256: sha256(list.slice(1)) } },
    ],
    [
      'a hash more',
      'problems',
      {
        proof: {
          ...manifest.proof,
          list: [...list, list[0]],
          sha256: sha256([...list, list[0] ?? '']),
        },
      },
    ],
    ['another first seq', 'problems', { proof: { ...manifest.proof, firstSeq: 2 } }],
    [
      'another size',
      'problems',
      { checkpoint: manifest.checkpoint?.replace('\n3000\n', '\n3001\n') },
    ],
    ['no checkpoint', 'unproved', { checkpoint: undefined }],
    ['no proof', 'unproved', { proof: undefined }],
    [
      'hashes in a file that is not there',
      'unproved',
      { proof: { ...manifest.proof, list: undefined } },
    ],
  ]
  for (const [name, where, edit] of proofs) {
    fs.writeFileSync(`${out}.manifest.json`, JSON.stringify({ ...manifest, ...edit }))
    const result = await verifyExport(out, { policy })
    assert.equal(result.proved, undefined, name)
    assert.ok(where === 'problems' ? result.problems.length > 0 : result.unproved, name)
    assert.equal(
      where === 'problems' ? result.unproved : result.problems.length,
      where === 'problems' ? undefined : 0,
      name,
    )
  }
  fs.writeFileSync(`${out}.manifest.json`, JSON.stringify(manifest))
  const other = `log ${newKey(LOG_NAME).vkey}\nquorum none\n`
  assert.match((await verifyExport(out, { policy: other })).unproved ?? '', /No key of the policy/)
  assert.match((await verifyExport(out, { policy: '' })).unproved ?? '', /no quorum/)
  assert.equal((await verifyExport(out, { policy })).proved?.rows, 100)
})

/** Puts the leaf of an entry among the hashes of the proof, so that the proof fits without it. */
function besideTheEntries(out: string, line: string): void {
  const manifest = JSON.parse(fs.readFileSync(`${out}.manifest.json`, 'utf8'))
  const { body, opening } = splitSeal(line)
  const { seq, text } = readLeaf(body, opening)
  const { list } = manifest.proof
  const before = [...subtreesBetween(0, 100)].length
  assert.equal(seq, 151, 'one entry that stands alone')
  const fitting = [
    ...list.slice(0, before),
    leafHash(text).toString('base64'),
    ...list.slice(before),
  ]
  const lines = fitting.map((hash) => `${hash}\n`).join('')
  const sha256 = createHash('sha256').update(lines).digest('hex')
  const proof = { ...manifest.proof, hashes: fitting.length, list: fitting, sha256 }
  fs.writeFileSync(`${out}.manifest.json`, JSON.stringify({ ...manifest, proof }))
}

test('a line that was taken out with a proof that fits is said to be left out', async (t) => {
  const { db, policy, folder } = await sealedLog(t)
  const out = path.join(folder, 'log.ndjson')
  await exportToFile(db, { out, proofs: true, fromSeq: 101, toSeq: 200 })
  const line = linesOf(out)[50] ?? ''
  rewritten(out, (lines) => lines.filter((one) => one !== line))
  besideTheEntries(out, line)
  const { proved, problems } = await verifyExport(out, { policy })
  assert.deepEqual([problems, proved?.rows, proved?.leftOut], [[], 99, 1])
})

test('a line whose seal was taken away, with a proof that fits, is one that nothing proves', async (t) => {
  const { db, policy, folder } = await sealedLog(t)
  const out = path.join(folder, 'log.ndjson')
  await exportToFile(db, { out, proofs: true, fromSeq: 101, toSeq: 200 })
  const line = linesOf(out)[50] ?? ''
  const bare = `${splitSeal(line).body.slice(0, -1)}}`.replace(/"n": \d+/, '"n": 7')
  rewritten(out, (lines) => lines.map((one) => (one === line ? bare : one)))
  besideTheEntries(out, line)
  const { proved, problems, unproved } = await verifyExport(out, { policy })
  assert.deepEqual([problems, proved], [[], undefined])
  assert.match(unproved ?? '', /^1 of its entries have no seal/)
})

test('an export with proofs that was interrupted goes on, while the log is sealed on', async (t) => {
  const { sql, db, policy, folder, seal } = await sealedLog(t, { entries: 9_000 })
  const out = path.join(folder, 'log.ndjson.gz')
  const halt = new AbortController()
  const asked = { out, gzip: true, proofs: true, signal: halt.signal }
  const onProgress = () => halt.abort()
  await assert.rejects(exportToFile(db, { ...asked, onProgress }), { name: 'AbortError' })
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    select ('01990000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, n, clock_timestamp(), 'a.b'
    from generate_series(9001, 9700) as n`
  await sql`update audit.audit_head set seq = 9700`
  await seal()
  const manifest = await exportToFile(db, { out, resume: true })
  assert.deepEqual([manifest.version, manifest.rows, manifest.throughSeq], [2, 9_000, 9_000])
  const { problems, proved } = await verifyExport(out, { policy })
  assert.deepEqual([problems, proved?.rows, proved?.size], [[], 9_000, 9_000])
})

test('an erased entry is proved by what the erasure has left', async (t) => {
  const log = await sealedLog(t)
  const { sql, db, policy, folder } = log
  const eraser = connectAs(t, log, 'audit_eraser')
  await erase(eraser, [2], ['user_id', 'more_targets', 'metadata'])
  await erase(eraser, [1_000], ['user_id'])
  for (const seq of [2, 1_000]) {
    const { line, proof } = await proveEntry(db, seq)
    assert.equal(verifyProof(line, proof, policy).seq, seq)
    assert.match(line, /"user_id":null,.*,"seal":\{"user_id":\{"erased":"[0-9a-f]{64}"\},/)
    const filled = line.replace(
      '"user_id":null',
      '"user_id":"01990000-0000-7000-8000-000000000901"',
    )
    assert.throws(() => verifyProof(filled, proof, policy), { kind: 'altered' })
  }
  const out = path.join(folder, 'log.ndjson')
  await exportToFile(db, { out, proofs: true })
  const { problems, proved } = await verifyExport(out, { policy })
  assert.deepEqual([problems, proved?.rows, proved?.withErased], [[], ENTRIES, 2])
  await sql`update audit.audit_salt set salts = overlay(
    salts placing decode(repeat('00', 16), 'hex') from ${3 * 16 + 1}::int) where n = 0`
  await assert.rejects(proveEntry(db, 3), { kind: 'unproved', message: /its salt is gone/ })
})

test('the command exports with proofs and exits with what the proof is worth', async (t) => {
  const { sql, policy, folder, urlAs } = await sealedLog(t)
  const run = (...args: readonly string[]) =>
    runRelay(t, args, { DATABASE_URL: urlAs('audit_reader') })
  const out = path.join(folder, 'log.ndjson.gz')
  const trusted = path.join(folder, 'audit.policy')
  fs.writeFileSync(trusted, policy)
  const exported = await run('export', '--out', out, '--proofs')
  assert.equal(exported.code, 0, exported.stderr)
  assert.match(exported.stderr, /proved through seq 3000 by 0 hashes/)
  assert.match(
    zlib.gunzipSync(fs.readFileSync(out)).toString(),
    /,"seal":\{"salt":"[0-9a-f]{32}"\}\}\n$/,
  )
  const proved = await run('verify-export', out, '--policy', trusted, '--json')
  assert.deepEqual([proved.code, JSON.parse(proved.stdout).proved.rows], [0, ENTRIES])
  const plain = path.join(folder, 'plain.ndjson')
  await run('export', '--out', plain, '--to-seq', '10')
  assert.equal((await run('verify-export', plain)).code, 0)
  assert.equal((await run('verify-export', plain, '--policy', trusted)).code, 6)
  assert.equal((await run('verify-export', plain, '--policy', `${trusted}.none`)).code, 2)
  await sql.begin(async (tx) => {
    await tx`alter table audit.audit_log disable trigger all`
    await tx`update audit.audit_log set metadata = '{"n": 1}' where seq = 1234`
    await tx`alter table audit.audit_log enable always trigger audit_log_row_append_only`
  })
  const changed = await run('export', '--out', path.join(folder, 'changed.ndjson'), '--proofs')
  assert.equal(changed.code, 5)
  assert.match(changed.stderr, /Entry 1234 is not what example\.com\/audit sealed/)
  for (const args of [
    ['--format', 'csv'],
    ['--about', 'x'],
    ['--out', '-'],
  ]) {
    assert.equal((await run('export', '--out', `${out}.x`, '--proofs', ...args)).code, 2)
  }
})

test('proofs are for files of a sealed log', async (t) => {
  const database = await scratchDatabase(t)
  const db = readerOf(t, database)
  const out = path.join(scratchFolder(t), 'log.ndjson')
  await assert.rejects(exportToFile(db, { out, proofs: true }), {
    ...{ code: 'AUDIT_NOT_PROVED', message: /The log is not sealed/ },
  })
  const wrong = { code: 'AUDIT_FILTER_INVALID', message: /proofs/ }
  await assert.rejects(exportLog(db, { proofs: true }), wrong)
  await assert.rejects(exportToStream(db, new PassThrough(), { proofs: true }), wrong)
  await assert.rejects(exportToFile(db, { out, proofs: true, format: 'csv' }), wrong)
  await assert.rejects(exportToFile(db, { out, proofs: 'yes' as never }), wrong)
})
