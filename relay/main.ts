#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { AuditError } from '../src/errors.ts'
import { nearest } from '../src/options.ts'
import { faultHint } from '../src/database/retry.ts'
import { type Command, type CommandOptions, type Given, misuse } from './cli/command.ts'
import { COMMANDS } from './commands.ts'
import { usage } from './usage.ts'

const FAILED = 1
const MISUSED = 2

const COMMON_OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

async function main(args: readonly string[]): Promise<number> {
  // Options alone go to the command that needs no name.
  const [first = ''] = args
  const isNamed = first !== '' && !first.startsWith('-')
  const name = isNamed ? first : 'run'
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) {
    throw misuse(`Unknown command "${name}". Known: ${Object.keys(COMMANDS).join(', ')}.`)
  }
  const { values, positionals } = parse(name, command, isNamed ? args.slice(1) : args)
  if (values['version']) return print(`${version()}\n`)
  if (values['help']) return print(isNamed && command.help ? command.help() : usage())
  const [operand, surplus] = command.operand ? positionals : [undefined, positionals[0]]
  if (surplus !== undefined && !command.takesMany) throw misuse(`Unexpected "${surplus}".`)
  if (command.operand && operand === undefined) throw misuse(`${name} needs ${command.operand}.`)
  return await command.run({ environment: process.env, values, operand, operands: positionals })
}

function parse(name: string, { options }: Command, args: readonly string[]) {
  // Parsed with all options there are, so that one of another command is told from no option.
  const known = Object.assign({}, ...Object.values(COMMANDS).map((other) => other.options))
  const all: CommandOptions = { ...known, ...options, ...COMMON_OPTIONS }
  const parsed = parseAs(all, args)
  for (const given of Object.keys(parsed.values)) {
    if (given in options || given in COMMON_OPTIONS) continue
    throw misuse(`--${given} does not go with "${name}".`)
  }
  return parsed
}

function parseAs(options: CommandOptions, args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    return { values: values as Given['values'], positionals }
  } catch (error) {
    const message = error instanceof Error ? error.message : 'The options cannot be read.'
    const [, unknown] = /^Unknown option '(-+[^']*)'/.exec(message) ?? []
    if (unknown === undefined) throw misuse(message)
    const known = Object.keys(options).map((name) => `--${name}`)
    throw misuse(`Unknown option "${unknown}". Did you mean "${nearest(unknown, known)}"?`)
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function version(): string {
  // The compiled file lies one folder deeper than this one.
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8')
      const found = JSON.parse(text) as { name?: string; version?: string }
      if (found.name === 'audit-outbox' && found.version) return found.version
    } catch {
      // Not there: the other one is.
    }
  }
  return 'unknown'
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  // Anything else is a bug of ours, and whoever reports it needs to see where.
  if (!(error instanceof AuditError)) throw error
  const { code, message, fault } = error
  const hint = fault ? faultHint(fault.code) : undefined
  const isMisuse = code === 'AUDIT_OPTION_INVALID' || code === 'AUDIT_FILTER_INVALID'
  const isSaid = hint !== undefined && message.includes(hint)
  const lines = [
    message,
    isSaid ? undefined : hint,
    isMisuse ? 'See "audit-relay --help".' : undefined,
  ]
  process.stderr.write(`audit-relay: ${lines.filter(Boolean).join('\n')}\n`)
  process.exitCode = isMisuse ? MISUSED : FAILED
}
