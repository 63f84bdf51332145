import type { Mutant } from './mutant.ts'

const RELAY = 'relay/move/relay.ts'
const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'
const UPKEEP = 'relay/maintenance/upkeep.ts'

/** A delete, and an insert of what it returned: each fails alone, however it is wrapped. */
const MOVE_IN_TWO = `const [moved] = await mover.transaction(async (tx) => {
          const lane = sql.raw(\`audit.audit_\${options.lane}\`)
          const taken = await tx.execute(sql\`
            with taken as (delete from \${lane} where ctid = any(array(
              select ctid from \${lane} limit \${options.batchEntries}::integer
              for update skip locked)) returning *)
            select json_agg(taken)::text as entries, count(*)::integer as claimed from taken\`)
          const { entries, claimed } = taken[0] as unknown as { entries: string; claimed: number }
          if (claimed > 0) await tx.execute(sql\`
            with head as (update audit.audit_head set seq = seq + \${claimed} returning seq)
            insert into audit.audit_log (id, occurred_at, user_id, event_id, target_id,
              recorder_id, recorder_seq, action, entity_type, request_id, metadata, context, seq)
            select id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
              entity_type, request_id, metadata, context,
              (select seq from head) - \${claimed} + row_number() over (order by id)
            from json_populate_recordset(null::audit.audit_staging, \${entries}::text::json)
            order by id\`)
          return [{ claimed, logged: claimed, parked: 0 }]
        })`

export const RELAY_MUTANTS: readonly Mutant[] = [
  {
    name: 'a batch that took too long is tried again as large as it was',
    edits: [
      {
        file: 'relay/move/batch-size.ts',
        find: 'Math.max(1, this.#entries >> 1)',
        replace: 'this.#entries',
      },
    ],
    file: 'relay.test.ts',
    test: 'a batch that the server does not move in time is halved until it does',
  },
  {
    name: 'the move is a delete and an insert in a transaction of the driver',
    edits: [
      {
        file: 'relay/move/relay-statements.ts',
        find: 'const [moved] = await mover.execute<Moved>(moveStatement(options))',
        replace: MOVE_IN_TWO,
      },
      {
        file: 'src/schema/migrations/0003_roles.sql',
        find: '-- The relay does all its work by functions',
        replace:
          'GRANT ALL ON ALL TABLES IN SCHEMA "audit" TO "audit_relay";\n' +
          '--> statement-breakpoint\n-- The relay does all its work by functions',
      },
      {
        file: 'src/database/connection.ts',
        find: '  /** Safe to call twice. Statements after it are refused. */',
        replace: `  async transaction<T>(work: (tx: Client['db']) => Promise<T>): Promise<T> {
    const client = this.#begin()
    return await client.db.transaction((tx) => work(tx as unknown as Client['db']))
      .finally(() => this.#end(client))
  }
`,
      },
      {
        file: 'src/database/client.ts',
        find: '  /** Says goodbye to the server, in bounded time. */',
        replace: '  get db() {\n    return this.#db\n  }\n',
      },
    ],
    file: 'move.test.ts',
    test: 'a move is one statement: it takes from the lane and appends to the log',
  },
  {
    name: 'the move runs in a transaction of the driver',
    edits: [
      {
        file: 'src/database/client.ts',
        find: 'this.#inTurn(text, params), hungUp',
        replace: 'this.#sql.begin((tx) => tx.unsafe(text, params as never[])), hungUp',
      },
    ],
    file: 'house.test.ts',
    test: 'nothing but the migrator opens a transaction through the driver',
  },
  {
    name: 'the claim takes only ids beyond the last one that was logged',
    edits: [
      {
        file: FUNCTIONS,
        times: 4,
        find: 'where (from_place is null or l.ctid >= from_place) and (places is null or l.ctid = any(places))\n',
        replace:
          'where l.id > coalesce((select id from audit.audit_log ' +
          "order by id desc limit 1), '00000000-0000-0000-0000-000000000000')\n",
      },
    ],
    file: 'move.test.ts',
    test: 'an entry is not passed over because a later one was logged before it committed',
  },
  {
    name: 'the insert into the log has no order',
    edits: [
      {
        file: FUNCTIONS,
        times: 3,
        find: 'order by f.id\n  ),\n  accounts',
        replace: 'order by md5(f.id::text)\n  ),\n  accounts',
      },
    ],
    file: 'move.test.ts',
    test: 'a batch is inserted and numbered in the order of its ids, however it was staged',
  },
  {
    name: 'the numbers of a batch do not follow its ids',
    edits: [
      {
        file: FUNCTIONS,
        times: 3,
        find: 'row_number() over (order by f.id)\n    from',
        replace: 'row_number() over (order by f.id desc)\n    from',
      },
    ],
    file: 'move.test.ts',
    test: 'a batch is inserted and numbered in the order of its ids, however it was staged',
  },
  {
    name: 'the claim waits for rows that somebody holds',
    edits: [
      {
        file: FUNCTIONS,
        times: 3,
        find: '    for update of l skip locked\n  ),',
        replace: '    for update of l\n  ),',
      },
    ],
    file: 'move.test.ts',
    test: 'rows that somebody holds do not hold up the others',
  },
  {
    name: 'the move has ON CONFLICT DO NOTHING',
    edits: [
      {
        file: FUNCTIONS,
        times: 3,
        find: 'order by f.id\n  ),\n  accounts',
        replace: 'order by f.id\n    on conflict do nothing\n  ),\n  accounts',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'of two moves in turn that meet at one id, the later one fails as a whole',
  },
  {
    name: 'what is in the log already is moved again',
    edits: [
      {
        file: FUNCTIONS,
        times: 2,
        find: 'where l.id = m.id and l.id >= these_days_from and l.id < these_days_to\n      )',
        replace: 'where false\n      )',
      },
    ],
    file: 'relay.test.ts',
    test: 'an id that comes again with the same content is logged once and is no dead letter',
  },
  {
    name: 'a log without a head looks like another relay that moves',
    edits: [
      {
        file: FUNCTIONS,
        find: 'if not exists (select from audit.audit_head)\n      or (',
        replace: 'if false and (',
      },
    ],
    file: 'relay.test.ts',
    test: 'a log that has lost its head loses no entry and makes no dead letter',
  },
  {
    name: 'an idle poll locks the head',
    edits: [{ file: FUNCTIONS, find: 'if not is_waiting then', replace: 'if false then' }],
    file: 'relay.test.ts',
    test: 'an idle poll takes no transaction id',
  },
  {
    name: 'the move commits as the login was set to',
    edits: [
      {
        file: FUNCTIONS,
        find: `perform set_config('lock_timeout', lock_timeout_ms::text, true);
  if current_setting('synchronous_commit') = 'off' then`,
        replace: `perform set_config('lock_timeout', lock_timeout_ms::text, true);
  if false then`,
      },
    ],
    file: 'relay.test.ts',
    test: 'the move commits synchronously under any setting of the login',
  },
  {
    name: 'an id that came again with another content is dropped',
    edits: [
      {
        file: FUNCTIONS,
        find: 'where not (c.is_logged and c.is_same)',
        replace: 'where not c.is_logged',
      },
    ],
    file: 'relay.test.ts',
    test: 'an id that comes again with another content becomes a dead letter, with an alarm',
  },
  {
    name: 'an outage makes dead letters',
    edits: [
      {
        file: 'relay/move/move-faults.ts',
        find: "if (faultKind(error) !== 'entry' || isClash(error)) return false",
        replace: '',
      },
    ],
    file: 'poison.test.ts',
    test: 'an outage in the middle of the halving blames no row',
  },
  {
    name: 'a row that cannot be logged holds up its batch without end',
    edits: [
      {
        file: 'relay/move/move-batch.ts',
        find: 'if (!isPoison(error)) throw error\n    // The move',
        replace: 'throw error\n    // The move',
      },
    ],
    file: 'relay.test.ts',
    test: 'a row that breaks a constraint of somebody else is found by halving and parked',
  },
  {
    name: 'a check of the log is left to the halving',
    edits: [
      {
        file: FUNCTIONS,
        times: 3,
        find: ' coalesce(char_length(m.entity_type) between 1 and 256, true)\n',
        replace: ' true\n',
      },
    ],
    file: 'bad-inputs.test.ts',
    test: 'in staging itself, in the middle in a batch: the others are logged at once, and it is a dead letter at most',
  },
  {
    name: 'a good row is parked with the bad one',
    edits: [
      {
        file: 'relay/move/move-batch.ts',
        find: 'if (rows.length === 1) {',
        replace: 'if (rows.length <= 2) {',
      },
    ],
    file: 'bad-inputs.test.ts',
    test: 'in staging itself, in the middle in a batch: the others are logged at once, and it is a dead letter at most',
  },
  {
    name: 'an entry that is staged and refused again is a second dead letter',
    edits: [
      {
        file: 'src/schema/migrations/0000_tables.sql',
        find: 'CREATE UNIQUE INDEX "audit_dead_letter_entry"',
        replace: 'CREATE INDEX "audit_dead_letter_entry"',
      },
    ],
    file: 'dead-letters.test.ts',
    test: 'an entry that is staged and refused again is one dead letter, and one in the account',
  },
  {
    name: 'the lanes are drained one after the other',
    edits: [
      {
        file: 'relay/move/cycle.ts',
        find: 'if (claimed === batchEntries) stillFull.push(lane)',
        replace: 'if (claimed === batchEntries) { stillFull.push(lane); break }',
      },
    ],
    file: 'relay.test.ts',
    test: 'a lane with a long backlog does not hold up the other: moves at once 1',
  },
  {
    name: 'a move in turn does not wait for the one in front',
    edits: [{ file: FUNCTIONS, find: 'if turn_after is not null then', replace: 'if false then' }],
    file: 'side-by-side.test.ts',
    test: 'a move in turn commits behind the one in front, however early it is done',
  },
  {
    name: 'a move in turn waits before it does its work',
    edits: [
      {
        file: FUNCTIONS,
        find: "  if lane = 'staging' then\n    select t.*",
        replace:
          '  perform 1 from audit.audit_turn as t\n' +
          '  where t.turn = 1 + turn_after % 4093 for share;\n' +
          "  if lane = 'staging' then\n    select t.*",
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'a move in turn commits behind the one in front, however early it is done',
  },
  {
    name: 'a move in turn keeps its numbers where the head stands elsewhere',
    edits: [
      {
        file: FUNCTIONS,
        find: 'where h.seq = head_before\n  returning',
        replace: 'returning',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'a move whose numbers never came up fails as a whole, and its entries stay',
  },
  {
    name: 'a move in turn does its work where its numbers are taken',
    edits: [
      {
        file: FUNCTIONS,
        find: 'from audit.audit_head as h where h.seq <= turn_head;',
        replace: 'from audit.audit_head as h;',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'a batch with fewer new entries than were counted on leaves no hole behind it',
  },
  {
    name: 'a relay moves while another one does',
    edits: [
      {
        file: FUNCTIONS,
        find: '    where t.turn = 0\n    for no key update skip locked;',
        replace: '    where t.turn = 0;',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'of several relays one moves: the others stand back until it has',
  },
  {
    name: 'a drain that stands back asks without a pause',
    edits: [{ file: RELAY, find: 'if (this.#stoodBack) await idle(waitMs, signal)', replace: '' }],
    file: 'timing.test.ts',
    test: 'a drain that stands back from another relay asks twice as seldom each time',
  },
  {
    name: 'a relay moves side by side while another one moves',
    edits: [
      {
        file: FUNCTIONS,
        find: 'where t.turn = 0 for share skip locked;',
        replace: 'where t.turn = 0;',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'it stands back from moves side by side too, but for rows that are named',
  },
  {
    name: 'a backlog is moved one batch at a time',
    edits: [
      {
        file: 'relay/move/parallel-moves.ts',
        find: '{ length: parallelMoves }',
        replace: '{ length: 1 }',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'a backlog is moved by several statements at once',
  },
  {
    name: 'moves side by side count on entries that nobody has seen',
    edits: [
      {
        file: 'relay/move/cycle.ts',
        find: 'Math.min(room, left[lane], ',
        replace: 'Math.min(room, ',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'a backlog is divided into equal parts, and no more is asked for than was seen',
  },
  {
    name: 'moves are side by side again right after something was in the way',
    edits: [
      {
        file: 'relay/move/parallel-moves.ts',
        find: 'untilMs: nowMs + this.#nextPauseMs',
        replace: 'untilMs: nowMs',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'what was in the way is given time, and more each time',
  },
  {
    name: 'status calls missing what waits',
    edits: [
      {
        file: FUNCTIONS,
        find: 'greatest(0, owed - waiting) as unaccounted',
        replace: 'greatest(0, owed) as unaccounted',
      },
    ],
    file: 'status.test.ts',
    test: 'a recorder is accounted for while it works, when it is closed, and after a gap',
  },
  {
    name: 'status does not count what is accepted and not staged',
    edits: [
      {
        file: FUNCTIONS,
        find: "when 'live' then greatest(j.owed, j.waiting)",
        replace: "when 'live' then j.waiting",
      },
    ],
    file: 'status.test.ts',
    test: 'in flight is what waits, and of a recorder that lives also what it has not staged',
  },
  {
    name: 'nobody declares a gap',
    edits: [
      {
        file: RELAY,
        find: 'if (peeked.wasEmptied && (await this.#upkeep.declareGap()))',
        replace: 'if (false)',
      },
    ],
    file: 'gaps.test.ts',
    test: 'an emptied fast lane is declared once, as an entry in the log, with its bounds',
  },
  {
    name: 'partitions are asked for in every cycle',
    edits: [
      {
        file: UPKEEP,
        find: 'isDone ? PARTITIONS_EVERY_MS',
        replace: 'isDone ? 0',
      },
    ],
    file: 'upkeep.test.ts',
    test: 'partitions are asked for at the start and then once an hour',
  },
  {
    name: 'a failed run of parallel moves leaves the relay in the lead',
    edits: [
      {
        file: 'relay/move/parallel-moves.ts',
        find: "const isLeading = this.#mode.name === 'together'",
        replace: 'const isLeading = true',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'the first move goes alone, until it is known that nobody else moves',
  },
  {
    name: 'a long lane is counted as if it were its sample',
    edits: [
      {
        file: FUNCTIONS,
        find: 'ceil(count(*) * $1)',
        replace: 'count(*)',
      },
    ],
    file: 'backlog.test.ts',
    test: 'a long lane is estimated from a bounded number of its pages, and status says so',
  },
  {
    name: 'compaction waits for its lock',
    edits: [
      {
        file: FUNCTIONS,
        find: 'in access exclusive mode nowait',
        replace: 'in access exclusive mode',
      },
    ],
    file: 'gaps.test.ts',
    test: 'compaction never waits: who holds a lock keeps it, and the relay goes on',
  },
  {
    name: 'compaction takes a lane before it asks for the head',
    edits: [
      {
        file: FUNCTIONS,
        find: '  perform 1 from audit.audit_head for update nowait;\n',
        replace: '',
      },
    ],
    file: 'nobody-stops.test.ts',
    test: 'compaction gives up at the head, before it holds a lane that somebody needs',
  },
  {
    name: 'a dead letter that cannot be written is forgotten',
    edits: [
      {
        file: FUNCTIONS,
        find:
          'where not (c.is_logged and c.is_same) and c.id <> all(copies)\n' +
          '    on conflict (recorder_id, recorder_seq, hashtextextended(entry, 0))\n' +
          '      where recorder_id is not null do nothing',
        replace:
          'where not (c.is_logged and c.is_same) and c.id <> all(copies)\n    on conflict do nothing',
      },
    ],
    file: 'nobody-stops.test.ts',
    test: 'a dead letter that cannot be written stops the move, which says so',
  },
  {
    name: 'rows that come to DEFAULT while it is copied are left behind',
    edits: [
      {
        file: FUNCTIONS,
        find: '        else\n          perform audit.copy_default(made, first_ids, end_ids, head_at_copy);\n',
        replace: '',
      },
    ],
    file: 'nobody-stops.test.ts',
    test: 'what is logged while a partition waits for its lock is not left behind',
  },
  {
    name: 'a partition is made while somebody waits without end',
    edits: [
      {
        file: FUNCTIONS,
        find: " SET lock_timeout = '100ms' SET timezone = 'UTC'",
        replace: '',
        times: 3,
      },
    ],
    file: 'partitions.test.ts',
    test: 'a blocked ensure_partitions gives up after five tries, and changes nothing',
  },
  {
    name: 'a session that is no relay passes for one',
    edits: [
      {
        file: FUNCTIONS,
        find: 'coalesce(a.usesysid in (select oid from relay), false)',
        replace: 'true',
      },
    ],
    file: 'nobody-stops.test.ts',
    test: 'a session that is no relay and holds the head is an alarm that names it',
  },
  {
    name: 'compaction forgets the live rows',
    edits: [{ file: FUNCTIONS, find: 'using kept_rows;', replace: "using '[]'::jsonb;" }],
    file: 'gaps.test.ts',
    test: 'compaction empties a table of dead rows and keeps every live one',
  },
  {
    name: 'each relay declares the gap that it sees',
    edits: [
      {
        file: FUNCTIONS,
        find: 'if exists (select from audit.audit_sentinel as s where s.epoch = before.epoch) then',
        replace: 'if false then',
      },
      {
        file: FUNCTIONS,
        find: "where lane = 'staging' for update;",
        replace: "where lane = 'staging';",
      },
    ],
    file: 'gaps.test.ts',
    test: 'of two relays that declare a gap at once, one is faster',
  },
  {
    name: 'a relay looks in every cycle whether a table is worth compacting',
    edits: [
      { file: UPKEEP, find: 'if (now() < this.#compactDueMs) return undefined', replace: '' },
    ],
    file: 'timing.test.ts',
    test: 'a busy relay looks once a second whether a table is worth compacting, an idle one never',
  },
  {
    name: 'an idle relay asks as often as a busy one',
    edits: [
      {
        file: RELAY,
        find: '> claimedBefore ? pollMinMs : Math.min(waitMs * 2, pollMaxMs)',
        replace: '> claimedBefore ? pollMinMs : Math.min(waitMs, pollMaxMs)',
      },
    ],
    file: 'timing.test.ts',
    test: 'an idle relay asks twice as seldom each time, down to once a second',
  },
  {
    name: 'that nobody else moves is trusted without end',
    edits: [
      {
        file: 'relay/move/parallel-moves.ts',
        find: 'untilMs: nowMs + LEADING_MS',
        replace: 'untilMs: Number.POSITIVE_INFINITY',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'the first move goes alone, until it is known that nobody else moves',
  },
  {
    name: 'the pause after something was in the way never grows',
    edits: [
      {
        file: 'relay/move/parallel-moves.ts',
        find: 'this.#nextPauseMs = Math.min(this.#nextPauseMs * 2, PAUSE_MS.to)',
        replace: '',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'what was in the way is given time, and more each time',
  },
  {
    name: 'a clash is tried without end',
    edits: [
      {
        file: 'relay/move/move-batch.ts',
        find: 'if (!isClash(error) || clashes === MAX_CLASHES) throw error',
        replace: 'if (!isClash(error)) throw error',
      },
    ],
    file: 'bounds.test.ts',
    test: 'a move that clashes is tried ten times more, and then fails',
  },
  {
    name: 'each look begins to count again how long the log is held',
    edits: [
      {
        file: 'relay/maintenance/log-watch.ts',
        find: 'before.get(key) ?? nowMs',
        replace: '(before.has(key) ? nowMs : nowMs)',
      },
    ],
    file: 'log-watch.test.ts',
    test: 'a session that holds the log for longer than its bound is named, again every ten minutes',
  },
]
