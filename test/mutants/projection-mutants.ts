import type { Mutant } from './mutant.ts'

const TERMS = 'src/query/statements/term-conditions.ts'
const VIEW = 'src/projection/log-view.ts'
const SHOWN = {
  file: 'projection.test.ts',
  test: 'what a projection shows is what a naive one shows',
}
const ASKED = {
  file: 'projection.test.ts',
  test: 'every query answers as if the log held what the reader sees, and nothing else',
}

const TOLD = {
  file: 'projection.test.ts',
  test: 'the changes of a hidden field tell nothing of it, and those of others stay',
}

const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'
const FORMS = {
  file: 'projection.test.ts',
  test: 'changes are known by the forms that other libraries give them',
}

export const PROJECTION_MUTANTS: readonly Mutant[] = [
  {
    name: 'a word is looked for in what the reader does not see',
    edits: [
      {
        file: TERMS,
        find: "wordCondition(seen(columns, 'metadata'), text,",
        replace: 'wordCondition(sql`${auditLog.metadata}`, text,',
      },
    ],
    ...ASKED,
  },
  {
    name: 'an id is found by the stored column alone',
    edits: [
      {
        file: 'src/query/statements/seen-columns.ts',
        find: 'return seenOf === undefined ? stored',
        replace: 'return seenOf !== null ? stored',
      },
    ],
    ...ASKED,
  },
  {
    name: 'bars count what the viewer does not see',
    edits: [
      {
        file: 'src/page/histogram/split-conditions.ts',
        find: 'const first = [...view.conditions, ',
        replace: 'const first = [',
      },
    ],
    ...ASKED,
  },
  {
    name: 'the context of somebody who acts for a user is shown',
    edits: [
      {
        file: VIEW,
        find: 'case when ${isActor} or ${isUser} then ${EMPTY}',
        replace: 'case when ${isUser} then ${EMPTY}',
      },
    ],
    ...SHOWN,
  },
  {
    name: 'an entry that is opened by its id is any entry',
    edits: [
      {
        file: 'src/read/timeline.ts',
        find: '[isIt, ...view.conditions]',
        replace: '[isIt]',
      },
    ],
    ...SHOWN,
  },
  {
    name: 'a tail shows every column as it is',
    edits: [
      {
        file: 'src/read/tail-query.ts',
        find: 'select ${view.selected} from ${auditLog}',
        replace: 'select ${WHOLE_LOG.selected} from ${auditLog}',
      },
    ],
    ...SHOWN,
  },
  {
    name: 'changes tell what a hidden field was',
    edits: [
      {
        file: VIEW,
        find: "name === 'metadata' ? withoutChanges(rest, paths[name]) : rest",
        replace: "name === 'metadata' ? (withoutChanges, rest) : rest",
      },
    ],
    ...TOLD,
  },
  {
    name: 'the two sides of a change are looked at without the name of the change',
    edits: [
      {
        file: 'src/schema/migrations/0001_functions.sql',
        find: 'open_in_sides := open_in_sides || step.open;',
        replace: 'null;',
      },
    ],
    ...SHOWN,
  },
  {
    name: 'a contradiction is claimed to who does not see the entry between',
    edits: [
      {
        file: 'src/timeline/target-history.ts',
        find: "const isHidden = lacks ? 'hidden' : undefined",
        replace: 'const isHidden = undefined',
      },
    ],
    file: 'target-history.test.ts',
    test: 'a reader who may not see all that changed a thing is told of no contradiction',
  },
  {
    name: 'a hidden field in a list of lists is shown',
    edits: [
      {
        file: 'src/projection/without-paths.ts',
        find: "? sql`'[]'::pg_catalog.jsonb`",
        replace: '? sql`${at}`',
      },
    ],
    ...SHOWN,
  },
  {
    name: 'an action behind a minus is the only one that is seen',
    edits: [
      {
        file: VIEW,
        find: 'sql`not (${actionCondition(pattern.slice(1))})`',
        replace: 'sql`(${actionCondition(pattern.slice(1))})`',
      },
    ],
    ...SHOWN,
  },
  {
    name: 'a list of changes tells a hidden field',
    edits: [
      {
        file: FUNCTIONS,
        find: 'elsif in_side or in_changes or audit.tells_change',
        replace: 'elsif in_side or audit.tells_change',
      },
    ],
    ...FORMS,
  },
  {
    name: 'a change in capitals tells a hidden field',
    edits: [
      { file: FUNCTIONS, find: "key := lower(key) || E'\\x01'", replace: "key := key || E'\\x01'" },
    ],
    ...FORMS,
  },
]
