import fs from 'node:fs'
import { parseArgs } from 'node:util'
import { describeMachine, showMachine } from './machine.ts'
import { saveResult, showResult } from './output.ts'
import { isReached, type Part } from './part.ts'

// The benchmark that anybody can run: `npm run bench -- --help`.

/** In the order of an entry's way. */
const NAMES = [
  'hotpath',
  'hotpath-parts',
  'worst-calls',
  'flush',
  'exit-dump',
  'http',
  'memory',
  'relay',
  'latency',
  'growth',
  'indexes',
  'idle',
  'scale',
  'archive',
  'seal',
  'erase',
  'verify',
  'search',
  'bars',
] as const

/** Loaded one by one, so that what one part needs cannot keep another from running. */
async function load(name: string): Promise<Part | undefined> {
  const file = new URL(`${name}.ts`, import.meta.url)
  if (!fs.existsSync(file)) return undefined
  const { part } = (await import(file.href)) as { part: Part }
  return part
}

async function help(): Promise<string> {
  const parts = await Promise.all(NAMES.map(load))
  const lines = parts.flatMap((part) => (part ? [`  ${part.name.padEnd(15)}${part.summary}`] : []))
  return [
    'npm run bench -- [part…] [--quick]',
    '',
    ...lines,
    '',
    'Without a part, all of them. Results are printed and kept in test/bench/results.',
    '--quick takes two minutes for all, proves that they run, and keeps nothing.',
  ].join('\n')
}

/** @returns whether it ran; whether it reached what it should is said, and no failure */
async function run(name: string, isQuick: boolean): Promise<boolean> {
  const part = await load(name)
  if (!part) return true
  console.log(`\n${part.name}: ${part.summary}`)
  const machine = describeMachine()
  console.log(showMachine(machine))
  const beganMs = performance.now()
  const say = (progress: string) => {
    const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0)
    console.log(`  ${seconds.padStart(4)} s  ${progress}`)
  }
  try {
    const result = await part.run({ isQuick, say })
    console.log(showResult(result))
    const reached = result.goals.filter(isReached).length
    if (result.goals.length > 0) console.log(`${reached} of ${result.goals.length} goals reached`)
    if (!isQuick) console.log(`kept: ${saveResult(part, machine, result).join(', ')}`)
    return true
  } catch (error) {
    console.error(`${name} failed:`, error)
    return false
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const unknown = positionals.filter((name) => !NAMES.some((known) => known === name))
if (values.help) console.log(await help())
else if (unknown.length > 0) {
  console.error(`Unknown part: ${unknown.join(', ')}. Known: ${NAMES.join(', ')}.`)
  process.exitCode = 2
} else {
  for (const name of positionals.length > 0 ? positionals : NAMES) {
    if (!(await run(name, values.quick))) process.exitCode = 1
  }
}
