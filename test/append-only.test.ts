import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type postgres from 'postgres'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { connect, connectAs, refusalOf } from './support/logins.ts'
import { serverMajor } from './support/server.ts'

const IDS = {
  thisMonth: "audit.id_floor(date_trunc('month', now(), 'UTC'))",
  madeLater: "audit.id_floor(date_trunc('month', now(), 'UTC') + interval '5 months')",
  default: "audit.id_floor('2001-01-01Z')",
}

/** Every way to change or remove rows, with rows to be found and with none. */
function changes(table: string, major: number): readonly string[] {
  const row = `insert into ${table} (id, seq, occurred_at, action)`
  const overwrite = 'on conflict (id) do update set action = excluded.action'
  const statements = [
    `update ${table} set action = 'was.changed'`,
    `update ${table} set action = 'was.changed' where false`,
    `delete from ${table}`,
    `delete from ${table} where false`,
    `truncate ${table}`,
    `truncate ${table} cascade`,
    `${row} select id, seq, occurred_at, 'was.changed' from ${table} ${overwrite}`,
    `${row} select id, seq, occurred_at, 'was.changed' from ${table} where false ${overwrite}`,
  ]
  const merge = `merge into ${table} as l using ${table} as m on l.id = m.id`
  return major < 15
    ? statements
    : [
        ...statements,
        `${merge} when matched then update set action = 'was.changed'`,
        `${merge} and false when matched then update set action = 'was.changed'`,
        `${merge} when matched then delete`,
        `${merge} and false when matched then delete`,
      ]
}

/** A log with a row in this month's partition, in DEFAULT, and in a partition made later. */
async function filledLog(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const [made] = await sql`select audit.ensure_partitions(5) as partitions`
  assert.equal(made?.['partitions'], 2, 'partitions made later')
  for (const [seq, id] of Object.values(IDS).entries()) {
    await insertEntry(sql, id, seq + 1)
  }
  const partitions = await sql<{ name: string; rows: number }[]>`
    select c.oid::regclass::text as name,
      (select count(*)::integer from audit.audit_log as l where l.tableoid = c.oid) as rows
    from pg_class as c join pg_inherits on inhrelid = c.oid
    where inhparent = 'audit.audit_log'::regclass`
  assert.equal(partitions.length, 7, 'six months and DEFAULT')
  assert.equal(partitions.filter(({ rows }) => rows === 1).length, 3, 'three of them filled')
  return { scratch, tables: ['audit.audit_log', ...partitions.map(({ name }) => name)] }
}

function insertEntry(sql: postgres.Sql, idExpression: string, seq: number) {
  return sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    values (${sql.unsafe(idExpression)}, ${seq}, '2026-01-01', 'branding.update')`
}

async function contents(sql: postgres.Sql) {
  return sql`select id, seq, action from audit.audit_log order by seq`
}

async function isSuperuser({ sql }: ScratchDatabase): Promise<boolean> {
  const [row] = await sql`select rolsuper from pg_roles where rolname = current_user`
  return row?.['rolsuper'] === true
}

test('the statements that the log refuses do change a table that is no log', async (t) => {
  const { sql } = await scratchDatabase(t)
  for (const statement of changes('public.plain', await serverMajor())) {
    await sql`create table public.plain (like audit.audit_log including all)`
    await sql`insert into public.plain (id, seq, occurred_at, action)
      values (gen_random_uuid(), 1, now(), 'branding.update')`
    await sql.unsafe(statement)
    const [row] = await sql`
      select count(*) filter (where action = 'branding.update')::integer as unchanged
      from public.plain`
    assert.equal(row?.['unchanged'], / false\b/.test(statement) ? 1 : 0, statement)
    await sql`drop table public.plain`
  }
})

// Goal: a login with any of our roles, or with all of them, can only append.
// Method: every way of changing rows, on the log and on each partition, as each of them.
test('no role, owner or superuser changes or removes an entry in any partition', async (t) => {
  const { scratch, tables } = await filledLog(t)
  const before = await contents(scratch.sql)
  const major = await serverMajor()
  const permitted = /append-only/ // gets as far as the trigger
  const denied = /permission denied|must be owner|append-only/
  const logins: (readonly [string, postgres.Sql, RegExp])[] = [
    ['audit_app', connectAs(t, scratch, 'audit_app'), denied],
    ['audit_relay', connectAs(t, scratch, 'audit_relay'), denied],
    ['audit_reader', connectAs(t, scratch, 'audit_reader'), denied],
    ['audit_owner', connectAs(t, scratch, 'audit_owner'), permitted],
    ['the owner of the database', connect(t, scratch.url), permitted],
  ]
  if (await isSuperuser(scratch)) {
    const replica = connect(t, scratch.url)
    await replica`set session_replication_role = replica`
    logins.push(['a superuser as replica', replica, permitted])
  }
  for (const [login, sql, message] of logins) {
    for (const statement of tables.flatMap((table) => changes(table, major))) {
      const refusal = await refusalOf(sql.unsafe(statement))
      assert.equal(refusal?.code, '42501', `${login}: ${statement}`)
      assert.match(refusal.message, message, `${login}: ${statement}`)
    }
  }
  assert.deepEqual(await contents(scratch.sql), before)
})

test('a grant by mistake does not open the log', async (t) => {
  const { scratch, tables } = await filledLog(t)
  const before = await contents(scratch.sql)
  const app = connectAs(t, scratch, 'audit_app')
  const major = await serverMajor()
  for (const table of tables) {
    await scratch.sql`grant all on ${scratch.sql(table)} to audit_app`
    for (const statement of changes(table, major)) {
      const refusal = await refusalOf(app.unsafe(statement))
      assert.match(refusal?.message ?? 'done', /append-only/, statement)
    }
  }
  assert.deepEqual(await contents(scratch.sql), before)
})

test('the refusal names the table and says what to do instead', async (t) => {
  const { sql } = await scratchDatabase(t)
  await assert.rejects(sql`delete from audit.audit_log`, {
    code: '42501',
    message: 'DELETE on audit.audit_log refused: the audit log is append-only',
    hint: 'Record a new entry that says what was wrong with the old one.',
  })
})

// What is not protected: TRUNCATE of a partition that somebody attached by hand, until it is
// guarded. Only a row trigger is copied to it, and no row trigger fires for TRUNCATE.
test('a partition attached by hand refuses UPDATE and DELETE, and TRUNCATE once guarded', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  await sql`create table public.attached (like audit.audit_log including all)`
  await sql`
    alter table audit.audit_log attach partition public.attached
    for values from (${sql.unsafe(IDS.default)}) to (${sql.unsafe("audit.id_floor('2001-02-01Z')")})`
  await insertEntry(sql, IDS.default, 1)
  const session = connect(t, scratch.url)
  const changed = `update public.attached set action = 'was.changed'`
  const removed = 'delete from public.attached'
  const refused = async (...statements: string[]) => {
    for (const statement of statements) {
      const refusal = await refusalOf(session.unsafe(statement))
      assert.match(refusal?.message ?? 'done', /append-only/, statement)
    }
  }

  await refused(changed, removed, 'truncate audit.audit_log')
  if (await isSuperuser(scratch)) {
    await session`set session_replication_role = replica`
    await refused(changed, removed, 'truncate audit.audit_log')
  }
  assert.equal(await refusalOf(session.unsafe(`${removed} where false`)), undefined)
  assert.equal(await refusalOf(session.unsafe('truncate public.attached')), undefined)

  await session`select audit.guard_log_table('public.attached')`
  await refused(changed, removed, `${removed} where false`, 'truncate public.attached')
})
