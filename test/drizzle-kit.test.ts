import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { describeSchema } from './support/catalog.ts'
import { drizzleKit } from './support/commands.ts'
import { emptyDatabase, scratchDatabase } from './support/database.ts'
import { temporaryFolder, temporaryProject } from './support/temporary-project.ts'

function filesIn(folder: string): readonly string[] {
  return fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
}

test('drizzle-kit finds the migrations whole, and nothing in the tables that they lack', async (t) => {
  const folder = temporaryProject(t)
  const before = filesIn(path.join(folder, 'src'))

  const checked = await drizzleKit(['check'], { cwd: folder })
  assert.equal(checked.code, 0, checked.stdout + checked.stderr)
  assert.match(checked.stdout, /Everything's fine/)

  const generated = await drizzleKit(['generate'], { cwd: folder })
  assert.equal(generated.code, 0, generated.stdout + generated.stderr)
  assert.match(generated.stdout, /No schema changes/)
  assert.deepEqual(filesIn(path.join(folder, 'src')), before)
})

test('drizzle-kit would notice a column that the migrations lack', async (t) => {
  const folder = temporaryProject(t)
  const tables = path.join(folder, 'src/schema/tables/lanes.ts')
  const text = fs.readFileSync(tables, 'utf8')
  fs.writeFileSync(tables, text.replace("lane: text('lane')", "again: text('again'), $&"))
  await drizzleKit(['generate', '--name', 'one_column'], { cwd: folder })
  const made = filesIn(path.join(folder, 'src')).find((name) => name.endsWith('_one_column.sql'))
  const sql = fs.readFileSync(path.join(folder, 'src', made ?? 'missing'), 'utf8')
  assert.match(sql, /ALTER TABLE "audit"\."audit_lane" ADD COLUMN "again" text;/)
})

test('drizzle-kit migrate makes the same database as the migrator, which then has nothing to do', async (t) => {
  const ours = await scratchDatabase(t)
  const theirs = await emptyDatabase(t)
  const migrated = await drizzleKit(['migrate'], { url: theirs.url })
  assert.equal(migrated.code, 0, migrated.stdout + migrated.stderr)
  // The migrator locks a table that it makes before its first migration.
  const isMigrated = (line: string) => !line.includes('audit_migration_lock')
  const made = (await describeSchema(ours.sql)).filter(isMigrated)
  assert.deepEqual(await describeSchema(theirs.sql), made)
  assert.deepEqual((await migrateDatabase({ databaseUrl: theirs.url })).applied, [])

  const again = await drizzleKit(['migrate'], { url: theirs.url })
  assert.equal(again.code, 0, again.stdout + again.stderr)
})

const USERS_TABLES = `
import { integer, pgSchema, pgTable, text, uuid } from 'drizzle-orm/pg-core'

export const shop = pgSchema('shop')
export const orders = shop.table('orders', { id: uuid('id').primaryKey(), total: integer('total') })
// Of the same name as one of ours, elsewhere.
export const auditLog = pgTable('audit_log', { id: uuid('id').primaryKey(), note: text('note') })
`
const USERS_CONFIG = `
import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: './tables.ts',
  out: './migrations',
  schemaFilter: ['public', 'shop'],
  dbCredentials: { url: process.env['DATABASE_URL'] ?? '' },
})
`

/** Somebody's project, with its own Drizzle, on a database that has our schema and entries. */
async function usersProject(t: TestContext) {
  const scratch = await scratchDatabase(t)
  await scratch.sql`
    insert into audit.audit_log (id, seq, occurred_at, action)
    select audit.new_id(), n, now(), 'branding.update' from generate_series(1, 10) as n`
  await scratch.sql`
    insert into audit.audit_outbox (id, occurred_at, action)
    select audit.new_id(), now(), 'branding.update' from generate_series(1, 10)`
  const folder = temporaryFolder(t)
  fs.writeFileSync(path.join(folder, 'tables.ts'), USERS_TABLES)
  fs.writeFileSync(path.join(folder, 'drizzle.config.ts'), USERS_CONFIG)
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await drizzleKit(args, { cwd: folder, url: scratch.url })
    assert.equal(code, 0, stdout + stderr)
    return stdout + stderr
  }
  return { ...scratch, folder, run }
}

// Goal: who adds us to a database goes on using drizzle-kit on it as before.
// Method: push what we do not have, then change and push again; ours is as it was, to the row.
test("a user's own drizzle-kit push makes his tables and leaves ours alone", async (t) => {
  const { sql, folder, run } = await usersProject(t)
  const before = await describeSchema(sql)

  const pushed = await run('push', '--force', '--verbose')
  assert.doesNotMatch(pushed, /"audit"\./)
  const [made] = await sql`
    select to_regclass('shop.orders') is not null as orders,
      to_regclass('public.audit_log') is not null as log`
  assert.deepEqual({ ...made }, { orders: true, log: true })
  assert.deepEqual(await describeSchema(sql), before)

  const changed = USERS_TABLES.replace(", note: text('note')", '')
  fs.writeFileSync(path.join(folder, 'tables.ts'), changed)
  assert.doesNotMatch(await run('push', '--force', '--verbose'), /"audit"\./)
  const columns = await sql`
    select column_name as name from information_schema.columns
    where table_schema = 'public' and table_name = 'audit_log'`
  assert.deepEqual([...columns], [{ name: 'id' }])
  assert.deepEqual(await describeSchema(sql), before)
})

test("a user's own drizzle-kit generate and migrate do not mention our schema", async (t) => {
  const { sql, folder, run } = await usersProject(t)
  const before = await describeSchema(sql)
  await run('generate')
  const migrations = path.join(folder, 'migrations')
  const made = fs.readdirSync(migrations).filter((name) => name.endsWith('.sql'))
  assert.equal(made.length, 1)
  assert.doesNotMatch(fs.readFileSync(path.join(migrations, made[0] ?? ''), 'utf8'), /"audit"/)
  await run('migrate')
  assert.deepEqual(await describeSchema(sql), before)
})
