import { optionInvalid } from './errors.ts'

/**
 * Every limit, once: default, bounds, and (in its name) its unit. Types, checks, environment
 * variables, `--help` and the README's table come from here.
 */
export const RECORDER_LIMITS = {
  flushIntervalMs: {
    default: 50,
    min: 1,
    max: 60_000,
    says: 'longest time an entry waits in memory; also what a SIGKILL can cost',
  },
  maxBatchEntries: {
    default: 1_000,
    min: 1,
    max: 10_000,
    says: 'entries in one write to staging',
  },
  maxBufferEntries: {
    default: 100_000,
    min: 1,
    max: 10_000_000,
    says: 'entries in memory, waiting and in flight; beyond it the newest are dropped',
  },
  maxBufferBytes: {
    default: 64 * 1024 * 1024,
    min: 64 * 1024,
    max: 16 * 1024 * 1024 * 1024,
    says: 'their size in memory, as estimated; beyond it the newest are dropped',
  },
  maxEntryBytes: {
    default: 32 * 1024,
    min: 1024,
    max: 1024 * 1024,
    says: 'size of one entry as JSON; longer metadata is cut and marked',
  },
  maxKeptBytes: {
    default: 16 * 1024 * 1024,
    min: 0,
    max: 16 * 1024 * 1024 * 1024,
    says: 'what is kept of staged entries until they are known to be logged, to stage them again',
  },
  closeTimeoutMs: {
    default: 10_000,
    min: 0,
    max: 600_000,
    says: 'how long close() tries to write what is buffered',
  },
  statementTimeoutMs: {
    default: 10_000,
    min: 100,
    max: 600_000,
    says: 'deadline of one statement, after which its connection is thrown away',
  },
  reportIntervalMs: {
    default: 10_000,
    min: 100,
    max: 600_000,
    says: 'how often a busy recorder reports its own counts',
  },
} as const satisfies Limits

export const RELAY_LIMITS = {
  batchEntries: {
    default: 4_000,
    min: 1,
    max: 50_000,
    says: 'entries moved in one statement',
  },
  parallelMoves: {
    default: 2,
    min: 1,
    max: 8,
    says: 'statements, and connections, that move at once while there is a backlog',
  },
  pollMinMs: {
    default: 50,
    min: 1,
    max: 60_000,
    says: 'wait between cycles while entries arrive',
  },
  pollMaxMs: {
    default: 1_000,
    min: 1,
    max: 600_000,
    says: 'longest wait between cycles while nothing arrives',
  },
  statementTimeoutMs: {
    default: 10_000,
    min: 100,
    max: 600_000,
    says: 'deadline of one statement, after which its connection is thrown away',
  },
  stopTimeoutMs: {
    default: 10_000,
    min: 0,
    max: 600_000,
    says: 'how long stop() waits for the batch in hand',
  },
  monthsAhead: {
    default: 3,
    min: 1,
    max: 120,
    says: 'monthly partitions kept ready',
  },
  maxLagMs: {
    default: 300_000,
    min: 1_000,
    max: 86_400_000,
    says: 'age of the oldest entry that waits, beyond which /readyz is red',
  },
} as const satisfies Limits

export interface Limit {
  readonly default: number
  readonly min: number
  readonly max: number
  readonly says: string
}
type Limits = Readonly<Record<string, Limit>>

export type RecorderLimits = Readonly<Record<keyof typeof RECORDER_LIMITS, number>>
export type RelayLimits = Readonly<Record<keyof typeof RELAY_LIMITS, number>>

/**
 * The given values over the environment's over the defaults, each checked.
 * `flushIntervalMs` is read from `AUDIT_FLUSH_INTERVAL_MS`, and so on.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`, naming every wrong option, its bounds and its value
 */
export function resolveLimits<Name extends string>(
  limits: Readonly<Record<Name, Limit>>,
  given: Readonly<Partial<Record<Name, number | undefined>>>,
  environment: Readonly<Record<string, string | undefined>> = {},
): Readonly<Record<Name, number>> {
  const problems: string[] = []
  const resolved = {} as Record<Name, number>
  for (const name of Object.keys(limits) as Name[]) {
    const { default: fallback, min, max } = limits[name]
    const variable = environmentName(name)
    const fromEnvironment = environment[variable]?.trim()
    const value = given[name] ?? (fromEnvironment ? Number(fromEnvironment) : fallback)
    resolved[name] = value
    if (Number.isInteger(value) && value >= min && value <= max) continue
    const source = given[name] === undefined ? variable : name
    const shown = given[name] === undefined ? `"${fromEnvironment}"` : String(value)
    problems.push(`${source} must be a whole number from ${min} to ${max}, got ${shown}.`)
  }
  if (problems.length > 0) throw optionInvalid(problems.join('\n'))
  return Object.freeze(resolved)
}

/** `flushIntervalMs` is `AUDIT_FLUSH_INTERVAL_MS` in the environment. */
export function environmentName(option: string): string {
  return `AUDIT_${option.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** @throws {AuditError} `AUDIT_OPTION_INVALID` for a name that is not an option, with the nearest. */
export function refuseUnknownOptions(given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    throw optionInvalid(
      `Unknown option "${name}". Did you mean "${nearest(name, known)}"? Known: ${known.join(', ')}.`,
    )
  }
}

/** The most alike of the known names: by the pairs of letters that they share. */
export function nearest(name: string, known: readonly string[]): string {
  const pairs = (text: string) => {
    const lower = text.toLowerCase()
    return new Set(Array.from({ length: lower.length - 1 }, (_, at) => lower.slice(at, at + 2)))
  }
  const wanted = pairs(name)
  const likeness = (other: string) => {
    const have = pairs(other)
    return [...wanted].filter((pair) => have.has(pair)).length / (wanted.size + have.size + 1)
  }
  return known.reduce((best, other) => (likeness(other) > likeness(best) ? other : best))
}

export type DatabaseRole = 'app' | 'relay' | 'reader' | 'owner'

/**
 * The URL for a role: the given one, else `AUDIT_<ROLE>_DATABASE_URL`, else `DATABASE_URL`.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where it is no Postgres URL; it is never quoted,
 * because it holds a password
 */
export function databaseUrlFor(
  role: DatabaseRole,
  given: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const variable = `AUDIT_${role.toUpperCase()}_DATABASE_URL`
  // A variable that was read from a file often ends with a line break.
  const own = environment[variable]?.trim()
  const url = given || own || environment['DATABASE_URL']?.trim() || undefined
  if (url === undefined || /^postgres(ql)?:\/\//.test(url)) return url
  const source = given ? 'databaseUrl' : own ? variable : 'DATABASE_URL'
  throw optionInvalid(`${source} must begin with postgres://.`)
}
