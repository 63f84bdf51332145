import type { Mutant } from './mutant.ts'
import type { Outcome } from './workshop.ts'

export interface Verdict {
  readonly mutant: Mutant
  /** Whether the named test turned red. */
  readonly isNoticed: boolean
  readonly line: string
}

export function judge(mutant: Mutant, outcome: Outcome): Verdict {
  const { name, file, test } = mutant
  const isNoticed = outcome.failed.has(test)
  const seconds = `${String(Math.round(outcome.ms / 1_000)).padStart(4)} s  `
  const what = isNoticed
    ? `${file}: ${test}`
    : `NOT NOTICED by ${file}: ${test}\n          (${whyNot(mutant, outcome)})`
  return { mutant, isNoticed, line: `${seconds}${name}\n          → ${what}` }
}

function whyNot({ test }: Mutant, { passed, failed, isOverdue, output }: Outcome): string {
  if (passed.has(test)) return 'it is green'
  if (isOverdue) return 'no end within the deadline'
  const others = [...failed].join('; ')
  if (others !== '') return `it did not run; other: ${others}`
  return `it did not run\n${output.split('\n').slice(-20).join('\n')}`
}
