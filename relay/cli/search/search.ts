import { Option } from 'commander'
import { CliCommand, type Host } from '../command/cli-command.ts'
import { type HelpTexts, LACKS_KEEPER } from '../command/help.ts'
import { misuse } from '../command/misuse.ts'
import { jsonOption, shown } from '../command/values.ts'
import type { SearchSince } from '../../search/search-settings.ts'

interface Flags {
  readonly json?: true
}

export function searchCommand(host: Host): CliCommand {
  return new CliCommand('search', host, {
    summary: 'find words in a large log at once',
    description:
      'Turns the search on: the relay then keeps, behind the move, which entries may hold which words, ' +
      'and a query line finds a rare word in milliseconds. The answers are the same without it, later.',
    group: 'Years:',
  }).holds(on(host), off(host), status(host))
}

function command(name: string, host: Host, texts: HelpTexts): CliCommand {
  const variables = ['DATABASE_URL', 'AUDIT_KEEPER_DATABASE_URL', ...(texts.variables ?? [])]
  const exitCodes = { ...texts.exitCodes, 4: LACKS_KEEPER }
  return new CliCommand(name, host, { ...texts, variables, exitCodes }).addOption(jsonOption())
}

function on(host: Host): CliCommand {
  return command('on', host, {
    summary: 'turn the search on, for all entries or for those from some time on',
    description:
      'Turns the search on. The relay makes it from the oldest entry on. Until it is there, and for ' +
      'entries from before --since, pages look through the log as without it. Where it is on, it stays as it is: ' +
      'turn it off first to begin elsewhere.',
    examples: {
      'for the whole log': 'audit-relay search on',
      'for what was recorded since a day': 'audit-relay search on --since 2026-05-01',
    },
  })
    .addOption(
      new Option(
        '--since <begin>',
        'a date or time such as 2026-05-01, in UTC, or seq:N; a little more is taken. Default: all',
      ).argParser(sinceValue),
    )
    .runs(async ({ json, since = { seq: 1 } }: Flags & { since?: SearchSince }) => {
      const { turnOn } = await import('./change-search.ts')
      return await turnOn(host.environment, since, { json: json === true })
    })
}

function off(host: Host): CliCommand {
  return command('off', host, {
    summary: 'turn the search off, and drop what it holds',
    examples: { 'for good, or before another --since': 'audit-relay search off' },
    exitCodes: { 1: 'failed, or it was off already' },
  }).runs(async ({ json }: Flags) => {
    const { turnOff } = await import('./change-search.ts')
    return await turnOff(host.environment, { json: json === true })
  })
}

function status(host: Host): CliCommand {
  return command('status', host, {
    summary: 'show how far the search is, and how large',
    examples: {
      'how many entries wait for it': 'audit-relay search status --json | jq .waiting',
    },
    variables: ['AUDIT_READER_DATABASE_URL'],
  }).runs(async ({ json }: Flags) => {
    const { showSearch } = await import('./change-search.ts')
    return await showSearch(host.environment, { json: json === true })
  })
}

const SEQ = /^seq:(\d{1,15})$/
const DAY = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:\.\d{1,3})?Z?)?$/

function sinceValue(text: string): SearchSince {
  const seq = Number(SEQ.exec(text)?.[1] ?? 0)
  if (seq > 0) return { seq }
  const at = new Date(text.includes('T') && !text.endsWith('Z') ? `${text}Z` : text)
  if (DAY.test(text) && !Number.isNaN(at.getTime())) return { at }
  throw misuse(
    `--since must be a date or time such as 2026-05-01 or 2026-05-01T14:05Z, or seq:4711, got "${shown(text)}".`,
  )
}
