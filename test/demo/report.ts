import type { Account } from './account.ts'
import { bold, dim, green, number, red, say } from './terminal.ts'
import type { Verdict } from './verdict.ts'

/** Prints the account, and whether it balances. */
export function printAccount(account: Account, verdict: Verdict): void {
  const dropped = Object.entries(account.dropped)
  const droppedTotal = dropped.reduce((sum, [, count]) => sum + count, 0)
  const reasons = dropped.map(([reason, count]) => `${number(count)} ${reason}`).join(', ')
  const { secretsSent, p50Ms, p99Ms } = account

  say(`\n  ${bold('The account')}`)
  lines('record()', [
    ['recorded', counted(account.recorded), 'accepted by record()'],
    ['staged', counted(account.staged), 'confirmed by the database'],
    ['logged', counted(account.logged), 'in audit_log'],
    ['degraded', counted(account.degraded), 'of those, not stored as given, such as an invalid id'],
    ['dropped', counted(droppedTotal), reasons && `refused or given up: ${reasons}`],
  ])
  lines('recordIn(tx)', [
    ['committed', counted(account.committed), 'invitations and refunds that exist'],
    ['logged', counted(account.committedLogged), 'of those, with their entry in audit_log'],
    ['rolled back', counted(account.rolledBack), 'transactions that recorded and then failed'],
    ['logged', hopedNot(account.rolledBackLogged), 'of those, with an entry'],
  ])
  lines('the log', [
    ['waiting', hopedNot(account.waiting), 'still in a lane'],
    ['dead letters', hopedNot(account.deadLetters), 'refused by the log for good'],
    ['gaps', hopedNot(account.gaps), 'declared losses'],
    ['holes', hopedNot(account.seqHoles), 'numbers missing in seq'],
    [
      'secrets',
      hopedNot(account.secretsFound),
      `entries that contain one of the ${secretsSent} secrets sent`,
    ],
  ])
  lines('how long', [
    ['p50', bold(inMs(p50Ms)), 'from record() to the log'],
    ['p99', bold(inMs(p99Ms)), ''],
  ])
  printVerdict(account, verdict)
}

function printVerdict(account: Account, { isBalanced, difference, problems }: Verdict): void {
  const { recorded, committed, logged, committedLogged } = account
  const sum = `${number(recorded)} recorded + ${number(committed)} committed`
  if (isBalanced) {
    const total = number(logged + committedLogged)
    say(
      `\n  ${green('✔')} ${bold('The account balances:')} ${sum} = ${total} logged, difference ${number(difference)}`,
    )
    return
  }
  say(`\n  ${red('✖')} ${bold('The account does not balance:')} difference ${number(difference)}`)
  for (const problem of problems) say(`    ${red(problem)}`)
}

function lines(head: string, rows: readonly (readonly [string, string, string])[]): void {
  say()
  let title = head
  for (const [name, figure, meaning] of rows) {
    say(`    ${title.padEnd(16)}${name.padEnd(14)}${figure}   ${dim(meaning)}`.trimEnd())
    title = ''
  }
}

const right = (figure: string) => figure.padStart(8)
const counted = (count: number) => bold(right(number(count)))
/** A figure that should be 0: dim if it is 0, red if it is not. */
const hopedNot = (count: number) => (count === 0 ? dim : red)(right(number(count)))
const inMs = (ms: number | null) => right(ms === null ? '-' : `${number(Math.round(ms))} ms`)
