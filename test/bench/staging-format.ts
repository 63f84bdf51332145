import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type SQL, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import postgres from 'postgres'
import { createEncoder } from '../../src/encode/encoder.ts'
import { EncodedBatch } from '../../src/encode/batch.ts'
import { laneColumns } from '../../src/lanes/lane.ts'
import { insertIntoLane } from '../support/insert-into-lane.ts'
import { insertRows } from './insert-rows.ts'
import { RECORDER_LIMITS } from '../../src/options.ts'
import type { CapturedEntry } from '../../src/capture/captured-entry.ts'
import { compileRedactor } from '../../src/redact/redactor.ts'
import { createCapture } from '../../src/capture/capture.ts'
import { BenchServer } from './bench-server.ts'
import { describeMachine, showMachine } from './machine.ts'
import { cpuUs } from './process-cpu.ts'
import { interleave, type Rounds, showSpread } from './rounds.ts'
import { demoEntry } from './demo-entry.ts'

/**
 * How a batch gets into the fast lane: the same entries in every format that was considered, from the
 * shaped entry to the answer of the server. Keeps what it found in `results`.
 *
 * `npx tsx test/bench/staging-format.ts`
 */
const BATCHES = [100, 400, 1_000, 4_000]
const ENTRIES_A_ROUND = 20_000
const ROUNDS = 7
/** As the flusher encodes them. */
const SLICE = 100
const RECORDER = randomUUID()
const CONTEXT = {
  ip: '10.0.3.7',
  method: 'POST',
  route: '/events/:event/branding',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36',
}
const TYPES = `
  id uuid, occurred_at timestamptz, user_id uuid, event_id uuid, target_id uuid, recorder_id uuid,
  recorder_seq bigint, action text, entity_type text, request_id text, metadata jsonb, context jsonb`

const maxEntryBytes = RECORDER_LIMITS.maxEntryBytes.default
const redactor = compileRedactor(undefined)
const { captureEntry, bindContext } = createCapture({ maxEntryBytes, redactor })
const encoder = createEncoder({ recorderId: RECORDER, maxEntryBytes, redactor })
let numbered = 0
const nextNumber = () => {
  numbered += 1
  return numbered
}

type Write = (entries: readonly CapturedEntry[]) => PromiseLike<unknown>

function formatsOn(connection: postgres.Sql): Record<string, Write> {
  const db = drizzle(connection)
  const objects = (entries: readonly CapturedEntry[]) =>
    entries.map((entry) => encoder.encode(entry, nextNumber()))
  const rows = (entries: readonly CapturedEntry[]) => {
    const batch = new EncodedBatch(encoder)
    for (const [at, entry] of entries.entries()) {
      batch.add(entry, nextNumber())
      if (at % SLICE === SLICE - 1) batch.seal()
    }
    batch.seal()
    return batch.slices
  }
  const values = (entries: readonly CapturedEntry[]): unknown[][] =>
    rows(entries).flatMap((slice) => JSON.parse(slice))
  return {
    'arrays in jsonb, a text a slice (ours)': (entries) =>
      db.execute(insertRows(RECORDER, rows(entries))),
    'arrays in jsonb, one text': (entries) =>
      db.execute(
        insertRows(RECORDER, [
          `[${rows(entries)
            .map((slice) => slice.slice(1, -1))
            .join(',')}]`,
        ]),
      ),
    'objects in jsonb': (entries) => db.execute(insertIntoLane('staging', objects(entries))),
    'objects in json (before)': (entries) =>
      db.execute(sql`
        insert into audit.audit_staging (${laneColumns}) select ${laneColumns}
        from json_to_recordset(${`[${objects(entries).join(',')}]`}::text::json) as e (${sql.raw(TYPES)})`),
    'an array for each column': (entries) => db.execute(unnested(values(entries))),
    COPY: async (entries) => {
      const lines = values(entries).map(copyLine).join('')
      const query = connection.unsafe(`
        copy audit.audit_staging (id, occurred_at, recorder_seq, user_id, event_id, target_id, action,
          entity_type, request_id, metadata, context, recorder_id) from stdin`)
      await pipeline(Readable.from([Buffer.from(lines)]), await query.writable())
    },
  }
}

/** Each column as text of an array; metadata and context as one array of jsonb each. */
function unnested(rows: readonly (readonly unknown[])[]): SQL {
  const column = (place: number) => rows.map((row) => row[place])
  const array = (place: number) =>
    `{${column(place)
      .map((v) => `"${v}"`)
      .join(',')}}`
  return sql`
    insert into audit.audit_staging (recorder_id, id, occurred_at, recorder_seq, user_id, event_id,
      target_id, action, entity_type, request_id, metadata, context)
    select ${RECORDER}::text::uuid, * from rows from (
      unnest(${array(0)}::text::uuid[]), unnest(${array(1)}::text::timestamptz[]),
      unnest(${array(2)}::text::bigint[]), unnest(${array(3)}::text::uuid[]),
      unnest(${array(4)}::text::uuid[]), unnest(${array(5)}::text::uuid[]),
      unnest(${array(6)}::text::text[]), unnest(${array(7)}::text::text[]),
      unnest(${array(8)}::text::text[]),
      jsonb_array_elements(${JSON.stringify(column(9))}::text::jsonb),
      jsonb_array_elements(${JSON.stringify(column(10))}::text::jsonb)) as columns`
}

function copyLine(row: readonly unknown[]): string {
  const values = row.map((value) => (typeof value === 'object' ? JSON.stringify(value) : value))
  return `${values.join('\t')}\t${RECORDER}\n`
}

async function measure(server: BenchServer, batchEntries: number): Promise<Rounds> {
  const connection = postgres(server.urlOf('formats'), {
    ...{ max: 1, prepare: false, fetch_types: false, onnotice: () => {} },
  })
  const context = bindContext(CONTEXT)
  const entries = Array.from({ length: batchEntries }, (_, n) => {
    const pending = captureEntry(demoEntry(n), context, Date.now())
    if (pending === undefined) throw new Error('it is no entry')
    return pending
  })
  const [backend] = await connection`select pg_backend_pid() as pid`
  const turns = Object.entries(formatsOn(connection)).map(([name, write]) => {
    const turn = async () => {
      await connection`truncate audit.audit_staging`
      await write(entries)
      const before = [cpuUs(backend?.['pid']), cpuUs('self'), performance.now()] as const
      for (let written = 0; written < ENTRIES_A_ROUND; written += batchEntries) await write(entries)
      const [counted] = await connection`select count(*)::integer as rows from audit.audit_staging`
      if (counted?.['rows'] !== ENTRIES_A_ROUND + batchEntries) throw new Error('some are missing')
      return {
        serverUs: (cpuUs(backend?.['pid']) - before[0]) / ENTRIES_A_ROUND,
        ownUs: (cpuUs('self') - before[1]) / ENTRIES_A_ROUND,
        wallUs: ((performance.now() - before[2]) * 1_000) / ENTRIES_A_ROUND,
      }
    }
    return [name, turn] as const
  })
  const rounds = await interleave(Object.fromEntries(turns), { rounds: ROUNDS, warmUpRounds: 2 })
  await connection.end({ timeout: 1 })
  return rounds
}

const server = await BenchServer.start()
try {
  await server.make('formats')
  const sections = [
    '# How a batch gets into the fast lane',
    `${showMachine(describeMachine())}; \`npx tsx test/bench/staging-format.ts\`.`,
    'Microseconds an entry of the demo with the context that the middleware adds: CPU of the backend, ' +
      'CPU of our main thread from the shaped entry to the answer (for the two at the end with what ' +
      'making the format from ours takes, which a client of its own would save), and time on the clock. ' +
      `Median of ${ROUNDS} rounds by turns (smallest–largest).`,
  ]
  for (const batchEntries of BATCHES) {
    const rounds = await measure(server, batchEntries)
    const lines = rounds.names.map((name) => {
      const cells = ['serverUs', 'ownUs', 'wallUs'].map((figure) =>
        showSpread(rounds.spread(name, figure)),
      )
      return `| ${name} | ${cells.join(' | ')} |`
    })
    const head = ['| | server | our main thread | clock |', '|---|---:|---:|---:|']
    sections.push([`## ${batchEntries} entries a batch`, '', ...head, ...lines].join('\n'))
    console.log(sections.at(-1))
  }
  sections.push(
    'COPY takes the server least, but it cannot tell in the same statement to which epoch of the lane ' +
      'it wrote, and postgres.js waits for a turn of the socket at its end: small batches take many ' +
      'times as long on the clock.',
  )
  const file = fileURLToPath(new URL('results/staging-format.md', import.meta.url))
  fs.writeFileSync(file, `${sections.join('\n\n')}\n`)
} finally {
  await server.remove()
}
