import type { Mutant } from './mutant.ts'

const WALK = 'src/search/walk.ts'
const SEARCHED = 'src/read/searched.ts'
const STATE = 'src/read/search/search-state.ts'
const OPEN = 'src/search/open-runs.ts'
const CANDIDATES = 'src/read/search/candidates.ts'
const BITS = 'relay/search/block-bits.ts'
const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'
const SAME = 'with the search a page has the answers that it has without'
const FOLLOWER = 'relay/follow/follower.ts'
const ERASED = 'what is erased is out of the search at once, and what is left is made again'

const follow: readonly Mutant[] = [
  {
    name: 'a follower writes what it read before an erasure',
    edits: [{ file: FUNCTIONS, find: '\n    and f.changes = take_follow.changes;', replace: ';' }],
    file: 'follow.test.ts',
    test: 'what is erased between reading and writing is read again',
  },
  {
    name: 'a follower takes what another one has taken',
    edits: [{ file: FUNCTIONS, find: 'f.seq = from_seq - 1 and ', replace: '' }],
    file: 'follow.test.ts',
    test: 'of several followers one wins, also where one dies between its reading and its writing',
  },
  {
    name: 'a consumer that fails keeps the others from theirs',
    edits: [
      {
        file: FOLLOWER,
        find: 'if (!this.#halt.signal.aborted) resting.failed(consumer.name, error)',
        replace: 'throw error',
      },
    ],
    file: 'follow.test.ts',
    test: 'a consumer that fails does not keep the others from theirs, and goes on when it can',
  },
  {
    name: 'a consumer is turned on unseen by an erasure',
    edits: [
      {
        file: FUNCTIONS,
        find: 'lock table audit.audit_follow in share row exclusive mode;\n  insert',
        replace: 'insert',
      },
    ],
    file: 'follow.test.ts',
    test: 'a consumer is turned on when who empties entries meanwhile is done',
  },
]

const search: readonly Mutant[] = [
  {
    name: 'a page ends before it has looked at what is newer',
    edits: [{ file: WALK, find: '(isDescending ? -ms : ms) < end', replace: 'true || ms < end' }],
    file: 'search.test.ts',
    test: SAME,
  },
  {
    name: 'the entries that wait for the search are not looked at',
    edits: [
      {
        file: SEARCHED,
        find: 'others: groupsBetween(search.seq + 1, search.head),',
        replace: 'others: [],',
      },
    ],
    file: 'search-life.test.ts',
    test: 'what the search does not have yet is found between what it has',
  },
  {
    name: 'a group of the first moment of 1970 is taken for empty',
    edits: [{ file: OPEN, find: 'if (minMs > maxMs)', replace: 'if (maxMs === 0)' }],
    file: 'search-life.test.ts',
    test: 'entries of the first moment of 1970 are found',
  },
  {
    name: 'a search without its blocks is read',
    edits: [
      {
        file: STATE,
        find: 'if (blocks * BLOCK_SEQS !== seq - sinceSeq + 1) return undefined',
        replace: '',
      },
    ],
    file: 'search-life.test.ts',
    test: 'a reader with a snapshot from before the search was turned off finds everything',
  },
  {
    name: 'the search begins at the number of the first id',
    edits: [
      {
        file: FUNCTIONS,
        find: 'where l.id >= $1 order by l.seq limit 1',
        replace: 'where l.id >= $1 order by l.id limit 1',
      },
    ],
    file: 'search-life.test.ts',
    test: 'from a moment on, the search begins at the first number that was recorded since',
  },
  {
    name: 'an entry that cannot be read has no bits',
    edits: [{ file: BITS, find: 'if (texts === undefined) this.#isFull.add(group)', replace: '' }],
    file: 'search-life.test.ts',
    test: 'an entry that cannot be read as text is looked at, whatever is asked for',
  },
  {
    name: 'what is erased stays in the search',
    edits: [
      {
        file: FUNCTIONS,
        find: 'perform audit.forget_words(seqs, back_to is not null);',
        replace: 'null;',
      },
    ],
    file: 'search-life.test.ts',
    test: ERASED,
  },
  {
    name: 'a scrub leaves the bits of erased words on the disk',
    edits: [
      {
        file: FUNCTIONS,
        find: "if pg_relation_size('audit.audit_search_slice') > 0",
        replace: 'if false',
      },
    ],
    file: 'scrub.test.ts',
    test: 'a scrub takes the bits of erased words off the disk',
  },
  {
    name: 'groups lack the last of their entries',
    edits: [{ file: OPEN, find: 'at < MEMBERS_BYTES;', replace: 'at < MEMBERS_BYTES - 2;' }],
    file: 'search.test.ts',
    test: SAME,
  },
  {
    name: 'groups that were made again are taken for those of the bits',
    edits: [
      {
        file: 'src/read/search/search-source.ts',
        find: 'where ${isStill(version)}\n    group by asked.block`',
        replace: 'group by asked.block`',
      },
    ],
    file: 'search-life.test.ts',
    test: 'bits and groups from before a removal are not read together with those from after it',
  },
  {
    name: 'an export leaves out what the search does not have yet',
    edits: [
      {
        file: CANDIDATES,
        find: 'search === undefined || fromSeq > search.seq) return undefined',
        replace:
          'search === undefined) return undefined\n  if (fromSeq > search.seq) return { throughSeq: toSeq, seqs: [] }',
      },
    ],
    file: 'search-export.test.ts',
    test: 'with the search an export and the bars have what they have without',
  },
  {
    name: 'bars leave out what the search does not have yet',
    edits: [
      {
        file: CANDIDATES,
        find: 'const groups = [...groupsBetween(search.seq + 1, search.head)]',
        replace: 'const groups: Group[] = []',
      },
    ],
    file: 'search-export.test.ts',
    test: 'with the search an export and the bars have what they have without',
  },
  {
    name: 'bars take what the search has for all',
    edits: [
      {
        file: CANDIDATES,
        find: 'return beforeId === null || beforeId < idFloor(fromMs)',
        replace: 'return beforeId === null || fromMs >= 0',
      },
    ],
    file: 'search-life.test.ts',
    test: 'what is before the search is found, in both orders, and so is what an import brought',
  },
  {
    name: 'an export with a rare word reads the whole log',
    edits: [
      {
        file: 'src/export/pages.ts',
        find: 'if (stretch?.seqs !== undefined) return stretch',
        replace: '',
      },
    ],
    file: 'search-export.test.ts',
    test: 'of a rare word an export reads some entries, and the bars count each of them',
  },
  {
    name: 'entries of several actions share a group',
    edits: [
      {
        file: BITS,
        find: 'one.action === other.action',
        replace: 'one.action !== undefined',
      },
    ],
    file: 'search.test.ts',
    test: 'a word next to an action that no entry has both of is told by the bits alone',
  },
  {
    name: 'what comes back is not looked at',
    edits: [{ file: FUNCTIONS, find: '(seqs, back_to is not null)', replace: '(seqs, false)' }],
    file: 'search-life.test.ts',
    test: 'what retention removes is out of the search, and found again after an undo',
  },
  {
    name: 'a viewer who does not see everything is read by the search',
    edits: [
      {
        file: 'src/read/filter.ts',
        find: 'query === undefined || seenBy !== undefined ? []',
        replace: 'query === undefined ? []',
      },
    ],
    file: 'search-export.test.ts',
    test: 'for those who see less than everything the search is not asked',
  },
  {
    name: 'a viewer of one event is read by the search',
    edits: [
      {
        file: 'src/read/filter.ts',
        find: "given['eventId'] !== undefined || !needles",
        replace: '!needles',
      },
    ],
    file: 'search-life.test.ts',
    test: 'an event alone is read without the search, because its blocks hold other events',
  },
]

export const SEARCH_MUTANTS: readonly Mutant[] = [...follow, ...search]
