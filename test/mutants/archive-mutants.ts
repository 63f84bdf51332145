import type { Mutant } from './mutant.ts'

const ARCHIVER = 'relay/archive/archiver.ts'
const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'
const S3 = 'relay/archive/stores/s3-store.ts'
const file = 'archive.test.ts'

const SALTS: readonly Mutant[] = [
  ['the bytes of the salts are not looked at', '!== sha256.slice(0, 12)', "=== 'none'"],
  ['salts may come twice, or out of order', ' || seq <= last', ''],
  ['salts may be of another file', ' || seq > (lastSeq ?? 0)', ''],
  ['a salt may be cut', 'SALT.test(salt)', 'true'],
  ['the salts of another file count', 'name.startsWith(`${path.basename(file)}-`) && ', ''],
].map(([name = '', find = '', replace = '']) => ({
  ...{ name, edits: [{ file: 'relay/archive/verify-salts.ts', find, replace }] },
  file: 'archive-salts.test.ts',
  test: name.includes('of another file count')
    ? 'the salts of another file are not taken for those of this one'
    : 'archive verify checks the salts next to a file, and those that the database noted',
}))

export const ARCHIVE_MUTANTS: readonly Mutant[] = [
  ...SALTS,
  {
    name: 'the database notes an archive without comparing its digest',
    edits: [
      {
        file: FUNCTIONS,
        find: 'if found.rows = 0 or found.digest is distinct from claimed then',
        replace: 'if found.rows = 0 then',
      },
    ],
    file,
    test: 'the database refuses a digest once any column of any entry, or their order, is another',
  },
  {
    name: 'the content digest leaves out who wrote an entry, on both sides',
    edits: [
      {
        file: FUNCTIONS,
        find: `'","written_by":', to_json(p.written_by),`,
        replace: `'","written_by":', '"x"',`,
      },
      {
        file: ARCHIVER,
        find: 'const line = ndjsonLine(row)',
        replace: "const line = ndjsonLine({ ...row, writtenBy: 'x' })",
      },
    ],
    file,
    test: 'the database refuses a digest once any column of any entry, or their order, is another',
  },
  {
    name: 'the content digest is that of the last entry alone',
    edits: [
      {
        file: FUNCTIONS,
        find: "chain := sha256(chain || convert_to(entry.line, 'UTF8'));",
        replace: "chain := sha256(convert_to(entry.line, 'UTF8'));",
      },
      {
        file: 'relay/archive/files/content-digest.ts',
        find: '.update(this.#chain).update(line)',
        replace: '.update(line)',
      },
    ],
    file,
    test: 'the database refuses a digest once any column of any entry, or their order, is another',
  },
  {
    name: 'entries behind the last one that was read are not compared',
    edits: [
      {
        file: ARCHIVER,
        find: 'const toSeq = isLast ? GREATEST_SEQ : String(finished.tally.lastSeq)',
        replace: 'const toSeq = String(finished.tally.lastSeq)',
      },
    ],
    file,
    test: 'a late entry ends an archive that did not read it',
  },
  {
    name: 'entries that stay are archived, too',
    edits: [
      {
        file: FUNCTIONS,
        find: "case\n    when kept is null then 'true'",
        replace: "case\n    when true then 'true'",
      },
    ],
    file,
    test: 'only the entries that leave are archived',
  },
  {
    name: 'what was stored is not read back',
    edits: [
      {
        file: 'relay/archive/store-with-manifest.ts',
        find: 'const stored = there ?? (await store.look(name))',
        replace: 'const stored = there ?? { ...file, lockedUntil: undefined }',
      },
    ],
    file,
    test: 'one byte of a stored file that is another one ends the archive, and it does not count',
  },
  {
    name: 'the keeper reads any table of the schema as a partition',
    edits: [
      {
        file: FUNCTIONS,
        find: "c.relname ~ '^(audit_log|restored)_'",
        replace: "c.relname ~ '^(audit|restored)_'",
      },
    ],
    file,
    test: 'the keeper reads partitions of the log by these functions, and no other table',
  },
  {
    name: 'a file without the lock that was asked for counts as locked',
    edits: [
      {
        file: S3,
        find: '(keepMs !== undefined && !isLocked)',
        replace: '(keepMs === 0 && !isLocked)',
      },
    ],
    file: 'archive-s3.test.ts',
    test: 'a lock and a legal hold are asked for, and nothing counts that has not got them',
  },
  {
    name: 'a restored table is taken without comparing its digest',
    edits: [
      {
        file: FUNCTIONS,
        find: 'if claimed is distinct from (',
        replace: 'if null is distinct from null and claimed is distinct from (',
      },
    ],
    file: 'archive-restore.test.ts',
    test: 'the database takes no restored table but one that holds what it noted',
  },
  {
    name: 'numbers that came back stay among the removed ones',
    edits: [
      {
        file: FUNCTIONS,
        find: 'delete from audit.audit_removed as r where r.by_entry = any(entries);',
        replace: '',
      },
    ],
    file: 'archive-restore.test.ts',
    test: 'a removed partition comes back into the log, with its numbers and a trace',
  },
]
