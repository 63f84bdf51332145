import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scratchDatabase } from './support/database.ts'

// Goal: what Drizzle's schema builder has no word for is there all the same.
// Method: ask the catalogue of a migrated database.
test('a migrated database has the log, its partitions and an UNLOGGED fast lane', async (t) => {
  const { sql } = await scratchDatabase(t)

  const tables = await sql`
    select relname as name, relkind as kind, relpersistence as persistence, relispartition as part
    from pg_class
    where relnamespace = 'audit'::regnamespace and relkind in ('r', 'p')`
  const table = (name: string) => tables.find((row) => row['name'] === name)
  const months = tables.filter(({ name }) => /^audit_log_\d{4}_\d{2}$/.test(name))

  assert.equal(table('audit_log')?.['kind'], 'p', 'partitioned')
  assert.equal(table('audit_log_default')?.['part'], true)
  assert.equal(months.length, 4, 'this month and three ahead')
  assert.equal(table('audit_staging')?.['persistence'], 'u', 'unlogged')
  assert.equal(table('audit_outbox')?.['persistence'], 'p', 'permanent')
})

test('logins for the four roles may do what their role may', async (t) => {
  const { sql, urlAs } = await scratchDatabase(t)
  for (const role of ['audit_app', 'audit_relay', 'audit_reader', 'audit_owner'] as const) {
    const { username } = new URL(urlAs(role))
    const [row] = await sql`select pg_has_role(${username}, ${role}, 'usage') as is_member`
    assert.equal(row?.['is_member'], true, role)
  }
})
