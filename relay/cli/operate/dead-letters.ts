import { CliCommand, type Host } from '../command/cli-command.ts'
import type { HelpTexts } from '../command/help.ts'
import { misuse } from '../command/misuse.ts'
import { countArgument, countOption, countsArgument, jsonOption } from '../command/values.ts'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 10_000
const NUMBER = 'The number of a dead letter'

interface Flags {
  readonly json?: true
}

export function deadLettersCommand(host: Host): CliCommand {
  return new CliCommand('dead-letters', host, {
    summary: 'list, open, retry or drop the entries that the log refused',
    description:
      'A dead letter is an entry that the database refused: it is kept, with the reason, and does ' +
      'not hold up the others.',
    group: 'Relay:',
  }).holds(list(host), show(host), retry(host), drop(host))
}

function command(name: string, host: Host, texts: HelpTexts): CliCommand {
  const variables = ['DATABASE_URL', 'AUDIT_RELAY_DATABASE_URL', 'AUDIT_STATEMENT_TIMEOUT_MS']
  return new CliCommand(name, host, { ...texts, variables }).addOption(jsonOption())
}

function list(host: Host): CliCommand {
  return command('list', host, {
    summary: 'list dead letters with their reasons, newest first',
    description:
      'Lists dead letters with their reasons, newest first. It never prints what an entry says.',
    examples: { 'the newest ten': 'audit-relay dead-letters list --limit 10' },
  })
    .addOption(
      countOption('--limit <n>', 'print at most this many', { min: 1, max: MAX_LIMIT }).default(
        DEFAULT_LIMIT,
      ),
    )
    .runs(async ({ json, limit }: Flags & { limit: number }) => {
      const { listDeadLetters } = await import('./handle-letters.ts')
      return await listDeadLetters(host.environment, { json: json === true, limit })
    })
}

function show(host: Host): CliCommand {
  return command('show', host, {
    summary: 'print one dead letter with its entry, which may hold personal data',
    examples: { 'dead letter 7, as the list numbers it': 'audit-relay dead-letters show 7' },
    exitCodes: { 1: 'failed, or there is no such dead letter' },
  })
    .addArgument(countArgument('<number>', 'its number in the list', NUMBER))
    .runs(async ({ json }: Flags, number: number) => {
      const { showDeadLetter } = await import('./handle-letters.ts')
      return await showDeadLetter(host.environment, number, { json: json === true })
    })
}

function retry(host: Host): CliCommand {
  return command('retry', host, {
    summary: 'put dead letters back into their lane, once the reason is gone',
    description:
      'Puts dead letters back into their lane, from which a relay moves them. An entry that is ' +
      'refused again becomes a dead letter again.',
    examples: {
      'two of them': 'audit-relay dead-letters retry 7 9',
      'all that are there now': 'audit-relay dead-letters retry --all',
    },
    exitCodes: { 1: 'failed, or at least one was not put back' },
  })
    .addArgument(countsArgument('[numbers...]', 'their numbers in the list', NUMBER))
    .option('--all', 'retry all that are there now, in place of numbers')
    .runs(async ({ json, all }: Flags & { all?: true }, numbers: readonly number[] = []) => {
      if (all && numbers.length > 0) throw misuse('Give numbers or --all, not both.')
      if (!all && numbers.length === 0) throw misuse('"retry" needs numbers, or --all.')
      const { retryDeadLetters } = await import('./handle-letters.ts')
      return await retryDeadLetters(host.environment, all ? 'all' : numbers, {
        json: json === true,
      })
    })
}

function drop(host: Host): CliCommand {
  return command('drop', host, {
    summary: 'delete dead letters for good; an entry in the log records it',
    description:
      'Deletes dead letters for good. For each an entry audit.dead_letter_drop says in the log who ' +
      'dropped it and why it had been refused.',
    examples: { 'dead letter 7': 'audit-relay dead-letters drop 7 --yes' },
    exitCodes: {
      1: 'failed, or at least one was not there',
      4: 'a legal hold forbids to drop at least one; the others are dropped',
    },
  })
    .addArgument(countsArgument('<numbers...>', 'their numbers in the list', NUMBER))
    .option('--yes', 'confirm; required, because what is dropped cannot be brought back')
    .runs(async ({ json, yes }: Flags & { yes?: true }, numbers: readonly number[]) => {
      if (!yes) throw misuse('"drop" deletes for good: confirm with --yes.')
      const { dropDeadLetters } = await import('./handle-letters.ts')
      return await dropDeadLetters(host.environment, numbers, { json: json === true })
    })
}
