import type { Mutant } from './mutant.ts'

const STORIES = 'in 1000 stories with faults each entry is accounted for, and arrives in the end'
const BUFFER = 'src/flush/buffer.ts'
const FLUSHER = 'src/flush/flusher.ts'
const RESEND_BUFFER = 'src/flush/resend-buffer.ts'
const OUTBOX = 'src/lanes/outbox.ts'
const INTAKE = 'src/recorder/intake.ts'
const PIPELINE = 'src/recorder/pipeline.ts'

export const RECORDER_MUTANTS: readonly Mutant[] = [
  {
    name: 'a key whose value is null is dropped',
    edits: [
      {
        file: 'src/copy/copier.ts',
        find: 'if (made !== undefined) copy[key] = made\n      if (typeof',
        replace: 'if (made !== undefined && made !== null) copy[key] = made\n      if (typeof',
      },
    ],
    file: 'faithful.test.ts',
    test: 'the recorder for tests keeps what was given, or says how it differs',
  },
  {
    name: 'a list that is cut a second time says how many items the first cut left',
    edits: [
      {
        file: 'src/copy/copier.ts',
        find: 'isItemsMark(last) ? last : itemsMark(length)',
        replace: 'itemsMark(length)',
      },
    ],
    file: 'faithful.test.ts',
    test: 'the recorder for tests keeps what was given, or says how it differs',
  },
  {
    name: 'a statement has no deadline',
    edits: [
      {
        file: 'src/database/connection.ts',
        find: 'within(statementTimeoutMs, client',
        replace: 'within(Number.POSITIVE_INFINITY, client',
      },
    ],
    file: 'database.test.ts',
    test: 'a server that never answers costs a statement its deadline, and the next a new client',
  },
  {
    name: 'a connection that broke is used again',
    edits: [
      {
        file: 'src/database/connection.ts',
        find: "if (faultKind(error) === 'connection') this.#discard(client)",
        replace: '',
      },
    ],
    file: 'database.test.ts',
    test: 'after its backend was ended the next statement has a connection of its own',
  },
  {
    name: 'an error repeats what the driver said',
    edits: [
      {
        file: 'src/database/connection.ts',
        find: 'hint) : safeError(error)',
        replace: 'hint) : (error as AuditError)',
      },
    ],
    file: 'database.test.ts',
    test: 'an error names the schema, and repeats neither the values nor the row',
  },
  {
    name: 'nothing is redacted',
    edits: [
      {
        file: 'src/recorder/create-recorder.ts',
        find: 'compileRedactor(options.redact)',
        replace: 'compileRedactor(false)',
      },
    ],
    file: 'recorder.test.ts',
    test: 'secrets are censored at any depth before they are buffered',
  },
  {
    name: 'what jsonb refuses is left in the text',
    edits: [
      {
        file: 'src/encode/storable-text.ts',
        find: "if (!json.includes('\\\\u')) return json",
        replace: "if (json !== '') return json",
      },
    ],
    file: 'encode.test.ts',
    test: 'what Postgres cannot store as text is replaced, marked, and nothing else is',
  },
  {
    name: 'metadata is kept by reference',
    edits: [
      {
        file: 'src/capture/capture.ts',
        find: "copier.copyRoot(metadata, 'metadata')",
        replace: '(metadata as never)',
      },
    ],
    file: 'recorder.test.ts',
    test: 'an entry is a snapshot: changing it after the call changes nothing',
  },
  {
    name: 'record() calls back into itself',
    edits: [
      { file: INTAKE, find: "if (this.#isRecording) return path.drop('reentrant')", replace: '' },
    ],
    file: 'recorder.test.ts',
    test: 'record() called from inside record() is dropped and does not disturb the outer one',
  },
  {
    name: 'record() goes on after close()',
    edits: [{ file: INTAKE, find: "if (path.isClosed) return path.drop('closed')", replace: '' }],
    file: 'recorder.test.ts',
    test: 'close() stages what is buffered, reports, and refuses what comes later',
  },
  {
    name: 'the buffer has no bound in entries',
    edits: [
      { file: BUFFER, find: 'if (this.size >= this.#limits.maxEntries) return false', replace: '' },
    ],
    file: 'recorder.test.ts',
    test: 'a full buffer drops the newest, counts them by reason, and warns at most once a second',
  },
  {
    name: 'the buffer has no bound in bytes',
    edits: [
      {
        file: BUFFER,
        find: 'if (this.#bytes + entry.bytes > this.#limits.maxBytes) return false',
        replace: '',
      },
    ],
    file: 'recorder.test.ts',
    test: 'the buffer is bounded in bytes too',
  },
  {
    name: 'an entry that the database refuses is tried without end',
    edits: [
      {
        file: FLUSHER,
        find: "isFinal: (error) => faultKind(error) === 'entry'",
        replace: 'isFinal: () => false',
      },
    ],
    file: 'recorder.test.ts',
    test: 'a refused entry is warned of by action, event and user, and the others are staged',
  },
  {
    name: 'an outage loses the batch in hand',
    edits: [
      {
        file: FLUSHER,
        find: "isFinal: (error) => faultKind(error) === 'entry'",
        replace: 'isFinal: () => true',
      },
    ],
    file: 'recorder.test.ts',
    test: 'it keeps accepting while the database is away, and delivers afterwards',
  },
  {
    name: 'one refused entry takes its batch along',
    edits: [{ file: FLUSHER, find: 'if (entries === 1) {', replace: 'if (Boolean(1)) {' }],
    file: 'recorder.test.ts',
    test: 'a refused entry is warned of by action, event and user, and the others are staged',
  },
  {
    name: 'an outage that a refused entry ends goes on without end',
    edits: [
      {
        file: FLUSHER,
        find:
          '// A database that refuses an entry is reachable.\n' +
          '      this.#outage.recovered({ buffered: this.#parts.buffer.size })',
        replace: '',
      },
    ],
    file: 'flusher.test.ts',
    test: 'an outage that ends with an entry that is refused is said to have ended',
  },
  {
    name: 'a process that ends by itself does not wait for the flush',
    edits: [
      {
        file: FLUSHER,
        find: 'this.#timer = setTimeout(() => this.#start(), flushIntervalMs)',
        replace: 'this.#timer = setTimeout(() => this.#start(), flushIntervalMs).unref()',
      },
    ],
    file: 'recorder.test.ts',
    test: 'a process that ends by itself has staged what it recorded',
  },
  {
    name: 'drops are not told',
    edits: [
      {
        file: PIPELINE,
        find: 'dropped: this.#drops.byReason,\n      }),',
        replace: 'dropped: {},\n      }),',
      },
    ],
    file: 'keeper.test.ts',
    test: 'a recorder that lives on tells of its drops, too',
  },
  {
    name: 'the keeper does not look at the epoch',
    edits: [
      { file: RESEND_BUFFER, find: 'if (batch.epoch !== epoch) {', replace: 'if (Boolean(0)) {' },
    ],
    file: 'keeper.test.ts',
    test: 'a recorder that closes just after the crash stages again what it still holds',
  },
  {
    name: 'the keeper stages again before a relay has noticed',
    edits: [{ file: RESEND_BUFFER, find: 'if (state.epoch === null) return', replace: '' }],
    file: 'keeper.test.ts',
    test: 'while no relay has noticed that the lane was emptied, nothing is staged again',
  },
  {
    name: 'the keeper has no bound',
    edits: [
      {
        file: RESEND_BUFFER,
        find: 'while (this.#bytes > maxBytes)',
        replace: 'while (Boolean(0))',
      },
    ],
    file: 'keeper.test.ts',
    test: 'beyond its bound the oldest are let go',
  },
  {
    name: 'a batch is let go before it is staged',
    edits: [
      {
        file: FLUSHER,
        find: 'if (entries > 0) await this.#stage(encoded)',
        replace: 'if (entries > 0) void this.#stage(encoded)',
      },
    ],
    file: 'simulation.test.ts',
    test: STORIES,
  },
  {
    name: 'a batch that is tried again is numbered again',
    edits: [
      {
        file: FLUSHER,
        find: 'withRetry(() => stage(slices, oddSlices), {',
        replace:
          'withRetry(() => stage(slices.map((rows) => rows.replace(/\\["(........)/g, ' +
          '() => `["${Math.random().toString(16).slice(2, 10).padEnd(8, "0")}`)), oddSlices), {',
      },
    ],
    file: 'simulation.test.ts',
    test: STORIES,
  },
  {
    name: 'the keeper takes an old answer for news of what was staged since',
    edits: [
      {
        file: RESEND_BUFFER,
        find: 'for (const batch of batches) {',
        replace: 'for (const batch of [...this.#kept]) {',
      },
    ],
    file: 'keeper.test.ts',
    test: 'what is staged while the lane is looked at is kept',
  },
  {
    name: 'in the simulation, the keeper does not look at the epoch',
    edits: [
      { file: RESEND_BUFFER, find: 'if (batch.epoch !== epoch) {', replace: 'if (Boolean(0)) {' },
    ],
    file: 'simulation.test.ts',
    test: STORIES,
  },
  {
    name: 'in the simulation, the keeper stages again before a relay has noticed',
    edits: [{ file: RESEND_BUFFER, find: 'if (state.epoch === null) return', replace: '' }],
    file: 'simulation.test.ts',
    test: STORIES,
  },
  {
    name: 'the keeper takes what waits for what is logged',
    edits: [
      {
        file: RESEND_BUFFER,
        find: '} else if (batch.lastSeq < firstWaiting) {',
        replace: '} else {',
      },
    ],
    file: 'simulation.test.ts',
    test: STORIES,
  },
  {
    name: 'a report that failed is not sent again',
    edits: [
      {
        file: 'src/recorder/reporter.ts',
        find: 'to report with.\n      this.changed()',
        replace: 'to report with.',
      },
    ],
    file: 'simulation.test.ts',
    test: STORIES,
  },
  {
    name: 'an outage of the database ends the relay',
    edits: [
      {
        file: 'relay/move/relay.ts',
        find: 'onFailure: (error) => this.#failed(error),\n        })\n        this.#outage.recovered()',
        replace:
          'onFailure: (error) => this.#failed(error),\n          isFinal: () => true,\n        })\n' +
          '        this.#outage.recovered()',
      },
    ],
    file: 'timing.test.ts',
    test: 'of an outage of 25 seconds a recorder and a relay say four lines each',
  },
  {
    name: 'recordIn does not look for its transaction',
    edits: [
      {
        file: OUTBOX,
        find: "where pg_catalog.current_setting('audit.tx', true) operator(pg_catalog.=) `,",
        replace: "where 'some token' operator(pg_catalog.<>) `,",
      },
    ],
    file: 'record-in.test.ts',
    test: 'postgres-js, best-effort: a database handle in place of a transaction is refused, nothing written',
  },
  {
    name: 'recordIn sends SQL to what is no transaction',
    edits: [{ file: PIPELINE, find: 'refuseMisfit(tx)', replace: 'void tx' }],
    file: 'data-layers.test.ts',
    test: 'TypeORM is no transaction, which is said before any SQL in both modes',
  },
  {
    name: 'a handle that has one transaction after the other is taken for one transaction',
    edits: [
      {
        file: OUTBOX,
        find: 'const remembers = isOneTransaction(tx)',
        replace: 'const remembers = isOneTransaction(tx) || true',
      },
    ],
    file: 'data-layers.test.ts',
    test: 'Drizzle on a client of pg, atomic: the same handle, one transaction after the other',
  },
  {
    name: 'the token outlives the transaction',
    edits: [
      {
        file: OUTBOX,
        find: "set_config('audit.tx', ${token}::pg_catalog.text, true)",
        replace: "set_config('audit.tx', ${token}::pg_catalog.text, false)",
      },
    ],
    file: 'record-in.test.ts',
    test: 'postgres-js, best-effort: after the transaction is over nothing is written outside it',
  },
  {
    name: 'recordIn goes on in another transaction that has the connection',
    edits: [
      {
        file: OUTBOX,
        find: 'if (known !== undefined && known.began !== began)',
        replace: 'if (Boolean(0))',
      },
    ],
    file: 'record-in.test.ts',
    test: "postgres-js, best-effort: a transaction that is over writes into no other one's",
  },
  {
    name: 'recordIn waits without end for what the driver has forgotten',
    edits: [
      {
        file: PIPELINE,
        find: 'within(statementTimeoutMs, written',
        replace: 'within(Number.POSITIVE_INFINITY, written',
      },
    ],
    file: 'record-in-failures.test.ts',
    test: "postgres-js: the caller's rows are as promised where nothing fails",
  },
  {
    name: 'recordIn calls a function without asking whether it is there',
    edits: [
      {
        file: OUTBOX,
        find: "if (!isReady && how.mode === 'best-effort')",
        replace: 'if (Boolean(0))',
      },
    ],
    file: 'record-in.test.ts',
    test: 'postgres-js, best-effort: where the function is gone, the caller commits all the same',
  },
  {
    name: 'a failure of best effort reaches the caller',
    edits: [
      {
        file: 'src/recorder/bound-recorder.ts',
        find: "if (mode === 'atomic' || MISUSES.has(safe.code)) throw safe",
        replace: 'throw safe',
      },
    ],
    file: 'record-in.test.ts',
    test: 'a transaction that fails at once costs best effort an entry, and mode atomic the call',
  },
  {
    name: 'a forgotten recordIn ends the process',
    edits: [
      { file: 'src/recorder/bound-recorder.ts', find: 'written.catch(() => {})', replace: '' },
    ],
    file: 'record-in.test.ts',
    test: 'a rejection that nobody awaits ends no process',
  },
  {
    name: "a child recorder's ids lose to those of withContext",
    edits: [
      {
        file: 'src/context/context-now.ts',
        find: 'eventId: own.eventId === undefined ? outer.eventId : own.eventId',
        replace: 'eventId: outer.eventId === undefined ? own.eventId : outer.eventId',
      },
    ],
    file: 'precedence.test.ts',
    test: 'what is nearer to the entry wins, each field by itself: inProduction',
  },
  {
    name: 'details of withContext win over those of a child recorder',
    edits: [
      {
        file: 'src/context/context-now.ts',
        find: 'merge(outer.details, own.details)',
        replace: 'merge(own.details, outer.details)',
      },
    ],
    file: 'precedence.test.ts',
    test: 'what is nearer to the entry wins, each field by itself: inMemory',
  },
  {
    name: 'a batch larger than maxKeptBytes is kept',
    edits: [{ file: RESEND_BUFFER, find: 'if (bytes > maxBytes) return', replace: '' }],
    file: 'timing.test.ts',
    test: 'a batch of maxKeptBytes is kept, one of a byte more is not, and 0 keeps none',
  },
  {
    name: 'the looks of the keeper are not slowed by a long lane',
    edits: [
      {
        file: RESEND_BUFFER,
        find: 'Math.max(CHECK_EVERY_MS, tookMs / MAX_CHECK_SHARE)',
        replace: 'Math.max(CHECK_EVERY_MS, tookMs)',
      },
    ],
    file: 'timing.test.ts',
    test: 'of the time at most a twentieth goes into looking, and half a minute lies between two looks',
  },
  {
    name: 'a warning of drops names every entry',
    edits: [
      {
        file: 'src/flush/drop-counter.ts',
        find: 'if (this.#labels.length < MAX_LABELS) this.#labels.push(label)',
        replace: 'this.#labels.push(label)',
      },
    ],
    file: 'timing.test.ts',
    test: 'drops are warned of at once, then once a second, with five of the entries',
  },
  {
    name: 'an outage is said with each failure',
    edits: [
      {
        file: 'src/database/outage.ts',
        find: 'if (!begins && nowMs - this.#lastLineMs < REPEAT_EVERY_MS) return',
        replace: '',
      },
    ],
    file: 'timing.test.ts',
    test: 'a long outage is said when it begins, every ten seconds, and when it ends',
  },
  {
    name: 'every plain name is remembered without end',
    edits: [
      {
        file: 'src/capture/capture.ts',
        find: 'if (cleanActions.size >= MAX_CLEAN_ACTIONS) cleanActions.clear()',
        replace: '',
      },
    ],
    file: 'bounds.test.ts',
    test: 'the names that were seen to be plain are remembered to a bound',
  },
  {
    name: 'a flush that is asked for while a batch is written waits the interval',
    edits: [
      {
        file: FLUSHER,
        find: 'return isAskedFor || buffer.waiting >= maxBatchEntries',
        replace: 'return (isAskedFor && buffer.waiting < 0) || buffer.waiting >= maxBatchEntries',
      },
    ],
    file: 'timing.test.ts',
    test: 'what comes while a batch is written waits its interval, unless a flush is asked for',
  },
  {
    name: 'values of the environment are not trimmed',
    edits: [
      {
        file: 'src/options.ts',
        find: 'const fromEnvironment = environment[variable]?.trim()',
        replace: 'const fromEnvironment = environment[variable]',
      },
    ],
    file: 'bounds.test.ts',
    test: 'white space around a value of the environment is no part of it',
  },
  {
    name: 'the environment wins over what is given',
    edits: [
      {
        file: 'src/options.ts',
        find: 'given[name] ?? (fromEnvironment ? Number(fromEnvironment) : fallback)',
        replace:
          '(fromEnvironment ? Number(fromEnvironment) : undefined) ?? given[name] ?? fallback',
      },
    ],
    file: 'bounds.test.ts',
    test: 'what is given wins over the environment, and that over the default',
  },
  {
    name: 'an option may be one above its bound',
    edits: [
      {
        file: 'src/options.ts',
        find: 'value >= min && value <= max) continue',
        replace: 'value >= min && value <= max + 1) continue',
      },
    ],
    file: 'bounds.test.ts',
    test: 'each option of a relay has its default and its bounds, also from the environment',
  },
  {
    name: 'a cut leaves half of a character',
    edits: [
      {
        file: 'src/engine-text.ts',
        find: '(isHighSurrogate(text.charCodeAt(characters - 1)) ? 1 : 0)',
        replace: '0',
      },
    ],
    file: 'shape.test.ts',
    test: 'a cut leaves no half of a character',
  },
  {
    name: 'the counter of an id begins anywhere',
    edits: [
      {
        file: 'src/ids/uuid7.ts',
        find: '(random[used] ?? 0) & 0x7ff',
        replace: '(random[used] ?? 0) & 0xfff',
      },
    ],
    file: 'id.test.ts',
    test: 'a counter that has run out takes the next millisecond before its time',
  },
  {
    name: 'seconds are read as milliseconds',
    edits: [
      {
        file: 'src/capture/given-time.ts',
        find: 'given >= FIRST_SECONDS && given < LAST_SECONDS',
        replace: 'given >= LAST_SECONDS && given < LAST_SECONDS',
      },
    ],
    file: 'given-values.test.ts',
    test: 'a number that can only be seconds is read as seconds, and marked',
  },
  {
    name: 'the text of a time that cannot be read is dropped',
    edits: [
      {
        file: 'src/capture/given-fields.ts',
        find: 'if (ms !== undefined && !isRounded) return',
        replace: 'if (!isRounded) return',
      },
    ],
    file: 'given-values.test.ts',
    test: 'what is no time is marked, its text is kept and now is stored',
  },
]
