import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { ROOT } from '../support/commands.ts'
import { nodeFolder } from '../support/node-home.ts'
import { withUsage } from '../support/usage.ts'
import { type Cell, cellsOfMatrix } from './cells.ts'

const CELLS = cellsOfMatrix()
const USAGE = `npm run test:matrix [-- --slice N | --turn N | --app NAME]

Runs the suite on each Node and on each Postgres that are supported, and the packed package in each
application of test/apps: all of the cells below, one after the other. Exits with 1 where a test fails
in one of them. A Node and a Postgres are installed into .data from npm when they are first needed.

${CELLS.map(({ name }, index) => `  ${index + 1}  ${name}`).join('\n')}

  --slice  one cell alone
  --turn   one cell alone: the one whose turn it is, of a number that grows
  --app    one application alone, by its folder in test/apps`

const slices = withUsage(USAGE, () => {
  const { values } = parseArgs({
    options: { slice: { type: 'string' }, turn: { type: 'string' }, app: { type: 'string' } },
  })
  const { slice, turn, app } = values
  if (Object.keys(values).length > 1) throw new Error('Give one of --slice, --turn and --app.')
  for (const given of [slice, turn]) {
    if (given !== undefined && !/^\d+$/.test(given))
      throw new Error(`"${given}" is no whole number.`)
  }
  if (turn !== undefined) return [(Number(turn) % CELLS.length) + 1]
  if (app !== undefined) {
    const index = CELLS.findIndex((cell) => 'app' in cell && cell.app === app)
    if (index < 0) throw new Error(`There is no application test/apps/${app}.`)
    return [index + 1]
  }
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
  const choice = 'app' in cell ? `--app ${cell.app}` : `--slice ${slice}`
  const again = code === 0 ? '' : `\n           again: npm run test:matrix -- ${choice}`
  lines.push(`  ${code === 0 ? '✔' : '✗'} ${seconds} s  ${cell.name}${again}`)
}

console.log(`\n== ${lines.length - failures} of ${slices.length} cells are green`)
for (const line of lines) console.log(line)
process.exitCode = failures > 0 || isStopped ? 1 : 0

/** @returns the exit code of `npm test`, here or in the application */
async function run(cell: Cell): Promise<number> {
  const { node, postgres } = cell
  const first = node === undefined ? [] : [nodeFolder(node, console.log)]
  const { AUDIT_TEST_DATABASE_URL: _, ...environment } = process.env
  const [program, args] =
    'app' in cell
      ? [process.execPath, ['--import', 'tsx', 'test/matrix/run-app.ts', cell.app]]
      : ['npm', ['test', '--', ...cell.files]]
  const child = spawn(program, args, {
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
