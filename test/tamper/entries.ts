import { randomUUID } from 'node:crypto'
import type postgres from 'postgres'
import { eraseBlank } from './scene.ts'
import { found, foundAs, type Tampering } from './tampering.ts'

type Sql = postgres.ReservedSql

/** In the middle of what is sealed, and not one of those that are erased or removed. */
const middleOf = ({ sealed }: { readonly sealed: number }) => Math.floor(sealed * 0.6) + 1

/** What somebody does to entries that are sealed. */
export const ENTRIES: readonly Tampering[] = [
  {
    name: 'a value is edited',
    play: (sql, scene) => sql`
      update audit.audit_log set metadata = jsonb_set(metadata, '{amount}', '1')
      where seq = ${middleOf(scene)}`,
    ...found('changed'),
  },
  {
    name: 'logged_at is moved by a microsecond',
    play: (sql, scene) => sql`
      update audit.audit_log set logged_at = logged_at + interval '1 microsecond'
      where seq = ${middleOf(scene)}`,
    ...found('changed'),
  },
  {
    name: '8638 becomes 8638.0',
    play: (sql, scene) => sql`
      update audit.audit_log set metadata = replace(metadata::text, '8638', '8638.0')::jsonb
      where seq = ${middleOf(scene)}`,
    ...found('changed'),
  },
  ...Object.entries({
    'who wrote it': "written_by = 'somebody'",
    'its action': "action = 'guest.check_out'",
    'its outcome': "outcome = 'denied'",
    'its event': `event_id = '${randomUUID()}'`,
    'who did it': 'user_id = null',
    'its target': `target_id = '${randomUUID()}'`,
    'its recorder': 'recorder_seq = recorder_seq + 1',
    'its id': `id = (left(id::text, 24) || 'abcdefabcdef')::uuid`,
  }).map(
    ([what, change]): Tampering => ({
      name: `${what} is edited`,
      play: (sql, scene) =>
        sql.unsafe(`update audit.audit_log set ${change} where seq = ${middleOf(scene)}`),
      ...found('changed'),
    }),
  ),
  {
    name: 'an entry is moved to another partition by hand',
    play: async (sql, scene) => {
      await sql`update audit.audit_log set id = audit.id_floor(now() + interval '40 days')
        where seq = ${middleOf(scene)}`
    },
    ...found('changed'),
  },
  {
    name: 'an entry is deleted',
    play: (sql, scene) => sql`delete from audit.audit_log where seq = ${middleOf(scene)}`,
    ...found('deleted'),
  },
  {
    name: 'an entry is deleted, and all later ones are numbered again',
    play: async (sql, scene) => {
      await deleteUncounted(sql, middleOf(scene))
      await sql`update audit.audit_log set seq = seq - 1 where seq > ${middleOf(scene)}`
      await sql`update audit.audit_head set seq = seq - 1`
    },
    // What the entries behind it say of erasures and removals counts no more, either.
    ...found('changed', 'deleted', 'erased-unsaid', 'removed-unsaid', 'swapped'),
  },
  {
    name: 'the last ten sealed entries are deleted',
    play: async (sql, { sealed }) => {
      for (let seq = sealed - 9; seq <= sealed; seq += 1) await deleteUncounted(sql, seq)
    },
    ...found('deleted'),
  },
  {
    name: 'two entries change places',
    play: (sql, scene) => sql`
      update audit.audit_log set seq = ${2 * middleOf(scene) + 100}::bigint - seq
      where seq in (${middleOf(scene)}, ${middleOf(scene) + 100})`,
    ...found('swapped'),
  },
  {
    name: 'an entry is there twice, under another id',
    play: (sql, scene) => copy(sql, middleOf(scene), 'gen_random_uuid()'),
    ...found('changed', 'duplicate'),
  },
  {
    name: 'a second entry with a sealed number hides where the catalogue says there is none',
    play: async (sql, scene) => {
      await copy(sql, middleOf(scene), "audit.id_floor(now() + interval '40 days')")
      await sql`
        update audit.audit_partition set min_seq = 900000, max_seq = 900001, closed_at = now()
        where audit.id_floor(now() + interval '40 days') >= from_id
          and audit.id_floor(now() + interval '40 days') < to_id`
    },
    ...found('changed', 'duplicate'),
  },
  {
    name: 'a second entry hides in a partition that the catalogue takes for an empty one',
    play: async (sql, scene) => {
      await copy(sql, middleOf(scene), "audit.id_floor(now() + interval '40 days')")
      await sql`
        update audit.audit_partition as p set name = 'audit_empty', min_seq = null, max_seq = null
        where audit.id_floor(now() + interval '40 days') >= from_id
          and audit.id_floor(now() + interval '40 days') < to_id`
      await sql`create table audit.audit_empty ()`
    },
    ...found('changed', 'duplicate'),
  },
  {
    name: 'another entry is put in the place of a deleted one',
    play: async (sql, scene) => {
      await copy(sql, middleOf(scene) + 1, 'gen_random_uuid()')
      await deleteUncounted(sql, middleOf(scene))
      await sql`
        update audit.audit_log set seq = ${middleOf(scene)}, occurred_at = '2024-01-01'
        where ctid in (
          select l.ctid from audit.audit_log as l where l.seq = ${middleOf(scene) + 1}
            and l.recorder_id is null) and seq = ${middleOf(scene) + 1}`
    },
    ...found('changed'),
  },
  {
    name: 'an erased field is filled again',
    play: (sql, { erased: [partly] }) => sql`
      update audit.audit_log set metadata = '{"name": "Ada"}' where seq = ${partly}`,
    ...found('written-back'),
  },
  {
    name: 'an erased entry is edited elsewhere',
    play: (sql, { erased: [partly] }) => sql`
      update audit.audit_log set action = 'guest.check_out' where seq = ${partly}`,
    ...found('changed'),
  },
  {
    name: 'a field is erased by hand, with its true commitment',
    play: (sql, scene) => eraseBlank(sql, middleOf(scene), ['metadata']),
    ...found('erased-unsaid'),
  },
  {
    name: 'a field is erased by hand, with a false commitment',
    play: async (sql, scene) => {
      await eraseBlank(sql, middleOf(scene), ['metadata'])
      await sql`
        update audit.audit_erasure
        set opening = jsonb_set(opening, '{metadata,erased}', to_jsonb(repeat('ab', 32)))
        where seq = ${middleOf(scene)}`
    },
    ...found('changed', 'erased-unsaid'),
  },
  {
    name: 'a field is emptied without any record of it',
    play: (sql, scene) => sql`
      update audit.audit_log set metadata = '{}' where seq = ${middleOf(scene)}`,
    ...found('changed'),
  },
  {
    name: 'one more field of an erased entry is erased by hand',
    play: async (sql, { erased: [partly] }) => {
      await sql`update audit.audit_log set request_id = null where seq = ${partly}`
      await sql`
        update audit.audit_erasure set fields = fields || 'request_id'::text where seq = ${partly}`
    },
    ...found('changed', 'erased-unsaid'),
  },
  {
    name: 'an erasure is on record that never was, from the future',
    play: (sql, scene) => sql`
      insert into audit.audit_erasure (seq, id, fields, opening, erased_by, erased_at)
      select seq, gen_random_uuid(), '{actor_id}', null, 'nobody', now() + interval '1 year'
      from audit.audit_log
      where seq >= ${middleOf(scene)} and actor_id is null order by seq limit 1`,
    ...found('erased-unsaid'),
  },
  {
    name: 'the record of an erasure is gone',
    play: (sql, { erased: [partly] }) => sql`
      delete from audit.audit_erasure where seq = ${partly}`,
    ...found('salts'),
  },
  {
    name: 'the entry that says an erasure is edited',
    play: (sql) => sql`
      update audit.audit_log set metadata = jsonb_set(metadata, '{seqs}', '[1, 2, 3]')
      where action = 'audit.erase'`,
    ...found('changed', 'erased-unsaid'),
  },
]

/** What somebody does to say that entries were removed by a policy. */
export const REMOVALS: readonly Tampering[] = [
  {
    name: 'a run of entries is deleted and noted as removed',
    play: async (sql, scene) => {
      const first = middleOf(scene)
      for (let seq = first; seq < first + 5; seq += 1) await deleteUncounted(sql, seq)
      await note(sql, [first, first + 4], randomUUID())
    },
    ...found('deleted', 'removed-unsaid'),
  },
  {
    name: 'entries are noted as removed that are there',
    play: (sql, scene) => note(sql, [middleOf(scene), middleOf(scene) + 9], randomUUID()),
    ...found('removed-unsaid'),
  },
  {
    name: 'entries are noted as removed a moment ago, in the future',
    play: async (sql, scene) => {
      await deleteUncounted(sql, middleOf(scene))
      await note(sql, [middleOf(scene), middleOf(scene)], randomUUID(), "now() + interval '1 year'")
    },
    ...found('deleted', 'removed-unsaid'),
  },
  {
    name: 'a run of removed numbers is widened',
    play: async (sql, { removed: [, last] }) => {
      await deleteUncounted(sql, last + 1)
      await sql`update audit.audit_removed set last_seq = last_seq + 1`
    },
    ...found('deleted', 'removed-unsaid'),
  },
  {
    name: 'a second run is noted under the entry of a true removal',
    play: async (sql, scene) => {
      await deleteUncounted(sql, middleOf(scene))
      await sql`
        insert into audit.audit_removed (partition, first_seq, last_seq, removed_at, by_entry)
        select r.partition, ${middleOf(scene)}, ${middleOf(scene)}, r.removed_at, r.by_entry
        from audit.audit_removed as r`
    },
    ...found('deleted', 'removed-unsaid'),
  },
  {
    name: 'the entry that says a removal is edited',
    play: async (sql, scene) => {
      await deleteUncounted(sql, middleOf(scene))
      await sql`
        update audit.audit_log
        set metadata = metadata || jsonb_build_object('seqs', jsonb_build_array(jsonb_build_array(
          1, ${middleOf(scene)}::bigint)))
        where action = 'audit.retention'`
    },
    ...found('changed', 'deleted', 'removed-unsaid'),
  },
  {
    name: 'the note of a true removal is gone',
    play: (sql) => sql`delete from audit.audit_removed`,
    ...found(),
  },
  {
    name: 'a removed entry is back, edited',
    play: async (sql, { removed: [first] }) => {
      await copy(sql, first - 1, 'gen_random_uuid()')
      await sql`
        update audit.audit_log set seq = ${first}
        where seq = ${first - 1} and recorder_id is null`
    },
    ...found('accounts', 'changed'),
  },
]

/** What somebody does to entries before they are sealed. */
export const UNSEALED: readonly Tampering[] = [
  {
    name: 'an entry is deleted before it is sealed',
    play: (sql, { sealed }) => deleteUncounted(sql, sealed + 20),
    ...found('missing-before-seal'),
  },
  {
    name: 'the newest entry is deleted before it is sealed, and the head set back',
    play: async (sql) => {
      await sql`delete from audit.audit_log where seq = (select h.seq from audit.audit_head as h)`
      await sql`update audit.audit_head set seq = seq - 1`
    },
    ...found('accounts'),
  },
  {
    name: 'the newest 30 are deleted before they are sealed, and the head set back',
    play: async (sql, { head }) => {
      await sql`delete from audit.audit_log where seq > ${head - 30}`
      await sql`update audit.audit_head set seq = ${head - 30}`
    },
    ...found('accounts'),
  },
  {
    name: 'the same, and the accounts of recorders set back: nothing of ours can tell',
    play: async (sql, { head }) => {
      await deleteUncounted(sql, head)
      await sql`update audit.audit_head set seq = ${head - 1}`
    },
    ...found(),
  },
  {
    name: 'an entry is there twice before it is sealed',
    play: (sql, { sealed }) => copy(sql, sealed + 20, 'gen_random_uuid()'),
    ...found('duplicate'),
  },
  {
    name: 'an entry has a number beyond the head',
    play: async (sql, { head }) => {
      await copy(sql, head, 'gen_random_uuid()')
      await sql`
        update audit.audit_log set seq = ${head + 5000}
        where seq = ${head} and recorder_id is null`
    },
    ...found('late'),
  },
  {
    name: 'an entry has the number 0',
    play: async (sql, scene) => {
      await copy(sql, middleOf(scene), 'gen_random_uuid()')
      await sql`
        update audit.audit_log set seq = 0
        where seq = ${middleOf(scene)} and recorder_id is null`
    },
    ...found('late'),
  },
  {
    name: 'the head is set forward',
    play: (sql) => sql`update audit.audit_head set seq = seq + 3`,
    ...found('missing-before-seal'),
  },
  {
    name: 'a late entry comes the right way',
    play: async (sql) => {
      const entry = { action: 'guest.check_in', occurred_at: '2024-01-01T00:00:00Z' }
      await sql`select audit.record(${JSON.stringify(entry)}::text)`
      await sql`select audit.move('outbox', 10, 1000, null, null, null, null)`
    },
    ...found(),
  },
]

/** Deletes an entry and takes it from the account of its recorder. */
export async function deleteUncounted(sql: Sql, seq: number): Promise<void> {
  await sql`
    update audit.audit_recorder as r set logged = r.logged - 1
    from audit.audit_log as l where l.seq = ${seq} and l.recorder_id = r.id`
  await sql`delete from audit.audit_log where seq = ${seq}`
}

/** Inserts an entry again under another id, without a recorder. */
function copy(sql: Sql, seq: number, id: string): Promise<unknown> {
  return sql.unsafe(
    `insert into audit.audit_log
     select (jsonb_populate_record(l, jsonb_build_object('id', ${id}, 'recorder_id', null))).*
     from audit.audit_log as l where l.seq = ${seq}`,
  )
}

function note(
  sql: Sql,
  [first, last]: readonly [number, number],
  by: string,
  at = "now() - interval '1 hour'",
): Promise<unknown> {
  return sql.unsafe(
    `insert into audit.audit_removed (partition, first_seq, last_seq, removed_at, by_entry)
     values ('audit_log_2026_01', ${first}, ${last}, ${at}, '${by}')`,
  )
}

export const NOTHING: Tampering = {
  name: 'nothing was done',
  play: async () => {},
  ...foundAs([], []),
}
