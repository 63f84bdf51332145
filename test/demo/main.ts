import { demo } from './demo.ts'
import { Ending } from './ending.ts'
import { DemoFailure, Misuse } from './failures.ts'
import { readOptions, USAGE } from './options.ts'
import { endSteps } from './steps.ts'
import { red } from './terminal.ts'

const BALANCED = 0
const FAILED = 1
const MISUSED = 2
const INTERRUPTED = 130

/** Runs `npm start`, the whole product on this machine. See `npm start -- --help`. */
async function main(args: readonly string[], ending: Ending): Promise<number> {
  const options = readOptions(args, process.env)
  if (options.help) {
    process.stdout.write(USAGE)
    return BALANCED
  }
  const run = demo(options, ending).then((isBalanced) => (isBalanced ? BALANCED : FAILED))
  // Without --once a signal is the normal end. With --once it comes before the verdict.
  const asked = ending.asked.then(() => (options.once ? INTERRUPTED : BALANCED))
  return Promise.race([run, asked])
}

function explain(error: unknown): number {
  const isOurs = error instanceof DemoFailure
  const text = isOurs ? error.message : error instanceof Error ? error.stack : String(error)
  const hint = error instanceof Misuse ? '\nSee "npm start -- --help".' : ''
  process.stderr.write(`\n${red('npm start:')} ${text}${hint}\n`)
  return error instanceof Misuse ? MISUSED : FAILED
}

// Nobody reads the output any more. Postgres and the relay end with this process.
process.stdout.on('error', () => process.exit(FAILED))

const ending = new Ending()
const code = await main(process.argv.slice(2), ending).catch(explain)
endSteps()
await ending.run()
process.exit(code)
