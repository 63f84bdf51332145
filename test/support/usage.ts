import { parseArgs } from 'node:util'

// Arguments of the commands that contributors run.

/** Prints `usage` and ends the process if `--help` is given or `parse` throws. */
export function withUsage<T>(usage: string, parse: () => T): T {
  if (process.argv.includes('--help')) {
    console.log(usage)
    process.exit(0)
  }
  try {
    return parse()
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`)
    process.exit(2)
  }
}

/** Reads the options of a command that takes only numbers above 0, with these defaults. */
export function numbersOf<Name extends string>(
  usage: string,
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> {
  return withUsage(usage, () => {
    const names = Object.keys(defaults) as Name[]
    const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
    const { values } = parseArgs({ options })
    const given = (name: Name) => positive(name, values[name] ?? defaults[name])
    return Object.fromEntries(names.map((name) => [name, given(name)])) as Record<Name, number>
  })
}

/** @throws {Error} if the value is not a number above 0 */
export function positive(name: string, given: unknown): number {
  const number = Number(given)
  if (Number.isFinite(number) && number > 0) return number
  throw new Error(`--${name} must be a number above 0, got "${given}".`)
}
