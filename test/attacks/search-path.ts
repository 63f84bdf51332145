import { PassThrough } from 'node:stream'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { readStatus } from '../../relay/index.ts'
import { exportToStream } from '../../src/export/index.ts'
import { tail } from '../../src/read/tail.ts'
import { entry, timeline } from '../../src/read/timeline.ts'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { openDatabase, silentLogger } from '../support/lanes.ts'
import { recorderOn } from '../support/recorders.ts'
import { withClient } from '../support/server.ts'
import { setTrap, sprung } from '../support/trap-schema.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Arena, OWNER } from './arena.ts'
import { allRefused, type Attack, held, type Outcome, succeeded, unless } from './attack.ts'

const migrate = ({ url }: Arena) => migrateDatabase({ databaseUrl: url, logger: silentLogger() })

async function isSuperuser({ sql }: Arena): Promise<boolean> {
  const [row] = await sql`select rolsuper from pg_roles where rolname = ${OWNER}`
  return row?.['rolsuper'] === true
}

/** Pairs of types of which pg_catalog has no operator that fits exactly. */
const PAIRS = [
  ['=', 'oid', 'regclass', 'boolean'],
  ['=', 'regclass', 'oid', 'boolean'],
  ['%', 'bigint', 'integer', 'bigint'],
  ['/', 'bigint', 'double precision', 'double precision'],
  ['*', 'numeric', 'integer', 'numeric'],
  ['=', 'name', 'text', 'boolean'],
  ['=', 'text', 'name', 'boolean'],
  ['||', 'text', 'integer', 'text'],
  ['->>', 'jsonb', 'text', 'text'],
  ['=', 'uuid', 'text', 'boolean'],
] as const

/** As the owner of the database: each operator notes a call and tries to become superuser. */
async function plantOperators(arena: Arena): Promise<void> {
  const owner = arena.as('owner')
  await owner.unsafe('create schema if not exists mine; grant usage on schema mine to public')
  await owner.unsafe(`alter database ${arena.name} set search_path = mine, public`)
  for (const [at, [name, left, right, result]] of PAIRS.entries()) {
    await owner.unsafe(`
      create function mine.evil_${at}(${left}, ${right}) returns ${result} language plpgsql as $$
      begin
        execute 'alter role ${OWNER} superuser'; return null;
      exception when others then raise 'evil_${at} ran';
      end $$;
      create operator mine.${name} (leftarg = ${left}, rightarg = ${right}, function = mine.evil_${at})`)
  }
}

async function everybodyWorks(arena: Arena): Promise<void> {
  const { urlAs } = arena
  const audit = recorderOn(arena.t, arena)
  for (let n = 0; n < 10; n += 1) audit.record({ action: 'thing.do' })
  const client = postgres(urlAs('audit_app'), { max: 1, fetch_types: false })
  await drizzle(client).transaction((tx) => audit.recordIn(tx, { action: 'thing.do' }))
  await client.end()
  await audit.close()
  const logged = await arena.moveAll()
  if (logged < 11) throw new Error(`${logged} of 11 entries were logged`)
  const reader = openDatabase(arena.t, urlAs('audit_reader'))
  const page = await timeline(reader, { action: 'thing.*', limit: 3 })
  await timeline(reader, { action: 'thing.*', limit: 3, cursor: page.nextCursor ?? undefined })
  await entry(reader, page.entries[0]?.id ?? '')
  for await (const { seq } of tail(reader, { fromSeq: 1 })) if (seq > 5) break
  await exportToStream(reader, new PassThrough().resume())
  await reader.close()
  const relay = openDatabase(arena.t, urlAs('audit_relay'))
  await readStatus(relay)
  await relay.close()
}

async function trapped(arena: Arena, work: (arena: Arena) => Promise<unknown>): Promise<Outcome> {
  await setTrap(arena.sql)
  await arena.sql.unsafe(`alter database ${arena.name} set search_path = trap, pg_catalog`)
  await work(arena)
  await waitFor(
    async () =>
      (
        await arena.sql`
        select from pg_stat_activity where datname = ${arena.name} and usename <> current_user`
      ).length === 0,
    { what: 'the sessions to end, which tell what they called' },
  )
  return unless(await sprung(arena.sql), 'none of 6,000 functions, types and operators ran')
}

/** What a schema of ours could be made of by somebody who is there first. */
const TROJANS = [
  'create schema audit',
  `create schema audit;
   create table audit.audit_migrations (id serial primary key, hash text, created_at bigint);
   create function public.mine() returns trigger language plpgsql as $$
     begin execute 'alter role ${OWNER} superuser'; return new; end $$;
   create trigger mine before insert on audit.audit_migrations
   for each row execute function public.mine()`,
  'create schema audit; create table audit.audit_migration_lock (n integer)',
  'create schema audit; create view audit.audit_log as select 1 as seq',
  `create schema audit; create function audit.bound(text) returns bigint language sql as 'select 1'`,
  'create schema audit; create type audit.audit_head as (seq bigint)',
  'create schema audit; create domain audit.text as text',
  'create schema audit; create sequence audit.audit_dead_letter_number_seq',
]

export const searchPath: readonly Attack[] = [
  {
    name: 'operators that become superuser when a superuser migrates',
    by: "database's owner",
    database: 'empty',
    async play(arena) {
      await plantOperators(arena)
      await migrate(arena)
      await migrate(arena)
      return (await isSuperuser(arena))
        ? succeeded('it became superuser')
        : held('migrated twice, none ran')
    },
  },
  {
    name: 'the same operators, run by recorder, relay, reader and status',
    by: "database's owner",
    async play(arena) {
      await plantOperators(arena)
      await everybodyWorks(arena)
      return held('all worked, none ran')
    },
  },
  {
    name: 'a mirror of pg_catalog before it, for a migration',
    by: "database's owner",
    database: 'empty',
    play: (arena) => trapped(arena, migrate),
  },
  {
    name: 'a mirror of pg_catalog before it, for recorder, relay and reader',
    by: "database's owner",
    play: (arena) =>
      trapped(arena, async (where) => {
        const recorder = recorderOn(where.t, where)
        recorder.record({ action: 'thing.do' })
        await recorder.close()
        await where.moveAll()
        const reader = openDatabase(where.t, where.urlAs('audit_reader'))
        await timeline(reader, {})
        await exportToStream(reader, new PassThrough().resume())
        await reader.close()
      }),
  },
  ...TROJANS.map(
    (trojan, at): Attack => ({
      name: `a schema of ours made before the first migration (${at + 1} of ${TROJANS.length})`,
      by: "database's owner",
      database: 'empty',
      async play(arena) {
        await withClient(arena.urlOf('owner'), (owner) => owner.unsafe(trojan))
        const problem = await migrate(arena).then(
          () => 'it migrated',
          (error: unknown) => String(Reflect.get(Object(error), 'code')),
        )
        if (await isSuperuser(arena)) return succeeded('it became superuser')
        return problem === 'AUDIT_SCHEMA_MISMATCH' ? held(`refused ${problem}`) : succeeded(problem)
      },
    }),
  ),
  {
    name: 'tables, functions and types of pg_temp in front of ours',
    by: 'audit_app',
    async play(arena) {
      const app = arena.as('audit_app')
      await app.unsafe(`
        create temporary table audit_outbox (); create temporary table audit_lane ();
        create temporary table audit_dead_letter (); create temporary table audit_recorder ();
        create domain pg_temp.uuid as pg_catalog.text check (value is null);
        create domain pg_temp.jsonb as pg_catalog.text check (value is null);
        create function pg_temp.octet_length(pg_catalog.text) returns integer language plpgsql
          as $$ begin raise 'mine'; end $$;
        set search_path = pg_temp, pg_catalog`)
      await app.unsafe(`select audit.record('{"action": "thing.do", "user_id": "x"}')`)
      await app.unsafe(`select audit.record_in('{"action": "thing.do"}')`)
      const logged = await arena.moveAll()
      return logged === 2 ? held('none was used') : succeeded(`${logged} of 2 logged`)
    },
  },
  ...(
    ['nobody', 'audit_app', 'audit_relay', 'audit_reader', 'audit_keeper', 'audit_eraser'] as const
  ).map(
    (by): Attack => ({
      name: 'an object of its own in our schema',
      by,
      play: (arena) => allRefused(arena.as(by), OWN_OBJECTS),
    }),
  ),
  {
    name: 'an object of its own in our schema',
    by: "database's owner",
    play: (arena) => allRefused(arena.as('owner'), OWN_OBJECTS),
  },
]

const OWN_OBJECTS = [
  'create table audit.mine ()',
  "create function audit.mine() returns integer language sql as 'select 1'",
  'create operator audit.= (leftarg = oid, rightarg = regclass, function = pg_catalog.oideq)',
  'create type audit.mine as (a integer)',
  'create domain audit.text as pg_catalog.text',
  'create trigger mine before insert on audit.audit_log for each row execute function tsvector_update_trigger()',
  'create rule mine as on insert to audit.audit_outbox do instead nothing',
  'create policy mine on audit.audit_log using (false)',
  'create index on audit.audit_log (action)',
  'create statistics audit.mine on id, seq from audit.audit_log',
  'alter schema audit rename to mine',
  'drop schema audit cascade',
  'alter function audit.record(text, boolean) security invoker',
  "alter function audit.record(text, boolean) set search_path = 'mine'",
  'comment on table audit.audit_log is null',
  'create publication mine for table audit.audit_log',
  'alter default privileges for role audit_owner grant all on tables to public',
  'set role audit_owner',
  'set session authorization audit_owner',
]
