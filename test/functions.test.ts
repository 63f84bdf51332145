import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type postgres from 'postgres'
import { makeSchema, ROOT } from './support/commands.ts'
import { scratchDatabase } from './support/database.ts'
import { temporaryProject } from './support/temporary-project.ts'

const FOLDER = path.join(ROOT, 'src/schema/functions')
const FILES = fs
  .readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.sql'))

/** The functions of the schema by name, as Postgres prints them: with options, owner and grants. */
async function functionsIn(sql: postgres.Sql): Promise<ReadonlyMap<string, string>> {
  const rows = await sql<{ name: string; text: string }[]>`
    select proname as name, concat_ws(' | ', pg_get_functiondef(oid), oid::regprocedure, prosecdef,
      proconfig, proowner::regrole, array(select a::text from unnest(coalesce(proacl, acldefault('f', proowner))) as a order by 1)) as text
    from pg_proc where pronamespace = 'audit'::regnamespace order by oid`
  assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length, 'one function of each name')
  return new Map(rows.map(({ name, text }) => [name, text]))
}

/** The functions that the files would change, or add, in this database. */
async function differing(sql: postgres.Sql): Promise<readonly string[]> {
  const before = await functionsIn(sql)
  for (const file of FILES) await sql.unsafe(fs.readFileSync(path.join(FOLDER, file), 'utf8'))
  return Array.from(await functionsIn(sql))
    .filter(([name, text]) => before.get(name) !== text)
    .map(([name]) => name)
}

// Goal: the files say what a database does, so a change of a function is a diff of its file.
// Method: create each function again from its file; nothing of it may change.
test('the functions of a migrated database are those of src/schema/functions', async (t) => {
  const { sql } = await scratchDatabase(t)
  const functions = await functionsIn(sql)
  assert.deepEqual(
    FILES.map((file) => path.basename(file, '.sql')).sort(),
    [...functions.keys()].sort(),
  )
  assert.deepEqual(await differing(sql), [])
  for (const [name, text] of functions) {
    assert.match(text, / \| audit_owner \| \{/, `${name} belongs to audit_owner`)
    assert.doesNotMatch(text, /[{,"]=X\//, `not everybody may call ${name}`)
  }
})

test('a batch is taken out of both lanes in the same way', () => {
  const [staging, outbox] = ['staging', 'outbox'].map((lane) =>
    fs.readFileSync(path.join(FOLDER, `move/take_from_${lane}.sql`), 'utf8'),
  )
  assert.equal(staging?.replaceAll('staging', 'outbox'), outbox)
})

test('a function of another text, option or parameter is noticed', async (t) => {
  const { sql } = await scratchDatabase(t)
  const [before] = await sql`select pg_get_functiondef('audit.new_id()'::regprocedure) as text`
  await sql.unsafe(String(before?.['text']).replace('random_id, 14', 'random_id, 15'))
  await sql`alter function audit.record(text, boolean) set lock_timeout = '2s'`
  await sql`alter function audit.lane_state(uuid) security invoker`
  await sql`drop function audit.declare_gap()`
  assert.deepEqual([...(await differing(sql))].sort(), [
    'declare_gap',
    'lane_state',
    'new_id',
    'record',
  ])
})

test('a changed function or table goes into the migrations by npm run schema:make', async (t) => {
  const folder = temporaryProject(t)
  const [file, table] = ['src/schema/functions/lanes/lane_state.sql', 'src/schema/tables/lanes.ts']
  const edit = (name: string, find: string, replace: string) => {
    const text = fs.readFileSync(path.join(folder, name), 'utf8')
    assert.ok(text.includes(find), name)
    fs.writeFileSync(path.join(folder, name), text.replace(find, replace))
  }
  const clean = await makeSchema(['--check'], { cwd: folder })
  assert.deepEqual(clean, { code: 0, stdout: '', stderr: '' })

  edit(file, 'select s.epoch from', 'select max(s.epoch) from')
  edit(table, "lane: text('lane')", "again: text('again'), $&")
  const stale = await makeSchema(['--check'], { cwd: folder })
  assert.equal(stale.code, 1)
  for (const name of ['0001_functions.sql', '0000_tables.sql', 'meta/0003_snapshot.json']) {
    const line = `src/schema/migrations/${name} is out of date: run "npm run schema:make".`
    assert.ok(stale.stderr.includes(line), stale.stderr)
  }

  const made = await makeSchema([], { cwd: folder })
  assert.equal(made.code, 0, made.stderr)
  const migration = (name: string) =>
    fs.readFileSync(path.join(folder, 'src/schema/migrations', name), 'utf8')
  assert.match(migration('0001_functions.sql'), /select max\(s\.epoch\)/)
  assert.match(migration('0000_tables.sql'), /"again" text,/)
  assert.match(migration('0000_tables.sql'), /^CREATE UNLOGGED TABLE "audit"\."audit_staging"/m)
  assert.equal((await makeSchema(['--check'], { cwd: folder })).code, 0)
})

// Goal: what a release holds is final, so each later change of a function is a migration of its own.
// Method: say that the whole series is released, and change one function.
test('after a release only the changed functions go into a new migration', async (t) => {
  const folder = temporaryProject(t)
  const write = (name: string, change: (text: string) => string) => {
    const file = path.join(folder, name)
    fs.writeFileSync(file, change(fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''))
  }
  write('.ci/make-schema.ts', (text) => text.replace('RELEASED = 0', 'RELEASED = 4'))
  assert.equal((await makeSchema(['--check'], { cwd: folder })).code, 0)
  write('src/schema/functions/values/new_id.sql', (text) =>
    text.replace('random_id, 14', 'random_id,  14'),
  )

  const refused = await makeSchema([], { cwd: folder })
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    /0001_functions\.sql is released and lacks new_id\. Run "npx drizzle-/,
  )

  write('src/schema/migrations/0004_functions.sql', () => '')
  const made = await makeSchema([], { cwd: folder })
  assert.deepEqual(made, {
    code: 0,
    stdout: 'Made src/schema/migrations/0004_functions.sql.\n',
    stderr: '',
  })
  const sql = fs.readFileSync(path.join(folder, 'src/schema/migrations/0004_functions.sql'), 'utf8')
  assert.deepEqual(sql.match(/(?<=FUNCTION "audit"\.")\w+/g), ['new_id'])
})
