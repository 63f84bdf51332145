import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type postgres from 'postgres'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { silentLogger } from '../support/lanes.ts'
import type { Arena } from './arena.ts'
import { allRefused, type Attack, type Outcome, unless } from './attack.ts'
import { KEY, put } from './doors.ts'

/** An entry that takes longer than this to the log was held up. */
const HELD_UP_MS = 5_000

/** A relay runs and holds: entries go on through both lanes to the log, for as long as was asked. */
async function movesOn(arena: Arena, problems: string[]): Promise<number> {
  const relay = arena.startRelay()
  const app = arena.as('audit_app')
  const untilMs = performance.now() + arena.seconds * 1_000
  let slowestMs = 0
  do {
    await put(app, 'stage', [{}])
    const tookMs = await arena.timeToLog().catch((error: unknown) => {
      problems.push(error instanceof Error ? error.message : String(error))
      return 0
    })
    slowestMs = Math.max(slowestMs, tookMs)
    await sleep(50)
  } while (performance.now() < untilMs && problems.length === 0)
  if (slowestMs > HELD_UP_MS) problems.push(`an entry took ${slowestMs} ms to the log`)
  const { stoodBack, reason } = relay.health()
  if (stoodBack) problems.push(`stood back for ${stoodBack.forMs} ms`)
  if (reason !== undefined) problems.push(`the relay is ${reason}: ${relay.health().hint}`)
  const left =
    await arena.sql`select from audit.audit_staging where occurred_at < now() - interval '5 s'`
  if (left.length > 0) problems.push(`${left.length} rows are still staged`)
  return slowestMs
}

async function whileHeld(
  arena: Arena,
  session: postgres.Sql,
  statements: readonly string[],
  { migrates = true } = {},
): Promise<Outcome> {
  await session`begin`
  for (const statement of statements) await session.unsafe(statement)
  const problems: string[] = []
  const slowestMs = await movesOn(arena, problems)
  if (migrates) {
    await migrateDatabase({
      ...{ databaseUrl: arena.url, logger: silentLogger(), waitTimeoutMs: 2_000 },
    }).catch((error: unknown) => problems.push(`migrate failed: ${error}`))
  }
  await session`rollback`.catch(() => {})
  return unless(problems, `stood back 0 s, entries took ${slowestMs} ms at most`)
}

const KEYS = [
  ...[`${0x61756469}, -1`, `${0x61756469}, 0`, `${0x61756469}, 1`, '7205619234', '0', '1', '-1'],
  ...['audit', 'audit.ensure_partitions', 'audit_test', 'audit.move', 'audit_head'].map(
    (text) => `hashtextextended('${text}', 0)`,
  ),
]
const ADVISORY = ['', '_shared', '_xact', '_xact_shared'].flatMap((kind) =>
  KEYS.map((key) => `select pg_advisory${kind.replace(/^(_xact)?/, '$1_lock')}(${key})`),
)

const MODES = [
  ...['access share', 'row share', 'row exclusive', 'share update exclusive', 'share'],
  ...['share row exclusive', 'exclusive', 'access exclusive'],
]
const TABLES = [
  ...[
    'audit_head',
    'audit_turn',
    'audit_lane',
    'audit_sentinel',
    'audit_recorder',
    'audit_report',
    'audit_history',
    'audit_partition',
    'audit_removed',
    'audit_swap',
    'audit_cursor',
    'audit_archive',
  ],
  ...['audit_dead_letter', 'audit_staging', 'audit_outbox', 'audit_log', 'audit_schema_version'],
  ...['audit_migrations', 'audit_log_default', 'audit_policy', 'audit_hold', 'audit_retention'],
]
const ROW_LOCKS = ['update', 'no key update', 'share', 'key share', 'update skip locked']
/** What audit_reader may: to read, and so the weakest lock of what it reads. */
const READABLE =
  /audit_log in access share|audit_(history|partition|removed) in access share|version in access share/

const holds = (by: Attack['by']) =>
  [
    ...TABLES.flatMap((table) =>
      MODES.map((mode) => `lock table audit.${table} in ${mode} mode`),
    ).filter((statement) => {
      if (by === 'audit_reader') return !READABLE.test(statement)
      return by !== 'audit_relay' || !/version in access share/.test(statement)
    }),
    ...TABLES.flatMap((table) => ROW_LOCKS.map((lock) => `select from audit.${table} for ${lock}`)),
    ...['analyze', 'vacuum', 'cluster', 'reindex table', 'truncate'].map((verb) =>
      `${verb} audit.audit_truncated`.replace('audit_truncated', 'audit_outbox'),
    ),
  ].filter((statement) => !/^(vacuum|analyze|cluster)/.test(statement))

/** What the owner of a database can set for every session in it. */
const SETTINGS: Readonly<Record<string, string>> = {
  ...{ default_transaction_read_only: 'on', default_transaction_isolation: "'serializable'" },
  ...{
    default_transaction_deferrable: 'on',
    idle_session_timeout: "'200ms'",
    lock_timeout: "'1ms'",
  },
  ...{ idle_in_transaction_session_timeout: "'1ms'", synchronous_commit: 'off', search_path: "''" },
  ...{ jit_above_cost: '0', standard_conforming_strings: 'off', backslash_quote: 'off' },
  ...{ quote_all_identifiers: 'on', transform_null_equals: 'on', extra_float_digits: '-15' },
  ...{ datestyle: "'SQL, DMY'", intervalstyle: "'sql_standard'", timezone: "'Pacific/Apia'" },
  ...{
    bytea_output: "'escape'",
    array_nulls: 'off',
    enable_indexscan: 'off',
    enable_seqscan: 'off',
  },
  ...{
    work_mem: "'64kB'",
    client_min_messages: 'debug5',
    row_security: 'off',
    exit_on_error: 'on',
  },
  ...{
    plan_cache_mode: 'force_generic_plan',
    check_function_bodies: 'off',
    from_collapse_limit: '1',
  },
  ...{ default_toast_compression: "'pglz'", client_encoding: "'LATIN1'", xmloption: "'document'" },
}

export const locks: readonly Attack[] = [
  {
    name: `${ADVISORY.length} advisory locks, held`,
    by: 'nobody',
    lasts: true,
    play: (arena) => whileHeld(arena, arena.as('nobody'), ADVISORY),
  },
  ...(
    ['nobody', 'audit_app', 'audit_relay', 'audit_reader', 'audit_keeper', 'audit_eraser'] as const
  ).map(
    (by): Attack => ({
      name: 'every lock of every table and row of ours',
      by,
      play: (arena) => allRefused(arena.as(by), holds(by)),
    }),
  ),
  {
    name: 'a policy and a hold, in a transaction that stays open',
    by: 'audit_keeper',
    lasts: true,
    play: (arena) =>
      whileHeld(
        arena,
        arena.as('audit_keeper'),
        [
          `select audit.set_policy('*', '1 year')`,
          `select audit.place_hold('x', request_id => 'r')`,
        ],
        { migrates: false },
      ),
  },
  {
    name: 'every lock of every table and row of ours',
    by: "database's owner",
    play: (arena) => allRefused(arena.as('owner'), holds("database's owner")),
  },
  {
    name: 'a transaction that has analyzed every table',
    by: "database's owner",
    lasts: true,
    play: (arena) => whileHeld(arena, arena.as('owner'), ['analyze'], { migrates: false }),
  },
  ...(['repeatable read', 'serializable'] as const).map(
    (level): Attack => ({
      name: `a snapshot that is held (${level})`,
      by: 'nobody',
      lasts: true,
      play: (arena) =>
        whileHeld(arena, arena.as('nobody'), [
          `set transaction isolation level ${level}`,
          'select count(*) from pg_class',
          'create temporary table mine ()',
        ]),
    }),
  ),
  {
    name: 'a transaction that has recorded and stays open',
    by: 'audit_app',
    lasts: true,
    play: (arena) =>
      whileHeld(
        arena,
        arena.as('audit_app'),
        [
          'set transaction isolation level serializable',
          `select audit.record('{"action": "a.b"}')`,
          `select audit.stage('${randomUUID()}', '${KEY}', array['[]'])`,
        ],
        { migrates: false },
      ),
  },
  {
    name: 'a report in a transaction that stays open, about a recorder with entries to move',
    by: 'audit_app',
    lasts: true,
    async play(arena) {
      const app = arena.as('audit_app')
      const recorder = randomUUID()
      await put(app, 'stage', [{}], recorder)
      const statement = `select audit.report('${recorder}', '${KEY}', now(), 1, 1, '{}', false)`
      return await whileHeld(arena, app, [statement], { migrates: false })
    },
  },
  {
    name: 'a transaction that has read the log and stays open',
    by: 'audit_reader',
    lasts: true,
    play: (arena) =>
      whileHeld(arena, arena.as('audit_reader'), ['select count(*) from audit.audit_log'], {
        migrates: false,
      }),
  },
  {
    name: 'a publication for all tables, as change data capture makes it',
    by: 'migrating login',
    lasts: true,
    async play(arena) {
      await arena.sql`create publication everything for all tables`
      return await whileHeld(arena, arena.as('nobody'), [])
    },
  },
  ...Object.entries(SETTINGS).map(
    ([name, value]): Attack => ({
      name: `alter database … set ${name} = ${value}`,
      by: "database's owner",
      async play(arena) {
        // In DEFAULT, before the setting holds: what a partition that is made has to move.
        await arena.sql`
        with head as (update audit.audit_head set seq = seq + 1 returning seq)
        insert into audit.audit_log (id, seq, occurred_at, action)
        select audit.id_floor(date_trunc('month', now()) + interval '4 months 3 days'), seq, now(), 'a.b'
        from head`
        const owner = arena.as('owner')
        await owner.unsafe(`alter database ${arena.name} set ${name} = ${value}`)
        const problems: string[] = []
        // A session of the application's own is as the owner wants it, unless it says something else.
        await arena
          .as('audit_app')
          .unsafe(`begin read write; select audit.record('{"action": "a.b"}'); commit`)
        const options = { databaseUrl: arena.url, logger: silentLogger() }
        const { repaired } = await migrateDatabase(options)
        if (repaired.length > 0) problems.push(`a migration repaired ${repaired}`)
        const logged = await arena.moveAll()
        if (logged !== 1) problems.push(`${logged} of 1 logged`)
        const relay = arena.startRelay({ monthsAhead: 5 })
        await relay.drain({ deadlineMs: 10_000 })
        const [row] = await arena.sql`
        select count(*)::integer as parts, (select count(*)::integer from audit.audit_log_default) as rest
        from pg_inherits where inhparent = 'audit.audit_log'::regclass`
        if (row?.['parts'] !== 7 || row['rest'] !== 0) {
          problems.push(`${row?.['parts']} of 7 partitions, ${row?.['rest']} entries in DEFAULT`)
        }
        return unless(problems, 'moved, migrated, partitions made')
      },
    }),
  ),
]
