import { Argument, Option } from 'commander'
import { parseInstant } from '../../../src/query/instant.ts'
import { misuse } from './misuse.ts'

export interface Bounds {
  readonly min: number
  /** Default: `Number.MAX_SAFE_INTEGER`. */
  readonly max?: number
}

/** The option `--json` of every command that reports something. */
export function jsonOption(): Option {
  return new Option('--json', 'print JSON, for machines')
}

/** An option that takes a whole number; its help says the bounds. */
export function countOption(flags: string, says: string, bounds: Bounds): Option {
  const { min, max } = bounds
  const option = new Option(flags, `${says}; ${max ? `${min} to ${max}` : `${min} or more`}`)
  return option.argParser((text) => wholeNumber(`--${option.name()}`, text, bounds))
}

/** Operands that are whole numbers, as many as are given. */
export function countsArgument(name: string, says: string, what: string): Argument {
  return new Argument(name, says).argParser((text, before: readonly number[] | undefined) => [
    ...(before ?? []),
    wholeNumber(what, text, { min: 1 }),
  ])
}

/** An operand that is one whole number. */
export function countArgument(name: string, says: string, what: string): Argument {
  return new Argument(name, says).argParser((text) => wholeNumber(what, text, { min: 1 }))
}

function wholeNumber(what: string, text: string, { min, max }: Bounds): number {
  const count = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(count) && count >= min && count <= (max ?? count)) return count
  const range = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`
  throw misuse(`${what} must be a whole number ${range}, got "${shown(text)}".`)
}

/** An option that takes one of a few words, the first of which is the default. */
export function choiceOption(flags: string, says: string, choices: readonly string[]): Option {
  return wordOption(flags, says, choices).default(choices[0])
}

/** An option that takes one of a few words, and has no default. */
export function wordOption(flags: string, says: string, choices: readonly string[]): Option {
  const option = new Option(flags, says).choices(choices)
  return option.argParser((text) => {
    if (choices.includes(text)) return text
    throw misuse(`--${option.name()} must be one of ${choices.join(', ')}, got "${shown(text)}".`)
  })
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
/** The longest that a timer can be set to: 2^31 - 1 milliseconds. */
const MAX_MS = 2_147_483_647

/** An option that takes a time such as `30s`, from 1 ms to 596 h. Its value is in milliseconds. */
export function durationOption(
  flags: string,
  says: string,
  usual: { readonly says: string },
): Option {
  const bounds = `such as 500ms, 30s, 5m or 2h, at most 596h (default: ${usual.says})`
  const option = new Option(flags, `${says}, ${bounds}`)
  return option.argParser((text) => {
    const [, number, unit = ''] = /^(\d{1,10})(ms|s|m|h)$/.exec(text) ?? []
    const ms = Number(number) * (UNIT_MS[unit] ?? Number.NaN)
    if (ms > 0 && ms <= MAX_MS) return ms
    throw misuse(
      `--${option.name()} must be a time from 1ms to 596h, such as 500ms, 30s or 5m, ` +
        `got "${shown(text)}".`,
    )
  })
}

/** An option that takes an instant. Its value is in Unix milliseconds. */
export function instantOption(flags: string, says: string): Option {
  const option = new Option(flags, `${says}; 2026-11-22 or 2026-11-22T14:00Z`)
  return option.argParser((text) => {
    const ms = parseInstant(text)
    if (ms !== undefined) return ms
    throw misuse(
      `--${option.name()} must be a time such as 2026-11-22, 2026-11-22T14:00Z or ` +
        `2026-11-22T14:00:30.250+01:00, got "${shown(text)}".`,
    )
  })
}

/** An option that takes a text. The text must not be empty or begin with `--`. */
export function textOption(flags: string, says: string): Option {
  const option = new Option(flags, says)
  return option.argParser((text) => {
    const name = `--${option.name()}`
    if (text === '') throw misuse(`${name} needs a value, got "".`)
    if (!text.startsWith('--')) return text
    const hint = flags.includes('<file>') ? ` For a file of that name: ${name} ./${text}` : ''
    throw misuse(`${name} needs a value, got the option "${text.split('=', 1)[0]}".${hint}`)
  })
}

/** What was typed, short enough for one line. */
export function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text
}
