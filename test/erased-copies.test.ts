import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { eraseUser } from '../relay/erase/erase-entries.ts'
import { Erasures } from '../relay/erase/erasures.ts'
import { archiverOf, filesBelow } from './support/archives.ts'
import { runRelay } from './support/audit-relay.ts'
import { scratchDatabase } from './support/database.ts'
import { erase } from './support/erasures.ts'
import { leaves, tile } from './support/erased-leaves.ts'
import { openDatabase } from './support/lanes.ts'
import { connect, connectAs, refusalOf } from './support/logins.ts'
import { keepUntil, logOld, makePartition, monthsAgo, partitionOf } from './support/old-log.ts'
import { setPolicy } from './support/policies.ts'
import { sealerOn, testKeys } from './support/seals.ts'

// Goal: what was erased is in no copy of the log that retention, a restore or a new partition makes.

const [ADA, BOB] = [randomUUID(), randomUUID()] as [string, string]
const OLD = partitionOf(monthsAgo(3))

/** A log whose third month ago is due but for its payments: 1 and 3 go, 2 and 4 stay. */
async function dueLog(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  await makePartition(sql, 3)
  await sql`update audit.audit_lane set oldest_id = audit.id_floor(${monthsAgo(3)})`
  await logOld(sql, [
    { months: 3, action: 'temp.a', userId: ADA },
    { months: 3, action: 'billing.pay', userId: ADA },
    { months: 3, action: 'temp.a', userId: BOB },
    { months: 3, action: 'billing.pay', userId: BOB },
  ])
  await setPolicy(sql, 'temp.*', keepUntil(3))
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const erasures = new Erasures(openDatabase(t, scratch.urlAs('audit_eraser')))
  return {
    ...{ scratch, sql, keeper, eraser: connectAs(t, scratch, 'audit_eraser') },
    async build() {
      const [built] = await keeper`select swap::integer as swap from audit.build_kept(${OLD})`
      return built?.['swap']
    },
    async swap(number: number, archived: object | null = null) {
      const text = archived === null ? null : JSON.stringify(archived)
      const [row] = await keeper`
        select reason from audit.swap_kept(${OLD}, ${number}, ${text}::text::jsonb)`
      assert.equal(row?.['reason'], null)
    },
    async undo() {
      const [row] = await keeper`select reason from audit.undo_retention(${OLD})`
      assert.equal(row?.['reason'], null)
    },
    /** As the command does. @returns how many entries changed */
    eraseUser(user: string) {
      const { signal } = new AbortController()
      return eraseUser(erasures, user, { reason: 'request 7', signal })
    },
    /** The users of a table of the schema, by the numbers of its entries. */
    async usersIn(table: string) {
      const rows = await sql.unsafe(`select seq::integer, user_id from audit.${table} order by seq`)
      return rows.map((row) => [row['seq'], row['user_id']])
    },
    async detached() {
      const [row] = await sql`select detached from audit.audit_swap where state = 'swapped'`
      return String(row?.['detached'])
    },
  }
}

test('what retention has built and not swapped yet does not bring it back', async (t) => {
  const { build, swap, usersIn, eraseUser: run } = await dueLog(t)
  const number = await build()
  assert.equal(await run(ADA), 2)
  await swap(number)
  assert.deepEqual(await usersIn(OLD), [
    [2, null],
    [4, BOB],
  ])
})

test('a table that waits for its drop is blanked, and an undo brings it back so, guarded as before', async (t) => {
  const {
    build,
    swap,
    undo,
    usersIn,
    detached,
    eraseUser: run,
    scratch,
    sql,
    eraser,
  } = await dueLog(t)
  await swap(await build())
  assert.equal(await run(ADA), 2, 'an entry that is in the log no more is one of them')
  assert.deepEqual(await usersIn(await detached()), [
    ...[
      [1, null],
      [2, null],
    ],
    ...[
      [3, BOB],
      [4, BOB],
    ],
  ])
  assert.deepEqual(await erase(eraser, [3], ['user_id']), [[3, ['user_id']]])
  const owner = connectAs(t, scratch, 'audit_owner')
  await owner`set role audit_owner`
  await owner`set audit.erasing = 'yes'`
  const changes = async (table: string) => {
    for (const change of [
      `update audit.${table} set user_id = null`,
      `delete from audit.${table}`,
    ]) {
      assert.equal((await refusalOf(owner.unsafe(change)))?.code, '42501', change)
    }
  }
  await changes(await detached())
  await undo()
  await changes(OLD)
  assert.deepEqual(await usersIn(OLD), [
    ...[
      [1, null],
      [2, null],
    ],
    ...[
      [3, null],
      [4, BOB],
    ],
  ])
  const triggers = await sql`
    select tgname::text as name, tgenabled::text as enabled, tgparentid <> 0 as is_of_parent
    from pg_trigger where tgrelid = ${`audit.${OLD}`}::text::regclass order by 1`
  assert.deepEqual(
    [...triggers],
    [
      { name: 'audit_log_append_only', enabled: 'A', is_of_parent: false },
      { name: 'audit_log_row_append_only', enabled: 'A', is_of_parent: true },
    ],
  )
  await swap(await build())
})

test('an archive that is older than the erasure comes back without what was erased', async (t) => {
  const { build, swap, usersIn, scratch, sql, keeper, eraser } = await dueLog(t)
  const { archiver } = archiverOf(t, scratch)
  const number = await build()
  const archived = await archiver.archive({ partition: OLD, kept: `${OLD}_kept` })
  await swap(number, { ...archived })
  await sql`update audit.audit_retention set undo = '0'`
  await erase(eraser, [1])
  await keeper`select audit.drop_removed(${OLD})`
  const environment = { AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_keeper') }
  const beside = await runRelay(t, ['archive', 'restore', OLD, '--beside'], environment)
  assert.equal(beside.code, 0, beside.stderr)
  assert.deepEqual(await usersIn(`restored_${OLD}`), [
    [1, null],
    [3, BOB],
  ])
  await erase(eraser, [3])
  assert.deepEqual(await usersIn(`restored_${OLD}`), [
    [1, null],
    [3, null],
  ])
  const back = await runRelay(t, ['archive', 'restore', OLD], environment)
  assert.equal(back.code, 0, back.stderr)
  const expected = [1, 2, 3, 4].map((seq) => [seq, seq === 2 ? ADA : seq === 4 ? BOB : null])
  assert.deepEqual(await usersIn(OLD), expected)
  // The digest of what is there now is another one, and it is compared with what is there now.
  await archiver.archive({ partition: OLD })
  const [noted] = await sql`select count(*)::integer as files from audit.audit_archive`
  assert.equal(noted?.['files'], 2)
})

test('nothing copies entries while they are erased', async (t) => {
  const { scratch, sql, keeper, eraser } = await dueLog(t)
  await keeper`begin`
  await keeper`select from audit.build_kept(${OLD})`
  assert.equal((await refusalOf(erase(eraser, [1])))?.code, '55P03', 'retention builds')
  await keeper`rollback`
  const maker = connect(t, scratch.url)
  await maker`begin`
  await maker`select from audit.audit_turn where turn = -1 for no key update`
  assert.equal((await refusalOf(erase(eraser, [1])))?.code, '55P03', 'partitions will be made')
  await maker`rollback`
  const make = () =>
    keeper`select audit.ensure_partitions_between(${monthsAgo(-5)}, ${monthsAgo(-6)})`
  await sql`insert into audit.audit_log (id, seq, occurred_at, action, user_id)
    values (audit.id_floor(${monthsAgo(-5)}), 5, now(), 'a.b', ${ADA})`
  await keeper`begin`
  await make()
  assert.equal((await refusalOf(erase(eraser, [5])))?.code, '55P03', 'partitions are made')
  await keeper`rollback`
  assert.equal((await erase(eraser, [5])).length, 1)
  await make()
  const [entry] =
    await sql`select user_id, tableoid::regclass::text as place from audit.audit_log where seq = 5`
  assert.deepEqual(
    [entry?.['user_id'], entry?.['place'] === 'audit.audit_log_default'],
    [null, false],
  )
})

test('salts stay while a removed table can come back, and go with its drop', async (t) => {
  const { build, swap, scratch, sql, keeper, eraser } = await dueLog(t)
  await sealerOn(t, scratch, { keys: testKeys() }).drain()
  const salts = async () => {
    const [row] = await sql`select encode(salts, 'hex') as salts from audit.audit_salt`
    const zero = '0'.repeat(32)
    return [1, 2, 3, 4, 5].map((seq) => row?.['salts'].slice(seq * 32, seq * 32 + 32) !== zero)
  }
  await erase(eraser, [3], ['user_id'])
  await erase(eraser, [4], ['user_id'])
  await swap(await build())
  assert.deepEqual(await salts(), [true, true, false, false, true])
  await sql`update audit.audit_retention set undo = '0'`
  await keeper`select audit.drop_removed(${OLD})`
  assert.deepEqual(await salts(), [false, true, false, false, true])
  const openings = await sql`select opening from audit.audit_erasure order by seq`
  assert.deepEqual(
    openings.map(({ opening }) => Object.keys(opening).sort()),
    [['user_id'], ['context', 'metadata', 'user_id']],
  )
})

test('with an archive the salts come back, of an erased entry those of what is left', async (t) => {
  const { build, swap, scratch, sql, keeper, eraser } = await dueLog(t)
  await sealerOn(t, scratch, { keys: testKeys() }).drain()
  await erase(eraser, [3], ['metadata'])
  const { archiver, folder } = archiverOf(t, scratch)
  const number = await build()
  const archived = await archiver.archive({ partition: OLD, kept: `${OLD}_kept` })
  await swap(number, { ...archived })
  await erase(eraser, [1], ['user_id'])
  await sql`update audit.audit_retention set undo = '0'`
  const sealed = (await tile(scratch)).slice(0, 4)
  const before = await sql`select seq, opening from audit.audit_erasure order by seq`
  await keeper`select audit.drop_removed(${OLD})`
  const environment = { AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_keeper') }
  const back = await runRelay(t, ['archive', 'restore', OLD], environment)
  assert.equal(back.code, 0, back.stderr)
  assert.deepEqual((await leaves(t, scratch)).slice(0, 4), sealed)
  assert.deepEqual(await sql`select seq, opening from audit.audit_erasure order by seq`, before)

  // What opens no leaf that was sealed is not taken.
  const salts = () => sql`select encode(salts, 'hex') as salts from audit.audit_salt`
  await sql`update audit.audit_salt set salts = decode(repeat('00', 4096), 'hex')`
  await sql`update audit.audit_erasure set opening = opening - 'context'`
  const bare = [await salts(), await sql`select opening from audit.audit_erasure order by seq`]
  const forged = [
    { seq: 1, salt: 'ab'.repeat(16) },
    { seq: 2, salt: 'ab'.repeat(16) },
    { seq: 3, opening: { context: { salt: 'ab'.repeat(12) } } },
    { seq: 3, salt: 'ab' },
  ]
  const [taken] = await keeper`
    select audit.restore_salts(${OLD}, ${JSON.stringify(forged)}::text::json)::integer as salts`
  assert.equal(taken?.['salts'], 0)
  assert.deepEqual(
    [await salts(), await sql`select opening from audit.audit_erasure order by seq`],
    bare,
  )
  assert.equal(filesBelow(folder).filter((name) => name.endsWith('.salts.gz')).length, 1)
  const verified = await runRelay(t, ['archive', 'verify', folder])
  assert.equal(verified.code, 0, verified.stderr)
})
