import type { Mutant } from './mutant.ts'

const TIMELINE = 'src/read/timeline.ts'
const PAGE_WINDOWS = 'src/read/page-windows.ts'
const ID_WINDOWS = 'src/read/id-windows.ts'
const SEQ_PLAN = 'src/read/seq-plan.ts'
const LOOK = 'src/read/look.ts'
const TAIL = 'src/read/tail.ts'
const FILTER = 'src/read/filter.ts'
const FILTER_VALUES = 'src/read/filter-values.ts'
const CURSOR = 'src/read/paging/cursor.ts'

const timeline: readonly Mutant[] = [
  {
    name: 'the place of a page is on the page again',
    edits: [
      {
        file: PAGE_WINDOWS,
        find: "const comparison = sql.raw(`operator(pg_catalog.${isDescending ? '<' : '>'})`)",
        replace: "const comparison = sql.raw(`operator(pg_catalog.${isDescending ? '<=' : '>='})`)",
      },
    ],
    file: 'timeline.test.ts',
    test: 'pages go on and back without a repetition while entries arrive, newest first',
  },
  {
    name: 'a page that was reached by going back is upside down',
    edits: [{ file: TIMELINE, find: 'if (isBackwards) entries.reverse()', replace: '' }],
    file: 'timeline.test.ts',
    test: 'pages go on and back without a repetition while entries arrive, newest first',
  },
  {
    name: 'a full page is always taken for the last one',
    edits: [
      {
        file: PAGE_WINDOWS,
        find: 'read.isCut || rows.length > asked.limit',
        replace: 'read.isCut',
      },
    ],
    file: 'timeline.test.ts',
    test: 'pages go on and back without a repetition while entries arrive, oldest first',
  },
  {
    name: 'a page with metadata looks without an end',
    edits: [
      {
        file: PAGE_WINDOWS,
        find: 'const stretch = !asked.isBounded',
        replace: 'const stretch = limit > 0',
      },
    ],
    file: 'timeline.test.ts',
    test: 'a page with metadata looks a bounded way ahead, and the next goes on there, newest',
  },
  {
    name: 'a page may hold 501 entries',
    edits: [{ file: TIMELINE, find: 'const MAX_LIMIT = 500', replace: 'const MAX_LIMIT = 501' }],
    file: 'bounds.test.ts',
    test: 'a page of a timeline holds 1 to 500 entries, and 50 where nothing is said',
  },
  {
    name: 'a page holds 51 entries where nothing is said',
    edits: [
      { file: TIMELINE, find: 'const DEFAULT_LIMIT = 50', replace: 'const DEFAULT_LIMIT = 51' },
    ],
    file: 'bounds.test.ts',
    test: 'a page of a timeline holds 1 to 500 entries, and 50 where nothing is said',
  },
  {
    name: 'a cursor of another version is read',
    edits: [{ file: CURSOR, find: 'if (bytes[0] !== VERSION) throw damaged()', replace: '' }],
    file: 'bounds.test.ts',
    test: 'a cursor of another version is refused, although its check is right',
  },
  {
    name: 'a cursor is taken by another question',
    edits: [
      {
        file: CURSOR,
        find: '!bytes.subarray(HISTORY_END, OWNER_END).equals(owner.subarray(0, 8))',
        replace: 'bytes.length === 0',
      },
    ],
    file: 'timeline.test.ts',
    test: 'a cursor is refused when a character of it is changed, or for another question',
  },
]

const filter: readonly Mutant[] = [
  {
    name: 'an empty range of time is taken',
    edits: [{ file: FILTER, find: 'fromMs >= toMs', replace: 'fromMs > toMs' }],
    file: 'bounds.test.ts',
    test: 'a range of time has an end behind its beginning, by a millisecond at least',
  },
  {
    name: 'the end of a range of time is in it',
    edits: [
      {
        file: FILTER,
        find: 'operator(pg_catalog.<) ${idFloor(toMs)}',
        replace: 'operator(pg_catalog.<) ${idFloor(toMs + 1)}',
      },
    ],
    file: 'bounds.test.ts',
    test: 'a range of time holds its first millisecond and not its last',
  },
  {
    name: 'the beginning of a range of time is not in it',
    edits: [
      {
        file: FILTER,
        find: 'operator(pg_catalog.>=) ${idFloor(fromMs)}',
        replace: 'operator(pg_catalog.>=) ${idFloor(fromMs + 1)}',
      },
    ],
    file: 'bounds.test.ts',
    test: 'a range of time holds its first millisecond and not its last',
  },
  {
    name: 'an action of 129 characters is asked for',
    edits: [{ file: FILTER, find: 'given, MAX_ACTION_CHARACTERS)', replace: 'given, 129)' }],
    file: 'bounds.test.ts',
    test: 'each text of a filter has its longest',
  },
  {
    name: 'metadata of 2,001 characters is asked for',
    edits: [
      {
        file: FILTER_VALUES,
        find: 'const MAX_METADATA_CHARACTERS = 2_000',
        replace: 'const MAX_METADATA_CHARACTERS = 2_001',
      },
    ],
    file: 'bounds.test.ts',
    test: 'each text of a filter has its longest',
  },
  {
    name: 'an unknown name of a filter is passed over',
    edits: [{ file: FILTER, find: '  refuseUnknownNames(filter)\n', replace: '' }],
    file: 'timeline.test.ts',
    test: 'bad input is refused before the database is asked: an unknown name',
  },
  {
    name: 'a filter by entity finds what only begins like it',
    edits: [
      {
        file: FILTER,
        find: '${entityOf(auditLog.action)} ${EQUALS} ${entity}::pg_catalog.text',
        replace: '${auditLog.action} like ${`${entity}%`}::text',
      },
    ],
    file: 'bounds.test.ts',
    test: 'a filter by entity takes the whole entity, and nothing longer',
  },
]

const tail: readonly Mutant[] = [
  {
    name: 'a tail without a number begins with the last entry',
    edits: [
      { file: TAIL, find: 'lastKnown(this.#db))) + 1', replace: 'lastKnown(this.#db))) + 0' },
    ],
    file: 'tail.test.ts',
    test: 'without a number a tail begins after what is there',
  },
  {
    name: 'a filtered tail believes that it has seen what it left out beyond its batch',
    edits: [
      {
        file: LOOK,
        find: 'if (isFull || conditions.length === 0) {',
        replace: 'if (conditions.length === 0) {',
      },
    ],
    file: 'bounds.test.ts',
    test: 'a filtered tail leaves out nothing of a window that holds more than one batch',
  },
  {
    name: 'a tail goes on from the last entry that it has seen',
    edits: [
      {
        file: TAIL,
        find: 'next = Math.max(next, throughSeq + 1)',
        replace: 'next = Math.max(next, throughSeq)',
      },
    ],
    file: 'tail.test.ts',
    test: 'a tail reads from the number that it was given, and goes on as the log grows',
  },
  {
    name: 'an event does not end the wait of a tail',
    edits: [{ file: TAIL, find: '      this.#waiting?.abort()\n', replace: '' }],
    file: 'timing.test.ts',
    test: 'an event ends the wait for the next look',
  },
  {
    name: 'a calm tail looks as often as a busy one',
    edits: [
      {
        file: TAIL,
        find: 'const CALM = { forMs: 30_000, waitMs: 400 }',
        replace: 'const CALM = { forMs: 30_000, waitMs: 100 }',
      },
    ],
    file: 'tail.test.ts',
    test: 'a tail looks 10 times a second while entries come, and once a second while none does',
  },
  {
    name: 'a tail sleeps on when it is aborted',
    edits: [
      {
        file: TAIL,
        find: 'AbortSignal.any([this.#parts.signal, this.#waiting.signal])',
        replace: 'this.#waiting.signal',
      },
    ],
    file: 'timing.test.ts',
    test: 'a tail that waits ends at once when it is aborted',
  },
  {
    name: 'a tail ends with the first outage',
    edits: [
      {
        file: TAIL,
        find: 'isFinal: isFinalFault, tearsAttempt',
        replace: 'isFinal: () => true, tearsAttempt',
      },
    ],
    file: 'tail.test.ts',
    test: 'a tail outlasts the end of its connections, and says so',
  },
]

const windows: readonly Mutant[] = [
  {
    name: 'ids between two partitions are in no window',
    edits: [
      {
        file: ID_WINDOWS,
        find: 'toId: partitions[at + 1]?.fromId, partition }',
        replace: 'toId: partition.toId, partition }',
      },
    ],
    file: 'windows.test.ts',
    test: 'windows lie next to each other: 3 partitions, 10, then as many as a statement may touch',
  },
  {
    name: 'a partition of the future that holds entries is stepped over',
    edits: [{ file: ID_WINDOWS, find: 'partitions.every((one) => one.isEmpty)', replace: 'true' }],
    file: 'windows.test.ts',
    test: 'many empty partitions of the future are stepped over, and the rest of the future is not',
  },
  {
    name: 'a window has as many partitions as there are',
    edits: [
      {
        file: 'src/read/partitions.ts',
        find: 'export const MAX_PARTITIONS = 18',
        replace: 'export const MAX_PARTITIONS = 30',
      },
    ],
    file: 'windows.test.ts',
    test: 'no statement of a read takes more than 300 locks at 400 partitions',
  },
  {
    name: 'the partition that ends with the number asked for is left out',
    edits: [{ file: SEQ_PLAN, find: 'maxSeq < nextSeq', replace: 'maxSeq <= nextSeq' }],
    file: 'windows.test.ts',
    test: 'a plan by numbers leaves out what is before and behind, and never what it does not know',
  },
  {
    name: 'the partition that begins with the last number asked for is left out',
    edits: [{ file: SEQ_PLAN, find: 'minSeq <= lastSeq', replace: 'minSeq < lastSeq' }],
    file: 'windows.test.ts',
    test: 'a plan by numbers leaves out what is before and behind, and never what it does not know',
  },
  {
    name: 'a tail believes what the catalogue said a minute ago',
    edits: [
      {
        file: LOOK,
        find: "if (window.stepsOver !== undefined && !isTrue(isProven)) return 'stale'",
        replace: '',
      },
    ],
    file: 'windows.test.ts',
    test: 'a tail that runs finds a late entry in a partition that it leaves out',
  },
  {
    name: 'a page that takes too long has no way on',
    edits: [
      {
        file: PAGE_WINDOWS,
        find: 'if (at === 0 || !isTooSlow(error)) throw error',
        replace: 'throw error',
      },
    ],
    file: 'windows.test.ts',
    test: 'a page that takes too long ends behind its last whole window, and the next goes on there',
  },
]

export const READ_MUTANTS = { timeline, filter, tail, windows }
