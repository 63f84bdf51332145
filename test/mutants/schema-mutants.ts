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
        find: 'm.place not in (select f.place from fresh as f)',
        replace:
          'not exists (select from fresh as f where f.place <= m.place and f.place >= m.place)',
        times: 3,
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
        find: "if audit.is_reserved(fields ->> 'action') then",
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
    test: "a recorder's name is its own: with another key nothing is written in it",
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
    name: 'a partition that is made is not in the catalogue',
    edits: [
      {
        file: FUNCTIONS,
        find: 'from unnest(names, first_ids, end_ids) as n (name, first_id, end_id);',
        replace:
          'from unnest(names, first_ids, end_ids) as n (name, first_id, end_id) where false;',
      },
    ],
    file: 'partition-catalogue.test.ts',
    test: 'each partition is in the catalogue with its range, and DEFAULT is not',
  },
  {
    name: 'a partition is made where one of another width begins within the month',
    edits: [{ file: FUNCTIONS, find: 'least(b.end_id, u.end_id)', replace: 'u.first_id' }],
    file: 'partition-catalogue.test.ts',
    test: 'a partition made by hand is taken into the catalogue, and ours fill the room beside it',
  },
  {
    name: 'a partition is closed a day too early',
    edits: [
      {
        file: FUNCTIONS,
        find: "and p.to_id <= audit.id_floor(clock_timestamp() - interval '72 hours')",
        replace: "and p.to_id <= audit.id_floor(clock_timestamp() - interval '2 days')",
      },
    ],
    file: 'partition-catalogue.test.ts',
    test: 'a partition is closed three days after its end, and not before',
  },
  {
    name: 'a partition is closed before its end',
    edits: [
      {
        file: FUNCTIONS,
        find: 'and p.to_id <= audit.id_floor(',
        replace: 'and p.from_id <= audit.id_floor(',
      },
    ],
    file: 'partition-catalogue.test.ts',
    test: 'a partition is closed three days after its end, and not before',
  },
  ...(
    [
      ['the first id of a partition is not looked at', 'l.id > %L and l.id < %L'],
      ["the next partition's first id is taken for one of it", 'l.id >= %L and l.id <= %L'],
    ] as const
  ).map(([name, bounds]) => ({
    name: `a closing's bounds: ${name}`,
    edits: [
      {
        file: FUNCTIONS,
        find: "place := format('from audit.audit_log as l where l.id >= %L and l.id < %L'",
        replace: `place := format('from audit.audit_log as l where ${bounds}'`,
      },
    ],
    file: 'partition-catalogue.test.ts',
    test: 'a partition is closed three days after its end, and not before',
  })),
  {
    name: 'the greatest seq is read while a move is under way',
    edits: [
      {
        file: FUNCTIONS,
        find: 'select h.seq into head_seq from audit.audit_head as h for no key update;',
        replace: 'select h.seq into head_seq from audit.audit_head as h;',
      },
    ],
    file: 'partition-catalogue.test.ts',
    test: 'the greatest seq is read when no move is under way',
  },
  ...(
    [
      [
        'a day too little of a policy makes no difference',
        "shortest < interval '28 days'",
        "shortest < interval '27 days'",
        'a partition is at most a quarter as wide as the shortest policy',
      ],
      [
        'one partition too few is made',
        'ours + cardinality(first_ids) > most',
        'ours + cardinality(first_ids) >= most',
        'at most maxPartitions of our own are made, and the error says what to do',
      ],
      [
        'auto counts a day too few',
        'ours + 183 > max_partitions',
        'ours + 183 >= max_partitions',
        'auto takes no width of which half a year would not fit',
      ],
      [
        'a week is taken for too many entries',
        'when rate <= 8000000',
        'when rate <= 8000100',
        'auto makes months up to 2 million entries a month, weeks up to 8 million, else days',
      ],
      [
        'a partition that holds entries is to be replaced',
        'if is_empty then\n        replaced',
        'if true then\n        replaced',
        'a narrower width replaces partitions that are empty, and no other',
      ],
    ] as const
  ).map(([name, find, replace, test]) => ({
    name: `width: ${name}`,
    edits: [{ file: FUNCTIONS, find, replace }],
    file: 'partition-width.test.ts',
    test,
  })),
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
  {
    name: 'the spelling of the library wins over that of the column',
    edits: [
      {
        file: FUNCTIONS,
        find: "elsif coalesce(given -> column_name, 'null') = 'null' then",
        replace: 'elsif true then',
      },
    ],
    file: 'given-names.test.ts',
    test: 'of two spellings that differ the column wins, and the other one is kept and marked',
  },
  {
    name: 'a key that the lane does not know is dropped',
    edits: [
      {
        file: FUNCTIONS,
        find: 'context := audit.with_key(context, name, value);\n  end loop;\n  fields',
        replace: 'end loop;\n  fields',
      },
    ],
    file: 'given-names.test.ts',
    test: 'every other key that is given is kept in the context, and marked',
  },
  {
    name: 'a time without a zone is read in the zone of the session',
    edits: [
      { file: FUNCTIONS, find: "coalesce(parts[4], 'Z')", replace: "coalesce(parts[4], '')" },
    ],
    file: 'given-names.test.ts',
    test: 'times are read in the same way whatever the session has set',
  },
  {
    name: 'the fast way takes a time without a zone',
    edits: [
      {
        file: FUNCTIONS,
        find: "([+-][0-9]{2}(:[0-9]{2})?|Z)$'",
        replace: "([+-][0-9]{2}(:[0-9]{2})?|Z)?$'",
      },
    ],
    file: 'given-names.test.ts',
    test: 'times are read in the same way whatever the session has set',
  },
  {
    name: 'record_in stores now for a time that it cannot read',
    edits: [
      {
        file: FUNCTIONS,
        find: 'if raises and coalesce(seen.refusal, seen.time_refusal) is not null then',
        replace: 'if raises and seen.refusal is not null then',
      },
    ],
    file: 'given-names.test.ts',
    test: 'a time that cannot be read keeps its text, and now is stored; record_in says what is wrong',
  },
  {
    name: 'entries of SQL are not looked at for secrets',
    edits: [
      {
        file: FUNCTIONS,
        find: 'or (audit.may_hold_secret(entries) and audit.holds_secret(given))',
        replace: '',
      },
    ],
    file: 'given-names.test.ts',
    test: 'no spelling of a key and no way around hides a secret from the first look',
  },
  {
    name: 'a secret in a list is stored',
    edits: [
      {
        file: FUNCTIONS,
        find: 'own := kind;\n    inner_kind := kind;',
        replace: 'own := null;\n    inner_kind := null;',
      },
    ],
    file: 'given-names.test.ts',
    test: 'values whose key names a secret are censored at any depth, and what identifies stays',
  },
  {
    name: 'a key with an escape passes the first look',
    edits: [
      { file: FUNCTIONS, find: '|\\\\u)(?:[^"\\\\]|\\\\.)*"', replace: ')(?:[^"\\\\]|\\\\.)*"' },
    ],
    file: 'given-names.test.ts',
    test: 'no spelling of a key and no way around hides a secret from the first look',
  },
  {
    name: 'one word of the lists is missing in SQL',
    edits: [{ file: FUNCTIONS, find: '"lozinka":"P",', replace: '' }],
    file: 'sql-secrets.test.ts',
    test: 'the library and SQL decide each name in the same way',
  },
]
