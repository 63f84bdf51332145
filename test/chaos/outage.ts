import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { numbersOf } from '../support/usage.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Figure, report } from './bench-report.ts'
import { type BenchScene, benchScene, type Load } from './bench-scene.ts'
import type { LoadOrder } from './load.ts'

const USAGE = `npm run test:outage -- [--seconds 60] [--rate 5000]

The database goes away under load. What it costs those who record, in time and in memory; whether all
that fitted is logged afterwards; and whether a process ends when it is asked to, while the database
is away and after it.

  --seconds  how long it is away
  --rate     entries a second`

const { seconds: OUTAGE_SECONDS, rate: RATE } = numbersOf(USAGE, { seconds: 60, rate: 5_000 })
const WARM_SECONDS = 30
const CLOSE_TIMEOUT_MS = 5_000
/** The library's own default of `maxBufferBytes`, in MiB. */
const BUFFER_MIB = 64
const HEADROOM_MIB = 64
const MAX_P999_US = 1_000

const scene = await benchScene('outage')
let isReached = false
try {
  isReached = await play(scene)
} finally {
  await scene.strike()
}
process.exit(isReached ? 0 : 1)

async function play(scene: BenchScene): Promise<boolean> {
  const settings = { entriesPerSecond: RATE, closeTimeoutMs: CLOSE_TIMEOUT_MS }
  const load = scene.load('load', settings)
  const doomed = scene.load('doomed', { ...settings, entriesPerSecond: 100 })
  await sleep(WARM_SECONDS * 1_000)
  const warm = newsOf(load)
  const rss: { readonly atSeconds: number; readonly mib: number }[] = []
  const beganMs = performance.now()
  const sampler = setInterval(() => {
    const { rssBytes } = newsOf(load)
    rss.push({ atSeconds: Math.round((performance.now() - beganMs) / 1_000), mib: mib(rssBytes) })
  }, 1_000)

  load.process.tell('reset' satisfies LoadOrder)
  await scene.server.stop('fast')
  console.log(`warm: ${mib(warm.rssBytes)} MiB; the database is away`)
  await sleep((OUTAGE_SECONDS - CLOSE_TIMEOUT_MS / 1_000 - 5) * 1_000)
  const doomedMs = await endingTime(doomed)
  await sleep(Math.max(0, beganMs + OUTAGE_SECONDS * 1_000 - performance.now()))
  const outage = newsOf(load)
  console.log(`${outage.buffered} buffered, ${outage.refused} refused, ${mib(outage.rssBytes)} MiB`)

  await scene.server.start()
  const backMs = performance.now()
  load.process.tell('quiet' satisfies LoadOrder)
  await waitFor(() => newsOf(load).isQuiet && newsOf(load).buffered === 0, {
    what: 'the buffer to be staged',
    timeoutMs: 120_000,
  })
  const stagedMs = Math.round(performance.now() - backMs)
  const { accepted, refused } = newsOf(load)
  await waitFor(async () => (await logged(scene)) >= accepted, {
    what: 'everything to be logged',
    timeoutMs: 120_000,
    intervalMs: 200,
  })
  const loggedMs = Math.round(performance.now() - backMs)
  clearInterval(sampler)
  const endMs = await endingTime(load)
  const found = await logged(scene)
  const peak = Math.max(...rss.map((sample) => sample.mib))
  const growth = Math.round((peak - mib(warm.rssBytes)) * 10) / 10
  const figures: Figure[] = [
    { name: 'entries a second', value: RATE },
    { name: 'database away, s', value: OUTAGE_SECONDS },
    { name: 'record() p50 meanwhile, µs', value: outage.p50Us },
    {
      name: 'record() p99.9 meanwhile, µs',
      value: outage.p999Us,
      goal: `at most ${MAX_P999_US}`,
      isReached: outage.p999Us <= MAX_P999_US,
    },
    { name: 'record() slowest meanwhile, µs', value: outage.slowestUs },
    { name: 'resident before, MiB', value: mib(warm.rssBytes) },
    {
      name: 'growth of it at most, MiB',
      value: growth,
      goal: `at most ${BUFFER_MIB} + ${HEADROOM_MIB}`,
      isReached: growth <= BUFFER_MIB + HEADROOM_MIB,
    },
    { name: 'accepted', value: accepted },
    { name: 'refused, the buffer being full', value: refused },
    {
      name: 'logged of those accepted',
      value: found,
      goal: 'all of them, once',
      isReached: found === accepted,
    },
    { name: 'staged after its return, ms', value: stagedMs },
    { name: 'logged after its return, ms', value: loggedMs },
    {
      name: 'end on SIGTERM while it is away, ms',
      value: doomedMs,
      goal: `at most ${CLOSE_TIMEOUT_MS} + 2,000`,
      isReached: doomedMs <= CLOSE_TIMEOUT_MS + 2_000,
    },
    {
      name: 'end on SIGTERM afterwards, ms',
      value: endMs,
      goal: `at most ${CLOSE_TIMEOUT_MS}`,
      isReached: endMs <= CLOSE_TIMEOUT_MS,
    },
  ]
  return report('outage', figures, { rss, closedMeanwhile: doomed.closed(), closed: load.closed() })
}

function newsOf(load: Load) {
  const news = load.news()
  if (news === undefined) throw new Error('The application has not said anything yet.')
  return news
}

/** @returns how long it took to end after SIGTERM, in milliseconds */
async function endingTime(load: Load): Promise<number> {
  const beganMs = performance.now()
  if (!(await load.process.finish())) throw new Error(`${load.process.name} did not end`)
  return Math.round(performance.now() - beganMs)
}

/** What `load` recorded. */
async function logged({ url }: BenchScene): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const [row] = await sql`
      select count(*)::float8 as entries from audit.audit_log
      where action = 'order.update'
        and recorder_id = (select id from audit.audit_report order by accepted desc limit 1)`
    return Number(row?.['entries'])
  } finally {
    await sql.end({ timeout: 1 })
  }
}

function mib(bytes: number): number {
  return Math.round((bytes / 1024 / 1024) * 10) / 10
}
