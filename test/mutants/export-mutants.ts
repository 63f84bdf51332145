import type { Mutant } from './mutant.ts'

const CSV = 'src/export/csv.ts'
const PART = 'src/export/part.ts'
const VERIFY = 'src/export/verify.ts'
const file = 'export.test.ts'

export const EXPORT_MUTANTS: readonly Mutant[] = [
  {
    name: 'a formula in a cell is not marked',
    edits: [
      {
        file: CSV,
        find: 'if (!MAYBE_RISKY.test(value)) return value\n  const safe',
        replace: 'return value\n  const safe',
      },
    ],
    file,
    test: 'no cell of a CSV can become a formula in a spreadsheet',
  },
  {
    name: 'a quote in a cell is not doubled',
    edits: [
      {
        file: CSV,
        find: "${withinCell(text).replaceAll('\"', '\"\"')}",
        replace: '${withinCell(text)}',
      },
    ],
    file,
    test: 'CSV holds what is in the log, as DuckDB reads it, but for the marks against formulas',
  },
  {
    name: 'a file that is resumed keeps what came after the last note',
    edits: [{ file: PART, find: 'await handle.truncate(state.bytes)', replace: '' }],
    file,
    test: 'an export that was broken off goes on to the same file: ndjson',
  },
  {
    name: 'an unfinished export is written over',
    edits: [
      {
        file: PART,
        find: "fs.open(names.part, 'wx', PRIVATE)",
        replace: "fs.open(names.part, 'w', PRIVATE)",
      },
    ],
    file,
    test: 'a file that is there is not replaced unless forced, nor is an unfinished one',
  },
  {
    name: 'an export can be read by everybody on the machine',
    edits: [{ file: PART, find: 'const PRIVATE = 0o600', replace: 'const PRIVATE = 0o644' }],
    file: 'bounds.test.ts',
    test: 'an export and its manifest can be read by their owner alone',
  },
  {
    name: 'entries in another order are not found out',
    edits: [{ file: VERIFY, find: 'this.#backwards += 1', replace: 'this.#backwards += 0' }],
    file,
    test: 'a file that was cut off, edited or put in another order is found out: ndjson',
  },
  {
    name: 'a file that was edited is not found out by its hash',
    edits: [
      {
        file: VERIFY,
        find: "hash.digest('hex') !== manifest.sha256",
        replace: "manifest.sha256 === ''",
      },
    ],
    file,
    test: 'a file that was cut off, edited or put in another order is found out: ndjson',
  },
  {
    name: 'an export leaves out its last number',
    edits: [
      {
        file: 'src/export/range.ts',
        find: 'Math.min(toSeq, found.lastSeq)',
        replace: 'Math.min(toSeq, found.lastSeq) - 1',
      },
    ],
    file,
    test: 'an export holds the range and the filter that it was asked for, in the order of seq',
  },
  {
    name: 'one number alone cannot be exported',
    edits: [{ file: 'src/export/range.ts', find: 'fromSeq > toSeq', replace: 'fromSeq >= toSeq' }],
    file: 'bounds.test.ts',
    test: 'an export holds both ends of its numbers, and may be of one alone',
  },
  {
    name: 'an address with a port is an address in OCSF',
    edits: [{ file: 'src/export/ocsf.ts', find: ' && isIP(ip) !== 0', replace: '' }],
    file,
    test: 'OCSF events are valid by the schema of the version that they name',
  },
  {
    name: 'a cell of a CSV may be longer than Excel holds by one character',
    edits: [
      {
        file: CSV,
        find: 'if (text.length <= MAX_CELL_CHARACTERS) return text',
        replace: 'if (text.length <= MAX_CELL_CHARACTERS + 1) return text',
      },
    ],
    file,
    test: 'no cell of a CSV is longer than Excel holds, and what was cut says so',
  },
  {
    name: 'a CSV has no byte order mark',
    edits: [
      { file: 'src/export/formats.ts', find: 'head: byteOrderMark ?', replace: 'head: false ?' },
    ],
    file,
    test: 'a CSV with a byte order mark is read as UTF-8 by Excel, and otherwise is the same',
  },
]
