import { Argument } from 'commander'
import { isUuid } from '../../../src/ids/uuid.ts'
import { CliCommand, type Host } from '../command/cli-command.ts'
import { type HelpTexts, LACKS_KEEPER } from '../command/help.ts'
import { misuse } from '../command/misuse.ts'
import { instantOption, jsonOption, shown, textOption } from '../command/values.ts'
import type { HoldConditions } from '../../life/holds.ts'

interface Flags {
  readonly json?: true
}

export function holdCommand(host: Host): CliCommand {
  return new CliCommand('hold', host, {
    summary: 'keep entries whatever the policies say: legal holds',
    description:
      'Keeps entries whatever the policies say, until the hold is released. Nothing that removes ' +
      'entries or dead letters touches what a hold is about.',
    group: 'Years:',
  }).holds(place(host), list(host), release(host))
}

function command(name: string, host: Host, texts: HelpTexts): CliCommand {
  const variables = ['DATABASE_URL', 'AUDIT_KEEPER_DATABASE_URL', ...(texts.variables ?? [])]
  const exitCodes = { ...texts.exitCodes, 4: LACKS_KEEPER }
  return new CliCommand(name, host, { ...texts, variables, exitCodes }).addOption(jsonOption())
}

function place(host: Host): CliCommand {
  return command('place', host, {
    summary: 'place a hold on what meets all of these conditions',
    description:
      'Places a hold on what meets all conditions that are given, also on what is recorded later. ' +
      'At least one is needed; a time alone will do. An entry audit.hold says in the log who placed ' +
      'it, on what and why.',
    examples: {
      'everything that a user did':
        "audit-relay hold place --user 7d9f0b1c-… --reason 'case 2026-114'",
      'what happened in an event in May':
        "audit-relay hold place --event 41ac… --from 2026-05-01 --to 2026-06-01 --reason 'tax audit'",
    },
  })
    .addOption(textOption('--reason <text>', 'why, in at most 1000 characters; required'))
    .optionsGroup('On what (all of these must be met):')
    .addOption(textOption('--user <id>', 'by this user, also as the actor'))
    .addOption(textOption('--event <id>', 'of this event'))
    .addOption(textOption('--target <id>', 'on this target, also among others'))
    .addOption(textOption('--request <id>', 'of this request'))
    .addOption(instantOption('--from <time>', 'happened or recorded at or after this time'))
    .addOption(instantOption('--to <time>', 'happened or recorded before this time'))
    .runs(async (given: Flags & HoldConditions & { reason?: string }) => {
      const { json, reason, ...conditions } = given
      if (reason === undefined) throw misuse('Say why: --reason "case 2026-114".')
      if (Object.keys(conditions).length === 0) {
        throw misuse('Say what is held: give --user, --event, --target, --request, --from or --to.')
      }
      const { from, to } = conditions
      if (from !== undefined && to !== undefined && from >= to) {
        throw misuse('--from must be before --to: nothing is in between.')
      }
      const length = [...reason.trim()].length
      if (length === 0 || length > LONGEST_REASON) {
        throw misuse(`--reason must have 1 to ${LONGEST_REASON} characters, got ${length}.`)
      }
      const { layHold } = await import('./change-holds.ts')
      return await layHold(host.environment, reason, conditions, { json: json === true })
    })
}

const LONGEST_REASON = 1000

function list(host: Host): CliCommand {
  return command('list', host, {
    summary: 'list the holds in force',
    examples: { 'with those that are not any more': 'audit-relay hold list --released' },
    variables: ['AUDIT_READER_DATABASE_URL'],
  })
    .option('--released', 'also those that were released')
    .runs(async ({ json, released }: Flags & { released?: true }) => {
      const { showHolds } = await import('./change-holds.ts')
      return await showHolds(host.environment, {
        json: json === true,
        released: released === true,
      })
    })
}

function release(host: Host): CliCommand {
  return command('release', host, {
    summary: 'release a hold; an entry in the log says who did',
    description:
      'Releases a hold. What it was about is removed as the policies say, without a further wait. ' +
      'The hold stays in the list of --released with who released it, and when.',
    examples: { 'by its id': 'audit-relay hold release 5b1c0c0e-6f0a-4c53-9a3e-0d7e6f0f9a11' },
    exitCodes: { 1: 'failed, or no such hold is in force' },
  })
    .addArgument(
      new Argument('<id>', "the hold's id in the list").argParser((text) => {
        if (isUuid(text)) return text
        throw misuse(`The id of a hold is a UUID, as "hold list" prints it, got "${shown(text)}".`)
      }),
    )
    .runs(async ({ json }: Flags, id: string) => {
      const { endHold } = await import('./change-holds.ts')
      return await endHold(host.environment, id, { json: json === true })
    })
}
