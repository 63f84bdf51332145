import { optionInvalid } from './errors.ts'

/**
 * The default and the bounds of every limit. A limit's unit is part of its name. The types, the
 * checks, the environment variables, `--help` and the tables of options are made from these.
 */
export const RECORDER_LIMITS = {
  flushIntervalMs: {
    default: 50,
    min: 1,
    max: 60_000,
    says: 'longest time an entry waits in memory; a SIGKILL can lose the entries of this time',
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
    says: 'entries in memory, waiting or in flight; when it is reached, new entries are dropped',
  },
  maxBufferBytes: {
    default: 64 * 1024 * 1024,
    min: 64 * 1024,
    max: 16 * 1024 * 1024 * 1024,
    says: 'estimated size of these entries; when it is reached, new entries are dropped',
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
    says: 'staged entries kept until they are logged, to be staged again after a crash; 0 keeps none',
  },
  closeTimeoutMs: {
    default: 10_000,
    min: 0,
    max: 600_000,
    says: 'how long close() tries to write the buffered entries',
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
    says: 'statements that move a backlog at the same time, each on its own connection',
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
    says: 'monthly partitions kept ready; of weeks and days those of the next 31 days',
  },
  maxPartitions: {
    default: 300,
    min: 12,
    max: 3_000,
    says: 'partitions that the relay makes; beyond two thirds of it, it warns',
  },
  maxLogBytes: {
    default: 0,
    min: 0,
    max: 1_000_000_000_000_000,
    says: 'a log that is larger on disk, with its indexes, is an alarm, and nothing is removed; 0: none is',
  },
  maxLagMs: {
    default: 300_000,
    min: 1_000,
    max: 86_400_000,
    says: '/readyz turns red when the oldest waiting entry is older than this',
  },
  maxLockMs: {
    default: 900_000,
    min: 1_000,
    max: 86_400_000,
    says: 'a session that holds a lock of the log for longer is an alarm',
  },
  sealMaxLagMs: {
    default: 10_000,
    min: 1_000,
    max: 86_400_000,
    says: 'where the log is sealed: longest time until an entry is sealed',
  },
  sealMaxEntries: {
    default: 16_384,
    min: 1,
    max: 1_000_000,
    says: 'where the log is sealed: when so many entries wait for it, they are sealed at once',
  },
} as const satisfies Limits

export const RETENTION_LIMITS = {
  retentionLockTimeoutMs: {
    default: 100,
    min: 1,
    max: 10_000,
    says: 'longest wait for a lock of the log, behind which everybody else waits',
  },
  retentionDeadlineMs: {
    default: 600_000,
    min: 0,
    max: 86_400_000,
    says: 'for how long a partition is tried again while another session holds a lock',
  },
} as const satisfies Limits

export const VERIFY_LIMITS = {
  verifyEveryMs: {
    default: 86_400_000,
    min: 0,
    max: 2_147_483_647,
    says: 'where the log is sealed: how long from one run of verify to the next; 0: never',
  },
} as const satisfies Limits

/** How wide the partitions are that the relay makes: `auto` goes by the rate of entries. */
export const PARTITION_WIDTHS = ['auto', 'month', 'week', 'day'] as const
export type PartitionWidth = (typeof PARTITION_WIDTHS)[number]

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
 * Checks every limit and returns it: the given value, else the environment's, else the default. The
 * environment variable of `flushIntervalMs` is `AUDIT_FLUSH_INTERVAL_MS`, and so on.
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

/**
 * The given width, else `AUDIT_PARTITION_WIDTH`, else `auto`.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` for another word
 */
export function resolvePartitionWidth(
  given: PartitionWidth | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): PartitionWidth {
  const named = given ?? (environment['AUDIT_PARTITION_WIDTH']?.trim() || 'auto')
  const width = PARTITION_WIDTHS.find((known) => known === named)
  if (width) return width
  const source = given === undefined ? 'AUDIT_PARTITION_WIDTH' : 'partitionWidth'
  throw optionInvalid(`${source} must be one of ${PARTITION_WIDTHS.join(', ')}, got "${named}".`)
}

/** The environment variable of an option: `AUDIT_FLUSH_INTERVAL_MS` for `flushIntervalMs`. */
export function environmentName(option: string): string {
  return `AUDIT_${option.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/**
 * @throws {AuditError} `AUDIT_OPTION_INVALID` for an unknown name, suggesting the nearest known one
 */
export function refuseUnknownOptions(given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    throw optionInvalid(
      `Unknown option "${name}". Did you mean "${nearest(name, known)}"? Known: ${known.join(', ')}.`,
    )
  }
}

/** The known name that shares the most pairs of letters with `name`. */
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

export type DatabaseRole = 'app' | 'relay' | 'reader' | 'keeper' | 'eraser' | 'owner'

/**
 * The URL for a role: the given one, else `AUDIT_<ROLE>_DATABASE_URL`, else `DATABASE_URL`.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` for a URL that the driver cannot read. The message
 * does not quote the URL, because it holds a password.
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
  if (url === undefined) return undefined
  const source = given ? 'databaseUrl' : own ? variable : 'DATABASE_URL'
  if (!/^postgres(ql)?:\/\//.test(url))
    throw optionInvalid(`${source} must begin with postgres://.`)
  if (isReadable(url)) return url
  throw optionInvalid(
    `${source} is no URL such as postgres://login:password@host:5432/database. Special characters of ` +
      'the login and the password are written as their codes: @ is %40, / is %2F, # is %23, ? is ' +
      '%3F, % is %25.',
  )
}

/** As the driver reads it: the host may be a list. */
function isReadable(url: string): boolean {
  try {
    const [place = ''] = url.slice(url.indexOf('://') + 3).split(/[?/]/)
    const hosts = decodeURIComponent(place.slice(place.indexOf('@') + 1))
    const { username, password } = new URL(url.replace(hosts, hosts.split(',')[0] ?? ''))
    return [username, password].every((part) => typeof decodeURIComponent(part) === 'string')
  } catch {
    return false
  }
}
