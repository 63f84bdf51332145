import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { positive, withUsage } from '../support/usage.ts'
import { AREAS, MUTANTS } from './list.ts'
import type { Mutant } from './mutant.ts'
import { inTurn } from './rotation.ts'
import { judge, type Verdict } from './verdict.ts'
import { Workshop } from './workshop.ts'

const USAGE = `npm run test:mutants [-- [--area A] [--minutes M] [--rotate [--turn N]] [part of a name]…]

Makes one mistake after the other in a copy of the checkout and runs the one test that is meant to
notice it. Exits with 1 where that test stays green, even if another is red.

  --area A      only the mutants of one area: ${Object.keys(AREAS).join(', ')}
  --minutes M   begins none that would not end within so many minutes
  --rotate      begins at another mutant each day and each commit, so that runs which have no time for
                all of them get round to each
  --turn N      begins where that turn began: a run says which one it is

AUDIT_MUTANTS_AT_ONCE (default 2) copies are at work, each with a server of its own.`

const AT_ONCE = Number(process.env['AUDIT_MUTANTS_AT_ONCE'] ?? 2)
const DEADLINE_MS = 150_000
const BASELINE_DEADLINE_MS = 300_000
/** How long the same tests take once more, together, on the code as it is. */
const BASELINE_SHARE = 1 / 4
const MS_PER_DAY = 86_400_000

const { queue, boundMs } = withUsage(USAGE, parse)
const beganMs = performance.now()
const workshops = await Promise.all(Array.from({ length: AT_ONCE }, () => Workshop.open()))
const verdicts: Verdict[] = []
let longestMs = 0
try {
  await Promise.all(workshops.map(work))
  const red = await redByThemselves()
  for (const [at, verdict] of verdicts.entries()) verdicts[at] = unlessRed(verdict, red)
} finally {
  await Promise.all(workshops.map((workshop) => workshop.close()))
}
report()

function parse() {
  const { values, positionals: parts } = parseArgs({
    allowPositionals: true,
    options: {
      area: { type: 'string' },
      minutes: { type: 'string' },
      rotate: { type: 'boolean' },
      turn: { type: 'string' },
    },
  })
  const { area, minutes, rotate = false, turn } = values
  if (area !== undefined && !Object.hasOwn(AREAS, area)) throw new Error(`No area "${area}".`)
  const unknown = parts.find((part) => !MUTANTS.some(({ name }) => name.includes(part)))
  if (unknown !== undefined) throw new Error(`No mutant has "${unknown}" in its name.`)
  const ofArea = area === undefined ? MUTANTS : (AREAS[area] ?? [])
  const wanted = ofArea.filter(
    ({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)),
  )
  const boundMs =
    minutes === undefined ? Number.POSITIVE_INFINITY : 60_000 * positive('minutes', minutes)
  if (!rotate && turn === undefined) return { queue: [...wanted], boundMs }
  const thisTurn = turn === undefined ? turnOfToday() : positive('turn', turn)
  console.log(`turn ${thisTurn}`)
  return { queue: inTurn(wanted, thisTurn), boundMs }
}

/** Another one for each day and for each commit. */
function turnOfToday(): number {
  const days = Math.floor(Date.now() / MS_PER_DAY)
  try {
    const count = execFileSync('git', ['rev-list', '--count', 'HEAD'], { encoding: 'utf8' })
    return days + Number(count)
  } catch {
    return days // no git, or no checkout
  }
}

async function work(workshop: Workshop): Promise<void> {
  for (let mutant = next(); mutant; mutant = next()) {
    const startedMs = performance.now()
    const verdict = await verdictOn(mutant, workshop)
    longestMs = Math.max(longestMs, performance.now() - startedMs)
    verdicts.push(verdict)
    console.log(verdict.line)
  }
}

/** None that would go on beyond the bound, if it takes as long as the longest one so far. */
function next(): Mutant | undefined {
  const leftMs = boundMs - (performance.now() - beganMs) * (1 + BASELINE_SHARE)
  return leftMs < longestMs ? undefined : queue.shift()
}

async function verdictOn(mutant: Mutant, workshop: Workshop): Promise<Verdict> {
  const options = { deadlineMs: DEADLINE_MS, endsWithFailure: true }
  return judge(mutant, await workshop.try(mutant.edits, [mutant], options))
}

/** A red test proves nothing where the code as it is makes it red, too. */
async function redByThemselves(): Promise<ReadonlySet<string>> {
  const mutants = verdicts.filter(({ isNoticed }) => isNoticed).map(({ mutant }) => mutant)
  const files = [...new Set(mutants.map(({ file }) => file))]
  const outcomes = workshops.map((workshop, turn) => {
    const ours = new Set(files.filter((_, at) => at % workshops.length === turn))
    const tests = mutants.filter(({ file }) => ours.has(file))
    const options = { deadlineMs: BASELINE_DEADLINE_MS, endsWithFailure: false }
    return tests.length === 0 ? undefined : workshop.try([], tests, options)
  })
  const green = new Set<string>()
  const red = new Set<string>()
  for (const outcome of await Promise.all(outcomes)) {
    for (const test of outcome?.passed ?? []) green.add(test)
    for (const test of outcome?.failed ?? []) red.add(test)
  }
  return new Set(
    mutants.map(({ test }) => test).filter((test) => red.has(test) || !green.has(test)),
  )
}

function unlessRed(verdict: Verdict, red: ReadonlySet<string>): Verdict {
  if (!verdict.isNoticed || !red.has(verdict.mutant.test)) return verdict
  console.log(`RED ON THE CODE AS IT IS: ${verdict.mutant.file}: ${verdict.mutant.test}`)
  return { ...verdict, isNoticed: false }
}

function report(): void {
  const seconds = Math.round((performance.now() - beganMs) / 1_000)
  const survived = verdicts.filter(({ isNoticed }) => !isNoticed)
  console.log('')
  for (const [area, mutants] of Object.entries(AREAS)) {
    const tried = verdicts.filter(({ mutant }) => mutants.includes(mutant))
    const noticed = tried.filter(({ isNoticed }) => isNoticed).length
    console.log(`${area.padEnd(12)} ${noticed} of ${tried.length} noticed, ${mutants.length} known`)
  }
  const left = queue.length > 0 ? `, ${queue.length} left for another turn` : ''
  const line = `${verdicts.length} mutants in ${seconds} s, ${survived.length} not noticed${left}`
  console.log(`\n${line}`)
  for (const { mutant } of survived) console.log(`  ${mutant.name}`)
  process.exitCode = survived.length > 0 ? 1 : 0
}
