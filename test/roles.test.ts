import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type postgres from 'postgres'
import { emptyDatabase, type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { numberedId } from './support/lanes.ts'
import { readDocument } from './support/documents.ts'
import { connect, connectAs, refusalOf } from './support/logins.ts'
import { FOREIGN_RECORDER, RIGHTS, type RightsOf } from './support/rights.ts'
import { serverMajor } from './support/server.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'

// All rights that the README names. Nothing else must be possible.
const GRANTED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  audit_app: {
    'schema audit': 'USAGE',
    'function stage': 'EXECUTE',
    'function record': 'EXECUTE',
    'function record_in': 'EXECUTE',
    'function report': 'EXECUTE',
    'function lane_state': 'EXECUTE',
    'function database_identity': 'EXECUTE',
  },
  audit_relay: {
    'schema audit': 'USAGE',
    'table audit_schema_version': 'SELECT',
    'function stage': 'EXECUTE',
    'function report': 'EXECUTE',
    'function database_identity': 'EXECUTE',
    'function peek': 'EXECUTE',
    'function move': 'EXECUTE',
    'function who_moves': 'EXECUTE',
    'function list_places': 'EXECUTE',
    'function park': 'EXECUTE',
    'function declare_gap': 'EXECUTE',
    'function weigh': 'EXECUTE',
    'function identify': 'EXECUTE',
    'function compact': 'EXECUTE',
    'function ensure_partitions': 'EXECUTE',
    'function close_partition': 'EXECUTE',
    'function who_holds_log': 'EXECUTE',
    'function backlog': 'EXECUTE',
    'function log_bytes': 'EXECUTE',
    'function status': 'EXECUTE',
    'function recorder_accounts': 'EXECUTE',
    'function list_letters': 'EXECUTE',
    'function open_letter': 'EXECUTE',
    'function letter_numbers': 'EXECUTE',
    'function retry_dead_letter': 'EXECUTE',
    'function drop_dead_letter': 'EXECUTE',
    'function retention_state': 'EXECUTE',
    'function note_read': 'EXECUTE',
    'function last_seq': 'EXECUTE',
    'function seal_state': 'EXECUTE',
    'function note_verify': 'EXECUTE',
    'function begin_seal': 'EXECUTE',
    'function seal_leaves': 'EXECUTE',
    'function read_tile': 'EXECUTE',
    'function put_seal': 'EXECUTE',
    'function put_cosignature': 'EXECUTE',
    'function rotate_key': 'EXECUTE',
    'function seal_figures': 'EXECUTE',
    'function newest_checkpoint': 'EXECUTE',
    'function follow_state': 'EXECUTE',
    'function follow_entries': 'EXECUTE',
    'function take_follow': 'EXECUTE',
    'function rewind_follow': 'EXECUTE',
    'function take_labels': 'EXECUTE',
    'function tidy_labels': 'EXECUTE',
    'function rewind_labels': 'EXECUTE',
    'function put_search': 'EXECUTE',
    'function search_work': 'EXECUTE',
    'function search_slices': 'EXECUTE',
    'function drop_search': 'EXECUTE',
    'function search_state': 'EXECUTE',
  },
  audit_reader: {
    'schema audit': 'USAGE',
    'table audit_history': 'SELECT',
    'table audit_partition': 'SELECT',
    'table audit_removed': 'SELECT',
    'table audit_erasure': 'SELECT',
    'table audit_label': 'SELECT',
    'table audit_log': 'SELECT',
    'table audit_schema_version': 'SELECT',
    'table audit_origin': 'SELECT',
    'table audit_tile': 'SELECT',
    'table audit_salt': 'SELECT',
    'table audit_checkpoint': 'SELECT',
    'table audit_cosignature': 'SELECT',
    'function leaf_text': 'EXECUTE',
    'function leaf_of': 'EXECUTE',
    'function leaf_time': 'EXECUTE',
    'function commitment': 'EXECUTE',
    'function sealed_through': 'EXECUTE',
    'function newest_checkpoint': 'EXECUTE',
    'function seal_figures': 'EXECUTE',
    'function logged_counts': 'EXECUTE',
    'function logged_total': 'EXECUTE',
    'function id_floor': 'EXECUTE',
    'function last_seq': 'EXECUTE',
    'function note_cursor': 'EXECUTE',
    'function removed_before': 'EXECUTE',
    'function note_read': 'EXECUTE',
    'function use_token': 'EXECUTE',
    'function without_changes': 'EXECUTE',
    'function without_named': 'EXECUTE',
    'function side_pattern': 'EXECUTE',
    'function name_step': 'EXECUTE',
    'function names_any': 'EXECUTE',
    'function tells_change': 'EXECUTE',
    'function list_views': 'EXECUTE',
    'function save_view': 'EXECUTE',
    'function remove_view': 'EXECUTE',
    'function list_policies': 'EXECUTE',
    'function list_holds': 'EXECUTE',
    'function follow_state': 'EXECUTE',
    'function search_state': 'EXECUTE',
    'table audit_search_run': 'SELECT',
    'table audit_search_block': 'SELECT',
    'table audit_search_slice': 'SELECT',
  },
  audit_keeper: {
    'schema audit': 'USAGE',
    'function follow_state': 'EXECUTE',
    'function make_token': 'EXECUTE',
    'function list_tokens': 'EXECUTE',
    'function revoke_token': 'EXECUTE',
    'function names_on': 'EXECUTE',
    'function names_off': 'EXECUTE',
    'function label_counts': 'EXECUTE',
    'function search_on': 'EXECUTE',
    'function search_off': 'EXECUTE',
    'function search_state': 'EXECUTE',
    'function set_policy': 'EXECUTE',
    'function remove_policy': 'EXECUTE',
    'function list_policies': 'EXECUTE',
    'function policies_in_force': 'EXECUTE',
    'function place_hold': 'EXECUTE',
    'function release_hold': 'EXECUTE',
    'function list_holds': 'EXECUTE',
    'function holds_in_force': 'EXECUTE',
    'function plan_retention': 'EXECUTE',
    'function retention_candidates': 'EXECUTE',
    'function cursor_names': 'EXECUTE',
    'function merge_kept': 'EXECUTE',
    'function note_default_range': 'EXECUTE',
    'function prove_default_range': 'EXECUTE',
    'function removed_entries': 'EXECUTE',
    'function note_retention': 'EXECUTE',
    'function build_kept': 'EXECUTE',
    'function swap_kept': 'EXECUTE',
    'function retention_waits': 'EXECUTE',
    'function drop_removed': 'EXECUTE',
    'function undo_retention': 'EXECUTE',
    'function retention_state': 'EXECUTE',
    'function who_blocks_retention': 'EXECUTE',
    'function ensure_partitions_between': 'EXECUTE',
    'function read_import': 'EXECUTE',
    'function begin_import': 'EXECUTE',
    'function stage_import': 'EXECUTE',
    'function settle_import': 'EXECUTE',
    'function end_import': 'EXECUTE',
    'function archive_due': 'EXECUTE',
    'function archive_scope': 'EXECUTE',
    'function archive_rows': 'EXECUTE',
    'function archive_digest': 'EXECUTE',
    'function note_archive': 'EXECUTE',
    'function store_archive': 'EXECUTE',
    'function archive_salts': 'EXECUTE',
    'function restore_salts': 'EXECUTE',
    'function list_archives': 'EXECUTE',
    'function begin_restore': 'EXECUTE',
    'function restore_rows': 'EXECUTE',
    'function join_restored': 'EXECUTE',
    'function drop_restored': 'EXECUTE',
    'function attach_restored': 'EXECUTE',
  },
  audit_eraser: {
    'schema audit': 'USAGE',
    'function list_log_places': 'EXECUTE',
    'function find_of_user': 'EXECUTE',
    'function find_naming': 'EXECUTE',
    'function find_entries': 'EXECUTE',
    'function erasure_elsewhere': 'EXECUTE',
    'function erase': 'EXECUTE',
    'function erase_labels': 'EXECUTE',
    'function erase_views': 'EXECUTE',
    'function list_erasures': 'EXECUTE',
    'function who_blocks_retention': 'EXECUTE',
    'function scrub_places': 'EXECUTE',
    'function who_sees_erased': 'EXECUTE',
    'function scrub': 'EXECUTE',
    'function end_scrub': 'EXECUTE',
  },
  public: {},
}

const PRIVILEGES = {
  schema: ['USAGE', 'CREATE'],
  table: ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'],
  sequence: ['USAGE', 'SELECT', 'UPDATE'],
  function: ['EXECUTE'],
}
const OF_COLUMNS = ['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']

/** Asks Postgres of every role, object and privilege there is. */
async function privilegesFound(sql: postgres.Sql) {
  const kinds: Record<string, readonly string[]> = { ...PRIVILEGES }
  if ((await serverMajor()) >= 17) kinds['table'] = [...PRIVILEGES.table, 'MAINTAIN']
  const asked = Object.entries(kinds).flatMap(([kind, privileges]) =>
    privileges.flatMap((privilege, order) =>
      Object.keys(GRANTED).map((role) => ({ kind, privilege, order, role })),
    ),
  )
  return sql<{ role: string; object: string; privileges: string }[]>`
    with objects as (
      select 'schema' as kind, 'audit' as name, 'audit'::regnamespace::oid as oid
      union all
      select case relkind when 'S' then 'sequence' else 'table' end, relname, oid
      from pg_class where relnamespace = 'audit'::regnamespace and relkind in ('r', 'p', 'S')
      union all
      select 'function', proname, oid from pg_proc where pronamespace = 'audit'::regnamespace
    )
    select a.role, o.kind || ' ' || o.name as object,
      coalesce(string_agg(a.privilege, ', ' order by a.order) filter (where case o.kind
        when 'schema' then has_schema_privilege(a.role, o.oid, a.privilege)
        when 'sequence' then has_sequence_privilege(a.role, o.oid, a.privilege)
        when 'function' then has_function_privilege(a.role, o.oid, a.privilege)
        else has_table_privilege(a.role, o.oid, a.privilege) or (
          a.privilege = any(${OF_COLUMNS}) and has_any_column_privilege(a.role, o.oid, a.privilege)
        )
      end), '') as privileges
    from objects as o
    join json_to_recordset(${JSON.stringify(asked)}::text::json)
      as a (kind text, privilege text, "order" integer, role text) on a.kind = o.kind
    group by 1, 2 order by 1, 2`
}

async function assertExactlyGranted(sql: postgres.Sql) {
  const found = await privilegesFound(sql)
  for (const { role, object, privileges } of found) {
    assert.equal(privileges, GRANTED[role]?.[object] ?? '', `${role} on ${object}`)
  }
  const objects = new Set(found.map(({ object }) => object))
  for (const object of Object.values(GRANTED).flatMap(Object.keys)) {
    assert.ok(objects.has(object), `${object} is there`)
  }
  return objects
}

test('each role may do exactly what is documented, also with a partition made later', async (t) => {
  const { sql } = await scratchDatabase(t)
  await sql`select audit.ensure_partitions(6)`
  const objects = await assertExactlyGranted(sql)
  const partitions = [...objects].filter((name) => /^table audit_log_/.test(name))
  assert.equal(partitions.length, 8, 'seven months and DEFAULT')
  for (const name of partitions) {
    assert.ok(Object.values(GRANTED).every((granted) => granted[name] === undefined))
  }
})

test('what a team grants on its new tables by default does not reach ours', async (t) => {
  const { sql, url } = await emptyDatabase(t)
  for (const kind of ['tables', 'sequences', 'functions', 'schemas']) {
    await sql.unsafe(`alter default privileges grant all on ${kind} to public, audit_reader`)
  }
  await migrateDatabase({ databaseUrl: url })
  await sql`select audit.ensure_partitions(6)`
  await assertExactlyGranted(sql)
})

test('everything of ours belongs to a role that nobody can log in as', async (t) => {
  const { sql } = await scratchDatabase(t)
  await sql`select audit.ensure_partitions(6)`
  const owners = await sql`
    select nspowner::regrole::text as owner from pg_namespace where nspname = 'audit'
    union select relowner::regrole::text from pg_class where relnamespace = 'audit'::regnamespace
    union select proowner::regrole::text from pg_proc where pronamespace = 'audit'::regnamespace
    union select typowner::regrole::text from pg_type where typnamespace = 'audit'::regnamespace`
  assert.deepEqual([...owners], [{ owner: 'audit_owner' }])
  const logins = await sql`
    select rolname from pg_roles
    where rolname in ${sql(['audit_owner', ...Object.keys(GRANTED)])}
      and (rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolbypassrls)`
  assert.deepEqual([...logins], [])
})

test('every function has its search_path pinned, and only these are SECURITY DEFINER', async (t) => {
  const { sql } = await scratchDatabase(t)
  const functions = await sql`
    select proname as name, prosecdef as as_owner,
      'search_path=pg_catalog, pg_temp' = any(coalesce(proconfig, '{}')) as is_pinned
    from pg_proc where pronamespace = 'audit'::regnamespace order by proname`
  const asOwner = functions.filter((row) => row['as_owner']).map((row) => row['name'])
  assert.deepEqual(asOwner, [
    'archive_digest',
    'archive_due',
    'archive_rows',
    'archive_salts',
    'archive_scope',
    'attach_restored',
    'backlog',
    'begin_history',
    'begin_import',
    'begin_restore',
    'begin_seal',
    'build_kept',
    'close_partition',
    'compact',
    'cursor_names',
    'database_identity',
    'declare_gap',
    'declare_restored',
    'drop_dead_letter',
    'drop_removed',
    'drop_restored',
    'drop_search',
    'end_import',
    'end_scrub',
    'ensure_partitions',
    'ensure_partitions_between',
    'erase',
    'erase_again',
    'erase_labels',
    'erase_views',
    'erasure_elsewhere',
    'find_entries',
    'find_naming',
    'find_of_user',
    'follow_entries',
    'follow_state',
    'holds_in_force',
    'identify',
    'join_restored',
    'label_counts',
    'lane_look',
    'lane_state',
    'last_seq',
    'letter_numbers',
    'list_archives',
    'list_erasures',
    'list_holds',
    'list_letters',
    'list_log_places',
    'list_places',
    'list_policies',
    'list_tokens',
    'list_views',
    'log_bytes',
    'logged_counts',
    'logged_total',
    'make_token',
    'merge_kept',
    'move',
    'names_off',
    'names_on',
    'newest_checkpoint',
    'note_archive',
    'note_cursor',
    'note_default_range',
    'note_read',
    'note_retention',
    'note_verify',
    'open_letter',
    'park',
    'peek',
    'place_hold',
    'plan_retention',
    'policies_in_force',
    'prove_default_range',
    'put_cosignature',
    'put_seal',
    'put_search',
    'read_import',
    'read_tile',
    'record',
    'record_in',
    'recorder_accounts',
    'release_hold',
    'remove_policy',
    'remove_view',
    'removed_before',
    'removed_entries',
    'report',
    'restore_rows',
    'restore_salts',
    'retention_candidates',
    'retention_state',
    'retention_waits',
    'retry_dead_letter',
    'revoke_token',
    'rewind_follow',
    'rewind_labels',
    'rotate_key',
    'save_view',
    'scrub',
    'scrub_places',
    'seal_figures',
    'seal_leaves',
    'seal_state',
    'sealed_through',
    'search_off',
    'search_on',
    'search_slices',
    'search_state',
    'search_work',
    'set_policy',
    'settle_import',
    'stage',
    'stage_import',
    'status',
    'store_archive',
    'swap_kept',
    'take_follow',
    'take_labels',
    'tidy_labels',
    'undo_retention',
    'use_token',
    'weigh',
    'who_blocks_retention',
    'who_holds_log',
    'who_moves',
    'who_sees_erased',
  ])
  for (const row of functions) {
    if (row['as_owner']) assert.equal(row['is_pinned'], true, row['name'])
  }
})

const RECORDER = '0190a000-0000-7000-8000-000000000001'
const KEY = 'the key of a recorder'
/** Two rows, numbers 7 and 8. */
const ROWS = JSON.stringify(
  [7, 8].map((n) => [numberedId(n), new Date(), n, null, null, null, 'a.b', null, null, {}, {}]),
)

test('the functions of the application work as the application, and it reads nothing', async (t) => {
  const scratch = await scratchDatabase(t)
  const app = connectAs(t, scratch, 'audit_app')
  const [taken] = await app`select audit.record('[{"action":"a.b"},{"action":"a.c"}]') as count`
  assert.equal(taken?.['count'], 2)
  await app`select audit.report(${RECORDER}, ${KEY}, now(), 3, 2, '{"full":1}', false)`
  const [laneEpoch] = await app`select epoch from audit.stage(${RECORDER}, ${KEY}, array[${ROWS}])`
  assert.match(laneEpoch?.['epoch'], /^[0-9a-f-]{36}$/)
  const [state] = await app`select first_waiting from audit.lane_state(${RECORDER})`
  assert.equal(state?.['first_waiting'], '7')

  for (const table of ['audit_log', 'audit_staging', 'audit_outbox', 'audit_report']) {
    const refusal = await refusalOf(app`select from ${app(`audit.${table}`)}`)
    assert.equal(refusal?.code, '42501', table)
  }
  assert.equal((await refusalOf(app`select audit.ensure_partitions(9)`))?.code, '42501')
  assert.equal((await refusalOf(app`select audit.put_entries('[]', false, false)`))?.code, '42501')
})

const trap = (name: string, parameters: string, result: string) => `
  create function evil.${name}(${parameters}) returns ${result} language plpgsql as $$
    begin raise 'caught by evil.${name}'; end $$;`
const TRAPS = [
  'create schema evil;',
  trap('left', 'text, integer', 'text'),
  trap('json_typeof', 'json', 'text'),
  trap('jsonb_typeof', 'jsonb', 'text'),
  trap('json_array_length', 'json', 'integer'),
  trap('json_array_elements', 'json', 'setof json'),
  trap('clock_timestamp', '', 'timestamptz'),
  trap('now', '', 'timestamptz'),
  trap('date_trunc', 'text, timestamptz', 'timestamptz'),
  trap('format', 'text, text, uuid, uuid', 'text'),
  trap('min', 'bigint', 'bigint'),
  trap('same', 'text, text', 'boolean'),
  trap('joined', 'jsonb, jsonb', 'jsonb'),
  'create operator evil.= (leftarg = text, rightarg = text, function = evil.same);',
  'create operator evil.|| (leftarg = jsonb, rightarg = jsonb, function = evil.joined);',
  'grant usage on schema evil to public;',
].join('\n')
const HOSTILE_SESSION = `
  create temporary table audit_outbox ();
  create temporary table audit_dead_letter ();
  create temporary table audit_recorder ();
  create temporary table audit_report ();
  create temporary table audit_log ();
  create temporary table pg_class (oid pg_catalog.oid);
  create domain pg_temp.uuid as pg_catalog.text check (value is null);
  create domain pg_temp.text as pg_catalog.text check (value is null);
  set search_path = pg_temp, evil, pg_catalog`

// Goal: nobody makes the owner run code of theirs.
// Method: shadow what the functions use, before pg_catalog and in pg_temp, with things that fail.
test('a hostile search_path and temporary objects do not capture the functions', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql.unsafe(TRAPS)
  const app = connectAs(t, scratch, 'audit_app')
  const relay = connectAs(t, scratch, 'audit_relay')
  for (const session of [app, relay]) {
    await session.unsafe(HOSTILE_SESSION)
    const [found] = await session.unsafe('select oid from pg_class')
    assert.equal(found, undefined, 'the search_path is hostile indeed')
    const refusal = await refusalOf(session.unsafe('select now()'))
    assert.equal(refusal?.message, 'caught by evil.now')
  }

  const entries = JSON.stringify([{ action: 'a.b', user_id: 'none' }, { action: 7 }, 7])
  const [taken] = await app.unsafe('select audit.record($1) as count', [entries])
  assert.equal(taken?.['count'], 2)
  await app.unsafe(`select audit.report($1, $2, '2026-01-01', 3, 2, '{"full":1}', true)`, [
    RECORDER,
    KEY,
  ])
  await app.unsafe('select audit.stage($1, $2, array[$3])', [RECORDER, KEY, ROWS])
  await app.unsafe(`select audit.record_in('{"action":"a.c"}')`)
  await app.unsafe('select audit.lane_state($1)', [RECORDER])
  const [retried] = await relay.unsafe('select audit.retry_dead_letter(1) as outcome')
  assert.equal(retried?.['outcome'], '22023') // a number is no entry: it stays
  const [dropped] = await relay.unsafe('select audit.drop_dead_letter(1) as there')
  assert.equal(dropped?.['there'], true)
  const [made] = await relay.unsafe('select audit.ensure_partitions(5) as count')
  assert.equal(made?.['count'], 2)

  const [found] = await scratch.sql`
    select (select count(*)::integer from audit.audit_outbox) as staged,
      (select count(*)::integer from audit.audit_dead_letter) as dead,
      (select accepted::integer from audit.audit_report) as accepted`
  assert.deepEqual({ ...found }, { staged: 5, dead: 0, accepted: 3 })
})

/** The rows of the table in SECURITY.md that name a login, with the phrases of both columns. */
function rowsOfSecurity() {
  const lines = readDocument('.github/SECURITY.md').split('\n')
  const head = lines.indexOf('| who | can | cannot |')
  assert.ok(head > 0)
  const rows = lines.slice(head + 2, lines.indexOf('', head))
  return rows.map((line) => {
    const [, who = '', can = '', cannot = ''] = line.split('|').map((cell) => cell.trim())
    const phrases = (cell: string) => cell.split('; ').filter((phrase) => phrase !== '')
    return { who, can: phrases(can), cannot: phrases(cannot) }
  })
}

const WHO: Readonly<Record<RightsOf, RegExp>> = {
  nobody: /^a login with none of these roles/,
  audit_app: /^`audit_app`/,
  audit_relay: /^`audit_relay`/,
  audit_reader: /^`audit_reader`/,
  audit_keeper: /^`audit_keeper`/,
  audit_eraser: /^`audit_eraser`/,
  migrating: /^the login that migrates/,
}

test('SECURITY.md has a row for each kind of login, and says of it what is tried here', () => {
  const rows = rowsOfSecurity()
  assert.equal(rows.length, Object.keys(WHO).length + 1, 'these, and a superuser')
  for (const [login, pattern] of Object.entries(WHO) as [RightsOf, RegExp][]) {
    const row = rows.find(({ who }) => pattern.test(who))
    assert.deepEqual(row?.can, Object.keys(RIGHTS[login].can), login)
    assert.deepEqual(row?.cannot, Object.keys(RIGHTS[login].cannot), login)
  }
})

// Goal: each word of that table is true.
// Method: every statement as the login, in a transaction that is rolled back.
for (const login of Object.keys(RIGHTS) as RightsOf[]) {
  test(`what SECURITY.md says of the login: ${login}`, async (t) => {
    const scratch = await scratchDatabase(t)
    await scratch.sql`select audit.record('[{"action":"a.b"},{"user_id":"no action"}]')`
    await scratch.sql`
      insert into audit.audit_log (id, seq, occurred_at, action)
      values (${'0190a000-0000-7000-8000-000000000003'}, 1, now(), 'a.b')`
    await scratch.sql`select audit.stage(${FOREIGN_RECORDER}, ${'the key of somebody else'}, array['[]'])`
    const session =
      login === 'nobody'
        ? await nobody(t, scratch)
        : connectAs(t, scratch, login === 'migrating' ? 'audit_owner' : login)
    const outcome = async (statement: string) => {
      await session`begin`
      const refusal = await refusalOf(session.unsafe(statement))
      await session`rollback`
      return refusal?.code
    }
    for (const [phrase, statements] of Object.entries(RIGHTS[login].can)) {
      for (const one of statements) assert.equal(await outcome(one), undefined, `${phrase}: ${one}`)
    }
    for (const [phrase, statements] of Object.entries(RIGHTS[login].cannot)) {
      for (const one of statements) assert.equal(await outcome(one), '42501', `${phrase}: ${one}`)
    }
  })
}

/** A session of a login that was granted nothing, and owns the database. */
async function nobody(t: TestContext, { sql, name, url }: ScratchDatabase): Promise<postgres.Sql> {
  const login = `audit_test_nobody_${name.slice(-8)}`
  await sql.unsafe(`create role ${login} login password 'secret'`)
  await sql.unsafe(`alter database ${name} owner to ${login}`)
  const session = connect(
    t,
    Object.assign(new URL(url), { username: login, password: 'secret' }).href,
  )
  t.after(async () => {
    await session.end({ timeout: 1 })
    const admin = connect(t, url)
    await admin.unsafe(`alter database ${name} owner to current_user; drop role ${login}`)
    await admin.end({ timeout: 1 })
  })
  return session
}
