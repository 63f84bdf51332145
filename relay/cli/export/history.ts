import { Option } from 'commander'
import { parseInstant } from '../../../src/query/instant.ts'
import { CliCommand, type Host } from '../command/cli-command.ts'
import { misuse } from '../command/misuse.ts'
import { countOption, jsonOption, shown, textOption } from '../command/values.ts'

interface HistoryGiven {
  readonly at?: number
  readonly field?: string
  readonly event?: string
  readonly entityType?: string
  readonly limit?: number
  readonly json?: true
}

export function historyCommand(host: Host): CliCommand {
  return new CliCommand('history', host, {
    summary: 'show the history of one thing: its state at a time, and its changes',
    description:
      'Shows what the entries of one thing tell of it: each field now or at a time, with the entry from ' +
      'which it is known, and the changes, the newest first. A field is in doubt where two entries ' +
      'contradict each other, so that somebody wrote without an entry. --json is what history() of the ' +
      'library returns.',
    group: 'Export:',
    examples: {
      'what an order is now, and how it came to be so':
        'audit-relay history 7f9c24e8-3b12-4a91-9d8e-5c6f7a8b9c0d',
      'what it was at the end of a day':
        'audit-relay history 7f9c24e8-3b12-4a91-9d8e-5c6f7a8b9c0d --at 2026-05-03',
      'one field, and the fields below it':
        'audit-relay history 7f9c24e8-3b12-4a91-9d8e-5c6f7a8b9c0d --field settings.mfa',
      'whether anybody wrote past the log':
        'audit-relay history 7f9c24e8-3b12-4a91-9d8e-5c6f7a8b9c0d --json | jq .doubts',
    },
    variables: ['DATABASE_URL', 'AUDIT_READER_DATABASE_URL'],
    exitCodes: {
      0: 'it is printed, also where no entry tells of the thing',
      1: 'failed; the message says why',
      2: 'wrong options or settings',
    },
  })
    .argument('<target>', 'the id of the thing')
    .addOption(
      new Option(
        '--at <time>',
        'the state at this time of recording (default: now); 2026-11-22 is its end, or 2026-11-22T14:00Z',
      ).argParser(moment),
    )
    .addOption(textOption('--field <name>', 'this field alone, such as settings.mfa'))
    .addOption(textOption('--event <id>', 'only entries of this event'))
    .addOption(textOption('--entity-type <type>', 'only entries on this type of entity'))
    .addOption(countOption('--limit <n>', 'the most changes (default: 50)', { min: 1, max: 500 }))
    .addOption(jsonOption())
    .runs(async ({ json, event, ...options }: HistoryGiven, targetId: string) => {
      const { showHistory } = await import('./show-history.ts')
      const asked = { ...options, targetId, ...(event === undefined ? {} : { eventId: event }) }
      return await showHistory(host.environment, asked, json === true)
    })
}

const DAY_MS = 86_400_000

/** In Unix milliseconds. A day is its end, so that all of it counts. */
function moment(text: string): number {
  const ms = parseInstant(text)
  if (ms === undefined) {
    throw misuse(
      `--at must be a time such as 2026-11-22 or 2026-11-22T14:00Z, got "${shown(text)}".`,
    )
  }
  return text.includes('T') ? ms : ms + DAY_MS - 1
}
