import type { Mutant } from './mutant.ts'

const MOVE = 'relay/move/move-statement.ts'
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
    name: 'the move is a delete and an insert in a transaction of the driver',
    edits: [
      {
        file: 'relay/move/relay-statements.ts',
        find: 'const [moved] = await mover.execute<Moved>(moveStatement(options))',
        replace: MOVE_IN_TWO,
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
        find: 'this.#db.execute(query), hungUp',
        replace: 'this.#db.transaction((tx) => tx.execute(query)), hungUp',
      },
    ],
    file: 'house.test.ts',
    test: 'nothing but the migrator opens a transaction through the driver',
  },
  {
    name: 'the claim takes only ids beyond the last one that was logged',
    edits: [
      {
        file: MOVE,
        find: 'select l.ctid from ${table} as l ${whereInLane(options)}\n',
        replace:
          'select l.ctid from ${table} as l where l.id > coalesce((select id from ${auditLog} ' +
          "order by id desc limit 1), '00000000-0000-0000-0000-000000000000')\n",
      },
    ],
    file: 'move.test.ts',
    test: 'an entry is not passed over because a later one was logged before it committed',
  },
  {
    name: 'the insert into the log has no order',
    edits: [{ file: MOVE, find: 'order by f.id`', replace: 'order by md5(f.id::text)`' }],
    file: 'move.test.ts',
    test: 'a batch is inserted and numbered in the order of its ids, however it was staged',
  },
  {
    name: 'the numbers of a batch do not follow its ids',
    edits: [
      {
        file: MOVE,
        find: 'row_number() over (order by f.id)\n      from',
        replace: 'row_number() over (order by f.id desc)\n      from',
      },
    ],
    file: 'move.test.ts',
    test: 'a batch is inserted and numbered in the order of its ids, however it was staged',
  },
  {
    name: 'the claim waits for rows that somebody holds',
    edits: [{ file: MOVE, find: 'for update of l skip locked', replace: 'for update of l' }],
    file: 'move.test.ts',
    test: 'rows that somebody holds do not hold up the others',
  },
  {
    name: 'the move has ON CONFLICT DO NOTHING',
    edits: [
      {
        file: MOVE,
        find: 'order by f.id`',
        replace: 'order by f.id\n      on conflict do nothing`',
      },
    ],
    file: 'move.test.ts',
    test: 'of two moves that meet at one id, one is run again, and no number is left out',
  },
  {
    name: 'what is in the log already is moved again',
    edits: [
      {
        file: MOVE,
        find: '${fitsTheLog} and not exists (select from ${auditLog} as l where l.id = m.id)',
        replace: '${fitsTheLog}',
      },
    ],
    file: 'relay.test.ts',
    test: 'an id that comes again with the same content is logged once and is no dead letter',
  },
  {
    name: 'the head is joined and not asked',
    edits: [
      { file: MOVE, find: 'sql`(select seq from head) - (select', replace: 'sql`h.seq - (select' },
      {
        file: MOVE,
        find: 'from fresh as f\n      order',
        replace: 'from fresh as f, head as h\n      order',
      },
    ],
    file: 'relay.test.ts',
    test: 'a log that has lost its head loses no entry and makes no dead letter',
  },
  {
    name: 'an idle poll writes to the head',
    edits: [{ file: MOVE, find: 'where (select fresh from total) > 0\n', replace: '' }],
    file: 'relay.test.ts',
    test: 'an idle poll takes no transaction id',
  },
  {
    name: 'the move commits as the login was set to',
    edits: [
      {
        file: MOVE,
        find: "when current_setting('synchronous_commit') = 'off'",
        replace: 'when false',
      },
    ],
    file: 'relay.test.ts',
    test: 'the move commits synchronously, whatever the login was set to',
  },
  {
    name: 'an id that came again with another content is dropped',
    edits: [
      {
        file: MOVE,
        find: "and (not ${fitsTheLog} or ${differs('l')} or ${differs('f')})",
        replace: 'and not ${fitsTheLog}',
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
    name: 'a row that cannot be logged holds up its batch for ever',
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
        file: MOVE,
        find: '  and coalesce(char_length(m.entity_type) between 1 and ${MAX_TEXT_CHARACTERS}, true)\n',
        replace: '',
      },
    ],
    file: 'bad-inputs.test.ts',
    test: 'in staging itself, in the middle in a batch: the others are logged at once, and it is a dead letter at most',
  },
  {
    name: 'a good row is parked beside the bad one',
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
        find: 'CREATE UNIQUE INDEX',
        replace: 'CREATE INDEX',
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
    edits: [{ file: MOVE, find: 'pg_advisory_xact_lock_shared(${turnLock(after)})', replace: '1' }],
    file: 'side-by-side.test.ts',
    test: 'a move in turn commits behind the one in front, however early it is done',
  },
  {
    name: 'a move in turn waits before it does its work',
    edits: [
      {
        file: MOVE,
        find: 'from (select count(*) as entries from logged) as l',
        replace: 'from (values (1)) as l (entries)',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'a move in turn commits behind the one in front, however early it is done',
  },
  {
    name: 'a move in turn keeps its numbers whatever the head says',
    edits: [
      {
        file: MOVE,
        find: 'when (select seq from head) = ${turn.head}::bigint',
        replace: 'when true or 0 =',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'a move whose numbers never came up fails as a whole, and its entries stay',
  },
  {
    name: 'a move in turn does its work where its numbers are taken',
    edits: [
      {
        file: MOVE,
        find: 'exists (select from ${auditHead} where ${isNumberFree})',
        replace: 'true',
      },
    ],
    file: 'side-by-side.test.ts',
    test: 'a batch with fewer new entries than were counted on leaves no hole behind it',
  },
  {
    name: 'a relay moves while another one does',
    edits: [
      {
        file: MOVE,
        find: 'case when pg_try_advisory_xact_lock(${MOVING})',
        replace: 'case when true',
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
        file: MOVE,
        find: 'when pg_try_advisory_xact_lock_shared(${MOVING})',
        replace: 'when true',
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
        file: 'relay/telemetry/status.ts',
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
        file: 'relay/telemetry/status.ts',
        find: "when 'live' then greatest(owed, waiting)",
        replace: "when 'live' then waiting",
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
        find: 'this.#partitionsDueMs = now() + PARTITIONS_EVERY_MS',
        replace: '',
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
        file: 'relay/telemetry/lane-look.ts',
        find: 'ceil(count(*) * coalesce(max(share), 1))',
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
    name: 'that nobody else moves is trusted for ever',
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
    name: 'a clash is tried for ever',
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
]
