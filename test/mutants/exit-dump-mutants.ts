import type { Mutant } from './mutant.ts'

const file = 'exit-dump.test.ts'
const RECOVER = 'src/exit-dump/recover.ts'

export const EXIT_DUMP_MUTANTS: readonly Mutant[] = [
  {
    name: 'nothing is left when the process ends',
    edits: [
      {
        file: 'src/exit-dump/at-exit.ts',
        find: 'leaving.add(leave)',
        replace: '',
      },
    ],
    file,
    test: 'the next recorder of the same database takes over what was left, and says so',
  },
  {
    name: 'what a statement in flight holds is not left',
    edits: [
      {
        file: 'src/flush/flusher.ts',
        find: 'yield* this.#inHand?.rows() ?? []',
        replace: '',
      },
    ],
    file,
    test: 'what a statement in flight holds is left, too',
  },
  {
    name: 'a dump of any database is staged',
    edits: [
      {
        file: RECOVER,
        find: 'return database.system === identity.system && database.database === identity.database',
        replace: 'return true',
      },
    ],
    file,
    test: 'files of another database stay, and recover says so',
  },
  {
    name: 'a damaged file is deleted',
    edits: [
      {
        file: RECOVER,
        find: 'if (damaged === 0) await fs.unlink(file)',
        replace: 'if (damaged >= 0) await fs.unlink(file)',
      },
    ],
    file,
    test: 'damaged lines are counted and kept, what is no dump stays, and a torn file is taken later',
  },
  {
    name: 'a folder of another user is used',
    edits: [
      {
        file: 'src/exit-dump/dump-folder.ts',
        find: "if (found.uid !== process.getuid()) return 'it belongs to another user'",
        replace: '',
      },
    ],
    file,
    test: 'our own choice of a folder is used only where nobody else can write',
  },
]
