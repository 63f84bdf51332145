import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { volatileMemory } from '../relay/seal/memory.ts'
import { proveEntry } from '../src/export/index.ts'
import { verifyProof } from '../src/seal/index.ts'
import { vkeyOf } from '../src/seal/key.ts'
import { runRelay } from './support/audit-relay.ts'
import { scratchDatabase } from './support/database.ts'
import { readerOf, scratchFolder } from './support/exports.ts'
import { goldenLeaves, logGoldenEntries } from './support/golden-leaves.ts'
import { cosignature } from './support/proofs.ts'
import { LOG_NAME, sealerOn, testKeys } from './support/seals.ts'

/** A log with the golden entries, sealed as far as `seq` goes. */
async function sealedLog(t: TestContext) {
  const database = await scratchDatabase(t)
  await logGoldenEntries(database.sql, 'uuid')
  await database.sql`update audit.audit_head set seq = (select max(seq) from audit.audit_log)`
  const keys = testKeys()
  const memory = volatileMemory()
  const seal = () => sealerOn(t, database, { keys, memory }).drain()
  await seal()
  const policy = `log ${vkeyOf(LOG_NAME, keys.signers[0].publicKey)}\nquorum none\n`
  const prove = (...args: readonly string[]) =>
    runRelay(t, ['prove', ...args], { DATABASE_URL: database.urlAs('audit_reader') })
  return { ...database, policy, prove, seal, db: readerOf(t, database) }
}

test('every entry of a sealed log is proved, hostile ones too', async (t) => {
  const { db, policy } = await sealedLog(t)
  const entries = goldenLeaves.entries.filter(({ ids }) => ids === 'uuid')
  for (const { name, line } of entries) {
    const seq = Number(/\d+/.exec(line)?.[0])
    const proved = await proveEntry(db, seq)
    assert.equal(proved.line.replace(/,"seal":.*\n$/, '}'), line, name)
    const expected = { seq, size: entries.length, origin: LOG_NAME }
    assert.deepEqual(verifyProof(proved.line, proved.proof, policy), expected, name)
  }
})

test('an entry is proved by the newest checkpoint that a witness cosigned', async (t) => {
  const { sql, db, policy, seal } = await sealedLog(t)
  const witness = cosignature('w1.example')
  const witnessed = policy.replace('quorum none', `witness w1 ${witness.vkey}\nquorum w1`)
  const [first] = await sql`select size::int as size, note from audit.audit_checkpoint`
  const text = String(first?.['note']).split('\n\n')[0]
  await sql`insert into audit.audit_cosignature (origin, size, name, line)
    values (1, ${first?.['size']}, 'w1.example', ${witness.line(`${text}\n`).trimEnd()})`
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    select ('01990000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, n, clock_timestamp(), 'a.b'
    from generate_series(101, 600) as n`
  await sql`update audit.audit_head set seq = 600`
  await seal()
  const old = await proveEntry(db, 5)
  assert.equal(verifyProof(old.line, old.proof, witnessed).size, first?.['size'])
  const young = await proveEntry(db, 500)
  assert.equal(verifyProof(young.line, young.proof, policy).size, 600)
  assert.throws(() => verifyProof(young.line, young.proof, witnessed), { kind: 'unproved' })
})

test('prove writes two files for each entry, which a stranger checks', async (t) => {
  const { policy, prove } = await sealedLog(t)
  const folder = path.join(scratchFolder(t), 'proofs')
  const { code, stdout, stderr } = await prove('3', '7', '--out', folder, '--json')
  assert.deepEqual([code, JSON.parse(stdout)], [0, { proved: [3, 7], folder }], stderr)
  const names = ['3.ndjson', '3.tlog-proof', '7.ndjson', '7.tlog-proof']
  assert.deepEqual(fs.readdirSync(folder).sort(), names)
  const read = (name: string) => fs.readFileSync(path.join(folder, name), 'utf8')
  assert.equal(verifyProof(read('7.ndjson'), read('7.tlog-proof'), policy).seq, 7)
  for (const name of names) assert.equal(fs.statSync(path.join(folder, name)).mode & 0o077, 0)
})

test('without a folder the line and its proof go to standard output', async (t) => {
  const { policy, prove } = await sealedLog(t)
  const { code, stdout } = await prove('5')
  assert.equal(code, 0)
  const [line = '', ...proof] = stdout.split('\n')
  assert.equal(verifyProof(line, proof.join('\n'), policy).seq, 5)
})

test('the entries of a file are proved: of an export, or of a list of numbers', async (t) => {
  const { prove } = await sealedLog(t)
  const folder = scratchFolder(t)
  const lines = goldenLeaves.entries.slice(3, 5).map(({ line }) => `${line}\n`)
  fs.writeFileSync(path.join(folder, 'export.ndjson'), lines.join(''))
  fs.writeFileSync(path.join(folder, 'seqs'), '9\n\n2')
  fs.writeFileSync(path.join(folder, 'wrong'), '9\nten\n')
  const out = path.join(folder, 'out')
  for (const [file, expected] of [
    ['export.ndjson', 0],
    ['seqs', 0],
    ['wrong', 2],
    ['none', 2],
  ] as const) {
    const ran = await prove('--file', path.join(folder, file), '--out', out, '--quiet')
    assert.equal(ran.code, expected, ran.stderr)
  }
  const proofs = fs.readdirSync(out).filter((name) => name.endsWith('.tlog-proof'))
  assert.deepEqual(
    proofs.sort(),
    ['2', '4', '5', '9'].map((seq) => `${seq}.tlog-proof`),
  )
})

test('what is not sealed, or not in the log, is not proved', async (t) => {
  const { sql, prove } = await sealedLog(t)
  const last = goldenLeaves.entries.filter(({ ids }) => ids === 'uuid').length
  const unsealed = await prove(String(last + 1))
  assert.equal(unsealed.code, 6)
  assert.match(unsealed.stderr, new RegExp(`is not sealed yet: the log is sealed through ${last}`))
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await tx`alter table audit.audit_log disable trigger all`
    await tx`delete from audit.audit_log where seq = 4`
    await tx`alter table audit.audit_log enable always trigger audit_log_row_append_only`
  })
  const gone = await prove('4')
  assert.deepEqual([gone.code, gone.stderr], [6, 'audit-relay: Entry 4 is not in the log.\n'])
  for (const args of [[], ['0'], ['x'], ['1', '--json']]) {
    assert.equal((await prove(...args)).code, 2, args.join(' '))
  }
})

test('an entry that was changed is named, and no proof of it is written', async (t) => {
  const { sql, prove } = await sealedLog(t)
  await sql.begin(async (tx) => {
    await tx`alter table audit.audit_log disable trigger all`
    await tx`update audit.audit_log set metadata = '{"a": 1}' where seq = 4`
    await tx`alter table audit.audit_log enable always trigger audit_log_row_append_only`
  })
  const out = path.join(scratchFolder(t), 'out')
  const ran = await prove('3', '4', '5', '--out', out)
  assert.equal(ran.code, 5)
  assert.match(ran.stderr, /Entry 4 is not what example\.com\/audit sealed/)
  assert.deepEqual(fs.readdirSync(out).sort(), ['3.ndjson', '3.tlog-proof'])
})

test('a log without a seal says so', async (t) => {
  const database = await scratchDatabase(t)
  await assert.rejects(proveEntry(readerOf(t, database), 1), {
    code: 'AUDIT_NOT_PROVED',
    kind: 'unproved',
    message: /The log is not sealed/,
  })
  await assert.rejects(proveEntry(readerOf(t, database), 0.5), { code: 'AUDIT_FILTER_INVALID' })
})
