import type postgres from 'postgres'

/**
 * Describes every object of the schema `audit` from the catalogue, one line for each: its owner,
 * its grants, its definition, and how many rows it holds.
 */
export async function describeSchema(sql: postgres.Sql): Promise<readonly string[]> {
  const definitions = await sql<{ line: string }[]>`
    with tables as (
      select c.oid::regclass::text as name, c.*
      from pg_class as c where c.relnamespace = 'audit'::regnamespace
    )
    select concat_ws(' | ', 'schema', nspname, nspowner::regrole, nspacl) as line
    from pg_namespace where nspname = 'audit'
    union all
    select concat_ws(' | ', 'relation', name, relkind, relpersistence, relowner::regrole, reloptions,
      (select array_agg(a order by a::text) from unnest(relacl) as a),
      pg_get_expr(relpartbound, oid), pg_get_partkeydef(oid))
    from tables
    union all
    select concat_ws(' | ', 'column', t.name, a.attnum, a.attname, a.attisdropped,
      format_type(a.atttypid, a.atttypmod), nullif(a.attcollation, 0)::regcollation, a.attnotnull, a.attidentity, a.attacl,
      pg_get_expr(d.adbin, d.adrelid))
    from tables as t join pg_attribute as a on a.attrelid = t.oid and a.attnum > 0
    left join pg_attrdef as d on d.adrelid = t.oid and d.adnum = a.attnum
    where t.relkind in ('r', 'p')
    union all
    select concat_ws(' | ', 'constraint', t.name, c.conname, pg_get_constraintdef(c.oid))
    from tables as t join pg_constraint as c on c.conrelid = t.oid
    union all
    select concat_ws(' | ', 'index', pg_get_indexdef(i.indexrelid), i.indisvalid)
    from tables as t join pg_index as i on i.indrelid = t.oid
    union all
    select concat_ws(' | ', 'trigger', t.name, g.tgenabled, pg_get_triggerdef(g.oid))
    from tables as t join pg_trigger as g on g.tgrelid = t.oid
    union all
    select concat_ws(' | ', 'function', p.oid::regprocedure, p.proowner::regrole,
      (select array_agg(a order by a::text) from unnest(p.proacl) as a), pg_get_functiondef(p.oid))
    from pg_proc as p where p.pronamespace = 'audit'::regnamespace
    order by 1`
  const tables = await sql<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class as c
    where c.relnamespace = 'audit'::regnamespace and c.relkind in ('r', 'p') order by 1`
  const rows = []
  for (const { name } of tables) {
    const [row] = await sql`select count(*)::integer as count from ${sql(name)}`
    rows.push(`rows | ${name} | ${row?.['count']}`)
  }
  return [...definitions.map(({ line }) => line), ...rows]
}
