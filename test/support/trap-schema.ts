import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type postgres from 'postgres'
import type { ScratchDatabase } from './database.ts'
import { waitFor } from './wait-for.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Types that statements of ours hold, for operators and functions that fit them better. */
const NEAR_TYPES = [
  ...['integer', 'bigint', 'numeric', 'double precision', 'text', 'name', 'uuid', 'jsonb'],
  ...['timestamp with time zone', 'oid', 'regclass', 'text[]'],
]
const NEAR_OPERATORS = [
  ...[
    '=',
    '<>',
    '<',
    '>',
    '<=',
    '>=',
    '+',
    '-',
    '*',
    '/',
    '%',
    '||',
    '@>',
    '->',
    '->>',
    '#>>',
    '~',
  ],
]

/** Every word that stands before a parenthesis in our source: the names of the functions among them. */
function wordsOfSource(): readonly string[] {
  const words = new Set<string>()
  for (const folder of ['src', 'relay']) {
    for (const name of readdirSync(path.join(ROOT, folder), {
      recursive: true,
      encoding: 'utf8',
    })) {
      if (!/\.ts$/.test(name)) continue
      const text = readFileSync(path.join(ROOT, folder, name), 'utf8')
      for (const [, word = ''] of text.matchAll(/\b([a-z][a-z0-9_]+)\(/g)) words.add(word)
    }
  }
  return [...words]
}

/**
 * Makes a schema `trap` with an operator, a function, an aggregate and a type for each one of
 * `pg_catalog`, with the same arguments. Where `pg_catalog` has none that fits a pair of types
 * exactly, it also has one that does, because Postgres takes that one even from a schema that stands
 * behind. `sprung` tells what of it has run.
 *
 * What takes `internal`, `cstring` or `"any"` cannot be written in PL/pgSQL and is left out.
 *
 * @param sql of a superuser, in the database that the trap is for
 */
export async function setTrap(sql: postgres.Sql): Promise<void> {
  const [row] = await sql`select current_database() as name`
  await sql`alter database ${sql(String(row?.['name']))} set track_functions = 'all'`
  await sql.begin(async (tx) => {
    await tx.unsafe(`set local search_path = pg_catalog; ${TRAP}`)
    await tx`select trap.fill(
      ${JSON.stringify(NEAR_TYPES)}::text::jsonb, ${JSON.stringify(NEAR_OPERATORS)}::text::jsonb,
      ${JSON.stringify(wordsOfSource())}::text::jsonb)`
  })
  await sql`drop function trap.fill(jsonb, jsonb, jsonb), trap.try_to(text)`
  await sql`grant usage on schema trap to public`
}

/** What of the trap has run, and how often. Sessions report it when they end. */
export async function sprung(sql: postgres.Sql): Promise<readonly string[]> {
  const rows = await sql`
    select p.oid::regprocedure::text as name, pg_stat_get_function_calls(p.oid) as calls
    from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'trap' and pg_stat_get_function_calls(p.oid) > 0 order by 1`
  return rows.map(({ name, calls }) => `${name}: ${calls}`)
}

/** Once nobody else is connected: a session tells what it has called when it ends. */
export async function assertNothingSprung(
  { sql, name }: ScratchDatabase,
  what: string,
): Promise<void> {
  const others = () => sql`
    select from pg_stat_activity where datname = ${name} and usename <> current_user`
  await waitFor(async () => (await others()).length === 0, { what: 'the sessions to end' })
  assert.deepEqual(await sprung(sql), [], what)
}

/** How many functions and operators the trap has. */
export async function trapSize(
  sql: postgres.Sql,
): Promise<{ functions: number; operators: number }> {
  const [row] = await sql`
    select (select count(*)::integer from pg_proc where pronamespace = 'trap'::regnamespace) as functions,
      (select count(*)::integer from pg_operator where oprnamespace = 'trap'::regnamespace) as operators`
  return { functions: Number(row?.['functions']), operators: Number(row?.['operators']) }
}

// It answers null: what goes wrong by that is seen as well, and counting outlasts a rollback.
const TRAP = `
create schema trap;
create function trap.try_to(command text) returns void language plpgsql as $$
begin
  execute command;
exception when others then
  null; -- one that cannot be made in PL/pgSQL, or is there
end $$;
create function trap.aggregated() returns void language plpgsql as 'begin end';
create function trap.fill(near_types jsonb, near_operators jsonb, words jsonb)
returns void language plpgsql as $$
declare
  one record;
  is_logical boolean;
  operator text;
begin
  for one in
    select typname, format_type(oid, null) as type from pg_type
    where typnamespace = 'pg_catalog'::regnamespace and typtype = 'b' and typcategory <> 'A'
      and has_type_privilege(oid, 'usage')
  loop
    perform trap.try_to(format(
      'create function trap.%I() returns boolean language plpgsql as ''begin return true; end''',
      'type ' || one.typname));
    perform trap.try_to(format(
      'create domain trap.%I as %s check (trap.%I())', one.typname, one.type, 'type ' || one.typname));
  end loop;
  for one in
    select proname, pg_get_function_identity_arguments(oid) as args, pg_get_function_result(oid) as result,
      proretset
    from pg_proc where pronamespace = 'pg_catalog'::regnamespace and prokind = 'f'
      and not (proargtypes::oid[] && array['internal'::regtype, 'cstring'::regtype, '"any"'::regtype]::oid[])
  loop
    perform trap.try_to(format(
      'create function trap.%I(%s) returns %s language plpgsql as %L', one.proname, one.args,
      one.result, case when one.proretset then 'begin return; end' else 'begin return null; end' end));
  end loop;
  for one in
    select oid, proname, array_to_string(array(select format_type(t, null)
      from unnest(proargtypes) with ordinality as a (t, n) order by n), ', ') as args
    from pg_proc where pronamespace = 'pg_catalog'::regnamespace and prokind = 'a'
      and not (proargtypes::oid[] && array['internal'::regtype, '"any"'::regtype]::oid[])
  loop
    perform trap.try_to(format(
      'create function trap.%I(%s) returns bigint language plpgsql as
      ''begin perform trap.aggregated(); return 0; end''', -- its own calls are not counted
      'aggregate ' || one.oid, concat_ws(', ', 'bigint', nullif(one.args, ''))));
    perform trap.try_to(format('create aggregate trap.%I(%s) (sfunc = trap.%I, stype = bigint)',
      one.proname, case when one.args = '' then '*' else one.args end, 'aggregate ' || one.oid));
  end loop;
  for one in
    select oid, oprname, format_type(oprresult, null) as result,
      case when oprleft <> 0 then format_type(oprleft, null) end as l, format_type(oprright, null) as r
    from pg_operator where oprnamespace = 'pg_catalog'::regnamespace
  loop
    perform trap.try_to(format(
      'create function trap.%I(%s) returns %s language plpgsql as ''begin return null; end''',
      'operator ' || one.oid, concat_ws(', ', one.l, one.r), one.result));
    perform trap.try_to(format('create operator trap.%s (%s rightarg = %s, function = trap.%I)',
      one.oprname, 'leftarg = ' || one.l || ',', one.r, 'operator ' || one.oid));
  end loop;
  for one in
    select l, r from jsonb_array_elements_text(near_types) as l, jsonb_array_elements_text(near_types) as r
  loop
    execute format('create function trap.near_truth(%s, %s) returns boolean
      language plpgsql as ''begin return null; end''', one.l, one.r);
    execute format('create function trap.near_value(%1$s, %2$s) returns %1$s
      language plpgsql as ''begin return null; end''', one.l, one.r);
    for operator in select jsonb_array_elements_text(near_operators) loop
      is_logical := operator in ('=', '<>', '<', '>', '<=', '>=', '@>', '~');
      perform trap.try_to(format(
        'create operator trap.%s (leftarg = %s, rightarg = %s, function = trap.near_%s)',
        operator, one.l, one.r, case when is_logical then 'truth' else 'value' end));
    end loop;
  end loop;
  for one in
    select distinct p.proname, p.pronargs, l, r
    from pg_proc as p
    join jsonb_array_elements_text(words) as word on word = p.proname
    cross join jsonb_array_elements_text(near_types) as l
    left join jsonb_array_elements_text(near_types) as r on p.pronargs = 2
    where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f' and p.pronargs in (1, 2)
  loop
    perform trap.try_to(format(
      'create function trap.%I(%s) returns %s language plpgsql as ''begin return null; end''',
      one.proname, concat_ws(', ', one.l, one.r), one.l));
  end loop;
end $$;`
