import type { ParseArgsConfig } from 'node:util'
import { AuditError } from '../../src/errors.ts'
import type { Environment } from '../config.ts'

export type CommandOptions = NonNullable<ParseArgsConfig['options']>

/** What was given to a command: its own options, each as it was typed, and its operands. */
export interface Given {
  readonly environment: Environment
  readonly values: Readonly<Record<string, string | boolean | undefined>>
  readonly operand: string | undefined
  /** All of them, for a command that takes many. */
  readonly operands: readonly string[]
}

/** One command of `audit-relay`. */
export interface Command {
  readonly options: CommandOptions
  /** Name of the one word that it takes besides options. Default: it takes none. */
  readonly operand?: string
  /** Whether it takes any number of words. Default: no. */
  readonly takesMany?: boolean
  /** Its lines in `audit-relay --help`. */
  readonly usage: string
  /** What `--help` after its name prints. Default: the help of all. */
  readonly help?: () => string
  /** @returns the exit code */
  readonly run: (given: Given) => Promise<number>
}

export function misuse(message: string): AuditError {
  return new AuditError('AUDIT_OPTION_INVALID', message)
}

/** The text of an option, or undefined. */
export function textOf({ values }: Given, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

/** A whole number from `min` on, or undefined where the option is not given. */
export function countOf(given: Given, name: string, min: number): number | undefined {
  const text = textOf(given, name)
  if (text === undefined) return undefined
  const count = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(count) && count >= min) return count
  throw misuse(`--${name} must be a whole number from ${min} on, got "${text}".`)
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Milliseconds of a time such as `30s`. */
export function durationMs(name: string, text: string): number {
  const [, number, unit = ''] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? []
  const ms = Number(number) * (UNIT_MS[unit] ?? Number.NaN)
  // 2^31 - 1: the longest that a timer can be set to.
  if (ms > 0 && ms <= 2_147_483_647) return ms
  throw misuse(`--${name} must be a time such as 500ms, 30s or 5m, got "${text}".`)
}
