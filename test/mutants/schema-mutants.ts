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
    name: 'audit.record waits for a lock for ever',
    edits: [{ file: FUNCTIONS, find: "SET lock_timeout = '1s'", replace: '' }],
    file: 'sql-record.test.ts',
    test: 'it waits for a locked lane no longer than about a second',
  },
  {
    name: 'a late report takes back what an earlier one said',
    edits: [
      {
        file: FUNCTIONS,
        find: 'accepted = greatest(r.accepted, excluded.accepted)',
        replace: 'accepted = excluded.accepted',
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
