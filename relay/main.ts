#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { AuditError } from '../src/errors.ts'
import { faultHint } from '../src/retry.ts'
import { migrate } from './commands/migrate.ts'
import { once, run } from './commands/run.ts'
import { status } from './commands/status.ts'
import { usage } from './usage.ts'

const FAILED = 1
const MISUSED = 2

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  once: { type: 'boolean' },
  'max-rows': { type: 'string' },
  deadline: { type: 'string' },
  json: { type: 'boolean' },
  sql: { type: 'boolean' },
} as const

type OptionName = keyof typeof OPTIONS

/** Which options go with which command. */
const COMMANDS: Readonly<Record<string, readonly OptionName[]>> = {
  run: ['once', 'max-rows', 'deadline'],
  migrate: ['sql'],
  status: ['json'],
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args)
  if (values.help) return print(usage())
  if (values.version) return print(`${version()}\n`)
  const [command = 'run', surplus] = positionals
  const allowed = COMMANDS[command]
  if (allowed === undefined) throw misuse(`Unknown command "${command}".`)
  if (surplus !== undefined) throw misuse(`Unexpected "${surplus}".`)
  for (const name of Object.keys(values) as OptionName[]) {
    if (!allowed.includes(name)) throw misuse(`--${name} does not go with "${command}".`)
  }
  if (command === 'migrate') return migrate(process.env, { sqlOnly: values.sql === true })
  if (command === 'status') return status(process.env, { json: values.json === true })
  if (values.once !== true) {
    if (values['max-rows'] ?? values.deadline) throw misuse('Bounds go with --once.')
    return run(process.env)
  }
  return once(process.env, {
    maxRows: values['max-rows'] === undefined ? undefined : rows(values['max-rows']),
    deadlineMs: durationMs(values.deadline ?? '60s'),
  })
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw misuse(error instanceof Error ? error.message : 'The options cannot be read.')
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

function rows(text: string): number {
  const count = Number(text)
  if (Number.isSafeInteger(count) && count > 0) return count
  throw misuse(`--max-rows must be a whole number above 0, got "${text}".`)
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

function durationMs(text: string): number {
  const [, number, unit = ''] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? []
  const ms = Number(number) * (UNIT_MS[unit] ?? Number.NaN)
  // 2^31 - 1: the longest that a timer can be set to.
  if (ms > 0 && ms <= 2_147_483_647) return ms
  throw misuse(`--deadline must be a time such as 500ms, 30s or 5m, got "${text}".`)
}

function misuse(message: string): AuditError {
  return new AuditError('AUDIT_OPTION_INVALID', message)
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  // Anything else is a bug of ours, and whoever reports it needs to see where.
  if (!(error instanceof AuditError)) throw error
  const { code, message, fault } = error
  const hint = fault ? faultHint(fault.code) : undefined
  const isMisuse = code === 'AUDIT_OPTION_INVALID'
  const lines = [message, hint, isMisuse ? 'See "audit-relay --help".' : undefined]
  process.stderr.write(`audit-relay: ${lines.filter(Boolean).join('\n')}\n`)
  process.exitCode = isMisuse ? MISUSED : FAILED
}
