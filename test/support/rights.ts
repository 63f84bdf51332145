import { randomUUID } from 'node:crypto'
import { numberedId } from './lanes.ts'

export type RightsOf = 'nobody' | 'audit_app' | 'audit_relay' | 'audit_reader' | 'migrating'

/** What is said of a login in SECURITY.md, and statements that try it. */
export interface Rights {
  readonly can: Readonly<Record<string, readonly string[]>>
  readonly cannot: Readonly<Record<string, readonly string[]>>
}

const KEY = 'the key of a recorder'
const RECORDER = '0190a000-0000-7000-8000-000000000001'
/** A recorder whose key somebody else has: the test makes it. */
export const FOREIGN_RECORDER = '0190a000-0000-7000-8000-000000000002'
const ROW = JSON.stringify([
  ...[numberedId(7), new Date(), 1, null, null, null, 'a.b', null, null, {}, {}],
])
const stage = (recorder: string, row = ROW) =>
  `select audit.stage('${recorder}', '${KEY}', array['[${row}]'])`
const report = (recorder: string) =>
  `select audit.report('${recorder}', '${KEY}', now(), 1, 1, '{}', false)`
const MOVE = `select audit.move('outbox', 10, 1000, null, null, null, null)`
const NOTE_READ = [
  `select audit.note_read(false, 'grace', '{}', '{}')`,
  `select audit.note_read(true, '${randomUUID()}', '{"read":"page"}', '{}')`,
]
const TABLES = [
  ...[
    'audit_log',
    'audit_log_default',
    'audit_staging',
    'audit_outbox',
    'audit_head',
    'audit_turn',
  ],
  ...[
    'audit_recorder',
    'audit_report',
    'audit_dead_letter',
    'audit_lane',
    'audit_sentinel',
    'audit_migrations',
  ],
]
const HIDDEN = TABLES.filter((table) => !table.startsWith('audit_log'))
const each = (tables: readonly string[], ...texts: readonly string[]) =>
  tables.flatMap((table) => texts.map((text) => text.replace('TABLE', `audit.${table}`)))
const READS = ['select * from TABLE', 'select count(*) from TABLE', 'copy TABLE to stdout']
const WRITES = ['insert into TABLE default values', 'delete from TABLE', 'truncate TABLE']
const LOCKS = ['lock table TABLE in row exclusive mode', 'lock table TABLE in share mode']
const HEAD = ['update audit.audit_head set seq = 7', 'delete from audit.audit_head']
const RECORDING = [
  `select audit.record('{"action": "a.b"}')`,
  `select audit.record_in('{"action": "a.b"}')`,
]
const INSERT_LOG =
  `insert into audit.audit_log (id, seq, occurred_at, logged_at, action) ` +
  `values ('${numberedId(9)}', 1, now(), '2020-01-01', 'a.b')`

/** By login, as in the table of SECURITY.md. A statement of `cannot` is refused with 42501. */
export const RIGHTS: Readonly<Record<RightsOf, Rights>> = {
  nobody: {
    can: {
      'take locks of its own that nothing here waits for': ['select pg_advisory_xact_lock(1)'],
      'set what sessions of its database begin with': ['set search_path = public'],
    },
    cannot: {
      'read, write or lock a table of the schema': each(TABLES, ...READS, ...WRITES, ...LOCKS),
      'call a function of it': [...RECORDING, MOVE, ...NOTE_READ, `select audit.bound('levels')`],
      'make something in it': ['create table audit.mine ()', 'drop table audit.audit_log'],
      'act as one of its roles': ['audit_app', 'audit_relay', 'audit_reader', 'audit_owner'].map(
        (role) => `set role ${role}`,
      ),
    },
  },
  audit_app: {
    can: {
      'record entries with any user, time, action and id within the bounds': [
        ...RECORDING,
        stage(RECORDER),
        `select audit.record_in('{"action": "x.y", "id": "${numberedId(8)}", ` +
          `"user_id": "${randomUUID()}", "occurred_at": "1999-01-01"}')`,
      ],
      'report counts of a recorder whose key it shows': [report(RECORDER)],
      'see what waits of a recorder': [`select * from audit.lane_state('${RECORDER}')`],
    },
    cannot: {
      'read an entry': each(TABLES, ...READS),
      'write to the lanes or the log but by the functions': [
        ...each(TABLES, ...WRITES),
        INSERT_LOG,
      ],
      "say who wrote an entry, or that it is the product's own": [
        `insert into audit.audit_outbox (written_by) values ('x')`,
        `insert into audit.audit_staging (ours) values (true)`,
        `select audit.put_ours('audit.gap', null, '{}', '{}')`,
      ],
      'name an action `audit.*`': [
        `select audit.record_in('{"action": "audit.gap"}')`,
        `select audit.record_in('{"action": "AUDIT.read"}')`,
        ...NOTE_READ,
      ],
      'choose a `seq` or a `logged_at`': [INSERT_LOG, ...HEAD],
      'report or stage for a recorder whose key it does not show': [
        stage(FOREIGN_RECORDER),
        report(FOREIGN_RECORDER),
      ],
      'change or remove what it recorded': [
        'update audit.audit_outbox set action = action',
        'update audit.audit_log set action = action',
        'delete from audit.audit_staging',
      ],
    },
  },
  audit_relay: {
    can: {
      'move what waits to the log': [MOVE],
      'hold the head of the log while its transaction stays open': [MOVE],
      'put an entry that waits among the dead letters': [
        `select audit.park('outbox', place, id, '23514') from audit.list_places('outbox', 1)`,
      ],
      'read counts, accounts and dead letters': [
        ...['peek(1)', 'backlog()', 'recorder_accounts()', 'list_letters(1)', 'open_letter(1)'].map(
          (call) => `select * from audit.${call}`,
        ),
      ],
      'retry dead letters': ['select audit.retry_dead_letter(1)'],
      'drop dead letters (each leaves an entry)': ['select audit.drop_dead_letter(1)'],
      'make partitions': ['select audit.ensure_partitions(4)'],
      'write an `audit.read` entry about any viewer': NOTE_READ,
      'stage and report for a recorder whose key it shows (`audit-relay recover`)': [
        stage(RECORDER),
        report(RECORDER),
      ],
    },
    cannot: {
      'read, write or lock a table': each(TABLES, ...READS, ...WRITES, ...LOCKS),
      'choose a `seq`, a `logged_at` or any column of an entry': [
        INSERT_LOG,
        `insert into audit.audit_outbox (action) values ('x.y')`,
        `update audit.audit_dead_letter set entry = '{}'`,
      ],
      'change or remove an entry or an account': [
        'update audit.audit_log set action = action',
        'delete from audit.audit_log_default',
        'update audit.audit_report set accepted = 0',
        'update audit.audit_outbox set ours = true',
      ],
      "move the log's numbers": HEAD,
      'declare a restore': ['select audit.declare_restored()', `select audit.begin_history('x')`],
      'record by `audit.record`': RECORDING,
      'report or stage for a recorder whose key it does not show': [
        stage(FOREIGN_RECORDER),
        report(FOREIGN_RECORDER),
      ],
    },
  },
  audit_reader: {
    can: {
      'read the whole log': [
        'select * from audit.audit_log',
        'select count(*) from audit.audit_log',
      ],
      'hold a lock of the log that delays partitions': [
        'lock table audit.audit_log in access share mode',
      ],
      'write an `audit.read` entry about any viewer': NOTE_READ,
    },
    cannot: {
      'read the lanes, accounts and dead letters': each(HIDDEN, ...READS),
      'write, change or remove an entry': [
        ...each(TABLES, ...WRITES),
        INSERT_LOG,
        ...RECORDING,
        'update audit.audit_log set action = action',
      ],
      'keep others from reading or writing': [
        ...each(TABLES, ...LOCKS),
        'select from audit.audit_log for update',
        'lock table audit.audit_log in access exclusive mode',
      ],
      'move anything': [
        MOVE,
        'select audit.ensure_partitions(4)',
        'select audit.retry_dead_letter(1)',
      ],
    },
  },
  migrating: {
    can: {
      'act as `audit_owner` (disable or drop the triggers, and then change or delete anything)': [
        'alter table audit.audit_log disable trigger all',
        'update audit.audit_head set seq = seq',
        'delete from audit.audit_outbox',
      ],
    },
    cannot: {},
  },
}
