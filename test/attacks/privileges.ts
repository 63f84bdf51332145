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

const FUNCTIONS_OF_KEEPER = [
  `select * from audit.set_policy('*', '4 days')`,
  `select * from audit.remove_policy('*')`,
  `select audit.place_hold('x', request_id => 'r')`,
  `select audit.release_hold(gen_random_uuid())`,
  'select * from audit.policies_in_force()',
  'select * from audit.holds_in_force()',
  'select audit.names_on()',
  'select audit.names_off()',
]
const FUNCTIONS_OF_ERASER = [
  `select * from audit.erase(array[1], array['metadata'], 'x')`,
  'select * from audit.list_log_places()',
  `select * from audit.find_of_user('audit.audit_log_default', gen_random_uuid()::text, gen_random_uuid(), 1)`,
  `select * from audit.find_naming('audit.audit_log_default', gen_random_uuid()::text, gen_random_uuid(), 1)`,
  'select * from audit.find_entries(array[1])',
  'select * from audit.erasure_elsewhere(gen_random_uuid()::text, 1, 1)',
  'select * from audit.list_erasures(0, 1)',
  'select * from audit.scrub_places()',
  `select * from audit.scrub('audit.audit_staging', '1', 1)`,
  'select audit.end_scrub(now())',
  'select audit.erase_labels(gen_random_uuid()::text)',
]
const LISTS_OF_KEEPER = ['select audit.list_policies()', 'select audit.list_holds(true)']

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
  `insert into audit.audit_policy (actions, keep, set_at, effective_at, entry)
   values ('*', '4 days', '2020-01-01', '2020-01-01', gen_random_uuid())`,
  `update audit.audit_policy set effective_at = '2020-01-01'`,
  `insert into audit.audit_erasure (seq, id, fields) values (1, gen_random_uuid(), '{user_id}')`,
  'delete from audit.audit_erasure',
  'delete from audit.audit_hold',
  'update audit.audit_hold set released_at = null',
  `update audit.audit_retention set grace = '0', undo = '0'`,
  'update audit.audit_retention set line_id = null',
  `select audit.put_policy('*', '4 days', false, '2020-01-01', '2020-01-01', 'set')`,
  `select * from audit.change_policy('*', '4 days', false)`,
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
  by:
    | 'nobody'
    | 'audit_app'
    | 'audit_relay'
    | 'audit_reader'
    | 'audit_keeper'
    | 'audit_eraser'
    | 'owner',
  name: string,
  statements: readonly string[],
])[] = [
  [
    'nobody',
    'everything',
    [
      ...FORBIDDEN,
      ...READING,
      ...RECORDING,
      ...FUNCTIONS_OF_RELAY,
      ...FUNCTIONS_OF_KEEPER,
      ...FUNCTIONS_OF_ERASER,
      ...LISTS_OF_KEEPER,
    ],
  ],
  [
    'owner',
    'everything',
    [
      ...FORBIDDEN,
      ...READING,
      ...RECORDING,
      ...FUNCTIONS_OF_RELAY,
      ...FUNCTIONS_OF_KEEPER,
      ...FUNCTIONS_OF_ERASER,
      ...LISTS_OF_KEEPER,
    ],
  ],
  [
    'audit_app',
    'more than to record and report',
    [
      ...FORBIDDEN,
      ...READING,
      ...FUNCTIONS_OF_RELAY,
      ...FUNCTIONS_OF_KEEPER,
      ...FUNCTIONS_OF_ERASER,
      ...LISTS_OF_KEEPER,
    ],
  ],
  [
    'audit_relay',
    'more than its functions',
    [
      ...FORBIDDEN,
      ...READING,
      ...RECORDING.slice(0, 2),
      ...FUNCTIONS_OF_KEEPER,
      ...FUNCTIONS_OF_ERASER,
      ...LISTS_OF_KEEPER,
    ],
  ],
  [
    'audit_reader',
    'more than to read',
    [
      ...FORBIDDEN,
      ...RECORDING,
      ...FUNCTIONS_OF_RELAY,
      ...FUNCTIONS_OF_KEEPER,
      ...FUNCTIONS_OF_ERASER,
    ],
  ],
  [
    'audit_keeper',
    'more than to say what is kept',
    [...FORBIDDEN, ...READING, ...RECORDING, ...FUNCTIONS_OF_RELAY, ...FUNCTIONS_OF_ERASER],
  ],
  [
    'audit_eraser',
    'more than to erase',
    [
      ...FORBIDDEN,
      ...READING,
      ...RECORDING,
      ...FUNCTIONS_OF_RELAY,
      ...FUNCTIONS_OF_KEEPER,
      ...LISTS_OF_KEEPER,
    ],
  ],
]

export const privileges: readonly Attack[] = CASES.map(([login, name, statements]) => ({
  name,
  by: login === 'owner' ? "database's owner" : login,
  // 0LP01 and 22023: such a grant, and such an owner, are refused for what they are before for whom.
  play: (arena) => allRefused(arena.as(login), statements, ['42501', '0LP01']),
}))
