import type { Mutant } from './mutant.ts'

const BUFFER = 'src/flush/buffer.ts'
const FLUSHER = 'src/flush/flusher.ts'
const RESEND_BUFFER = 'src/flush/resend-buffer.ts'
const OUTBOX = 'src/lanes/outbox.ts'
const INTAKE = 'src/recorder/intake.ts'
const PIPELINE = 'src/recorder/pipeline.ts'

export const RECORDER_MUTANTS: readonly Mutant[] = [
  {
    name: 'a statement has no deadline',
    edits: [
      {
        file: 'src/database/connection.ts',
        find: 'within(statementTimeoutMs, client',
        replace: 'within(Number.POSITIVE_INFINITY, client',
      },
    ],
    tests: ['database.test.ts'],
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
    tests: ['database.test.ts'],
  },
  {
    name: 'an error repeats what the driver said',
    edits: [
      {
        file: 'src/database/connection.ts',
        find: 'const safe = safeError(error)',
        replace: 'const safe = error as AuditError',
      },
    ],
    tests: ['database.test.ts'],
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
    tests: ['recorder.test.ts'],
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
    tests: ['bad-inputs.test.ts'],
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
    tests: ['recorder.test.ts'],
  },
  {
    name: 'record() calls back into itself',
    edits: [
      { file: INTAKE, find: "if (this.#isRecording) return path.drop('reentrant')", replace: '' },
    ],
    tests: ['recorder.test.ts'],
  },
  {
    name: 'record() goes on after close()',
    edits: [{ file: INTAKE, find: "if (path.isClosed) return path.drop('closed')", replace: '' }],
    tests: ['recorder.test.ts'],
  },
  {
    name: 'the buffer has no bound in entries',
    edits: [
      { file: BUFFER, find: 'if (this.size >= this.#limits.maxEntries) return false', replace: '' },
    ],
    tests: ['recorder.test.ts'],
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
    tests: ['recorder.test.ts'],
  },
  {
    name: 'an entry that the database refuses is tried for ever',
    edits: [
      {
        file: FLUSHER,
        find: "isFinal: (error) => faultKind(error) === 'entry'",
        replace: 'isFinal: () => false',
      },
    ],
    tests: ['recorder.test.ts'],
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
    tests: ['recorder.test.ts'],
  },
  {
    name: 'one refused entry takes its batch along',
    edits: [{ file: FLUSHER, find: 'if (entries === 1) {', replace: 'if (Boolean(1)) {' }],
    tests: ['recorder.test.ts'],
  },
  {
    name: 'an outage that a refused entry ends goes on for ever',
    edits: [
      {
        file: FLUSHER,
        find:
          '// Whoever refuses an entry is there.\n' +
          '      this.#outage.recovered({ buffered: this.#parts.buffer.size })',
        replace: '',
      },
    ],
    tests: ['flusher.test.ts'],
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
    tests: ['recorder.test.ts'],
  },
  {
    name: 'drops are not told',
    edits: [
      {
        file: PIPELINE,
        find: 'onReport: () => this.#recordDrops()',
        replace: 'onReport: () => {}',
      },
    ],
    tests: ['keeper.test.ts'],
  },
  {
    name: 'the keeper does not look at the epoch',
    edits: [
      { file: RESEND_BUFFER, find: 'if (batch.epoch !== epoch) {', replace: 'if (Boolean(0)) {' },
    ],
    tests: ['keeper.test.ts'],
  },
  {
    name: 'the keeper stages again before a relay has noticed',
    edits: [{ file: RESEND_BUFFER, find: 'if (state.epoch === null) return', replace: '' }],
    tests: ['keeper.test.ts'],
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
    tests: ['keeper.test.ts'],
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
    tests: ['simulation.test.ts'],
  },
  {
    name: 'a batch that is tried again is numbered again',
    edits: [
      {
        file: FLUSHER,
        find: 'withRetry(() => stage(slices), {',
        replace:
          'withRetry(() => stage(slices.map((rows) => rows.replace(/\\["(........)/g, ' +
          '() => `["${Math.random().toString(16).slice(2, 10).padEnd(8, "0")}`))), {',
      },
    ],
    tests: ['simulation.test.ts'],
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
    tests: ['keeper.test.ts'],
  },
  {
    name: 'in the simulation, the keeper does not look at the epoch',
    edits: [
      { file: RESEND_BUFFER, find: 'if (batch.epoch !== epoch) {', replace: 'if (Boolean(0)) {' },
    ],
    tests: ['simulation.test.ts'],
  },
  {
    name: 'in the simulation, the keeper stages again before a relay has noticed',
    edits: [{ file: RESEND_BUFFER, find: 'if (state.epoch === null) return', replace: '' }],
    tests: ['simulation.test.ts'],
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
    tests: ['simulation.test.ts'],
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
    tests: ['simulation.test.ts'],
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
    tests: ['simulation.test.ts'],
  },
  {
    name: 'recordIn does not look for its transaction',
    edits: [
      {
        file: OUTBOX,
        find: "sql`current_setting('audit.tx', true) = ${token}`",
        replace: 'sql`${token}::text is not null`',
      },
    ],
    tests: ['record-in.test.ts'],
  },
  {
    name: 'the token outlives the transaction',
    edits: [
      {
        file: OUTBOX,
        find: "set_config('audit.tx', ${token}, true)",
        replace: "set_config('audit.tx', ${token}, false)",
      },
    ],
    tests: ['record-in.test.ts'],
  },
  {
    name: 'recordIn goes on in whatever transaction has the connection',
    edits: [
      {
        file: OUTBOX,
        find: 'if (known !== undefined && known.began !== began)',
        replace: 'if (Boolean(0))',
      },
    ],
    tests: ['record-in.test.ts'],
  },
  {
    name: 'recordIn waits for ever for what the driver has forgotten',
    edits: [
      {
        file: PIPELINE,
        find: 'within(statementTimeoutMs, writeToOutbox',
        replace: 'within(Number.POSITIVE_INFINITY, writeToOutbox',
      },
    ],
    tests: ['record-in-failures.test.ts'],
  },
  {
    name: 'recordIn calls a function without asking whether it is there',
    edits: [
      {
        file: OUTBOX,
        find: "if (!isReady && mode === 'best-effort')",
        replace: 'if (Boolean(0))',
      },
    ],
    tests: ['record-in.test.ts'],
  },
  {
    name: 'a failure of best effort reaches the caller',
    edits: [
      {
        file: 'src/recorder/bound-recorder.ts',
        find: "if (mode === 'atomic' || safe.code === 'AUDIT_NOT_IN_TRANSACTION') throw safe",
        replace: 'throw safe',
      },
    ],
    tests: ['record-in.test.ts'],
  },
  {
    name: 'a forgotten recordIn ends the process',
    edits: [
      { file: 'src/recorder/bound-recorder.ts', find: 'written.catch(() => {})', replace: '' },
    ],
    tests: ['record-in.test.ts'],
  },
]
