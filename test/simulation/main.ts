import { spawn } from 'node:child_process'
import { once } from 'node:events'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { positive, withUsage } from '../support/usage.ts'
import { simulate } from './world.ts'

const USAGE = `npm run test:simulation -- [--seeds 10000] [--from 1] [--seed N]

Recorders and relays on a model of the database that fails at random. Each seed tells one story, in
which every entry has to end up in the log or be declared lost; exits with 1 where one ends badly.

  --seeds  how many are told
  --from   the first of them
  --seed   one alone, with what happens in it`

const { seeds, from, seed, isAlone } = withUsage(USAGE, () => {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '10000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      // Used by the command itself: that process tells them all.
      alone: { type: 'boolean', default: false },
    },
  })
  return {
    seeds: positive('seeds', values.seeds),
    from: positive('from', values.from),
    seed: values.seed === undefined ? undefined : positive('seed', values.seed),
    isAlone: values.alone,
  }
})
const LINES_SHOWN = 60
const MAX_FAILURES = 5

if (seed !== undefined) await replay(seed)
else if (isAlone) await tell(from, seeds)
else await share(from, seeds)

async function replay(seed: number): Promise<void> {
  const { trace, error } = await simulate(seed)
  for (const line of trace) console.log(line)
  console.log(error ? `seed ${seed} fails: ${error.stack}` : `seed ${seed} holds`)
  process.exitCode = error ? 1 : 0
}

async function tell(from: number, seeds: number): Promise<void> {
  Error.stackTraceLimit = 0 // thousands of errors on purpose, and nobody looks at where they are from
  let entries = 0
  let faults = 0
  let failures = 0
  for (let seed = from; seed < from + seeds && failures < MAX_FAILURES; seed += 1) {
    const story = await simulate(seed)
    entries += story.entries
    faults += story.faults
    if (story.error === undefined) continue
    failures += 1
    console.log(`seed ${seed} fails: ${story.error.message}`)
    console.log(story.trace.slice(-LINES_SHOWN).join('\n'))
    console.log(`again: npm run test:simulation -- --seed ${seed}\n`)
  }
  const { user, system } = process.cpuUsage()
  const cpuMs = Math.round((user + system) / 1_000)
  console.log(JSON.stringify({ entries, faults, failures, cpuMs }))
  process.exitCode = failures > 0 ? 1 : 0
}

/** Time is one for a whole process, so what runs at once runs in several of them. */
async function share(from: number, seeds: number): Promise<void> {
  const beganMs = performance.now()
  const processes = Math.min(os.availableParallelism(), seeds)
  const share = Math.ceil(seeds / processes)
  const told = await Promise.all(
    Array.from({ length: processes }, (_, n) => {
      const first = from + n * share
      return tellInChild(first, Math.min(share, from + seeds - first))
    }),
  )
  const sum = (of: keyof Told) => told.reduce((total, one) => total + one[of], 0)
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(1)
  console.log(
    `${seeds} seeds from ${from} on in ${seconds} s (${Math.round(sum('cpuMs') / 1_000)} s of ` +
      `${processes} processors): ${sum('entries')} entries, ` +
      `${sum('faults')} faults, ${sum('failures')} seeds failed`,
  )
  process.exitCode = sum('failures') > 0 ? 1 : 0
}

interface Told {
  readonly entries: number
  readonly faults: number
  readonly failures: number
  readonly cpuMs: number
}

async function tellInChild(from: number, seeds: number) {
  const main = fileURLToPath(import.meta.url)
  const args = [
    '--import',
    'tsx',
    main,
    '--alone',
    '--from',
    String(from),
    '--seeds',
    String(seeds),
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
  })
  await once(child, 'close')
  const lines = output.trimEnd().split('\n')
  const last = lines.pop() ?? ''
  if (lines.length > 0) console.log(lines.join('\n'))
  if (!last.startsWith('{')) throw new Error(`The process of seeds from ${from} on died.`)
  return JSON.parse(last) as Told
}
