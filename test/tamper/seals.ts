import type postgres from 'postgres'
import { parseVkey, vkeyOf, WITNESS_KEY } from '../../src/seal/key.ts'
import { MemoryTree, testKey } from '../support/memory-tree.ts'
import { sealLog } from '../support/seal-log.ts'
import type { Scene } from './scene.ts'
import { found, foundAs, type Tampering } from './tampering.ts'

type Sql = postgres.ReservedSql

const WITNESS_NAME = 'witness.example/w1'
const WITNESS = vkeyOf(WITNESS_NAME, parseVkey(testKey().vkey).publicKey, WITNESS_KEY)

/** What somebody does to the seal, or to all of the log. */
export const SEALS: readonly Tampering[] = [
  {
    name: 'the end is cut off with head, tiles, checkpoints and accounts',
    play: (sql, scene) => cut(sql, keptBy(scene)),
    ...foundAs(['rolled-back'], []),
  },
  {
    name: 'the same without the accounts of recorders',
    play: (sql, scene) => cut(sql, keptBy(scene), { accounts: false }),
    ...foundAs(['accounts', 'rolled-back'], ['accounts']),
  },
  {
    name: 'an earlier copy comes back, lives on and is sealed with the right key',
    play: async (sql, scene) => {
      await cut(sql, keptBy(scene))
      await live(sql, scene.head - keptBy(scene) + 20)
      await sealLog(sql, { signer: scene.key.signer })
    },
    ...foundAs(['fork'], []),
  },
  {
    name: 'an earlier copy lives on and is sealed up to less than was published',
    play: async (sql, scene) => {
      await cut(sql, keptBy(scene))
      await live(sql, 20)
      await sealLog(sql, { signer: scene.key.signer })
    },
    ...foundAs(['rolled-back'], []),
  },
  {
    name: 'an edited log is sealed again with another key',
    play: (sql, scene) => sealAgain(sql, scene, testKey(scene.key.signer.name).signer),
    ...foundAs(['fork', 'key'], ['key']),
  },
  {
    name: 'an edited log is sealed again with the right key',
    play: (sql, scene) => sealAgain(sql, scene, scene.key.signer),
    ...foundAs(['fork'], []),
  },
  {
    name: 'the newest checkpoint is by another key',
    play: (sql, scene) => sealLog(sql, { signer: testKey(scene.key.signer.name).signer }),
    ...found('key'),
  },
  {
    name: 'a checkpoint by another key claims a huge size',
    play: async (sql, scene) => {
      const tree = new MemoryTree()
      await tree.grow(9)
      const note = (await tree.note(testKey(scene.key.signer.name))).replace('\n9\n', '\n900000\n')
      await sql`
        insert into audit.audit_checkpoint (origin, size, previous, root, note)
        values (1, 900000, ${scene.sealed}, decode(repeat('ab', 32), 'hex'), ${note})`
    },
    ...found('key'),
  },
  {
    name: 'an entry and its hash in the tile are edited',
    play: async (sql) => {
      await sql`update audit.audit_log set action = 'guest.check_out' where seq = 300`
      await hashAnew(sql, 300)
    },
    ...found('tree'),
  },
  {
    name: 'an entry of the last tile and its hash there are edited',
    play: async (sql, { sealed }) => {
      await sql`update audit.audit_log set action = 'guest.check_out' where seq = ${sealed}`
      await hashAnew(sql, sealed)
    },
    ...foundAs(['fork', 'tree'], ['tree']),
  },
  {
    name: 'a hash of an upper tile is edited',
    play: (sql) => sql`
      update audit.audit_tile set hashes = set_byte(hashes, 40, 255 - get_byte(hashes, 40))
      where level = 1 and n = 0`,
    ...foundAs(['fork', 'tree'], ['tree']),
  },
  {
    name: 'a tile is shortened',
    play: (sql) => sql`
      update audit.audit_tile set hashes = substr(hashes, 1, 320) where level = 0 and n = 1`,
    ...found('tree'),
  },
  {
    name: 'the last tile is shortened',
    play: (sql, { sealed }) => sql`
      update audit.audit_tile set hashes = substr(hashes, 1, octet_length(hashes) - 32)
      where level = 0 and n = ${Math.floor(sealed / 256)}`,
    ...found('tree'),
  },
  {
    name: 'a tile is gone',
    play: (sql) => sql`delete from audit.audit_tile where level = 0 and n = 1`,
    ...found('tree'),
  },
  {
    name: 'the last tile grows by hashes of nothing',
    play: (sql, { sealed }) => sql`
      update audit.audit_tile set hashes = hashes || decode(repeat('ab', 64), 'hex')
      where level = 0 and n = ${Math.floor(sealed / 256)}`,
    ...found('tree'),
  },
  {
    name: 'all tiles and checkpoints are gone',
    play: async (sql) => {
      await sql`delete from audit.audit_tile`
      await sql`delete from audit.audit_checkpoint`
    },
    ...foundAs(['rolled-back', 'unsealed'], ['unsealed']),
  },
  {
    name: 'all of the seal is gone, and its trees too',
    play: async (sql) => {
      await sql`delete from audit.audit_tile`
      await sql`delete from audit.audit_checkpoint`
      await sql`delete from audit.audit_origin`
      await sql`delete from audit.audit_salt`
    },
    ...foundAs(['rolled-back', 'unsealed'], ['unsealed']),
  },
  {
    name: 'the newest checkpoint is gone',
    play: (sql, { sealed }) => sql`delete from audit.audit_checkpoint where size = ${sealed}`,
    ...foundAs(['rolled-back'], []),
  },
  {
    name: 'a checkpoint in the middle is gone',
    play: (sql, scene) => sql`delete from audit.audit_checkpoint where size = ${part(scene) * 2}`,
    ...found('checkpoint'),
  },
  {
    name: 'two checkpoints have each other’s notes',
    play: (sql, scene) => sql`
      update audit.audit_checkpoint as c set note = o.note
      from audit.audit_checkpoint as o
      where c.size <> o.size and c.size in (${part(scene)}, ${part(scene) * 2})
        and o.size in (${part(scene)}, ${part(scene) * 2})`,
    ...found('checkpoint'),
  },
  {
    name: 'a checkpoint has another root than its note',
    play: (sql, scene) => sql`
      update audit.audit_checkpoint set root = decode(repeat('ab', 32), 'hex')
      where size = ${part(scene)}`,
    ...found('checkpoint'),
  },
  {
    name: 'a signature is false by one bit',
    play: (sql, scene) => sql`
      update audit.audit_checkpoint set note = regexp_replace(note, '(.{8})=*\n$', 'AAAAAAAA=' || chr(10))
      where size = ${part(scene)}`,
    ...found('key'),
  },
  {
    name: 'a checkpoint was signed for a tree that never was',
    play: async (sql, scene) => {
      const tree = new MemoryTree('other')
      await tree.grow(part(scene))
      const note = await tree.note(scene.key)
      const root = Buffer.from(note.split('\n')[2] ?? '', 'base64')
      await sql`
        update audit.audit_checkpoint set note = ${note}, root = ${root}
        where size = ${part(scene)}`
    },
    ...found('fork'),
  },
  {
    name: 'a salt is altered',
    play: (sql) => sql`
      update audit.audit_salt set salts = set_byte(salts, 100, 255 - get_byte(salts, 100)) where n = 2`,
    ...found('changed'),
  },
  {
    name: 'salts become zero',
    play: (sql) => sql`
      update audit.audit_salt set salts = decode(repeat('00', 4096), 'hex') where n = 2`,
    ...found('salts'),
  },
  {
    name: 'a row of salts is gone',
    play: (sql) => sql`delete from audit.audit_salt where n = 2`,
    ...found('salts'),
  },
  {
    name: 'the tree begins at another number',
    play: (sql) => sql`update audit.audit_origin set first_seq = 2`,
    ...found('changed', 'deleted', 'erased-unsaid', 'removed-unsaid'),
  },
  {
    name: 'the log has another name',
    play: (sql) => sql`update audit.audit_origin set name = 'example.com/other'`,
    ...foundAs(
      ['checkpoint', 'rolled-back', 'unknown-log', 'no-anchor'],
      ['checkpoint', 'unknown-log'],
    ),
  },
  {
    name: 'the log has no name any more',
    play: (sql) => sql`delete from audit.audit_origin`,
    ...foundAs(['checkpoint', 'rolled-back', 'unsealed'], ['checkpoint', 'unsealed']),
  },
  {
    name: 'a second tree begins without a restore, and nothing of it is sealed',
    play: (sql, { head }) => sql`
      insert into audit.audit_origin (origin, name, first_seq, history)
      select 2, name || '/2', ${head + 1}, history from audit.audit_origin`,
    ...found(),
  },
  {
    name: 'the head is set back below what is sealed',
    play: (sql, { sealed }) => sql`update audit.audit_head set seq = ${sealed - 50}`,
    ...found('accounts', 'late', 'rolled-back'),
  },
  {
    name: 'all entries are gone',
    play: async (sql) => {
      await sql`truncate audit.audit_log`
      await sql`update audit.audit_recorder set logged = 0`
    },
    ...found('deleted', 'missing-before-seal', 'removed-unsaid'),
  },
  {
    name: 'it is another log, with a policy of that one',
    play: async () => {},
    policy: () => `log ${testKey('example.com/other').vkey}\nquorum none\n`,
    ...foundAs(['no-anchor', 'unknown-log'], ['unknown-log']),
  },
  {
    name: 'the checkpoints that are known outside are those of another log',
    play: async () => {},
    notes: async () => {
      const tree = new MemoryTree()
      await tree.grow(700)
      return [await tree.note(testKey('example.com/other'))]
    },
    ...foundAs(['no-anchor'], []),
  },
  {
    name: 'the policy wants a witness that never cosigned',
    play: async () => {},
    policy: ({ policy }) => withWitness(policy),
    ...found('no-quorum'),
  },
  {
    name: 'the cosignature of a witness is forged',
    play: (sql, scene) => {
      const id = Buffer.from(WITNESS.slice(WITNESS_NAME.length + 1, WITNESS_NAME.length + 9), 'hex')
      const line = `— ${WITNESS_NAME} ${Buffer.concat([id, Buffer.alloc(72, 7)]).toString('base64')}`
      return sql`
        insert into audit.audit_cosignature (origin, size, name, line)
        values (1, ${scene.sealed}, ${WITNESS_NAME}, ${line})`
    },
    policy: ({ policy }) => withWitness(policy),
    ...found('key', 'no-quorum'),
  },
]

function withWitness(policy: string): string {
  return policy.replace('quorum none', `witness w1 ${WITNESS}\nquorum w1`)
}

const part = ({ sealed }: Scene) => Math.floor(sealed / 5)
/** What a copy holds that was made behind the erasures and the removal. */
const keptBy = (scene: Scene) => part(scene) * 4 + 40

/** Leaves what the log was when so many entries were sealed. */
async function cut(sql: Sql, size: number, { accounts = true } = {}): Promise<void> {
  if (accounts) {
    await sql`
      update audit.audit_recorder as r set logged = r.logged - (
        select count(*) from audit.audit_log as l where l.seq > ${size} and l.recorder_id = r.id)`
  }
  await sql`delete from audit.audit_log where seq > ${size}`
  await sql`delete from audit.audit_checkpoint where size > ${size}`
  await sql`update audit.audit_head set seq = ${size}`
  for (let level = 0, count = size; level < 8; level += 1, count = Math.floor(count / 256)) {
    await sql`delete from audit.audit_tile where level = ${level} and n * 256 >= ${count}`
    await sql`
      update audit.audit_tile set hashes = substr(hashes, 1, ${(count % 256) * 32})
      where level = ${level} and n = ${Math.floor(count / 256)} and ${count % 256} > 0`
  }
}

/** The application goes on. */
async function live(sql: Sql, entries: number): Promise<void> {
  await sql`
    select audit.record(jsonb_build_object('action', 'guest.check_in', 'metadata', jsonb_build_object('n', n))::text)
    from generate_series(1, ${entries}::integer) as n`
  await sql`select audit.move('outbox', 10000, 1000, null, null, null, null)`
}

/** Edits an entry and seals all of the log again, so that it fits itself. */
async function sealAgain(sql: Sql, scene: Scene, signer: Scene['key']['signer']): Promise<void> {
  const { sealed } = scene
  await sql`update audit.audit_log set action = 'guest.check_out' where seq = 700`
  await sql`delete from audit.audit_tile`
  await sql`delete from audit.audit_checkpoint`
  await sql`delete from audit.audit_salt`
  await sql`delete from audit.audit_erasure`
  await sealLog(sql, { signer, size: sealed })
}

/** Puts the hash that an entry has now into its tile. */
async function hashAnew(sql: Sql, seq: number): Promise<void> {
  await sql`
    update audit.audit_tile as t
    set hashes = overlay(t.hashes placing sha256(decode('00', 'hex') || convert_to(
      audit.leaf_text(l, substr(s.salts, (l.seq % 256)::integer * 16 + 1, 16)), 'UTF8')
    ) from ((l.seq - 1) % 256)::integer * 32 + 1)
    from audit.audit_log as l join audit.audit_salt as s on s.n = l.seq / 256
    where l.seq = ${seq} and t.level = 0 and t.n = (l.seq - 1) / 256`
}
