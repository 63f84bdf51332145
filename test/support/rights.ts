import { randomUUID } from 'node:crypto'
import { ROLES } from '../../src/database/roles.ts'
import { numberedId } from './lanes.ts'

export type RightsOf =
  | 'nobody'
  | 'audit_app'
  | 'audit_relay'
  | 'audit_reader'
  | 'audit_keeper'
  | 'audit_eraser'
  | 'migrating'

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
    'audit_import',
    'audit_import_sentinel',
    'audit_import_run',
    'audit_migrations',
    'audit_policy',
    'audit_hold',
    'audit_token',
    'audit_view',
    'audit_retention',
    'audit_erasure',
    'audit_follow',
    'audit_label',
  ],
]
const SEARCH_TABLES = ['audit_search_run', 'audit_search_block', 'audit_search_slice']
const SEAL_TABLES = [
  'audit_origin',
  'audit_tile',
  'audit_salt',
  'audit_checkpoint',
  'audit_cosignature',
]
const HIDDEN = TABLES.filter((table) => !/^audit_(?:log|erasure|label)/.test(table))
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
const HOLD = `select audit.place_hold('case 7', target_id => '${numberedId(1)}')`
const POLICY = `select * from audit.set_policy('temp.*', '30 days')`
const TOKENS = [
  `select audit.make_token('siem', sha256('a'), '{"sees": "everything"}', 60, now() + '1 day')`,
  `select audit.revoke_token('${numberedId(1)}')`,
]
const LISTS = ['select * from audit.list_policies()', 'select * from audit.list_holds(true)']
const INSERT_LOG =
  `insert into audit.audit_log (id, seq, occurred_at, logged_at, action) ` +
  `values ('${numberedId(9)}', 1, now(), '2020-01-01', 'a.b')`

const SEALS = [
  'select * from audit.seal_state(1)',
  `select audit.begin_seal(1::smallint, 'log')`,
  `select audit.put_seal(1::smallint, 0, 1, '\\x00', 'note', '[]')`,
  `select audit.rotate_key('a', 'b', 'c')`,
]
const FOLLOWS = [
  `select audit.take_follow('search', '${randomUUID()}', 1, 1, 0)`,
  `select audit.rewind_follow('search', '${randomUUID()}', 0)`,
]
const MAKES_SEARCH = [
  `select audit.put_search(0, 1::smallint, 12::smallint, '\\x00', 1, null, null, 0, 0, 0)`,
  'select * from audit.search_work()',
  'select * from audit.search_slices(0)',
  'select audit.drop_search(1)',
]
const SEARCH = ['select audit.search_on(1, null)', 'select audit.search_off()']

/** By login, as in the table of SECURITY.md. A statement of `cannot` is refused with 42501. */
export const RIGHTS: Readonly<Record<RightsOf, Rights>> = {
  nobody: {
    can: {
      'take locks of its own that nothing here waits for': ['select pg_advisory_xact_lock(1)'],
      'set what sessions of its database begin with': ['set search_path = public'],
    },
    cannot: {
      'read, write or lock a table of the schema': each(
        [...TABLES, ...SEAL_TABLES],
        ...READS,
        ...WRITES,
        ...LOCKS,
      ),
      'call a function of it': [
        ...RECORDING,
        MOVE,
        ...NOTE_READ,
        ...SEALS,
        `select audit.bound('levels')`,
      ],
      'make something in it': ['create table audit.mine ()', 'drop table audit.audit_log'],
      'act as one of its roles': [...ROLES.map((role) => `set role ${role}`)],
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
      'seal the log: put a checkpoint on top of the newest one, signed by whatever key': SEALS,
      'read entries by a function while something that is made of them is on, such as the search': [
        ...FOLLOWS,
        'select * from audit.follow_state()',
      ],
      'collect the names that entries give, and forget what it collected': [
        'select audit.take_labels(1, 2)',
        'select audit.tidy_labels(1)',
        'select audit.rewind_labels(100000000)',
      ],
      'make the search, and drop what it holds': MAKES_SEARCH,
      'write an `audit.verify` entry with any result': ["select audit.note_verify('{}')"],
      'make partitions, and close past ones': [
        'select audit.ensure_partitions(4)',
        'select audit.close_partition()',
      ],
      'write an `audit.read` entry about any viewer': NOTE_READ,
      'stage and report for a recorder whose key it shows (`audit-relay recover`)': [
        stage(RECORDER),
        report(RECORDER),
      ],
    },
    cannot: {
      'read, write or lock a table': each(
        [...TABLES, ...SEAL_TABLES],
        ...READS,
        ...WRITES,
        ...LOCKS,
      ),
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
      'set a policy': [POLICY, LISTS[0] ?? ''],
      'place or release a hold': [HOLD, LISTS[1] ?? ''],
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
      'read the seal with its salts, and make leaves of what it reads': [
        ...each(SEAL_TABLES, 'select * from TABLE'),
        'select audit.sealed_through()',
        `select audit.leaf_text(l, '') from audit.audit_log as l`,
      ],
      'see how many entries of each recorder were logged': [
        `select * from audit.logged_counts('${numberedId(0)}', 10)`,
        'select * from audit.logged_total()',
      ],
      'read the search, which holds nothing that is not in the log': [
        ...each(SEARCH_TABLES, 'select * from TABLE'),
        'select * from audit.search_state()',
      ],
      'see what is kept and what is held': LISTS,
      'list, save and remove shared views in the name of any viewer, each with an entry': [
        `select * from audit.list_views('')`,
        `select * from audit.save_view('', 'n', '{"q": "x"}', '', 'grace', 'Grace', '{}')`,
        `select audit.remove_view('', '${numberedId(1)}', null, 'Grace', '{}')`,
      ],
      'have a token checked': [`select * from audit.use_token(sha256('a'))`],
      'look up the names that entries give': ['select * from audit.audit_label'],
      'see what was removed or erased, and say how far a reader has read, for which retention waits':
        [
          'select * from audit.audit_removed',
          'select * from audit.audit_erasure',
          'select * from audit.removed_before()',
          `select audit.note_cursor('siem', '${randomUUID()}', 1, null)`,
        ],
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
      seal: [...SEALS, ...each(SEAL_TABLES, ...WRITES, ...LOCKS)],
      'change the search': [...SEARCH, ...MAKES_SEARCH, ...each(SEARCH_TABLES, ...WRITES)],
      'set a policy': [POLICY],
      'place or release a hold': [HOLD, `select audit.release_hold('${numberedId(1)}')`],
      'make, list or revoke a token': [...TOKENS, 'select * from audit.list_tokens()'],
    },
  },
  audit_keeper: {
    can: {
      'say for how long entries are kept (what keeps less counts after the grace)': [
        POLICY,
        `select * from audit.remove_policy('temp.*')`,
      ],
      'place and release legal holds': [HOLD, `select audit.release_hold('${numberedId(1)}')`],
      'make partitions of any time': [
        `select audit.ensure_partitions_between('2020-01-01', '2020-01-02')`,
      ],
      'make tokens for programs that read the log, each with an entry, and revoke them': [
        ...TOKENS,
        'select * from audit.list_tokens(true)',
      ],
      'keep the log locked while its transaction stays open': [
        `select audit.ensure_partitions_between('2020-01-01', '2020-01-02')`,
      ],
      'turn the search on and off': SEARCH,
      'see what is kept and what is held': [
        ...LISTS,
        'select * from audit.policies_in_force()',
        'select * from audit.holds_in_force()',
      ],
      'have the names collected that entries give, or forgotten': [
        'select audit.names_on()',
        'select * from audit.label_counts()',
        'select audit.names_off()',
      ],
      'bring in entries of any time, in the account of an import that leaves an entry': [
        "select audit.begin_import('old', 'old.csv', repeat('0', 64))",
        'select * from audit.read_import(null)',
        "select audit.settle_import('old', null, '1', 1, 0)",
      ],
      'read the partitions of the log, to archive them': [
        `select * from audit.archive_rows('audit_log_default', null, 0, '${numberedId(1)}', 1)`,
        `select * from audit.archive_digest('audit_log_default', null, 0, 1)`,
        `select * from audit.archive_salts('audit_log_default', null, 0, 1, 0, 1)`,
        'select * from audit.archive_due()',
        'select * from audit.list_archives()',
      ],
      'bring archived entries back that this database has compared': [
        "select audit.begin_restore('audit_log_2025_10')",
        "select audit.drop_restored('audit_log_2025_10')",
        "select audit.removed_entries('audit_log_2025_10')",
        "select * from audit.attach_restored('audit_log_2025_10')",
        "select audit.restore_salts('audit_log_default', '[]')",
      ],
      'remove what the policies let go (it leaves an entry), drop it after the undo, and bring it back before':
        [
          'select * from audit.retention_candidates()',
          'select audit.cursor_names()',
          "select * from audit.plan_retention('audit_log_default')",
          "select * from audit.build_kept('audit_log_default')",
          "select * from audit.swap_kept('audit_log_default', 1)",
          "select audit.note_default_range('audit_log_default')",
          "select * from audit.merge_kept('{}')",
          'select * from audit.retention_waits()',
          "select * from audit.drop_removed('audit_log_default')",
          "select * from audit.undo_retention('audit_log_default')",
        ],
    },
    cannot: {
      'read a table': each([...TABLES, ...SEAL_TABLES], ...READS),
      'record, change or remove an entry': [
        ...each(TABLES, ...WRITES),
        INSERT_LOG,
        ...RECORDING,
        ...NOTE_READ,
        'update audit.audit_log set action = action',
      ],
      "write to the lanes but by the import's functions": [
        `insert into audit.audit_import (action) values ('x.y')`,
        ...each(['audit_import', 'audit_staging', 'audit_outbox'], ...LOCKS),
      ],
      'report or stage for a recorder': [stage(RECORDER), report(RECORDER)],
      'forget how far an import is': [
        'delete from audit.audit_import_run',
        "update audit.audit_import_run set last_key = ''",
      ],
      'change the grace, or when a policy counts': [
        `update audit.audit_retention set grace = '0'`,
        `update audit.audit_policy set effective_at = now()`,
        `select audit.put_policy('a.b', '4 days', false, now(), now(), 'set')`,
      ],
      'take back that there was a hold': [
        `update audit.audit_hold set released_at = null`,
        'delete from audit.audit_hold',
      ],
      'remove what a policy or a hold keeps, or take back that something was removed': [
        "select audit.swap_partition('audit_log_default', null, 'gone', null, null)",
        "update audit.audit_swap set runs = '{}'",
        'delete from audit.audit_removed',
        'update audit.audit_retention set line_id = null',
        "update audit.audit_retention set undo = '0'",
      ],
      'move anything': [
        MOVE,
        'select audit.retry_dead_letter(1)',
        'select audit.drop_dead_letter(1)',
      ],
    },
  },
  audit_eraser: {
    can: {
      'erase fields of any entry that no hold is about (it leaves an entry)': [
        "select * from audit.erase(array[1], array['metadata'], 'request 7')",
      ],
      'find which entries name a user, and where, by their numbers': [
        'select * from audit.list_log_places()',
        `select * from audit.find_of_user('audit.audit_log_default', '${numberedId(1)}', '${numberedId(1)}', 1)`,
        `select * from audit.find_naming('audit.audit_log_default', '${numberedId(1)}', '${numberedId(1)}', 1)`,
        'select * from audit.find_entries(array[1])',
        `select * from audit.erasure_elsewhere('${numberedId(1)}', 1, 1)`,
      ],
      'erase a user from the shared views': [`select audit.erase_views('${numberedId(1)}')`],
      'erase the names of a user': [`select audit.erase_labels('${numberedId(1)}')`],
      'see what was erased': ['select * from audit.list_erasures(0, 10)'],
      'rewrite a table that holds what was erased, which nobody reads meanwhile': [
        'select * from audit.scrub_places()',
        "select * from audit.who_sees_erased('1')",
        'select audit.end_scrub(now())',
      ],
    },
    cannot: {
      'read a table, or what an entry says': [
        ...each(TABLES, ...READS),
        `select * from audit.archive_rows('audit_log_default', null, 0, '${numberedId(1)}', 1)`,
        'select * from audit.open_letter(1)',
      ],
      'record, change or remove an entry in another way': [
        ...each(TABLES, ...WRITES),
        INSERT_LOG,
        ...RECORDING,
        ...NOTE_READ,
        'update audit.audit_log set user_id = null',
        "select audit.blank_entries('audit.audit_log_default', '{}')",
      ],
      'take back that something was erased': [
        'delete from audit.audit_erasure',
        "update audit.audit_erasure set fields = '{context}'",
      ],
      'place or release a hold': [HOLD, `select audit.release_hold('${numberedId(1)}')`],
      'set a policy': [POLICY],
      'move anything': [MOVE, 'select audit.drop_dead_letter(1)'],
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
