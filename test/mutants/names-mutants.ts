import type { Mutant } from './mutant.ts'

const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'
const BOUND = 'src/capture/bound-names.ts'
const SAID = 'src/names/said-names.ts'
const LABELS = 'src/names/names-from-labels.ts'
const SQL_NAMES = 'relay/names/sql-names.ts'

const [CONTEXT, TABLE, PAGE] = ['names-context.test.ts', 'labels.test.ts', 'names-page.test.ts']
const NAIVE = 'the names that entries give are those that a naive look at them finds'
const LONGEST = 'a name has at most 200 characters, and what is no text is none'
const ONE_EVENT = 'a viewer of one event learns no name of another one'
const ERASED = 'erasing a user erases the names, and keeps those of others'
const ONE_STATEMENT = 'one statement turns ids into names, another one finds them'

export const NAMES_MUTANTS: readonly Mutant[] = [
  {
    name: 'collected names are told to those from whom they are hidden',
    edits: [
      {
        file: 'src/page/auth/viewer.ts',
        find: 'hidesNames(seenBy) ?',
        replace: 'hidesNames({ ...seenBy, hides: [] }) ?',
      },
    ],
    file: PAGE,
    test: 'a viewer is told no collected name that is hidden in the entries',
  },
  {
    name: 'a censored name is stored all the same',
    edits: [
      {
        file: BOUND,
        find: 'if (copier.notes.redacted?.includes(',
        replace: 'if (copier.notes.marks?.includes(',
      },
    ],
    file: CONTEXT,
    test: 'a name that the application censors is not stored',
  },
  {
    name: 'a name of 201 characters is stored',
    edits: [
      {
        file: 'src/entry.ts',
        find: 'MAX_NAME_CHARACTERS = 200',
        replace: 'MAX_NAME_CHARACTERS = 201',
      },
    ],
    file: CONTEXT,
    test: LONGEST,
  },
  {
    name: 'a job loses the names of its request',
    edits: [
      {
        file: 'src/context/captured-context.ts',
        find: 'named?.id === id ? named.name : undefined',
        replace: 'named?.id !== id ? named?.name : undefined',
      },
    ],
    file: CONTEXT,
    test: 'a job knows the names of the request that began it',
  },
  {
    name: 'a collected name counts for the person the entry is about',
    edits: [
      {
        file: FUNCTIONS,
        find: "named ->> 'id' = subject\n",
        replace: "named ->> 'id' is not null\n",
      },
    ],
    file: TABLE,
    test: NAIVE,
  },
  {
    name: 'a collected name begins with the last entry that has it',
    edits: [
      {
        file: FUNCTIONS,
        find: 'set first_seq = least(k.first_seq, excluded.first_seq),',
        replace: 'set first_seq = greatest(k.first_seq, excluded.first_seq),',
      },
    ],
    file: TABLE,
    test: NAIVE,
  },
  {
    name: 'names of all events are looked up for a viewer of one',
    edits: [
      {
        file: LABELS,
        find: 'return onlyEventId === undefined\n',
        replace: 'return onlyEventId !== null\n',
      },
    ],
    file: TABLE,
    test: ONE_EVENT,
  },
  {
    name: 'names are found in the middle of a word',
    edits: [
      {
        file: LABELS,
        find: "pg_catalog.concat(' ', ",
        replace: "pg_catalog.concat('', ",
      },
    ],
    file: TABLE,
    test: 'the newest name is shown, former names are found, and words by their beginnings',
  },
  {
    name: 'an erasure leaves the names of the last entry',
    edits: [
      {
        file: FUNCTIONS,
        find: '  perform audit.forget_labels(changed_seqs);\n',
        replace: '',
      },
    ],
    file: TABLE,
    test: ERASED,
  },
  {
    name: 'a name goes with its last entry although another one has it',
    edits: [
      {
        file: FUNCTIONS,
        find: '  if newest is null then\n    delete from audit.audit_label',
        replace: '  if true then\n    delete from audit.audit_label',
      },
    ],
    file: TABLE,
    test: ERASED,
  },
  {
    name: 'an entry is shown by the name of somebody else',
    edits: [
      {
        file: SAID,
        find: 'return isSame(String(saidId), id) ?',
        replace: 'return saidId !== undefined ?',
      },
    ],
    file: PAGE,
    test: 'without a lookup an entry shows the name that it holds',
  },
  {
    name: 'an entry says its name twice where it has not changed',
    edits: [
      {
        file: 'src/page/view/entry-facts.ts',
        find: 'now === undefined || then === now',
        replace: 'now === undefined',
      },
    ],
    file: PAGE,
    test: 'an entry tells the name of its time where there is another one now',
  },
  {
    name: 'the last source of names wins',
    edits: [
      {
        file: 'src/names/name-source.ts',
        find: 'answers.toReversed().flatMap',
        replace: 'answers.flatMap',
      },
    ],
    file: PAGE,
    test: 'of several sources the first that knows a name wins, and one that fails is left out',
  },
  {
    name: 'a statement that is not told the event finds for a viewer of one',
    edits: [
      {
        file: SQL_NAMES,
        find: 'viewer.onlyEventId === undefined || usesEvent(this.#findSql)',
        replace: 'true',
      },
    ],
    file: PAGE,
    test: ONE_STATEMENT,
  },
  {
    name: 'ids of another kind are given to the statement',
    edits: [{ file: SQL_NAMES, find: 'ids.filter(this.#fits)', replace: '[...ids]' }],
    file: PAGE,
    test: ONE_STATEMENT,
  },
  {
    name: 'the statements of the operator may write',
    edits: [
      {
        file: 'src/database/connection.ts',
        find: "return { ...settings, default_transaction_read_only: 'on', statement_timeout }",
        replace: 'return { ...settings, statement_timeout }',
      },
    ],
    file: PAGE,
    test: 'a statement cannot write, and takes no longer than a second',
  },
]
