import { type AuditError, optionInvalid } from '../errors.ts'
import type { SecretKind } from './secret-keys.ts'

/** The position of the current container among the paths to redact. */
export interface PathStep {
  /** Whether a path ends here, so that the value here is redacted. */
  readonly ends: boolean
  /** Whether a path of `except` ends here, so that nothing is redacted in the value here. */
  readonly spares: boolean
  readonly named: ReadonlyMap<string, PathStep>
  /** The step for every key that is not in `named`. */
  readonly other: PathStep | undefined
  /** The kind of secret that the value here belongs to, because a key above names one. */
  readonly within?: SecretKind | undefined
  /** Inside of a secret: the position among the paths. */
  readonly under?: PathStep | undefined
}

export interface RedactPaths {
  readonly metadata: PathStep | undefined
  readonly context: PathStep | undefined
  /** Keys that are redacted at any depth: `**.ssn`. */
  readonly anywhere: ReadonlySet<string>
  /** Keys in which nothing is redacted, at any depth: `**.sessionId` of `except`. */
  readonly spared: ReadonlySet<string>
}

const ANY = '*'
/** The depth of a copy. A path with more keys would match nothing. */
const MAX_PATH_KEYS = 32
const MAX_PATHS = 1_000

/** @throws {AuditError} `AUDIT_OPTION_INVALID`, quoting the path that is not valid */
export function compilePaths(
  paths: readonly string[],
  except: readonly string[] = [],
): RedactPaths {
  const roots: Record<'metadata' | 'context', Trail[]> = { metadata: [], context: [] }
  const anywhere = new Set<string>()
  const spared = new Set<string>()
  const read = (option: Option, given: readonly string[]) => {
    if (given.length > MAX_PATHS) {
      throw optionInvalid(`${option} may hold at most ${MAX_PATHS} paths, got ${given.length}.`)
    }
    const spares = option === 'redact.except'
    for (const path of given) {
      const { root, keys } = parsePath(option, path)
      if (root === '**') (spares ? spared : anywhere).add(keys[0]?.name ?? '')
      else roots[root].push({ keys, spares })
    }
  }
  read('redact.paths', paths)
  read('redact.except', except)
  const { metadata, context } = roots
  return { metadata: firstStep(metadata), context: firstStep(context), anywhere, spared }
}

type Option = 'redact.paths' | 'redact.except'

/** The step for a key, or undefined when no path leads on from there. */
export function nextStep(step: PathStep, key: string): PathStep | undefined {
  if (step.within === undefined) return step.named.get(key) ?? step.other
  return insideSecret(step.within, step.under && nextStep(step.under, key))
}

/** The position inside of a secret of this kind. The paths that lead on from there go on. */
export function insideSecret(kind: SecretKind, under: PathStep | undefined): PathStep {
  const { ends = false, spares = false } = under ?? {}
  return { ends, spares, named: NONE, other: undefined, within: kind, under }
}

const NONE: ReadonlyMap<string, PathStep> = new Map()

interface Key {
  readonly name: string
  /** `*` and `[*]`, but not `["*"]`. */
  readonly any: boolean
}

/** The keys of a path that are still to come, and whether it spares or redacts. */
interface Trail {
  readonly keys: readonly Key[]
  readonly spares: boolean
}

// A name, then any of `.name`, `.*`, `[0]`, `[*]`, `["name"]`, `['name']`.
const PART = /(?:^|\.)([^.[\]"']+)|\[(\d+|\*)\]|\[(["'])(.*?)\3\]/y

function parsePath(
  option: Option,
  path: unknown,
): { root: 'metadata' | 'context' | '**'; keys: Key[] } {
  if (typeof path !== 'string')
    throw optionInvalid(`${option} must hold strings, got ${typeof path}.`)
  const refused = (given: string, why: string) => refusedPath(option, given, why)
  const keys: Key[] = []
  PART.lastIndex = 0
  while (PART.lastIndex < path.length) {
    const part = PART.exec(path)
    if (part === null) throw refused(path, 'join its keys by dots, or write [0], [*], ["name"]')
    const name = part[1] ?? part[2] ?? part[4] ?? ''
    keys.push({ name, any: name === ANY && part[3] === undefined })
  }
  const root = keys.shift()?.name
  if (root !== 'metadata' && root !== 'context' && root !== '**') {
    throw refused(path, 'it must begin with metadata, context or **')
  }
  if (keys.length === 0) throw refused(path, 'it names no key; write .* for all keys')
  if (keys.length > MAX_PATH_KEYS) throw refused(path, `it has more than ${MAX_PATH_KEYS} keys`)
  if (keys.some(({ name }) => name === '**'))
    throw refused(path, '** is allowed only at its beginning')
  if (root === '**' && (keys.length > 1 || keys[0]?.any)) {
    throw refused(path, '** must be followed by the name of exactly one key')
  }
  return { root, keys }
}

// Undefined without paths, so that a copy makes no walk at all. Measured in
// hotpath-parts.md, "no walk where no path is given".
function firstStep(paths: readonly Trail[]): PathStep | undefined {
  return paths.length === 0 ? undefined : stepOf(paths)
}

/** A `*` applies to named keys too, so that each value has one position only. */
function stepOf(paths: readonly Trail[]): PathStep {
  const ending = paths.filter(({ keys }) => keys.length === 0)
  const ends = ending.some((trail) => !trail.spares)
  const spares = !ends && ending.length > 0
  // The values inside a redacted value are removed with it, and those inside a spared one stay.
  if (ends || spares) return { ends, spares, named: new Map(), other: undefined }
  const following = (name: string | undefined) =>
    paths
      .filter(({ keys: [first] }) => first?.any || (name !== undefined && first?.name === name))
      .map(({ keys, spares }) => ({ keys: keys.slice(1), spares }))
  const names = new Set(
    paths.flatMap(({ keys: [first] }) => (first && !first.any ? [first.name] : [])),
  )
  const any = following(undefined)
  return {
    ends,
    spares,
    named: new Map([...names].map((name) => [name, stepOf(following(name))])),
    other: any.length === 0 ? undefined : stepOf(any),
  }
}

function refusedPath(option: Option, path: string, why: string): AuditError {
  return optionInvalid(
    `${option}: "${path}" is not a path: ${why}. ` +
      'Valid paths: metadata.card.number, metadata.users[*].ssn, context.ip, **.ssn.',
  )
}
