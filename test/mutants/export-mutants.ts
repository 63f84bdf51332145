import type { Mutant } from './mutant.ts'

const CSV = 'src/export/csv.ts'
const PART = 'src/export/part.ts'
const VERIFY = 'src/export/verify.ts'
const ABOUT = 'src/export/about/reasons.ts'
const ABOUT_ID = 'src/export/about/about-id.ts'
const file = 'export.test.ts'
const aboutFile = 'export-about.test.ts'

export const EXPORT_MUTANTS: readonly Mutant[] = [
  {
    name: 'CSV takes an erased cell for an empty one',
    edits: [{ file: CSV, find: 'row.erased ? jsonCell(row.erased) : ', replace: '' }],
    file: 'erased-reads.test.ts',
    test: 'every format of an export holds empty fields, and says which were erased',
  },
  {
    name: 'a record is cut at a line feed inside quotes',
    edits: [
      {
        file: 'src/export/sealed/records.ts',
        find: 'if (byte !== LINE_FEED || this.#isQuoted) continue',
        replace: 'if (byte !== LINE_FEED) continue',
      },
    ],
    file: 'record-splitter.test.ts',
    test: 'records are cut at line feeds, and with quotes at those outside of them',
  },
  {
    name: 'an OCSF event loses its request',
    edits: [
      {
        file: 'src/export/ocsf.ts',
        find: '{ correlation_uid: row.requestId }',
        replace: '{}',
      },
    ],
    file: 'faithful.test.ts',
    test: 'audit records of other systems are kept and read value by value',
  },
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
  {
    name: 'an export about a user leaves out what an actor did for others',
    edits: [
      {
        file: ABOUT,
        find: 'actor_id: sql`${log.actorId} ${equals} ${id}`',
        replace: 'actor_id: sql`false`',
      },
    ],
    file: aboutFile,
    test: 'an export about a user holds what names the user, and says where',
  },
  {
    name: 'an export about a user leaves out the targets beyond the first',
    edits: [
      {
        file: ABOUT,
        find: 'more_targets: sql`${log.moreTargets} operator(pg_catalog.@>) array[${id}]`',
        replace: 'more_targets: sql`false`',
      },
    ],
    file: aboutFile,
    test: 'an export about a user holds what names the user, and says where',
  },
  {
    name: 'an export about a user does not look into the context',
    edits: [
      {
        file: ABOUT,
        find: 'context: holds(sql`${log.context}`)',
        replace: 'context: holds(sql`${log.metadata}`)',
      },
    ],
    file: aboutFile,
    test: 'an export about a user holds what names the user, and says where',
  },
  {
    name: 'an export about a user does not look at the names in JSON',
    edits: [
      { file: ABOUT_ID, find: '${isNumber}|| (${hasName}))', replace: '${isNumber})' },
      { file: ABOUT_ID, find: 'const hasName', replace: 'void names\n  const _' },
    ],
    file: aboutFile,
    test: 'an export about a user holds what names the user, and says where',
  },
  {
    name: 'an export about user 42 does not find the number',
    edits: [
      {
        file: ABOUT_ID,
        find: 'const isNumber = DIGITS.test(id)',
        replace: "const isNumber = id === ''",
      },
    ],
    file: aboutFile,
    test: 'text ids are found as values and names, long ones also within longer texts',
  },
  {
    name: 'a short id is found in the middle of another text',
    edits: [
      {
        file: ABOUT_ID,
        find: 'export const MIN_HELD_CHARACTERS = 16',
        replace: 'export const MIN_HELD_CHARACTERS = 1',
      },
    ],
    file: aboutFile,
    test: 'text ids are found as values and names, long ones also within longer texts',
  },
  {
    name: 'a text id is taken for a pattern',
    edits: [{ file: ABOUT_ID, find: "? 'iq' : 'q'", replace: "? 'i' : ''" }],
    file: aboutFile,
    test: 'text ids are found as values and names, long ones also within longer texts',
  },
  {
    name: 'a UUID in capitals is another one',
    edits: [{ file: ABOUT_ID, find: "? 'iq' : 'q'", replace: "? 'q' : 'q'" }],
    file: aboutFile,
    test: 'an export about a user holds what names the user, and says where',
  },
  {
    name: 'a UUID in capitals is not seen in the text of small JSON',
    edits: [
      {
        file: ABOUT,
        find: "ids === 'uuid'\n      ? sql`pg_catalog.lower(",
        replace: "ids === 'uuid'\n      ? sql`(",
      },
    ],
    file: aboutFile,
    test: 'an export about a user holds what names the user, and says where',
  },
  {
    name: 'an export about a user is read before it is written down',
    edits: [
      { file: 'src/export/write.ts', find: '  await options.onBegin?.(request)\n', replace: '' },
      {
        file: 'src/export/write.ts',
        find: '  // A compressed file of no bytes',
        replace: '  await options.onBegin?.(request)\n  // A compressed file of no bytes',
      },
    ],
    file: aboutFile,
    test: 'an export about a user that was broken off goes on about the same user',
  },
  {
    name: 'a resumed export forgets whom it is about',
    edits: [
      {
        file: 'src/export/write.ts',
        find: 'filter: filterOf(request.filter), about })',
        replace: 'filter: filterOf(request.filter) })',
      },
    ],
    file: aboutFile,
    test: 'an export about a user that was broken off goes on about the same user',
  },
  {
    name: 'a dead letter that spells an id with escapes is left out',
    edits: [
      {
        file: 'src/export/about/letters.ts',
        find: "        or pg_catalog.strpos(d.entry, E'\\\\\\\\') operator(pg_catalog.>) 0\n",
        replace: '',
      },
    ],
    file: aboutFile,
    test: 'the dead letters that name the user stand in a file of their own',
  },
  {
    name: 'dead letters beyond the first fifty are not looked at',
    edits: [
      { file: 'src/export/about/letters.ts', find: '    after = last\n', replace: '    return\n' },
    ],
    file: aboutFile,
    test: 'the dead letters that name the user stand in a file of their own',
  },
]
