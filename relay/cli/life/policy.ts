import { Argument, Option } from 'commander'
import { CliCommand, type Host } from '../command/cli-command.ts'
import { type HelpTexts, LACKS_KEEPER } from '../command/help.ts'
import { misuse } from '../command/misuse.ts'
import { jsonOption, shown } from '../command/values.ts'

interface Flags {
  readonly json?: true
}

export function policyCommand(host: Host): CliCommand {
  return new CliCommand('policy', host, {
    summary: 'say for how long entries are kept',
    description:
      'Says for how long entries are kept, by their actions. The most exact policy holds: that of ' +
      'billing.pay, of billing.*, or of *. Without one, entries are kept forever.',
    group: 'Years:',
  }).holds(set(host), list(host), remove(host))
}

function command(name: string, host: Host, texts: HelpTexts): CliCommand {
  const variables = ['DATABASE_URL', 'AUDIT_KEEPER_DATABASE_URL', ...(texts.variables ?? [])]
  const exitCodes = { ...texts.exitCodes, 4: LACKS_KEEPER }
  return new CliCommand(name, host, { ...texts, variables, exitCodes }).addOption(jsonOption())
}

function set(host: Host): CliCommand {
  return command('set', host, {
    summary: 'keep entries of these actions for so long, or forever',
    description:
      'Sets for how long entries of these actions are kept. What keeps as long as now or longer ' +
      'counts at once. What keeps less, the first policy too, counts seven days after the log says ' +
      'so: until then set it as it was, or remove it, and nothing has happened.',
    examples: {
      'uploads for 30 days': "audit-relay policy set 'temp.*' --keep '30 days'",
      'what pays for ten years': "audit-relay policy set 'billing.*' --keep '10 years'",
      'everything else for one year': "audit-relay policy set '*' --keep '1 year'",
      'sign-ins forever, although there is a policy for *':
        'audit-relay policy set auth.login --keep forever',
    },
  })
    .addArgument(actionsArgument())
    .addOption(
      new Option(
        '--keep <age>',
        '4 days to 100 years, such as "30 days" or "7 years", or forever; required',
      ).argParser(keepTime),
    )
    .runs(async ({ json, keep }: Flags & { keep?: string }, actions: string) => {
      if (keep === undefined) throw misuse('Say for how long: --keep "30 days", or --keep forever.')
      const { sayPolicy } = await import('./change-policies.ts')
      return await sayPolicy(host.environment, actions, keep === FOREVER ? null : keep, {
        json: json === true,
      })
    })
}

function list(host: Host): CliCommand {
  return command('list', host, {
    summary: 'list what holds, and what was said and does not count yet',
    examples: {
      'the shortest that holds now': "audit-relay policy list --json | jq '.[] | select(.inForce)'",
    },
    variables: ['AUDIT_READER_DATABASE_URL'],
  }).runs(async ({ json }: Flags) => {
    const { showPolicies } = await import('./change-policies.ts')
    return await showPolicies(host.environment, { json: json === true })
  })
}

function remove(host: Host): CliCommand {
  return command('remove', host, {
    summary: 'remove a policy: the next less exact one holds, or entries are kept forever',
    description:
      'Removes a policy: the next less exact one holds, or entries are kept forever. Where they are ' +
      'kept for less by that, it counts seven days after the log says so.',
    examples: { 'the policy of everything else': "audit-relay policy remove '*'" },
    exitCodes: { 1: 'failed, or these actions have no policy of their own' },
  })
    .addArgument(actionsArgument())
    .runs(async ({ json }: Flags, actions: string) => {
      const { withdrawPolicy } = await import('./change-policies.ts')
      return await withdrawPolicy(host.environment, actions, { json: json === true })
    })
}

const LONGEST_ACTION = 128

function actionsArgument(): Argument {
  const says = 'an action, all of an entity such as "billing.*", or "*" for all that have no other'
  return new Argument('<actions>', says).argParser((text) => {
    const isPattern = text === '*' || /^[^.*]+\.\*$/u.test(text) || /^[^*]+$/u.test(text)
    if (!isPattern || [...text].length > LONGEST_ACTION) {
      throw misuse(
        `A policy is for an action such as billing.pay, for billing.* or for *, got "${shown(text)}".`,
      )
    }
    if (/^audit(?:\.|$)/i.test(text) && text !== 'audit.read') {
      throw misuse(
        "The log's own entries (audit.*) are kept forever: of those audit.read alone can have a " +
          `policy, got "${shown(text)}".`,
      )
    }
    return text
  })
}

type Unit = 'day' | 'week' | 'month' | 'year'
/** As Postgres compares intervals. */
const UNIT_DAYS: Record<Unit, number> = { day: 1, week: 7, month: 30, year: 360 }
/** As long as they are at the least. */
const LEAST_DAYS: Record<Unit, number> = { day: 1, week: 7, month: 28, year: 365 }
const LEAST = 4
const MOST = 100 * UNIT_DAYS.year
const PART = /^(\d{1,6}) ?(day|week|month|year)s?$/
/** `1 year 6 months` has one such place. */
const BETWEEN = /(?<=[a-z]) *(?=\d)/

const FOREVER = 'forever'

/** Checks `30 days`, `1 year 6 months` or `forever`, and writes it as Postgres reads it. */
function keepTime(text: string): string {
  if (text === FOREVER) return FOREVER
  const parts = text
    .trim()
    .split(BETWEEN)
    .map((part) => PART.exec(part))
  const days = (unitDays: Record<Unit, number>) =>
    parts.reduce((sum, part) => sum + Number(part?.[1]) * unitDays[part?.[2] as Unit], 0)
  if (days(LEAST_DAYS) >= LEAST && days(UNIT_DAYS) <= MOST) {
    return parts.map((part) => `${part?.[1]} ${part?.[2]}s`).join(' ')
  }
  throw misuse(
    '--keep must be 4 days to 100 years, such as "30 days", "6 weeks" or "7 years", or forever, ' +
      `got "${shown(text)}".`,
  )
}
