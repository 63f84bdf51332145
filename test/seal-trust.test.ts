import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import postgres from 'postgres'
import { fileMemory, type SealMemoryStore, volatileMemory } from '../relay/seal/memory.ts'
import type { SealKeys } from '../relay/seal/seal-keys.ts'
import { AuditError } from '../src/errors.ts'
import { declareRestored } from '../src/schema/restored.ts'
import { signCheckpoint, vkeyOf } from '../src/seal/index.ts'
import { copyOf, type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { readerOf, scratchFolder } from './support/exports.ts'
import { appendToLog } from './support/log-entries.ts'
import { checkSeal, exportedLines, LOG_NAME, sealerOn, testKeys } from './support/seals.ts'

async function log({ sql }: ScratchDatabase, count: number): Promise<void> {
  await appendToLog(
    sql,
    Array.from({ length: count }, (_, at) => ({ metadata: { at } })),
  )
}

interface Scene {
  readonly scratch: ScratchDatabase
  readonly keys: SealKeys
  readonly memory: SealMemoryStore
}

/** A log of 100 sealed entries, and the sealer's memory of it. */
async function sealedLog(t: TestContext): Promise<Scene> {
  const scene = { scratch: await scratchDatabase(t), keys: testKeys(), memory: volatileMemory() }
  await log(scene.scratch, 100)
  await seal(t, scene)
  return scene
}

/** Seals as a process does that begins now. */
async function seal(t: TestContext, { scratch, keys, memory }: Scene) {
  const sealer = sealerOn(t, scratch, { keys, memory })
  try {
    return await sealer.drain()
  } finally {
    await sealer.stop()
  }
}

/** It refuses, and neither signs nor writes anything. */
async function refuses(t: TestContext, scene: Scene, why: RegExp, code = 'AUDIT_HISTORY_CHANGED') {
  const written = async () => {
    const rows = await scene.scratch.sql`
      select (select count(*) from audit.audit_checkpoint) as checkpoints,
        (select sum(octet_length(hashes)) from audit.audit_tile) as tiles`
    return { ...rows[0] }
  }
  const [before, known] = [await written(), await scene.memory.load()]
  await assert.rejects(seal(t, scene), (error) => {
    assert.ok(error instanceof AuditError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, why)
    return true
  })
  assert.deepEqual(await written(), before)
  assert.deepEqual(await scene.memory.load(), known)
}

async function check(t: TestContext, { scratch, keys }: Scene) {
  return await checkSeal(scratch.sql, await exportedLines(readerOf(t, scratch)), keys)
}

test('an older copy is not sealed until a restore is declared, and then as a tree of its own', async (t) => {
  const scene = await sealedLog(t)
  await log(scene.scratch, 7)
  const older = { ...scene, scratch: await copyOf(t, scene.scratch) }
  await log(scene.scratch, 93)
  await seal(t, scene)
  await log(older.scratch, 50)
  await refuses(
    t,
    older,
    /^200 leaves of example.com\/audit were sealed, and the database has 100\./,
  )

  await declareRestored(older.scratch.url)
  const report = await seal(t, older)
  assert.deepEqual([report.name, report.size], [`${LOG_NAME}/2`, 57])
  assert.deepEqual(await check(t, older), { [LOG_NAME]: [100], [`${LOG_NAME}/2`]: [57] })
  const { ended, name } = (await scene.memory.load()) ?? {}
  assert.equal(name, `${LOG_NAME}/2`)
  assert.deepEqual(
    ended?.map((one) => [one.name, one.size]),
    [[LOG_NAME, 200]],
  )
  await refuses(t, scene, /^The seal is at example.com\/audit\/2, and the database knows only /)
})

test('a copy that is restored again gets a further tree, and never the name of one that was signed', async (t) => {
  const scene = await sealedLog(t)
  const dump = await copyOf(t, scene.scratch)
  const first = { ...scene, scratch: await copyOf(t, dump) }
  await declareRestored(first.scratch.url)
  await log(first.scratch, 3)
  await seal(t, first)

  const second = { ...scene, scratch: dump }
  await declareRestored(dump.url)
  await log(dump, 4)
  await refuses(t, second, /^There was a tree example.com\/audit\/2 in another copy/)
  await declareRestored(dump.url)
  assert.equal((await seal(t, second)).name, `${LOG_NAME}/3`)
  assert.deepEqual(await check(t, second), {
    ...{ [LOG_NAME]: [100], [`${LOG_NAME}/2`]: [], [`${LOG_NAME}/3`]: [4] },
  })
})

test('a copy from before the first seal is not sealed as if it had never been', async (t) => {
  const scratch = await scratchDatabase(t)
  const scene = { scratch, keys: testKeys(), memory: volatileMemory() }
  await log(scratch, 5)
  const older = { ...scene, scratch: await copyOf(t, scratch) }
  await seal(t, scene)
  await refuses(
    t,
    older,
    /^The database knows of no seal, and 5 leaves of example.com\/audit exist\./,
  )
  await declareRestored(older.scratch.url)
  assert.deepEqual((await seal(t, older)).name, `${LOG_NAME}/2`)
  assert.deepEqual(await check(t, older), { [`${LOG_NAME}/2`]: [5] })
})

test('a new history that nobody declared is not sealed', async (t) => {
  const scene = await sealedLog(t)
  await scene.scratch.sql`select audit.begin_history('another system identifier')`
  await log(scene.scratch, 1)
  await refuses(t, scene, /^The log has begun a new history/)
  await declareRestored(scene.scratch.url)
  assert.equal((await seal(t, scene)).name, `${LOG_NAME}/2`)
})

/** Ends a sealer after it has remembered what it is about to sign, and before the database has it. */
async function dieBeforePut(t: TestContext, { scratch, keys, memory }: Scene): Promise<void> {
  const sealer = sealerOn(t, scratch, {
    ...{ keys, memory },
    wrap: (statements) => ({ ...statements, put: () => Promise.reject(new Error('killed')) }),
  })
  await assert.rejects(sealer.drain(), /killed/)
  await sealer.stop()
}

test('what was signed and not stored is sealed as it was, before anything else', async (t) => {
  const scene = await sealedLog(t)
  await log(scene.scratch, 20)
  await dieBeforePut(t, scene)
  await log(scene.scratch, 30)
  assert.equal((await seal(t, scene)).size, 150)
  assert.deepEqual(await check(t, scene), { [LOG_NAME]: [100, 120, 150] })
})

test('what was signed and not stored is not signed otherwise after a failover that lost it', async (t) => {
  const scene = await sealedLog(t)
  const older = { ...scene, scratch: await copyOf(t, scene.scratch) }
  await log(scene.scratch, 20)
  await dieBeforePut(t, scene)
  await log(older.scratch, 10)
  await refuses(t, older, /was about to be signed at 120, and the log ends before/)
  await log(older.scratch, 20)
  await refuses(t, older, /was signed at 120, and the log gives another root now/)
  await seal(t, { ...older, memory: volatileMemory() })
  await refuses(t, older, /What was sealed .* at 120 is not in the tree of the database/)
})

test('a checkpoint of another key, or another root, is not built upon', async (t) => {
  const scene = await sealedLog(t)
  const { scratch, keys } = scene
  await log(scratch, 10)
  const forge = async (by: SealKeys, root: Buffer) => {
    const note = await signCheckpoint({ origin: LOG_NAME, size: 110, root }, by.signers[0])
    await scratch.sql`select audit.put_seal(1::smallint, 100, 110, ${root}, ${note}, '[]')`
  }
  const copy = { ...scene, scratch: await copyOf(t, scratch) }
  const root = Buffer.alloc(32, 7)
  await forge(testKeys(), root)
  await refuses(t, scene, /None of the known keys of example.com\/audit signed/, 'AUDIT_NOT_PROVED')

  const note = await signCheckpoint({ origin: LOG_NAME, size: 110, root }, keys.signers[0])
  await copy.scratch.sql`
    select audit.put_seal(1::smallint, 100, 110, ${Buffer.alloc(32, 8)}, ${note}, '[]')`
  await refuses(t, copy, /is not the one that was signed/, 'AUDIT_NOT_PROVED')
})

test('a tree that does not continue what the sealer knows is not built upon', async (t) => {
  const scene = await sealedLog(t)
  const other = { ...scene, scratch: await scratchDatabase(t), memory: volatileMemory() }
  await log(other.scratch, 130)
  await other.scratch.sql`
    update audit.audit_head set history = (${
      (await scene.scratch.sql`select history from audit.audit_head`)[0]?.['history']
    })::uuid`
  await seal(t, other)
  await log(other.scratch, 1)
  await refuses(
    t,
    { ...other, memory: scene.memory },
    /What was sealed .* at 100 is not in the tree/,
  )
})

async function untriggered({ sql }: ScratchDatabase, statement: string): Promise<void> {
  await sql.unsafe(`
    alter table audit.audit_tile disable trigger all;
    ${statement};
    alter table audit.audit_tile enable always trigger audit_seal_row`)
}

test('a damaged tile, and a head below the seal, are not built upon', async (t) => {
  const scene = await sealedLog(t)
  const copy = { ...scene, scratch: await copyOf(t, scene.scratch) }
  await untriggered(
    scene.scratch,
    `update audit.audit_tile set hashes = set_byte(hashes, 33, get_byte(hashes, 33) # 1)`,
  )
  await log(scene.scratch, 1)
  await refuses(t, scene, /The tiles of .* do not have the root/, 'AUDIT_NOT_PROVED')
  await copy.scratch.sql`update audit.audit_head set seq = 90`
  await refuses(t, copy, /^The log ends at 90, and is sealed up to 100/)
})

test('a key of another name seals nothing', async (t) => {
  const scene = await sealedLog(t)
  await log(scene.scratch, 1)
  const other = { ...scene, keys: testKeys('example.com/other') }
  await refuses(
    t,
    other,
    /is called example.com\/audit, and the key is for/,
    'AUDIT_OPTION_INVALID',
  )
})

test('a key is replaced by way of both, and the old one then proves no more', async (t) => {
  const scene = await sealedLog(t)
  const [old] = scene.keys.signers
  const [next] = testKeys().signers
  const both = { ...scene, keys: { name: LOG_NAME, signers: [next, old] as const } }
  await log(scene.scratch, 10)
  await seal(t, both)
  await log(scene.scratch, 10)
  await seal(t, scene)
  await log(scene.scratch, 10)
  const alone = { ...scene, keys: { name: LOG_NAME, signers: [next] as const } }
  await seal(t, alone)
  assert.deepEqual((await scene.memory.load())?.keys, [
    { vkey: vkeyOf(LOG_NAME, next.publicKey) },
    { vkey: vkeyOf(LOG_NAME, old.publicKey), ended: { tree: LOG_NAME, size: 120 } },
  ])
  await log(scene.scratch, 10)
  await seal(t, { ...scene, memory: volatileMemory(), keys: both.keys })
  await log(scene.scratch, 10)
  assert.equal((await seal(t, alone)).size, 150)

  const thief = { ...scene, memory: volatileMemory(), keys: both.keys }
  await seal(t, { ...thief, keys: { name: LOG_NAME, signers: [old, next] as const } })
  const stolen = await signCheckpoint({ origin: LOG_NAME, size: 151, root: Buffer.alloc(32) }, old)
  await log(scene.scratch, 1)
  await scene.scratch.sql`
    select audit.put_seal(1::smallint, 150, 151, ${Buffer.alloc(32)}, ${stolen}, '[]')`
  await refuses(t, alone, /None of the known keys/, 'AUDIT_NOT_PROVED')
})

test('the memory in a folder outlasts its process, and a file of something else is refused', async (t) => {
  const folder = path.join(scratchFolder(t), 'state')
  const scene = { ...(await sealedLog(t)), memory: fileMemory(folder) }
  assert.equal(await scene.memory.load(), undefined)
  await log(scene.scratch, 5)
  await seal(t, scene)
  const file = path.join(folder, 'seal.json')
  assert.equal((await fileMemory(folder).load())?.size, 105)
  assert.deepEqual(fs.readdirSync(folder), ['seal.json'])
  assert.equal(fs.statSync(file).mode & 0o777, 0o600)
  for (const text of ['', '{', '{}', '{"size":1}', 'null']) {
    fs.writeFileSync(file, text)
    await assert.rejects(scene.memory.load(), {
      code: 'AUDIT_OPTION_INVALID',
      message: /^AUDIT_STATE_DIR: seal\.json in .* is not what a sealer wrote\./,
    })
  }
})

test('nobody but its functions changes the seal, and they only let it grow', async (t) => {
  const { scratch } = await sealedLog(t)
  const statements = [
    `update audit.audit_tile set hashes = substr(hashes, 1, 32)`,
    `update audit.audit_tile set hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1)`,
    `update audit.audit_tile set n = 7`,
    `insert into audit.audit_tile values (1, 0, 9, '\\x00')`,
    `insert into audit.audit_tile values (1, 0, 9, decode(repeat('00', 8224), 'hex'))`,
    `insert into audit.audit_checkpoint (origin, size, previous, root, note)
       values (1, 200, 0, decode(repeat('00', 32), 'hex'), '')`,
    `insert into audit.audit_checkpoint (origin, size, previous, root, note)
       values (1, 200, 50, decode(repeat('00', 32), 'hex'), '')`,
    `update audit.audit_checkpoint set note = ''`,
    `update audit.audit_salt set salts = set_byte(salts, 100, get_byte(salts, 100) # 1)`,
    `update audit.audit_salt set salts = ''`,
    `update audit.audit_origin set name = 'x'`,
    ...['tile', 'salt', 'checkpoint', 'cosignature', 'origin'].flatMap((name) => [
      `truncate audit.audit_${name}`,
      ...(name === 'cosignature' ? [] : [`delete from audit.audit_${name}`]),
    ]),
  ]
  const admin = postgres(scratch.url, { max: 1, onnotice: () => {} })
  t.after(() => admin.end({ timeout: 1 }))
  await admin`set session_replication_role = replica`
  for (const statement of statements) {
    const refused = await admin.unsafe(statement).then(
      () => undefined,
      (error: { code?: string }) => error.code,
    )
    assert.equal(refused, '42501', statement)
  }
  await admin.unsafe(`update audit.audit_salt
    set salts = overlay(salts placing decode(repeat('00', 16), 'hex') from 17 for 16)`)
  await admin.unsafe(`update audit.audit_tile set hashes = hashes || substr(hashes, 1, 32)`)
})
