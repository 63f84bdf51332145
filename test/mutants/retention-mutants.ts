import type { Mutant } from './mutant.ts'

const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'

interface Mistake {
  readonly name: string
  readonly find: string
  readonly replace: string
  readonly times?: number
  /** Default: retention.test.ts */
  readonly file?: string
  readonly test: string
}

const CHANGED = 'a hold, a policy or an entry between build and swap: nothing is removed'
const SWAP = 'a swap leaves what no policy and no hold lets go, and says in the log what went'
const UNDO = 'a partition of which nothing stays leaves the log, and comes back by an undo'
const DROP = 'what was removed is dropped after the time for an undo, and not while a hold keeps it'
const CURSOR =
  'a reader with a name is waited for, unless it is ignored or was not seen for 30 days'
const LINE = 'what is staged or waits from before the retention line is a dead letter that says so'
const PROVED = 'what is swapped in has proved its bounds, so the log is not locked for a look at it'

const MISTAKES: readonly Mistake[] = [
  {
    name: 'a swap does not wait for a hold that is being placed',
    find: '  lock table audit.audit_hold in share mode;\n  lock table audit.audit_policy',
    replace: '  lock table audit.audit_policy',
    test: 'a hold that is being placed is waited for, and kept to',
  },
  {
    name: 'a swap does not compare policies and holds with those of the build',
    find: 'if built.basis is distinct from audit.retention_basis()\n    or ',
    replace: 'if ',
    test: CHANGED,
  },
  {
    name: 'a swap does not see entries that came since the build',
    find: 'if (now_rows, now_max) is distinct from (built.rows, built.max_seq) then',
    replace: 'if false then',
    test: CHANGED,
  },
  {
    name: 'what a hold keeps is removed',
    find: "where ((%3$s) and not (%4$s)) is not true order by r.id'",
    replace: "where (%3$s) is not true order by r.id'",
    test: SWAP,
  },
  {
    name: 'a policy counts from the beginning of a partition',
    find: 'end_id uuid := (audit.log_partition(partition)).to_id;',
    replace: 'end_id uuid := (audit.log_partition(partition)).from_id;',
    test: SWAP,
  },
  {
    name: 'the bounds of what stays leave out the first id',
    find: "else format('id >= %L and id < %L', bounds.from_id, bounds.to_id) end);",
    replace: "else format('id > %L and id < %L', bounds.from_id, bounds.to_id) end);",
    test: PROVED,
  },
  {
    name: 'the bounds of what comes back take in the next first id',
    find: "add constraint audit_log_bounds check (id >= %L and id < %L)',\n    restored,",
    replace: "add constraint audit_log_bounds check (id >= %L and id <= %L)',\n    restored,",
    test: PROVED,
  },
  {
    name: 'a table is dropped although a hold keeps an entry of it',
    find: '    exit when held > 0;\n',
    replace: '',
    test: DROP,
  },
  {
    name: 'a table is dropped before the time for an undo is over',
    find: 'and s.swapped_at + (select r.undo from audit.audit_retention as r) <= now()',
    replace: '',
    test: DROP,
  },
  {
    name: 'what an undo brings back is still among the removed numbers',
    find: 'delete from audit.audit_removed as r where r.by_entry = undone.entry_id;',
    replace: '',
    test: UNDO,
  },
  {
    name: 'an undo leaves the retention line where it is',
    find: "where s.state in ('swapped', 'dropped') order by s.to_id desc limit 1;",
    replace: "where s.state <> 'built' order by s.to_id desc limit 1;",
    test: UNDO,
  },
  {
    name: 'an undo forgets what came since the swap',
    find: "'where not exists (select from audit.%1$I as d where d.id = c.id) order by c.id'",
    replace: "'where false'",
    times: 2,
    test: 'an undo keeps what came since the swap',
  },
  {
    name: 'an undo does not widen what comes back to the partition that it is joined with',
    find: '    to_id := greatest(to_id, other.end_id);\n',
    replace: '',
    file: 'undo-after-partitions.test.ts',
    test: 'an undo joins a wider partition that holds entries of other days: the first day',
  },
  {
    name: 'an undo that joins a partition lets a swap think that its entries came meanwhile',
    find: 'joined := joined || other.name::text;',
    replace: '',
    file: 'undo-after-partitions.test.ts',
    test: 'an undo joins a wider partition that holds entries of other days: the second day',
  },
  {
    name: 'DEFAULT comes back with entries that have got a partition since',
    find: "execute format('delete from audit.%I where not (%s)', restored, outside);",
    replace: '',
    file: 'undo-after-partitions.test.ts',
    test: 'what comes back as DEFAULT gives a partition that was made since the entries of its time',
  },
  {
    name: 'a merge takes in a partition of which something waits for its drop',
    find: "where s.partition = one and s.state in ('built', 'swapped')",
    replace: 'where false',
    file: 'merge-kept.test.ts',
    test: 'the database itself refuses to merge what must stay apart',
  },
  {
    name: 'a merge makes a partition wider than a quarter of a policy',
    find: "> least(shortest / 4, interval '366 days') then",
    replace: "> interval '366 days' then",
    file: 'merge-kept.test.ts',
    test: 'the database itself refuses to merge what must stay apart',
  },
  {
    name: 'what was archived before a merge is archived again',
    find: '    and p.max_seq > coalesce(p.archived_seq, 0)\n',
    replace: '',
    file: 'merge-kept.test.ts',
    test: 'what was removed of a merged partition comes back by an undo, and from its archive',
  },
  {
    name: 'a reader with a name is not waited for in the swap itself',
    find: 'from audit.lagging_cursors(built.last_seq, ignored) as c where c.is_waited_for;',
    replace: 'from audit.lagging_cursors(built.last_seq, ignored) as c where false;',
    test: 'a swap asks itself how far the readers with a name are',
  },
  {
    name: 'a reader that was not seen for 30 days is waited for',
    find: "c.seen_at > now() - interval '30 days' and ",
    replace: '',
    test: CURSOR,
  },
  {
    name: 'the move logs what is from before the retention line',
    find: 'else m.id >= audit.retention_line() and not exists',
    replace: 'else not exists',
    times: 2,
    test: LINE,
  },
  {
    name: 'the lanes take what is from before the retention line',
    find: 'set oldest_id = case when line > oldest then line else oldest end',
    replace: 'set oldest_id = oldest',
    test: LINE,
  },
  {
    name: 'a relay takes a removed entry for a lost one',
    find: 'is_known := is_known or exists (',
    replace: 'is_known := is_known or false and exists (',
    test: 'a relay whose last known entry was removed goes on in the same history',
  },
]

const READERS: readonly Mutant[] = [
  {
    name: 'an export calls missing what a policy removed',
    edits: [
      {
        file: 'src/export/write.ts',
        find: 'missing: await withoutRemoved(ask, page.missing)',
        replace: 'missing: (await withoutRemoved(ask, page.missing)) && page.missing',
      },
    ],
    file: 'removed.test.ts',
    test: 'an export calls removed what a policy removed, and missing what nobody accounts for',
  },
  {
    name: 'a tail takes a removed entry for another history',
    edits: [
      {
        file: 'src/read/look.ts',
        find: 'if (isChanged && String(history) === at.history && (await wasRemoved(db, at)))',
        replace:
          "if (isChanged && String(history) === '' && at.history && (await wasRemoved(db, at)))",
      },
    ],
    file: 'removed.test.ts',
    test: 'a tail goes on after an entry that a policy removed',
  },
  {
    name: 'a tail that steps over a hole says so behind it',
    edits: [
      {
        file: 'src/read/tail.ts',
        find: '          this.#tellOf(holes, entry.seq)\n          yield entry\n',
        replace: '          yield entry\n          this.#tellOf(holes, entry.seq)\n',
      },
    ],
    file: 'removed.test.ts',
    test: 'a tail tells of the numbers that it steps over, and why, before the entry behind them',
  },
]

const OF_SQL: readonly Mutant[] = MISTAKES.map(({ name, find, replace, times, file, test }) => ({
  name,
  edits: [{ file: FUNCTIONS, find, replace, ...(times === undefined ? {} : { times }) }],
  file: file ?? 'retention.test.ts',
  test,
}))

const REWRITE: Mutant = {
  name: 'a rewrite of the ids leaves out what may come back into the log',
  edits: [
    {
      file: 'src/schema/text-ids.ts',
      find: 'for (const { name } of await tx.unsafe(TABLES_ASIDE)) await tx.unsafe(toText(String(name)))',
      replace: '',
    },
  ],
  file: 'text-ids.test.ts',
  test: 'a rewrite takes along what may come back into the log',
}

const SIZE: Mutant = {
  name: 'a log that is too large is told once an hour',
  edits: [
    {
      file: 'relay/maintenance/log-size.ts',
      find: 'if (logBytes < this.#toldBytes * MORE) return',
      replace: 'if (logBytes < 0) return',
    },
  ],
  file: 'upkeep.test.ts',
  test: 'a log that is larger than it should be is told once, and again when it has grown by a tenth',
}

const STOPPED: readonly Mutant[] = [
  [
    'a run that is stopped goes on with the next partition',
    'relay/retention/apply-retention.ts',
    '      this.#unlessStopped()\n      const before',
    '      const before',
  ],
  [
    'a run that is stopped begins the step that was next',
    'relay/retention/try-again.ts',
    '    signal?.throwIfAborted()\n',
    '',
  ],
].map(([name = '', file = '', find = '', replace = '']) => ({
  ...{ name, edits: [{ file, find, replace }], file: 'retention.test.ts' },
  test: 'a run that is stopped ends behind the step in hand, and the next one does the rest',
}))

export const RETENTION_MUTANTS: readonly Mutant[] = [
  ...[...OF_SQL, ...READERS, REWRITE, SIZE],
  ...STOPPED,
]
