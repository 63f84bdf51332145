import type { Account } from './account.ts'
import { number } from './terminal.ts'

export interface Verdict {
  readonly isBalanced: boolean
  /** Entries accepted or committed, minus entries in the log or declared lost. */
  readonly difference: number
  /** What is wrong, one sentence for each problem. */
  readonly problems: readonly string[]
}

/** Reasons for dropping an entry after `record()` had accepted it. */
const AFTER_ACCEPTANCE = ['timeout', 'refused']

/** Accepted entries must be in the log or declared lost. No other entry may be in the log. */
export function judge(account: Account): Verdict {
  const { recorded, logged, waiting, buffered, deadLetters, dropped } = account
  const givenUp = AFTER_ACCEPTANCE.reduce((sum, reason) => sum + (dropped[reason] ?? 0), 0)
  const accepted = recorded + account.committed
  const difference = accepted - (logged + account.committedLogged + deadLetters + givenUp)
  const missing = difference - waiting - buffered

  const problems: string[] = []
  const unless = (isFine: boolean, problem: string) => {
    if (!isFine) problems.push(problem)
  }
  unless(missing <= 0, `${entries(missing)} accepted, but neither logged nor declared lost.`)
  unless(missing >= 0, `${entries(-missing)} logged, but never recorded.`)
  unless(buffered === 0, `${entries(buffered)} still in memory.`)
  unless(waiting === 0, `${entries(waiting)} still waiting for the relay.`)
  unless(
    account.rolledBackLogged === 0,
    `${entries(account.rolledBackLogged)} logged by transactions that were rolled back.`,
  )
  unless(account.seqHoles === 0, `${number(account.seqHoles)} numbers are missing in seq.`)
  unless(account.secretsFound === 0, `${entries(account.secretsFound)} with a secret in the log.`)
  unless(
    account.failedRequests === 0,
    `${number(account.failedRequests)} requests failed unexpectedly.`,
  )
  return { isBalanced: problems.length === 0, difference, problems }
}

/** Whether waiting longer can change anything. */
export function isSettled({ buffered, waiting }: Account): boolean {
  return buffered === 0 && waiting === 0
}

function entries(count: number): string {
  return `${number(count)} ${count === 1 ? 'entry' : 'entries'}`
}
