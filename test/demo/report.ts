import type { Account } from './account.ts'
import { bold, dim, green, number, red, say } from './terminal.ts'
import type { Verdict } from './verdict.ts'

/** Prints the account, and whether it balances. */
export function printAccount(account: Account, verdict: Verdict): void {
  const dropped = Object.entries(account.dropped)
  const droppedTotal = dropped.reduce((sum, [, count]) => sum + count, 0)
  const reasons = dropped.map(([reason, count]) => `${number(count)} ${reason}`).join(', ')

  say(`\n  ${bold('The account')}`)
  lines('record()', [
    ['recorded', account.recorded, 'accepted by record()'],
    ['staged', account.staged, 'confirmed by the database'],
    ['logged', account.logged, 'in audit_log'],
    ['dropped', droppedTotal, reasons === '' ? 'nothing refused, nothing lost' : reasons],
  ])
  lines('recordIn(tx)', [
    ['committed', account.committed, 'invitations and refunds that exist'],
    ['logged', account.committedLogged, 'of those, with their entry in audit_log'],
    ['rolled back', account.rolledBack, 'transactions that recorded and then failed'],
    ['logged', account.rolledBackLogged, 'of those, with an entry'],
  ])
  lines('the log', [
    ['waiting', account.waiting, 'still in a lane'],
    ['dead letters', account.deadLetters, 'refused by the log for good'],
    ['gaps', account.gaps, 'declared losses'],
    ['holes', account.seqHoles, 'numbers missing in seq'],
    [
      'secrets',
      account.secretsFound,
      `entries with one of the ${account.secretsSent} secrets sent`,
    ],
  ])
  if (account.p50Ms !== null && account.p99Ms !== null) {
    lines('how long', [
      ['p50', Math.round(account.p50Ms), 'ms from record() to the log'],
      ['p99', Math.round(account.p99Ms), 'ms'],
    ])
  }
  printVerdict(account, verdict)
}

function printVerdict(account: Account, { isBalanced, missing, problems }: Verdict): void {
  const { recorded, committed, logged, committedLogged } = account
  const sum = `${number(recorded)} recorded + ${number(committed)} committed`
  if (isBalanced) {
    const total = number(logged + committedLogged)
    say(`\n  ${green('✔')} ${bold('The account balances:')} ${sum} = ${total} logged, difference 0`)
    return
  }
  say(`\n  ${red('✖')} ${bold('The account does not balance:')} difference ${number(missing)}`)
  for (const problem of problems) say(`    ${red(problem)}`)
}

function lines(head: string, rows: readonly (readonly [string, number, string])[]): void {
  say()
  let title = head
  for (const [name, count, meaning] of rows) {
    const figure = number(count).padStart(8)
    say(`    ${label(title)}${name.padEnd(14)}${bold(figure)}   ${dim(meaning)}`)
    title = ''
  }
}

const label = (text: string) => text.padEnd(16)
