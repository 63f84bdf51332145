import { CliCommand, type Host } from '../command/cli-command.ts'
import { type HelpTexts, LACKS_KEEPER } from '../command/help.ts'
import { jsonOption } from '../command/values.ts'

interface Flags {
  readonly json?: true
}

export function namesCommand(host: Host): CliCommand {
  return new CliCommand('names', host, {
    summary: 'collect the names that entries give, so that they outlive the accounts',
    description:
      'Collects the names that entries give to their users and actors, behind the move. The page finds ' +
      'people by them whose accounts are gone. A name goes when it is erased, or when no entry has it any ' +
      'more. Nothing is collected until it is turned on.',
    group: 'Years:',
  }).holds(on(host), off(host), status(host))
}

function command(name: string, host: Host, texts: HelpTexts): CliCommand {
  const variables = ['DATABASE_URL', 'AUDIT_KEEPER_DATABASE_URL']
  const exitCodes = { 4: LACKS_KEEPER }
  return new CliCommand(name, host, { ...texts, variables, exitCodes }).addOption(jsonOption())
}

function on(host: Host): CliCommand {
  return command('on', host, {
    summary: 'begin to collect names, from the beginning of the log on',
    description:
      'A relay collects the names from the beginning of the log on, and then those of new entries within a ' +
      'few seconds. Where it is on already, nothing changes.',
    examples: { 'once, for the database': 'audit-relay names on' },
  }).runs(async ({ json }: Flags) => {
    const { namesOn } = await import('./run-names.ts')
    return await namesOn(host.environment, json === true)
  })
}

function off(host: Host): CliCommand {
  return command('off', host, {
    summary: 'stop, and forget the names that were collected; the entries keep theirs',
    examples: { 'for good, or until "names on" begins again': 'audit-relay names off' },
  }).runs(async ({ json }: Flags) => {
    const { namesOff } = await import('./run-names.ts')
    return await namesOff(host.environment, json === true)
  })
}

function status(host: Host): CliCommand {
  return command('status', host, {
    summary: 'say how many names are known, and how far the log was looked through',
    examples: { 'for a script': 'audit-relay names status --json' },
  }).runs(async ({ json }: Flags) => {
    const { namesStatus } = await import('./run-names.ts')
    return await namesStatus(host.environment, json === true)
  })
}
