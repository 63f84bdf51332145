import { parseArgs } from 'node:util'

// Arguments of the commands that contributors run.

/** Prints `usage` where it is asked for, and where `parse` throws; then the process ends. */
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

/** Of a command all of whose options are numbers above 0, with these defaults. */
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

/** @throws {Error} where it is no number above 0 */
export function positive(name: string, given: unknown): number {
  const number = Number(given)
  if (Number.isFinite(number) && number > 0) return number
  throw new Error(`--${name} must be a number above 0, not "${given}".`)
}
