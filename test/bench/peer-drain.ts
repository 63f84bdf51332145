// What pg-boss and graphile-worker do with the same entries: queue them, fetch them in batches, write
// each batch into the log in one statement, complete them. Runs on the Node and with the packages of
// a folder of their own: `node peer-drain.ts FOLDER NAME URL JOBS BATCH`, prints JSON.
import { createRequire } from 'node:module'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'

interface Sql {
  query(text: string, values?: readonly unknown[]): Promise<{ rows: { entry: object }[] }>
}
interface Pool extends Sql {
  end(): Promise<void>
}
interface Job {
  readonly id: string
  readonly data: object
}
interface Boss {
  start(): Promise<unknown>
  stop(options: object): Promise<void>
  on(event: string, listener: (error: unknown) => void): unknown
  createQueue(name: string): Promise<unknown>
  insert(name: string, jobs: readonly { data: object }[]): Promise<unknown>
  fetch(name: string, options: { batchSize: number }): Promise<readonly Job[]>
  complete(name: string, ids: readonly string[]): Promise<unknown>
}
interface Runner {
  stop(): Promise<void>
}
interface Graphile {
  run(options: object): Promise<Runner>
  makeWorkerUtils(options: object): Promise<{
    migrate(): Promise<void>
    addJobs(jobs: readonly object[]): Promise<unknown>
    release(): Promise<void>
  }>
}

const [folder = '', name = '', url = '', jobsText = '', batchText = ''] = process.argv.slice(2)
const JOBS = Number(jobsText)
const BATCH = Number(batchText)
/** As many as a recorder writes at once. */
const INSERT = 1_000
/** pg-boss' best shape here: one batch is fetched while another is written. */
const LOOPS = 2

const inFolder = createRequire(`${folder}/package.json`)
const load = async (module: string): Promise<unknown> =>
  await import(pathToFileURL(inFolder.resolve(module)).href)
const pg = (await load('pg')) as { default: { Pool: new (options: object) => Pool } }
const pool = new pg.default.Pool({ connectionString: url, max: 4 })

const TYPES =
  'id uuid, occurred_at timestamptz, user_id uuid, event_id uuid, target_id uuid, ' +
  'recorder_id uuid, recorder_seq bigint, action text, entity_type text, request_id text, ' +
  'metadata jsonb, context jsonb'
const COLUMNS = TYPES.replace(/ \w+(,|$)/g, '$1')

async function writeBatch(entries: readonly object[]): Promise<void> {
  await pool.query(
    `with head as (update audit.audit_head set seq = seq + $2::integer returning seq)
    insert into audit.audit_log (${COLUMNS}, seq)
    select ${COLUMNS}, (select seq from head) - $2::integer + row_number() over (order by id)
    from json_to_recordset($1::text::json) as entry (${TYPES}) order by id`,
    [JSON.stringify(entries), entries.length],
  )
}

async function timed(work: () => Promise<void>): Promise<number> {
  const beganMs = performance.now()
  await work()
  return (JOBS / (performance.now() - beganMs)) * 1_000
}

async function inBatches(entries: readonly object[], put: (some: readonly object[]) => unknown) {
  for (let at = 0; at < entries.length; at += INSERT) await put(entries.slice(at, at + INSERT))
}

async function pgBoss(entries: readonly object[]) {
  const { PgBoss } = (await load('pg-boss')) as { PgBoss: new (options: object) => Boss }
  const boss = new PgBoss({ connectionString: url, max: 4, supervise: false, schedule: false })
  boss.on('error', (error) => console.error(error))
  await boss.start()
  await boss.createQueue('audit')
  const staged = await timed(() =>
    inBatches(entries, (some) =>
      boss.insert(
        'audit',
        some.map((data) => ({ data })),
      ),
    ),
  )
  await pool.query('checkpoint')
  const loop = async () => {
    for (;;) {
      const jobs = await boss.fetch('audit', { batchSize: BATCH })
      if (jobs.length === 0) return
      await writeBatch(jobs.map(({ data }) => data))
      await boss.complete(
        'audit',
        jobs.map(({ id }) => id),
      )
    }
  }
  const drained = await timed(async () => {
    await Promise.all(Array.from({ length: LOOPS }, loop))
  })
  await boss.stop({ graceful: false })
  return { staged, drained }
}

/** A job for each entry; tasks that run together share one write, and their completion is batched. */
async function graphile(entries: readonly object[]) {
  const worker = (await load('graphile-worker')) as Graphile
  const silent = () => () => {}
  const Logger = ((await load('graphile-worker')) as { Logger: new (make: unknown) => object })
    .Logger
  const logger = new Logger(silent)
  const utils = await worker.makeWorkerUtils({ connectionString: url, logger })
  await utils.migrate()
  const staged = await timed(() =>
    inBatches(entries, (some) =>
      utils.addJobs(some.map((payload) => ({ identifier: 'log', payload }))),
    ),
  )
  await utils.release()
  await pool.query('checkpoint')
  let waiting: { entry: object; done: () => void; failed: (error: unknown) => void }[] = []
  let timer: NodeJS.Timeout | undefined
  let logged = 0
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const write = async () => {
    clearTimeout(timer)
    timer = undefined
    const batch = waiting
    waiting = []
    try {
      await writeBatch(batch.map(({ entry }) => entry))
      for (const { done } of batch) done()
      logged += batch.length
      if (logged === JOBS) finish()
    } catch (error) {
      for (const { failed } of batch) failed(error)
    }
  }
  const task = (entry: object) =>
    new Promise<void>((done, failed) => {
      waiting.push({ entry, done, failed })
      if (waiting.length >= BATCH) void write()
      else timer ??= setTimeout(() => void write(), 5)
    })
  let runner: Runner | undefined
  const drained = await timed(async () => {
    runner = await worker.run({
      noHandleSignals: true,
      taskList: { log: task },
      preset: {
        worker: {
          connectionString: url,
          concurrentJobs: BATCH,
          maxPoolSize: 4,
          pollInterval: 100,
          localQueue: { size: BATCH },
          completeJobBatchDelay: 10,
          logger,
        },
      },
    })
    await finished
    await untilEmpty()
  })
  await runner?.stop()
  return { staged, drained }
}

async function untilEmpty(): Promise<void> {
  for (;;) {
    const { rows } = await pool.query(
      'select 1 as entry from graphile_worker._private_jobs limit 1',
    )
    if (rows.length === 0) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const { rows } = await pool.query(
  'select row_to_json(s) as entry from audit.audit_staging as s limit $1::integer',
  [JOBS],
)
const entries = rows.map(({ entry }) => entry)
await pool.query('truncate audit.audit_staging')
console.log(JSON.stringify(name === 'pg-boss' ? await pgBoss(entries) : await graphile(entries)))
await pool.end()
process.exit(0)
