import { withUsage } from '../support/usage.ts'
import { MUTANTS } from './list.ts'
import type { Mutant } from './mutant.ts'
import { type Outcome, Workshop } from './workshop.ts'

const USAGE = `npm run test:mutants [-- <part of a name>…]

Makes one mistake after the other in a copy of the checkout and runs the tests that are meant to notice
it. Exits with 1 where one does not.

AUDIT_MUTANTS_AT_ONCE (default 2) copies are at work, each with a server of its own.`

const AT_ONCE = Number(process.env['AUDIT_MUTANTS_AT_ONCE'] ?? 2)

const UNCHANGED = 'the code as it is'

interface Verdict {
  readonly name: string
  readonly line: string
  readonly isGood: boolean
}

const mutants = withUsage(USAGE, () => {
  const wanted = process.argv.slice(2)
  const unknown = wanted.find((part) => !MUTANTS.some(({ name }) => name.includes(part)))
  if (unknown !== undefined) throw new Error(`No mutant has "${unknown}" in its name.`)
  return MUTANTS.filter(
    ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
  )
})

// Red tests prove nothing where the code as it is makes them red, too.
const tests = [...new Set(mutants.flatMap((mutant) => mutant.tests))].sort()
const queue: Mutant[] = [{ name: UNCHANGED, edits: [], tests }, ...mutants]
const verdicts: Verdict[] = []
const beganMs = performance.now()
await Promise.all(Array.from({ length: AT_ONCE }, work))

const survived = verdicts.filter(({ isGood }) => !isGood)
const seconds = Math.round((performance.now() - beganMs) / 1_000)
console.log(`\n${mutants.length} mutants in ${seconds} s, ${survived.length} not noticed`)
for (const { name } of survived) console.log(`  ${name}`)
process.exitCode = survived.length > 0 ? 1 : 0

async function work(): Promise<void> {
  const workshop = await Workshop.open()
  try {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const outcome = await workshop.try(mutant)
      const verdict = mutant.name === UNCHANGED ? judgeUnchanged(outcome) : judge(mutant, outcome)
      verdicts.push(verdict)
      console.log(verdict.line)
      if (!verdict.isGood) console.log(outcome.output.split('\n').slice(-40).join('\n'))
    }
  } finally {
    await workshop.close()
  }
}

function judge({ name, tests: files }: Mutant, { failed, ms }: Outcome): Verdict {
  // A file that fails as a whole did not load, which no mistake of this kind may cause.
  const isGood = failed !== undefined && !failed.endsWith('.test.ts') && !failed.startsWith('(the')
  const by = isGood ? `${files.join(', ')}: ${failed}` : `NOT NOTICED (${failed ?? 'all green'})`
  return { name, isGood, line: `${seconds3(ms)}  ${name}\n          → ${by}` }
}

function judgeUnchanged({ failed, ms }: Outcome): Verdict {
  const isGood = failed === undefined
  const line = isGood ? 'every test is green' : `RED BY ITSELF: ${failed}`
  return { name: UNCHANGED, isGood, line: `${seconds3(ms)}  ${UNCHANGED}\n          → ${line}` }
}

function seconds3(ms: number): string {
  return `${String(Math.round(ms / 1_000)).padStart(4)} s  `
}
