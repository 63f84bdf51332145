import type { Mutant } from './mutant.ts'

const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'
const GUARDED = 'nobody changes an entry in another way, not even with an erasure on record'
const COPY = 'a copy of an erased entry is dropped and counted, and is no dead letter'
const LEAF = 'the leaf of an erased entry is still the one that was sealed, and its salt is gone'
const SALTS = 'with an archive the salts come back, of an erased entry those of what is left'
const UNDO =
  'a table that waits for its drop is blanked, and an undo brings it back so, guarded as before'

interface Mistake {
  readonly name: string
  readonly find: string
  readonly replace: string
  readonly times?: number
  /** Default: the functions of the schema. */
  readonly of?: string
  /** Default: erase.test.ts */
  readonly file?: string
  readonly test: string
}

const MISTAKES: readonly Mistake[] = [
  {
    name: 'the guard of the log does not ask who changes it while an erasure runs',
    find: 'and current_user = (select pg_get_userbyid(c.relowner) from pg_class as c where c.oid = tg_relid)\n',
    replace: '',
    test: GUARDED,
  },
  {
    name: 'the guard lets a change through that is not on record',
    find: 'if fields is not null and rest *= old then',
    replace: 'if rest *= old or fields is null then',
    test: GUARDED,
  },
  {
    name: 'the guard takes 8638.0 for 8638',
    find: 'if fields is not null and rest *= old then',
    replace: 'if fields is not null and rest = old then',
    test: GUARDED,
  },
  {
    name: 'the guard lets an erased field be filled',
    find: "if 'target_id' = any(fields) and new.target_id is null then",
    replace: "if 'target_id' = any(fields) then",
    test: GUARDED,
  },
  {
    name: 'the guard does not ask whether an erasure runs',
    find: "if tg_op = 'UPDATE' and current_setting('audit.erasing', true) = 'yes'\n    and ",
    replace: "if tg_op = 'UPDATE' and ",
    test: GUARDED,
  },
  {
    name: 'a table that was taken out of the log gets no row trigger back',
    find: "'create trigger audit_log_row_append_only before update or delete on %s '\n      'for each row execute function audit.refuse_change()', place);",
    replace: "'select %L', place);",
    file: 'erased-copies.test.ts',
    test: UNDO,
  },
  {
    name: 'what a hold is about is erased',
    find: "      if one.hold is not null then\n        raise exception 'entry % is held by",
    replace: "      if false then\n        raise exception 'entry % is held by",
    test: 'a hold forbids to erase what it is about, and nothing of the others is erased then',
  },
  {
    name: 'an erasure does not wait for a hold that is being placed',
    find: '  lock table audit.audit_hold in share mode;\n  lock table audit.audit_origin',
    replace: '  lock table audit.audit_origin',
    test: 'a hold that is being placed is waited for',
  },
  {
    name: 'an erasure does not keep retention out',
    find: '  perform audit.begin_retention();\n  perform 1 from audit.audit_turn',
    replace: '  perform 1 from audit.audit_turn',
    file: 'erased-copies.test.ts',
    test: 'nothing copies entries while they are erased',
  },
  {
    name: 'an erasure does not keep new partitions out',
    find: '  perform 1 from audit.audit_turn as t where t.turn = -1 for no key update;\n  lock table audit.audit_hold',
    replace: '  lock table audit.audit_hold',
    file: 'erased-copies.test.ts',
    test: 'nothing copies entries while they are erased',
  },
  {
    name: 'a copy of an erased entry becomes a dead letter',
    find: 'where not (c.is_logged and c.is_same) and c.id <> all(copies)',
    replace: 'where not (c.is_logged and c.is_same)',
    test: COPY,
  },
  {
    name: 'a copy of an erased entry that is too old for its lane becomes a dead letter',
    find: '  where not exists (select from copy)\n',
    replace: '',
    test: COPY,
  },
  {
    name: 'the salt of an erased entry stays',
    find: '  if is_sealed then\n    perform audit.forget_salts(',
    replace: '  if false then\n    perform audit.forget_salts(',
    file: 'erased-seal.test.ts',
    test: LEAF,
  },
  {
    name: 'a second erasure of an entry forgets the commitments of the first',
    find: '  return before || (\n',
    replace: '  return (\n',
    file: 'erased-seal.test.ts',
    test: LEAF,
  },
  {
    name: 'an entry is erased before it is sealed',
    find: 'one.seq > sealed_through and not may_be_unsealed then',
    replace: 'false then',
    file: 'erased-seal.test.ts',
    test: 'what is not sealed yet is waited for, and no longer than it was said',
  },
  {
    name: 'a sealer may begin while entries are erased',
    find: '  lock table audit.audit_origin in share mode;\n',
    replace: '',
    file: 'erased-seal.test.ts',
    test: 'no sealer begins while entries of a log without a seal are erased',
  },
  {
    name: 'a salt that opens no leaf comes back with an archive',
    find: '    continue when not exists (\n      select from audit.audit_origin as o\n      join audit.audit_tile',
    replace:
      '    continue when false and not exists (\n      select from audit.audit_origin as o\n      join audit.audit_tile',
    file: 'erased-copies.test.ts',
    test: SALTS,
  },
  {
    name: 'salts go with the swap of a partition and not with its drop',
    find: '    perform audit.forget_salts(gone.runs::int8multirange);\n',
    replace: '',
    file: 'erased-copies.test.ts',
    test: 'salts stay while a removed table can come back, and go with its drop',
  },
  {
    name: 'a restored archive brings back what was erased',
    find: '  perform audit.leave_blank(part);\n',
    replace: '',
    file: 'erased-copies.test.ts',
    test: 'an archive that is older than the erasure comes back without what was erased',
  },
  {
    name: 'a scrub does not look for sessions that see old rows',
    find: 'if exists (select from audit.who_sees_erased(cut)) then',
    replace: 'if false then',
    file: 'scrub.test.ts',
    test: 'a scrub waits for a session that has read, says so, and ends without having done half of it',
  },
  {
    name: 'a scrub vacuums a table instead of rewriting it',
    find: "execute format('cluster %s using %I', target, key);",
    replace: "execute format('analyze %s', target);",
    file: 'scrub.test.ts',
    test: 'VACUUM leaves it on the disk, and a scrub does not',
  },
  {
    name: 'what was erased and not noted before a kill is not noted by the next run',
    of: 'relay/erase/erase-entries.ts',
    find: 'for await (const known of this.#erasures.all()) await file.note(known)',
    replace: '',
    file: 'erase-command.test.ts',
    test: 'the file of erasures knows after the next run what a killed one has not noted',
  },
  {
    name: 'restored does not empty what waits in a lane',
    find: 'where e.id = l.id and l.id <> all($2)',
    replace: 'where false and l.id <> all($2)',
    file: 'erased-restore.test.ts',
    test: 'restored --erasures erases again, by id, in the log and in the lanes',
  },
]

export const ERASE_MUTANTS: readonly Mutant[] = MISTAKES.map(
  ({ name, of = FUNCTIONS, find, replace, times, file = 'erase.test.ts', test }) => ({
    name,
    edits: [{ file: of, find, replace, ...(times === undefined ? {} : { times }) }],
    file,
    test,
  }),
)
