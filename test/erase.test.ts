import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { ALL_FIELDS, DRAINED, entryOf, entryText, erase, filledLog } from './support/erasures.ts'
import { connect, connectAs, refusalOf } from './support/logins.ts'

const [USER, OTHER] = [randomUUID(), randomUUID()]

test('erasing empties these fields of these entries, and nothing else of the log', async (t) => {
  const { scratch, relay } = await filledLog(t, [
    { user: USER, actor: OTHER, target: OTHER, more: [USER] },
    { user: OTHER },
  ])
  const eraser = connectAs(t, scratch, 'audit_eraser')
  const [before, other] = [await entryOf(scratch, 1), await entryOf(scratch, 2)]
  assert.deepEqual(await erase(eraser, [1]), [[1, ALL_FIELDS]])
  assert.deepEqual(await entryOf(scratch, 1), {
    ...before,
    ...{ user_id: null, actor_id: null, target_id: null, more_targets: null, request_id: null },
    ...{ metadata: {}, context: {} },
  })
  assert.deepEqual(await entryOf(scratch, 2), other)

  await relay.drain(DRAINED)
  const said = await entryOf(scratch, 3)
  assert.equal(said?.action, 'audit.erase')
  assert.deepEqual(said?.metadata, {
    ...{ seqs: [[1, 1]], entries: 1, fields: ALL_FIELDS, reason: 'request 7' },
  })
  const login = new URL(scratch.urlAs('audit_eraser')).username
  assert.deepEqual(said?.context, { databaseLogin: login })
  assert.equal(said?.written_by, login)
})

test('what was erased is erased once, and more of an entry can be erased later', async (t) => {
  const { scratch, relay } = await filledLog(t, [{ user: USER, target: OTHER }])
  const eraser = connectAs(t, scratch, 'audit_eraser')
  assert.deepEqual(await erase(eraser, [1], ['metadata', 'user_id']), [
    [1, ['user_id', 'metadata']],
  ])
  assert.deepEqual(
    await erase(eraser, [1], ['user_id', 'metadata', 'actor_id']),
    [],
    'empty already',
  )
  const entry = await entryOf(scratch, 1)
  assert.deepEqual([entry.user_id, entry.metadata, entry.target_id], [null, {}, OTHER])
  assert.deepEqual(await erase(eraser, [1], ['target_id', 'user_id']), [
    [1, ['user_id', 'target_id', 'metadata']],
  ])
  await relay.drain(DRAINED)
  const said = await scratch.sql`
    select metadata -> 'fields' as fields from audit.audit_log where action = 'audit.erase' order by seq`
  assert.deepEqual(
    said.map(({ fields }) => fields),
    [
      ['user_id', 'metadata'],
      ['user_id', 'target_id'],
    ],
  )
})

test('an erasure is refused as a whole where an argument or an entry does not fit', async (t) => {
  const { scratch, relay } = await filledLog(t, [{ user: USER }, { user: OTHER }])
  const eraser = connectAs(t, scratch, 'audit_eraser')
  await erase(eraser, [2], ['metadata'])
  await relay.drain(DRAINED)
  const cases: readonly (readonly [
    readonly (number | null)[],
    readonly string[],
    string,
    string,
  ])[] = [
    [[], ALL_FIELDS, 'x', '22023'],
    [[1, null], ALL_FIELDS, 'x', '22023'],
    [Array.from({ length: 10_001 }, (_, at) => at), ALL_FIELDS, 'x', '22023'],
    [[1], [], 'x', '22023'],
    [[1], ['user_id', 'action'], 'x', '22023'],
    [[1], ALL_FIELDS, ' ', '22023'],
    [[1], ALL_FIELDS, 'x'.repeat(1001), '22023'],
    [[1, 4], ALL_FIELDS, 'x', 'P0002'],
    [[1, 3], ALL_FIELDS, 'x', '22023'], // an entry audit.erase
  ]
  for (const [seqs, fields, reason, code] of cases) {
    const refusal = await refusalOf(
      eraser`select * from audit.erase(${[...seqs] as number[]}, ${[...fields]}, ${reason})`,
    )
    assert.equal(refusal?.code, code, JSON.stringify([seqs.slice(0, 9), fields]))
  }
  assert.equal((await entryOf(scratch, 1)).user_id, USER)
  const [row] = await scratch.sql`select count(*)::integer as erased from audit.audit_erasure`
  assert.equal(row?.['erased'], 1)
})

test('of the own entries of the log those alone can be erased that say who has read', async (t) => {
  const { scratch, relay } = await filledLog(t, [])
  const eraser = connectAs(t, scratch, 'audit_eraser')
  const reader = connectAs(t, scratch, 'audit_reader')
  await reader`select audit.note_read(false, ${USER}, ${JSON.stringify({ about: USER })}::text::jsonb, '{}')`
  await reader`select audit.note_read(true, ${USER}, '{}', '{}')`
  await relay.drain(DRAINED)
  await erase(eraser, [1, 2])
  assert.deepEqual((await entryOf(scratch, 1)).metadata, {})
  assert.equal((await entryOf(scratch, 2)).user_id, null)
})

// Goal: the way that an erasure takes is open for nothing else.
// Method: each other change, as the eraser, the owner and a superuser, with an erasure on record and
// the setting that says that one runs.
test('nobody changes an entry in another way, not even with an erasure on record', async (t) => {
  const { scratch } = await filledLog(t, [{ user: USER, target: OTHER, metadata: { a: 8638 } }, {}])
  const eraser = connectAs(t, scratch, 'audit_eraser')
  const { sql } = scratch
  await erase(eraser, [1], ['target_id', 'context'])
  const before = [await entryOf(scratch, 1), await entryOf(scratch, 2)]
  const owner = connectAs(t, scratch, 'audit_owner')
  const superuser = connect(t, scratch.url)
  const setOwner = connect(t, scratch.url)
  await setOwner`set role audit_owner`
  await owner`set role audit_owner`
  const replica = connect(t, scratch.url)
  await replica`set session_replication_role = replica`
  const [partition] =
    await sql`select tableoid::regclass::text as name from audit.audit_log where seq = 1`
  const changes = ['audit.audit_log', String(partition?.['name'])].flatMap((table) => [
    `update ${table} set target_id = '${OTHER}' where seq = 1`,
    `update ${table} set target_id = null, user_id = null where seq = 1`,
    `update ${table} set user_id = null where seq = 1`,
    `update ${table} set metadata = '{"a": 8638.0}' where seq = 1`,
    `update ${table} set context = '{"ip": null}' where seq = 1`,
    `update ${table} set logged_at = logged_at + interval '1 microsecond' where seq = 1`,
    `update ${table} set seq = 7 where seq = 1`,
    `update ${table} set written_by = 'x' where seq = 1`,
    `update ${table} set user_id = null where seq = 2`,
    `update ${table} set context = '{}', metadata = '{}'`,
    `delete from ${table} where seq = 1`,
    `truncate ${table}`,
    `insert into ${table} select * from ${table} where seq = 1
      on conflict (id) do update set user_id = null`,
  ])
  // It would change nothing, and still only the owner gets as far.
  const harmless = [
    'update audit.audit_log set target_id = null where seq = 1',
    'update audit.audit_log set target_id = null where false',
  ]
  for (const session of [eraser, owner, setOwner, superuser, replica]) {
    await session`set audit.erasing = 'yes'`
    for (const change of changes) {
      const refusal = await refusalOf(session.unsafe(change))
      assert.equal(refusal?.code, '42501', change)
    }
    if (session !== owner && session !== setOwner) {
      for (const change of harmless) {
        assert.equal((await refusalOf(session.unsafe(change)))?.code, '42501', change)
      }
    }
    await session`reset audit.erasing`
    const again = await refusalOf(
      session`update audit.audit_log set target_id = null where seq = 1`,
    )
    assert.equal(again?.code, '42501', 'nothing says that an erasure runs')
  }
  assert.deepEqual([await entryOf(scratch, 1), await entryOf(scratch, 2)], before)
})

test('an application, a relay, a reader and a keeper cannot erase', async (t) => {
  const { scratch } = await filledLog(t, [{ user: USER }])
  for (const role of ['audit_app', 'audit_relay', 'audit_reader', 'audit_keeper'] as const) {
    const refusal = await refusalOf(erase(connectAs(t, scratch, role), [1]))
    assert.equal(refusal?.code, '42501', role)
  }
})

test('a hold forbids to erase what it is about, and nothing of the others is erased then', async (t) => {
  const { scratch } = await filledLog(t, [{ user: USER }, { user: OTHER }, { actor: OTHER }])
  const eraser = connectAs(t, scratch, 'audit_eraser')
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const [placed] = await keeper`select audit.place_hold('case 7', user_id => ${OTHER}) as id`
  await assert.rejects(erase(eraser, [1, 3]), {
    ...{ code: '55006', table_name: 'audit_hold', constraint_name: placed?.['id'] },
  })
  assert.equal((await entryOf(scratch, 1)).user_id, USER)
  assert.equal((await erase(eraser, [1])).length, 1)
  await keeper`select audit.release_hold(${placed?.['id']})`
  assert.equal((await erase(eraser, [2, 3])).length, 2)
})

test('a hold that is being placed is waited for', async (t) => {
  const { scratch } = await filledLog(t, [{ user: USER }])
  const eraser = connectAs(t, scratch, 'audit_eraser')
  const keeper = connectAs(t, scratch, 'audit_keeper')
  await keeper`begin`
  await keeper`select audit.place_hold('case 7', user_id => ${USER})`
  assert.equal((await refusalOf(erase(eraser, [1])))?.code, '55P03', 'it does not wait forever')
  const erasing = refusalOf(erase(eraser, [1]))
  await keeper`commit`
  assert.equal((await erasing)?.code, '55006')
})

// Goal: a recorder, a file or a dead letter that still has an erased entry does not bring it back.
// Method: the same entry and a changed one, by each lane, too old for its lane, and from a letter.
test('a copy of an erased entry is dropped and counted, and is no dead letter', async (t) => {
  const { scratch, relay, ids } = await filledLog(t, [{ user: USER }, { user: OTHER }])
  const eraser = connectAs(t, scratch, 'audit_eraser')
  const { sql } = scratch
  const [id = '', other = ''] = ids
  const entry = (of: string, name: string) => entryText({ id: of, user: USER, metadata: { name } })
  await sql`select audit.record(${entry(id, 'another content')})`
  await relay.drain(DRAINED)
  const [letter] = await sql`select number from audit.audit_dead_letter`
  assert.ok(letter)
  await erase(eraser, [1])

  await sql`select audit.record(${`[${entry(id, 'a')}, ${entry(id, 'b')}, ${entry(other, 'c')}]`})`
  const [retried] = await sql`select audit.retry_dead_letter(${letter['number']}) as said`
  assert.equal(retried?.['said'], 'retried')
  await relay.drain(DRAINED)
  const letters = await sql`select id, entry from audit.audit_dead_letter`
  assert.deepEqual(
    letters.map((one) => one['id']),
    [other],
  )
  await sql`update audit.audit_lane set oldest_id = audit.latest_id()`
  await sql`select audit.record(${`[${entry(id, 'd')}, ${entry(other, 'e')}]`})`
  const buried = await sql`select id from audit.audit_dead_letter where sqlstate = '22008'`
  assert.deepEqual(
    buried.map((one) => one['id']),
    [other],
  )
  const [row] = await sql`select copies::integer from audit.audit_erasure where seq = 1`
  assert.equal(row?.['copies'], 4)
  assert.deepEqual((await entryOf(scratch, 1)).metadata, {})
})
