import type { Mutant } from './mutant.ts'

// The migration and not src/schema/functions, because a database is made from the migration.
const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'

export const SCHEMA_MUTANTS: readonly Mutant[] = [
  {
    name: 'the claim watermark is the largest number and not the smallest',
    edits: [
      {
        file: FUNCTIONS,
        find: 'select min(w.recorder_seq)',
        replace: 'select max(w.recorder_seq)',
      },
    ],
    file: 'sql-record.test.ts',
    test: 'lane_state names the epoch and the first number of this recorder that still waits',
  },
  {
    name: 'audit.record lets an error through',
    edits: [
      {
        file: FUNCTIONS,
        find: 'exception when others then',
        replace: 'exception when assert_failure then',
      },
    ],
    file: 'sql-record.test.ts',
    test: 'it never aborts its transaction: read-only',
  },
  {
    name: 'audit.record waits for a lock without end',
    edits: [{ file: FUNCTIONS, find: "SET lock_timeout = '1s'", replace: '' }],
    file: 'sql-record.test.ts',
    test: 'it waits for a locked lane no longer than about a second',
  },
  {
    name: 'a batch with entries that came twice compares all rows with all others',
    edits: [
      {
        file: FUNCTIONS,
        find: 'full join fresh as f',
        replace: 'left join fresh as f',
        times: 2,
      },
    ],
    file: 'move.test.ts',
    test: 'a batch of the lane staging looks at each row a few times, also where some came twice',
  },
  {
    name: 'an application may call its entry audit.gap',
    edits: [
      {
        file: FUNCTIONS,
        find: 'if audit.is_reserved(fields.action) then',
        replace: 'if false then',
      },
    ],
    file: 'lane-bounds.test.ts',
    test: 'audit.record_in takes nothing beyond the bounds, and each of its neighbours',
  },
  {
    name: 'an id may be of any time to come',
    edits: [
      { file: FUNCTIONS, find: 'elsif entry.id >= latest then', replace: 'elsif false then' },
    ],
    file: 'lane-bounds.test.ts',
    test: 'an id that is ahead waits as a dead letter until its time has come, and is logged once',
  },
  {
    name: 'anybody may stage in the name of a recorder',
    edits: [
      {
        file: FUNCTIONS,
        find: 'if known is distinct from hash then',
        replace: 'if false then',
      },
    ],
    file: 'lane-bounds.test.ts',
    test: "a recorder's name is its own: whoever shows another key may not write in it",
  },
  {
    name: 'a letter is retried as ours because its text says so',
    edits: [
      {
        file: FUNCTIONS,
        find: 'entry.ours := dead.ours;',
        replace: '',
      },
    ],
    file: 'lane-bounds.test.ts',
    test: 'a letter is retried by its columns, whatever its text says',
  },
  {
    name: 'a late report takes back what an earlier one said',
    edits: [
      {
        file: FUNCTIONS,
        find: 'accepted = greatest(r.accepted, report.accepted)',
        replace: 'accepted = report.accepted',
      },
    ],
    file: 'sql-record.test.ts',
    test: 'reports only ever grow: one that arrives late changes nothing, a closed one stays closed',
  },
  {
    name: 'a partition of the log can be emptied',
    edits: [
      {
        file: FUNCTIONS,
        find: 'before update or delete or truncate on %s',
        replace: 'before update or delete on %s',
      },
    ],
    file: 'append-only.test.ts',
    test: 'no role, owner or superuser changes or removes an entry in any partition',
  },
  {
    name: 'a replica session changes the log',
    edits: [
      {
        file: FUNCTIONS,
        find: 'alter table %s enable always trigger audit_log_append_only',
        replace: 'alter table %s enable trigger audit_log_append_only',
      },
    ],
    file: 'append-only.test.ts',
    test: 'no role, owner or superuser changes or removes an entry in any partition',
  },
]
