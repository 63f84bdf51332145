import { allRefused, type Attack } from './attack.ts'

const FUNCTIONS_OF_RELAY = [
  `select audit.move('staging', 1, 1, null, null, null, null)`,
  `select audit.park('outbox', '(0,1)', gen_random_uuid(), '23514')`,
  `select * from audit.peek(1)`,
  `select audit.compact('head')`,
  `select audit.ensure_partitions(3)`,
  `select audit.retry_dead_letter(1)`,
  `select audit.drop_dead_letter(1)`,
  `select * from audit.backlog()`,
  `select audit.declare_gap()`,
  `select * from audit.identify(null, null, null)`,
  `select * from audit.list_places('outbox', 1)`,
  `select * from audit.who_moves()`,
]

/** What nobody but a migration may, whatever role of the schema it has. */
const FORBIDDEN = [
  'update audit.audit_log set action = action',
  'delete from audit.audit_log',
  'truncate audit.audit_log',
  'truncate audit.audit_log_default',
  `insert into audit.audit_log (id, seq, occurred_at, logged_at, action)
   values (gen_random_uuid(), 1, now(), '2020-01-01', 'a.b')`,
  'update audit.audit_head set seq = 9000000000000000000',
  'delete from audit.audit_head',
  'insert into audit.audit_head default values',
  'update audit.audit_turn set turn = 1',
  `update audit.audit_outbox set action = 'x.y'`,
  'delete from audit.audit_staging',
  'delete from audit.audit_recorder',
  'update audit.audit_recorder set logged = 0',
  'update audit.audit_report set accepted = 0',
  'delete from audit.audit_dead_letter',
  `insert into audit.audit_dead_letter (entry) values ('{}')`,
  'update audit.audit_dead_letter set ours = true',
  'delete from audit.audit_sentinel',
  'update audit.audit_lane set epoch = gen_random_uuid()',
  'delete from audit.audit_history',
  'update audit.audit_schema_version set version = 0',
  'delete from audit.audit_migrations',
  'alter table audit.audit_log disable trigger all',
  'alter table audit.audit_log detach partition audit.audit_log_default',
  'drop table audit.audit_log_default',
  'alter table audit.audit_log owner to current_user',
  'alter table audit.audit_head replica identity nothing',
  `select setval('audit.audit_dead_letter_number_seq', 1)`,
  `select nextval('audit.audit_dead_letter_number_seq')`,
  'create table audit.mine ()',
  'set local role audit_owner',
  'set local session_replication_role = replica',
  'alter role audit_owner login',
  'grant audit_owner to current_user',
  'grant audit_reader to audit_test_nobody',
  `alter function audit.bound(text) owner to current_user`,
  `copy audit.audit_log to '/tmp/mine'`,
  'select * from audit.audit_staging',
  'select * from audit.audit_dead_letter',
  'select * from audit.audit_report',
]
const READING = ['select * from audit.audit_log', 'select seq from audit.audit_head']
const RECORDING = [
  `select audit.record('{"action":"a.b"}')`,
  `select audit.record_in('{"action":"a.b"}')`,
  `select audit.stage(gen_random_uuid(), '0123456789abcdef', array['[]'])`,
  `select audit.report(gen_random_uuid(), '0123456789abcdef', now(), 1, 1, '{}', false)`,
]

const CASES: readonly (readonly [
  by: 'nobody' | 'audit_app' | 'audit_relay' | 'audit_reader' | 'owner',
  name: string,
  statements: readonly string[],
])[] = [
  ['nobody', 'everything', [...FORBIDDEN, ...READING, ...RECORDING, ...FUNCTIONS_OF_RELAY]],
  ['owner', 'everything', [...FORBIDDEN, ...READING, ...RECORDING, ...FUNCTIONS_OF_RELAY]],
  [
    'audit_app',
    'more than to record and report',
    [...FORBIDDEN, ...READING, ...FUNCTIONS_OF_RELAY],
  ],
  ['audit_relay', 'more than its functions', [...FORBIDDEN, ...READING, ...RECORDING.slice(0, 2)]],
  ['audit_reader', 'more than to read', [...FORBIDDEN, ...RECORDING, ...FUNCTIONS_OF_RELAY]],
]

export const privileges: readonly Attack[] = CASES.map(([login, name, statements]) => ({
  name,
  by: login === 'owner' ? "database's owner" : login,
  // 0LP01 and 22023: such a grant, and such an owner, are refused for what they are before for whom.
  play: (arena) => allRefused(arena.as(login), statements, ['42501', '0LP01']),
}))
