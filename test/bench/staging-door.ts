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
import { cpuUs } from './process-cpu.ts'
import { interleave, type Rounds, showSpread } from './rounds.ts'

/**
 * What the functions that bound what a lane takes cost, next to the statements that they took the
 * place of: an INSERT into a table, as commit b31a6f9 has it. Keeps what it found in `results`.
 *
 * `npx tsx test/bench/staging-door.ts`
 */
const BATCHES = [1_000, 200, 10]
const ROUNDS = 9
/** Of large entries, which repeat more closely. */
const LARGE_ROUNDS = 5
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

const maxEntryBytes = RECORDER_LIMITS.maxEntryBytes.max
const redactor = compileRedactor(undefined)
const { captureEntry, bindContext } = createCapture({ maxEntryBytes, redactor })
const encoder = createEncoder({ recorderId: RECORDER, maxEntryBytes, redactor })
const context = bindContext(CONTEXT)

/** Metadata of about so many bytes of JSON: words, and where `hasNumbers` says so as many numbers. */
function largeMetadata(bytes: number, hasNumbers: boolean) {
  const line = (n: number) =>
    hasNumbers
      ? { name: 'a line of it', amount: n * 1.25, count: n }
      : { name: 'a line of it', text: `text ${n}` }
  const lines: object[] = []
  for (let left = bytes; left > 0; left -= 45) lines.push(line(lines.length))
  return { lines }
}

interface Large {
  readonly bytes: number
  readonly hasNumbers: boolean
}

function pending(n: number, large?: Large) {
  const entry = demoEntry(n)
  const made = captureEntry(
    large ? { ...entry, metadata: largeMetadata(large.bytes, large.hasNumbers) } : entry,
    context,
    Date.now(),
  )
  if (made === undefined) throw new Error('it is no entry')
  return made
}

function slicesOf(entries: number, large?: Large): readonly string[] {
  const batch = new EncodedBatch(encoder)
  const slice = large ? 1 : SLICE
  for (let n = 0; n < entries; n += 1) {
    batch.add(pending(n, large), n + 1)
    if (n % slice === slice - 1) batch.seal()
  }
  batch.seal()
  return batch.slices
}

function textsOf(entries: number, large?: Large): readonly string[] {
  return Array.from({ length: entries }, (_, n) => encoder.encode(pending(n, large), null))
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
    select audit.record_in(${`[${encoded.join(',')}]`}::pg_catalog.text, true) as taken
    where pg_catalog.current_setting('audit.tx', true) operator(pg_catalog.=) ${KEY}::pg_catalog.text`
}

const FUNCTIONS = new URL('../../src/schema/functions/', import.meta.url)
const textOf = (name: string) => fs.readFileSync(new URL(`${name}.sql`, FUNCTIONS), 'utf8')

function replaced(text: string, find: string, by: string): string {
  if (!text.includes(find)) throw new Error(`there is no ${find}`)
  return text.replaceAll(find, by)
}

const FIT = 'where case when r.fits then true else audit.mark_unfit() end'
const named = (name: string, text = textOf('lanes/stage')) => replaced(text, '"stage"', `"${name}"`)

/** What else was tried: by the name of its function, what it is and its text. */
const VARIANTS: Readonly<Record<string, readonly [what: string, text: string]>> = {
  stage_unbounded: ['without a look at the rows', replaced(named('stage_unbounded'), FIT, '')],
  stage_regexp: [
    'with a regexp over each slice in the place of printing metadata and context',
    `${replaced(
      replaced(textOf('given/is_plain'), '"is_plain"', '"is_plain_regexp"'),
      'octet_length(given) > 2048 * entries',
      'true',
    )};
    ${replaced(named('stage_regexp'), 'audit.is_plain(s.given', 'audit.is_plain_regexp(s.given')}`,
  ],
  stage_planned: [
    'planned for each call',
    replaced(named('stage_planned'), 'force_generic_plan', 'force_custom_plan'),
  ],
}

function stageBy(name: string, slices: readonly string[]): SQL {
  const texts = sql.join(
    slices.map((slice) => sql`${slice}::pg_catalog.text`),
    sql`, `,
  )
  return sql`
    select audit.${sql.raw(name)}(
      ${RECORDER}::pg_catalog.uuid, ${KEY}::pg_catalog.text, array[${texts}]
    )::pg_catalog.text as epoch`
}

type Way = (db: PostgresJsDatabase) => PromiseLike<unknown>

interface Extent {
  readonly batchEntries: number
  readonly batches: number
  readonly rounds?: number
}

/** Each way's turn writes the same batches on a connection of its own. */
async function measure(
  server: BenchServer,
  ways: Readonly<Record<string, Way>>,
  { batchEntries, batches, rounds = ROUNDS }: Extent,
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
  const measured = await interleave(turns, { rounds, warmUpRounds: 1 })
  for (const connection of connections) await connection.end({ timeout: 1 })
  return measured
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

const server = await BenchServer.start()
try {
  await server.make('door', async (connection) => {
    await connection.unsafe(BEFORE)
    for (const [, text] of Object.values(VARIANTS)) await connection.unsafe(text)
  })
  const sections = [
    '# What the functions cost that bound what a lane takes',
    `${showMachine(describeMachine())}; \`npx tsx test/bench/staging-door.ts\`.`,
    'Microseconds of CPU an entry of the demo with the context that the middleware adds: the backend, ' +
      'and our main thread from the encoded text to the answer. The entries were encoded before. ' +
      `Median of ${ROUNDS} rounds by turns (smallest–largest); the ratio is the median of the rounds' ` +
      'own ratios to the statement of commit b31a6f9, which was an INSERT into the table.',
  ]
  const show = (section: string) => {
    sections.push(section)
    console.log(section)
  }
  for (const batchEntries of BATCHES) {
    const slices = slicesOf(batchEntries)
    const ways: Record<string, Way> = {
      'INSERT (b31a6f9)': (db) => db.execute(insertBefore(slices)),
      'audit.stage': (db) =>
        db.execute(stageQuery({ recorderId: RECORDER, recorderKey: KEY }, slices)),
    }
    for (const [name, [what]] of Object.entries(VARIANTS)) {
      ways[`– ${what}`] = (db) => db.execute(stageBy(name, slices))
    }
    const batches = Math.ceil(10_000 / Math.max(batchEntries, 40))
    const rounds = await measure(server, ways, { batchEntries, batches })
    show(table(`Fast lane, ${batchEntries} entries a batch`, rounds))
  }
  for (const batchEntries of [1, 10, 100]) {
    const encoded = textsOf(batchEntries)
    const ways: Record<string, Way> = {
      'INSERT (b31a6f9)': (db) => db.execute(atomicBefore(encoded)),
      'audit.record_in': (db) => db.execute(atomicNow(encoded)),
    }
    const batches = Math.ceil(5_000 / Math.max(batchEntries, 5))
    const rounds = await measure(server, ways, { batchEntries, batches })
    show(table(`recordIn atomic, ${batchEntries} entries a call`, rounds))
  }
  for (const bytes of [8_000, 100_000]) {
    for (const hasNumbers of [false, true]) {
      const large = { bytes, hasNumbers }
      const batchEntries = bytes > 50_000 ? 4 : 40
      const slices = slicesOf(batchEntries, large)
      const encoded = textsOf(1, large)
      const of = `of ${bytes / 1_000} KB ${hasNumbers ? 'with' : 'without'} numbers`
      const staged: Record<string, Way> = {
        'INSERT (b31a6f9)': (db) => db.execute(insertBefore(slices)),
        'audit.stage': (db) =>
          db.execute(stageQuery({ recorderId: RECORDER, recorderKey: KEY }, slices)),
      }
      const batches = Math.ceil(2_000_000 / bytes / batchEntries)
      show(
        table(
          `Fast lane, ${batchEntries} entries a batch ${of}`,
          await measure(server, staged, { batchEntries, batches, rounds: LARGE_ROUNDS }),
        ),
      )
      const atomic: Record<string, Way> = {
        'INSERT (b31a6f9)': (db) => db.execute(atomicBefore(encoded)),
        'audit.record_in': (db) => db.execute(atomicNow(encoded)),
      }
      show(
        table(
          `recordIn atomic, 1 entry a call ${of}`,
          await measure(server, atomic, {
            batchEntries: 1,
            batches: batches * batchEntries,
            rounds: LARGE_ROUNDS,
          }),
        ),
      )
    }
  }
  sections.push(
    'Most of a batch is the parsing of jsonb, which both do. A look at the rows costs about a tenth to a ' +
      'sixth; kept plans and one call save about as much, and more the smaller the batch. Of small ' +
      'entries metadata and context are printed, because their length bounds every number in them; that ' +
      'costs less than a pattern over the text, which large entries get. An entry of many objects pays ' +
      'besides for the look at its depth. `recordIn` with several entries pays for checking four ids of ' +
      'each, so that one that is no UUID is kept and marked instead of failing the transaction.',
  )
  const file = fileURLToPath(new URL('results/staging-door.md', import.meta.url))
  fs.writeFileSync(file, `${sections.join('\n\n')}\n`)
} finally {
  await server.remove()
}
