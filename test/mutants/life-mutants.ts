import type { Mutant } from './mutant.ts'

const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'
const LATE = 'late-entries.test.ts'

/** Of a log that lives for years: many partitions, and entries that come late. */
export const LIFE_MUTANTS: readonly Mutant[] = [
  {
    name: 'an id that is not of these days is not looked for in the log',
    edits: [
      {
        file: FUNCTIONS,
        find: 'and not exists (select from audit.logged_entry(m.id)) end',
        replace: 'end',
        times: 2,
      },
    ],
    file: LATE,
    test: 'an id of any age that is staged again is logged once, and with another content it is a letter',
  },
  {
    name: 'the content of an entry that is not of these days is not compared',
    edits: [
      {
        file: FUNCTIONS,
        find: 'then null else m.id end\n    ) as o on true',
        replace: 'then null else null::uuid end\n    ) as o on true',
      },
    ],
    file: LATE,
    test: 'an id of any age that is staged again is logged once, and with another content it is a letter',
  },
  {
    name: 'a late entry does not raise the greatest number of its partition',
    edits: [
      {
        file: FUNCTIONS,
        find: 'perform audit.note_late(late_ids, head_before);',
        replace: 'null;',
      },
    ],
    file: LATE,
    test: 'an entry that comes late raises the greatest number of its closed partition, and of no other',
  },
  {
    name: 'a late entry raises the numbers of every partition',
    edits: [
      {
        file: FUNCTIONS,
        find: 'l.id >= c.from_id and l.id < c.to_id',
        replace: 'true',
      },
    ],
    file: 'archive-due.test.ts',
    test: 'a partition whose late entries were archived is not due again',
  },
  {
    name: 'a move looks for each id in all partitions',
    edits: [
      {
        file: FUNCTIONS,
        find: 'where l.id = m.id and l.id >= these_days_from and l.id < these_days_to\n      )',
        replace: 'where l.id = m.id\n      )',
        times: 2,
      },
    ],
    file: LATE,
    test: 'a move locks the partitions of these days, and not those of years',
  },
]
