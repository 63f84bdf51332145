import { Argument } from 'commander'
import { isUuid } from '../../../src/ids/uuid.ts'
import { checkProjection } from '../../../src/projection/projection.ts'
import { CliCommand, type Host } from '../command/cli-command.ts'
import { type HelpTexts, LACKS_KEEPER } from '../command/help.ts'
import { misuse } from '../command/misuse.ts'
import { countOption, instantOption, jsonOption, shown, textOption } from '../command/values.ts'
import type { TokenScope } from '../../life/tokens.ts'

interface Flags {
  readonly json?: true
}

export function tokenCommand(host: Host): CliCommand {
  return new CliCommand('token', host, {
    summary: 'make and revoke tokens for programs that read the log',
    description:
      'Makes and revokes tokens for programs that read the log by the addresses of the timeline page, ' +
      "as JSON. A program sends its token in the header 'Authorization: Bearer …'. Each of its reads " +
      'is an entry audit.read with the name of the token.',
    group: 'Export:',
  }).holds(make(host), list(host), revoke(host))
}

function command(name: string, host: Host, texts: HelpTexts): CliCommand {
  const variables = ['DATABASE_URL', 'AUDIT_KEEPER_DATABASE_URL']
  const exitCodes = { ...texts.exitCodes, 4: LACKS_KEEPER }
  return new CliCommand(name, host, { ...texts, variables, exitCodes }).addOption(jsonOption())
}

interface Scope {
  readonly event?: string
  readonly everything?: true
  readonly hide?: string
  readonly staffAs?: string
  readonly staff?: string
  readonly actions?: string
}

interface Terms extends Flags, Scope {
  readonly until?: number
  readonly perMinute?: number
}

function make(host: Host): CliCommand {
  return command('new', host, {
    summary: 'make a token, which is shown once',
    description:
      'Makes a token and prints it. The database keeps its SHA-256 alone, so it is not shown again. An ' +
      'entry audit.token says in the log who made it, under which name and what it may see.',
    examples: {
      'for a warehouse that loads the whole log':
        'audit-relay token new warehouse --everything --until 2027-06-30',
      'for a customer, without addresses':
        'audit-relay token new acme --event 41ac… --hide context.ip --until 2027-06-30',
    },
  })
    .addArgument(nameArgument())
    .addOption(instantOption('--until <time>', 'when it ends, within five years; required'))
    .addOption(
      countOption('--per-minute <count>', 'the most requests in a minute', RATE).default(
        USUAL_RATE,
      ),
    )
    .optionsGroup('What it may see (one of the first two is required):')
    .option('--everything', 'the whole log')
    .addOption(textOption('--event <id>', 'the entries of this event (tenant, project, site)'))
    .addOption(textOption('--hide <fields>', 'without these: context.ip,recorder,metadata.card'))
    .addOption(textOption('--actions <patterns>', 'these actions, or not: refund.*,-internal.*'))
    .addOption(textOption('--staff-as <name>', 'this name in the place of staff'))
    .addOption(textOption('--staff <ids>', 'ids of staff, next to those who act for a user'))
    .runs(async (given: Terms, name: string) => {
      const { json, until, perMinute = USUAL_RATE } = given
      if (until === undefined) throw misuse('Say when it ends: --until 2027-06-30.')
      const scope = scopeOf(given)
      const { sayToken } = await import('./change-tokens.ts')
      const terms = { scope, perMinute, until }
      return await sayToken(host.environment, name, terms, { json: json === true })
    })
}

const RATE = { min: 1, max: 6_000 }
const USUAL_RATE = 60
const LONGEST_NAME = 128

function nameArgument(): Argument {
  const says = 'the name under which its reads are written down'
  return new Argument('<name>', says).argParser((text) => {
    if (text.trim() !== '' && [...text].length <= LONGEST_NAME) return text
    throw misuse(`A token has a name of 1 to ${LONGEST_NAME} characters, got "${shown(text)}".`)
  })
}

function scopeOf({ event, everything, hide, staffAs, staff, actions }: Scope): TokenScope {
  if ((event === undefined) === (everything === undefined)) {
    throw misuse('Say what it may see: give --everything or --event, and not both.')
  }
  const list = (text: string | undefined) => text?.split(',').map((item) => item.trim())
  const given = { onlyEventId: event, hides: list(hide), staffAs, staff: list(staff) }
  const checked = checkProjection({ ...given, actions: list(actions) }, (problem) =>
    misuse(`What the token may see is not clear: ${problem}.`),
  )
  return everything ? { sees: 'everything', ...checked } : checked
}

function list(host: Host): CliCommand {
  return command('list', host, {
    summary: 'list the tokens in force, and when each was used last',
    examples: { 'with those that have ended': 'audit-relay token list --ended' },
  })
    .option('--ended', 'also those that have ended or were revoked')
    .runs(async ({ json, ended }: Flags & { ended?: true }) => {
      const { showTokens } = await import('./change-tokens.ts')
      const as = { json: json === true, ended: ended === true }
      return await showTokens(host.environment, as)
    })
}

function revoke(host: Host): CliCommand {
  return command('revoke', host, {
    summary: 'end a token at once; an entry in the log says who did',
    examples: { 'by its id': 'audit-relay token revoke 5b1c0c0e-6f0a-4c53-9a3e-0d7e6f0f9a11' },
    exitCodes: { 1: 'failed, or there is no such token that is not revoked' },
  })
    .addArgument(
      new Argument('<id>', "the token's id in the list").argParser((text) => {
        if (isUuid(text)) return text
        throw misuse(
          `The id of a token is a UUID, as "token list" prints it, got "${shown(text)}".`,
        )
      }),
    )
    .runs(async ({ json }: Flags, id: string) => {
      const { endToken } = await import('./change-tokens.ts')
      return await endToken(host.environment, id, { json: json === true })
    })
}
