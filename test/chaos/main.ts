import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { positive, withUsage } from '../support/usage.ts'
import { type Goal, judge } from './goals.ts'
import { heal } from './heal.ts'
import { Inflictor } from './inflict.ts'
import { Progress } from './progress.ts'
import { Scene } from './scene.ts'
import { planFaults } from './schedule.ts'
import { verify } from './verify.ts'
import type { RecorderFate } from './verify-recorders.ts'

const USAGE = `npm run test:chaos -- [--seconds 60] [--rate 1100] [--seed N] [--dir DIR] [--keep] [--save FILE]

A server, two writers and two relays, and every fault that a seed decides on. At the end it heals, and
the account has to balance: exits with 1 and the reasons where it does not, and then keeps everything.

The same seconds and seed bring the same faults at the same moments; what they meet is the machine's.
The seed is the first thing that is printed, and the command again where it fails.

  --seconds  how long faults are inflicted
  --rate     entries a second of both writers together
  --seed     which faults, and when; default: another one each time
  --dir      a folder for all that it writes; default: one of its own, removed where all is well
  --keep     keeps that folder in any case
  --save     writes a result as in test/bench/results`

const { values, seconds, seed, rate } = withUsage(USAGE, () => {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
      rate: { type: 'string', default: '1100' },
      dir: { type: 'string' },
      save: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  })
  return {
    values,
    seconds: positive('seconds', values.seconds),
    seed: positive('seed', values.seed),
    rate: positive('rate', values.rate),
  }
})
const command = `npm run test:chaos -- --seconds ${seconds} --rate ${rate} --seed ${seed}`
const beganMs = performance.now()
const lines: string[] = []

function say(line: string): void {
  const at = ((performance.now() - beganMs) / 1_000).toFixed(1).padStart(6)
  lines.push(`${at}  ${line}`)
  console.log(`${at}  ${line}`)
}

function makeFolder(): string {
  const folder = values.dir
    ? path.resolve(values.dir)
    : fs.mkdtempSync(path.join(os.tmpdir(), `audit-outbox-chaos-${seed}-`))
  fs.mkdirSync(folder, { recursive: true })
  fs.chmodSync(folder, 0o711) // as root the server runs as another user, who has to get in
  return folder
}

async function main(): Promise<boolean> {
  const folder = makeFolder()
  const faults = planFaults(seed, seconds)
  say(`seed ${seed}, ${seconds} s, ${faults.length} faults`)
  console.log(`        everything is kept in ${folder} until the account balances`)
  const save = (name: string, content: unknown) =>
    fs.writeFileSync(path.join(folder, name), `${JSON.stringify(content, undefined, 1)}\n`)
  save('schedule.json', faults)
  const scene = await Scene.set({
    folder,
    seed,
    entriesPerSecond: rate,
    transactionsPerSecond: 25,
    say,
  })
  let isRight = false
  try {
    say(`Postgres on port ${scene.server.port}; ${scene.processes.length} processes`)
    const inflictor = new Inflictor(scene)
    const progress = new Progress(scene, inflictor, { seconds, say })
    await play(inflictor, faults)
    say('healing')
    const healed = await heal(scene, say)
    progress.stop()
    save('inflicted.json', inflictor.done)
    save(
      'lives.json',
      scene.processes.map(({ name, lives }) => ({ name, lives })),
    )
    const verdict = await verify(scene, inflictor.crashes)
    const hits = inflictor.done.filter(({ hit }) => hit)
    const killed = hits.filter(({ fault }) => fault.kind === 'kill-writer')
    const figures = {
      'faults that hit': hits.length,
      'writers killed': killed.length,
      ...verdict.figures,
      ...healed.figures,
      ...progress.figures,
    }
    const goals = judge(figures, seconds)
    const missed = goals.filter(({ isReached }) => !isReached)
    const wrong = [...healed.wrong, ...verdict.wrong, ...missed.map(inWords)]
    tell(verdict.recorders, figures, goals)
    const kinds = countKinds(hits.map(({ fault }) => fault.kind))
    say(
      `faults: ${Object.entries(kinds)
        .map((kind) => kind.join(' '))
        .join(', ')}`,
    )
    for (const reason of wrong) say(`WRONG: ${reason}`)
    say(wrong.length === 0 ? 'The account balances.' : `It does not balance. See ${folder}`)
    if (wrong.length > 0) say(`Again: ${command}`)
    const machine = `${os.cpus().length} × ${os.cpus()[0]?.model.trim()}, Node ${process.version}`
    const { recorders } = verdict
    const date = new Date().toISOString().slice(0, 10)
    const result = { machine, seed, seconds, goals, figures, kinds, recorders, wrong }
    save('result.json', result)
    fs.writeFileSync(path.join(folder, 'output.txt'), `${lines.join('\n')}\n`)
    if (values.save) {
      fs.writeFileSync(`${values.save}.json`, `${JSON.stringify(result, undefined, 1)}\n`)
      const head = `chaos, ${date}, ${command}\n${machine}`
      fs.writeFileSync(`${values.save}.txt`, `${head}\n${lines.join('\n')}\n`)
    }
    isRight = wrong.length === 0
  } finally {
    await scene.strike()
    if (isRight && !values.dir && !values.keep) fs.rmSync(folder, { recursive: true })
  }
  return isRight
}

async function play(inflictor: Inflictor, faults: ReturnType<typeof planFaults>): Promise<void> {
  const startMs = performance.now()
  const wait = (untilMs: number) => sleep(Math.max(0, startMs + untilMs - performance.now()))
  const running: Promise<void>[] = []
  for (const fault of faults) {
    await wait(fault.atMs)
    running.push(inflictor.inflict(fault))
  }
  await wait(seconds * 1_000)
  await Promise.all(running)
}

function tell(
  recorders: readonly RecorderFate[],
  figures: Readonly<Record<string, number>>,
  goals: readonly Goal[],
): void {
  for (const { name, ending, ...fate } of recorders) {
    const { accepted, logged, neverStaged, givenUp, lostInLane } = fate
    say(
      `${name.padEnd(12)}${ending}: accepted ${accepted}, logged ${logged}, never staged ` +
        `${neverStaged}, given up ${givenUp}, lost with the lane ${lostInLane}`,
    )
  }
  for (const [name, value] of Object.entries(figures)) {
    const goal = goals.find((one) => one.name === name)
    const verdict = goal ? `${goal.goal.padEnd(18)}${goal.isReached ? 'reached' : 'MISSED'}` : ''
    say(`${name.padEnd(46)}${String(value).padStart(9)}  ${verdict}`.trimEnd())
  }
}

function inWords({ name, value, goal }: Goal): string {
  return `${name}: ${value}, and the goal is ${goal}`
}

function countKinds(kinds: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

try {
  process.exit((await main()) ? 0 : 1)
} catch (error) {
  console.error(error)
  process.exit(1)
}
