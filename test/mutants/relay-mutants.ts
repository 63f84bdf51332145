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
    tests: ['move.test.ts'],
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
    tests: ['house.test.ts'],
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
    tests: ['move.test.ts'],
  },
  {
    name: 'the insert into the log has no order',
    edits: [{ file: MOVE, find: 'order by f.id`', replace: 'order by md5(f.id::text)`' }],
    tests: ['move.test.ts'],
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
    tests: ['move.test.ts'],
  },
  {
    name: 'the claim waits for rows that somebody holds',
    edits: [{ file: MOVE, find: 'for update of l skip locked', replace: 'for update of l' }],
    tests: ['move.test.ts'],
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
    tests: ['move.test.ts'],
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
    tests: ['relay.test.ts'],
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
    tests: ['relay.test.ts'],
  },
  {
    name: 'an idle poll writes to the head',
    edits: [{ file: MOVE, find: 'where (select fresh from total) > 0\n', replace: '' }],
    tests: ['relay.test.ts'],
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
    tests: ['relay.test.ts'],
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
    tests: ['relay.test.ts'],
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
    tests: ['poison.test.ts'],
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
    tests: ['relay.test.ts'],
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
    tests: ['bad-inputs.test.ts'],
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
    tests: ['bad-inputs.test.ts'],
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
    tests: ['dead-letters.test.ts'],
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
    tests: ['relay.test.ts'],
  },
  {
    name: 'a move in turn does not wait for the one in front',
    edits: [{ file: MOVE, find: 'pg_advisory_xact_lock_shared(${turnLock(after)})', replace: '1' }],
    tests: ['side-by-side.test.ts'],
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
    tests: ['side-by-side.test.ts'],
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
    tests: ['side-by-side.test.ts'],
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
    tests: ['side-by-side.test.ts'],
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
    tests: ['side-by-side.test.ts'],
  },
  {
    name: 'a drain that stands back asks without a pause',
    edits: [{ file: RELAY, find: 'if (this.#stoodBack) await idle(waitMs, signal)', replace: '' }],
    tests: ['side-by-side.test.ts'],
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
    tests: ['side-by-side.test.ts'],
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
    tests: ['side-by-side.test.ts'],
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
    tests: ['side-by-side.test.ts'],
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
    tests: ['side-by-side.test.ts'],
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
    tests: ['status.test.ts'],
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
    tests: ['status.test.ts'],
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
    tests: ['gaps.test.ts'],
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
    tests: ['upkeep.test.ts'],
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
    tests: ['side-by-side.test.ts'],
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
    tests: ['backlog.test.ts'],
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
    tests: ['gaps.test.ts'],
  },
  {
    name: 'compaction forgets the live rows',
    edits: [{ file: FUNCTIONS, find: 'using kept_rows;', replace: "using '[]'::jsonb;" }],
    tests: ['gaps.test.ts'],
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
    tests: ['gaps.test.ts'],
  },
]
