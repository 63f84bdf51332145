import type { Mutant } from './mutant.ts'

const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'
const FILE = 'import.test.ts'
const ID = 'relay/import/mapping/import-id.ts'

/** Of an old log that is brought in. */
export const IMPORT_MUTANTS: readonly Mutant[] = [
  {
    name: 'the last key is noted while rows wait in the lane',
    edits: [
      {
        file: FUNCTIONS,
        find: 'if exists (select from audit.audit_import as i where i.recorder_id = run.recorder_id) then',
        replace: 'if false then',
      },
    ],
    file: FILE,
    test: 'the last key is noted once the lane was seen empty in the epoch in which it was filled',
  },
  {
    name: 'the last key is noted although a crash has emptied the lane',
    edits: [
      {
        file: FUNCTIONS,
        find: 'is distinct from settle_import.epoch then',
        replace: 'is distinct from settle_import.epoch and false then',
      },
    ],
    file: FILE,
    test: 'a crash that empties the lane costs nothing, and is no gap',
  },
  {
    name: 'the last key goes back',
    edits: [
      {
        file: FUNCTIONS,
        find: 'where r.name = settle_import.name and r.read < settle_import.read;',
        replace: 'where r.name = settle_import.name;',
      },
    ],
    file: FILE,
    test: 'the last key is noted once the lane was seen empty in the epoch in which it was filled',
  },
  {
    name: 'a row has another id each time it is read',
    edits: [
      { file: ID, find: 'update(`${name}\\0`)', replace: 'update(`${name}${Math.random()}`)' },
    ],
    file: FILE,
    test: 'an import that dies at any statement goes on, and each row is logged once',
  },
  {
    name: 'a row is another entry each time it is read',
    edits: [
      {
        file: 'relay/import/run-import.ts',
        find: "at: begunAt ?? '',",
        replace: 'at: `${begunAt}${Math.random()}`,',
      },
    ],
    file: FILE,
    test: 'an import that dies at any statement goes on, and each row is logged once',
  },
  {
    name: 'the order of keys is lost in the id',
    edits: [
      {
        file: ID,
        find: 'const order = Number(key) % TWO_TO_32',
        replace: 'const order = 0 * TWO_TO_32',
      },
    ],
    file: 'import-mapping.test.ts',
    test: 'an id has the true time, is the same each time, and keeps the order of numbers',
  },
  {
    name: 'an import is moved before what is new',
    edits: [
      {
        file: 'relay/move/cycle.ts',
        find: 'const left = await this.#moveWhatIsNew(peeked)',
        replace:
          'if (peeked.importWaits) await this.#moveImport()\n    const left = await this.#moveWhatIsNew(peeked)',
      },
    ],
    file: FILE,
    test: 'the relay moves an import only while nothing else waits',
  },
  {
    name: 'an import is one of those that a gap may have lost something of',
    edits: [
      {
        file: FUNCTIONS,
        find: 'select from audit.audit_import_run as i where i.recorder_id = coalesce(p.id, a.id)',
        replace: 'select from audit.audit_import_run as i where false',
      },
    ],
    file: FILE,
    test: 'a crash that empties the lane costs nothing, and is no gap',
  },
  {
    name: 'an import brings back what a policy has removed',
    edits: [
      {
        file: FUNCTIONS,
        find: 'select greatest(l.oldest_id, audit.retention_line())',
        replace: 'select l.oldest_id',
      },
    ],
    file: FILE,
    test: 'what the database cannot take is refused as well, and listed with its row',
  },
  {
    name: 'an import goes on with another mapping',
    edits: [
      {
        file: FUNCTIONS,
        find: 'if run.mapping <> begin_import.mapping then',
        replace: 'if false then',
      },
    ],
    file: FILE,
    test: 'another mapping for an import that was begun is refused, and nothing changes',
  },
  {
    name: 'the partitions of the past are not made first',
    edits: [
      {
        file: 'relay/import/run-import.ts',
        find: 'await this.#makePartitions(window)',
        replace: '',
      },
    ],
    file: FILE,
    test: 'old rows become entries of their own time, each once, with their origin and an account',
  },
]
