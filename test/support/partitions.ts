import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import postgres from 'postgres'
import type { QueryHandle } from '../../src/database/callers-database.ts'
import type { ScratchDatabase } from './database.ts'

/** Makes partitions of the log with these bounds: ids, the first one in it and the first behind it. */
export async function makePartitions(
  sql: postgres.Sql,
  bounds: readonly (readonly [string, string])[],
): Promise<void> {
  await sql.unsafe(`do $$
    declare bound record;
    begin
      for bound in
        select b.value ->> 0 as from_id, b.value ->> 1 as to_id, b.ordinality as n
        from jsonb_array_elements('${JSON.stringify(bounds)}') with ordinality as b
      loop
        execute format('create table audit.%I partition of audit.audit_log for values from (%L) to (%L)',
          'audit_log_of_test_' || bound.n, bound.from_id, bound.to_id);
        perform audit.guard_log_table(format('audit.%I', 'audit_log_of_test_' || bound.n)::regclass);
      end loop;
    end $$`)
  await listPartitions(sql)
}

/** Lists in the catalogue what is not listed yet. */
export async function listPartitions(sql: postgres.Sql): Promise<void> {
  await sql`
    insert into audit.audit_partition (name, from_id, to_id)
    select c.relname, bound[1]::uuid, bound[2]::uuid
    from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
    cross join lateral regexp_match(
      pg_get_expr(c.relpartbound, c.oid), 'FROM [(]''(.{36})''[)] TO [(]''(.{36})''[)]') as bound
    where i.inhparent = 'audit.audit_log'::regclass and bound is not null
    on conflict do nothing`
}

/** Bounds the numbers of partitions that end before this id, as the relay does some days after. */
export async function closePartitions(sql: postgres.Sql, beforeId: string): Promise<void> {
  await sql`
    update audit.audit_partition as p
    set min_seq = found.first, max_seq = found.last, rows = found.rows, closed_at = now()
    from (
      select p.name, min(l.seq) as first, max(l.seq) as last, count(*) as rows
      from audit.audit_partition as p
      join audit.audit_log as l on l.id >= p.from_id and l.id < p.to_id
      where p.to_id <= ${beforeId}::uuid group by p.name
    ) as found
    where p.name = found.name`
}

/** What the statements of a reader have touched at most. */
export interface Touched {
  locks: number
  partitions: number
  statements: number
}

/** A reader's database that runs each statement in a transaction and counts what it has locked. */
export function countingReader(
  t: TestContext,
  { urlAs }: ScratchDatabase,
  role: 'audit_reader' | 'audit_relay' = 'audit_reader',
): { readonly db: QueryHandle; readonly touched: Touched } {
  const touched: Touched = { locks: 0, partitions: 0, statements: 0 }
  const client = postgres(urlAs(role), { max: 1, onnotice: () => {} })
  t.after(() => client.end({ timeout: 1 }))
  const run = async (text: string, params: unknown[]) =>
    await client.begin(async (tx) => {
      const rows = await tx.unsafe(text, params as never[])
      const [held] = await tx`
        select count(*)::integer as locks, (count(*) filter (
          where relation in (
            select inhrelid from pg_inherits where inhparent = 'audit.audit_log'::regclass)
        ))::integer as partitions
        from pg_locks where pid = pg_backend_pid()`
      assert.ok(held)
      touched.locks = Math.max(touched.locks, held['locks'])
      touched.partitions = Math.max(touched.partitions, held['partitions'])
      touched.statements += 1
      return { rows }
    })
  let before: Promise<unknown> = Promise.resolve()
  const db = {
    query(text: string, params: unknown[]) {
      const answer = before.then(() => run(text, params))
      before = answer.catch(() => {})
      return answer
    },
  }
  return { db, touched }
}
