import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type SQL, sql } from 'drizzle-orm'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { createCapture } from '../../src/capture/capture.ts'
import { EncodedBatch } from '../../src/encode/batch.ts'
import { createEncoder } from '../../src/encode/encoder.ts'
import { stageQuery } from '../../src/lanes/staging.ts'
import { RECORDER_LIMITS } from '../../src/options.ts'
import { compileRedactor } from '../../src/redact/redactor.ts'
import { BenchServer } from './bench-server.ts'
import { demoEntry } from './demo-entry.ts'
import { insertRows } from './insert-rows.ts'
import { describeMachine, showMachine } from './machine.ts'
import { interleave, type Rounds, showSpread } from './rounds.ts'

/**
 * What the functions that bound what a lane takes cost, next to the statements that they took the
 * place of: an INSERT into a table, as commit b31a6f9 has it. Keeps what it found in `results`.
 *
 * `npx tsx test/bench/staging-door.ts`
 */
const BATCHES = (process.env['DOOR_BATCHES'] ?? '1000,200,10').split(',').map(Number)
const ROUNDS = Number(process.env['DOOR_ROUNDS'] ?? 15)
const SLICE = 100
const RECORDER = randomUUID()
const KEY = randomUUID()
const CONTEXT = {
  ip: '10.0.3.7',
  method: 'POST',
  route: '/events/:event/branding',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36',
}

const TYPES = {
  id: 'uuid',
  occurred_at: 'timestamptz',
  user_id: 'uuid',
  event_id: 'uuid',
  target_id: 'uuid',
  recorder_id: 'uuid',
  recorder_seq: 'bigint',
  action: 'text',
  entity_type: 'text',
  request_id: 'text',
  metadata: 'jsonb',
  context: 'jsonb',
} as const
const LANE = Object.entries(TYPES)
  .map(([name, type]) => `${name} ${type}`)
  .join(', ')
const NAMES = Object.keys(TYPES).join(', ')

/** The lanes and the function of the commit before, and the variants that were tried. */
const BEFORE = `
  create schema before;
  create unlogged table before.audit_staging (${LANE});
  create table before.audit_outbox (${LANE});
  alter table before.audit_staging alter id set not null, alter occurred_at set not null;
  alter table before.audit_outbox alter id set not null, alter occurred_at set not null;
  create function before.lane_epoch() returns uuid
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select s.epoch from audit.audit_sentinel as s
  $$;`

const maxEntryBytes = RECORDER_LIMITS.maxEntryBytes.default
const redactor = compileRedactor(undefined)
const { captureEntry, bindContext } = createCapture({ maxEntryBytes, redactor })
const encoder = createEncoder({ recorderId: RECORDER, maxEntryBytes, redactor })
const context = bindContext(CONTEXT)

function pending(n: number) {
  const made = captureEntry(demoEntry(n), context, Date.now())
  if (made === undefined) throw new Error('it is no entry')
  return made
}

function slicesOf(entries: number): readonly string[] {
  const batch = new EncodedBatch(encoder)
  for (let n = 0; n < entries; n += 1) {
    batch.add(pending(n), n + 1)
    if (n % SLICE === SLICE - 1) batch.seal()
  }
  batch.seal()
  return batch.slices
}

function textsOf(entries: number): readonly string[] {
  return Array.from({ length: entries }, (_, n) => encoder.encode(pending(n), null))
}

/** As src/lanes/staging.ts of that commit made it. */
function insertBefore(slices: readonly string[]): SQL {
  return sql`
    with staged as (${insertRows(RECORDER, slices, 'before')})
    select before.lane_epoch()::text as epoch`
}

/** As src/lanes/outbox.ts of that commit wrote in mode atomic. */
function atomicBefore(encoded: readonly string[]): SQL {
  return sql`
    with inserted as (
      insert into before.audit_outbox (${sql.raw(NAMES)})
      select ${sql.raw(NAMES)}
      from jsonb_to_recordset(${`[${encoded.join(',')}]`}::text::jsonb) as entry (${sql.raw(LANE)})
      where current_setting('audit.tx', true) = ${KEY}
      returning 1)
    select count(*)::integer as taken from inserted`
}

function atomicNow(encoded: readonly string[]): SQL {
  return sql`
    select audit.record_in(${`[${encoded.join(',')}]`}::pg_catalog.text) as taken
    where pg_catalog.current_setting('audit.tx', true) operator(pg_catalog.=) ${KEY}::pg_catalog.text`
}

function variantQuery(name: string, slices: readonly string[]): SQL {
  const texts = sql.join(
    slices.map((slice) => sql`${slice}::pg_catalog.text`),
    sql`, `,
  )
  return sql`select audit.${sql.raw(name)}(${RECORDER}::pg_catalog.uuid, ${KEY}::pg_catalog.text, array[${texts}])::pg_catalog.text as epoch`
}

type Way = (db: PostgresJsDatabase) => PromiseLike<unknown>

function cpuUs(process: number | 'self'): number {
  return Number(fs.readFileSync(`/proc/${process}/schedstat`, 'utf8').split(' ')[0]) / 1_000
}

/** Each way's turn writes the same batches on a connection of its own. */
async function measure(
  server: BenchServer,
  ways: Readonly<Record<string, Way>>,
  { batchEntries, batches }: { readonly batchEntries: number; readonly batches: number },
): Promise<Rounds> {
  const connections: postgres.Sql[] = []
  const turns: Record<string, () => Promise<Record<string, number>>> = {}
  for (const [name, way] of Object.entries(ways)) {
    const connection = postgres(server.urlOf('door'), {
      ...{ max: 1, prepare: false, fetch_types: false, onnotice: () => {} },
    })
    connections.push(connection)
    const db = drizzle(connection)
    const [backend] = await connection`
      select pg_backend_pid() as pid, set_config('audit.tx', ${KEY}, false)`
    const pid = Number(backend?.['pid'])
    turns[name] = async () => {
      await connection`
        truncate audit.audit_staging, audit.audit_outbox, before.audit_staging, before.audit_outbox`
      await way(db)
      const [serverBefore, ownBefore] = [cpuUs(pid), cpuUs('self')]
      for (let n = 0; n < batches; n += 1) await way(db)
      const entries = batchEntries * batches
      const sample = {
        serverUs: (cpuUs(pid) - serverBefore) / entries,
        ownUs: (cpuUs('self') - ownBefore) / entries,
      }
      const [counted] = await connection`
        select (select count(*) from audit.audit_staging) + (select count(*) from before.audit_staging)
          + (select count(*) from audit.audit_outbox) + (select count(*) from before.audit_outbox)
          as rows`
      if (Number(counted?.['rows']) !== entries + batchEntries) throw new Error('some are missing')
      return sample
    }
  }
  const rounds = await interleave(turns, { rounds: ROUNDS, warmUpRounds: 2 })
  for (const connection of connections) await connection.end({ timeout: 1 })
  return rounds
}

function table(title: string, rounds: Rounds): string {
  const [first = ''] = rounds.names
  const lines = rounds.names.map((name) => {
    const cells = ['serverUs', 'ownUs'].flatMap((metric) => [
      showSpread(rounds.spread(name, metric)),
      rounds.ratio(name, first, metric).median.toFixed(2),
    ])
    return `| ${name} | ${cells.join(' | ')} |`
  })
  const head = ['| | server | ratio | our main thread | ratio |', '|---|---:|---:|---:|---:|']
  return [`## ${title}`, '', ...head, ...lines].join('\n')
}

const only = process.argv[2]
const server = await BenchServer.start()
try {
  await server.make('door', async (connection) => {
    await connection.unsafe(BEFORE)
    const file = process.env['DOOR_SQL']
    if (file) await connection.unsafe(fs.readFileSync(file, 'utf8'))
  })
  const identity = { recorderId: RECORDER, recorderKey: KEY }
  const sections = [
    '# What the functions cost that bound what a lane takes',
    `${showMachine(describeMachine())}; \`npx tsx test/bench/staging-door.ts\`.`,
    'Microseconds of CPU an entry of the demo with the context that the middleware adds: the backend, ' +
      'and our main thread from the encoded text to the answer. The entries were encoded before. ' +
      `Median of ${ROUNDS} rounds by turns (smallest–largest); the ratio is the median of the rounds' ` +
      'own ratios to the statement of commit b31a6f9, which was an INSERT into the table.',
  ]
  for (const batchEntries of BATCHES) {
    if (only && only !== 'stage') break
    const slices = slicesOf(batchEntries)
    const ways = {
      'INSERT (b31a6f9)': (db: PostgresJsDatabase) => db.execute(insertBefore(slices)),
      'audit.stage': (db: PostgresJsDatabase) => db.execute(stageQuery(identity, slices)),
      ...Object.fromEntries(
        (process.env['DOOR_WAYS'] ?? '')
          .split(',')
          .filter(Boolean)
          .map((name) => [
            name,
            (db: PostgresJsDatabase) => db.execute(variantQuery(name, slices)),
          ]),
      ),
    }
    const batches = Math.ceil(20_000 / Math.max(batchEntries, 40))
    sections.push(
      table(
        `Fast lane, ${batchEntries} entries a batch`,
        await measure(server, ways, { batchEntries, batches }),
      ),
    )
    console.log(sections.at(-1))
  }
  for (const batchEntries of [1, 10, 100]) {
    if (only && only !== 'atomic') break
    const encoded = textsOf(batchEntries)
    const ways = {
      'INSERT (b31a6f9)': (db: PostgresJsDatabase) => db.execute(atomicBefore(encoded)),
      'audit.record_in': (db: PostgresJsDatabase) => db.execute(atomicNow(encoded)),
    }
    const batches = Math.ceil(5_000 / Math.max(batchEntries, 5))
    sections.push(
      table(
        `recordIn atomic, ${batchEntries} entries a call`,
        await measure(server, ways, { batchEntries, batches }),
      ),
    )
    console.log(sections.at(-1))
  }
  const file = fileURLToPath(new URL('results/staging-door.md', import.meta.url))
  if (!only) fs.writeFileSync(file, `${sections.join('\n\n')}\n`)
} finally {
  await server.remove()
}
