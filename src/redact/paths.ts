import { type AuditError, optionInvalid } from '../errors.ts'

/** The position of the current container among the paths to redact. */
export interface PathStep {
  /** Whether a path ends here, so that the value here is redacted. */
  readonly ends: boolean
  readonly named: ReadonlyMap<string, PathStep>
  /** The step for every key that is not in `named`. */
  readonly other: PathStep | undefined
}

export interface RedactPaths {
  readonly metadata: PathStep | undefined
  readonly context: PathStep | undefined
  /** Keys that are redacted at any depth: `**.ssn`. */
  readonly anywhere: ReadonlySet<string>
}

const ANY = '*'
/** The depth of a copy. A path with more keys would match nothing. */
const MAX_PATH_KEYS = 32
const MAX_PATHS = 1_000

/** @throws {AuditError} `AUDIT_OPTION_INVALID`, quoting the path that is not valid */
export function compilePaths(paths: readonly string[]): RedactPaths {
  if (paths.length > MAX_PATHS) {
    throw optionInvalid(`redact.paths may hold at most ${MAX_PATHS} paths, got ${paths.length}.`)
  }
  const roots: Record<'metadata' | 'context', Key[][]> = { metadata: [], context: [] }
  const anywhere = new Set<string>()
  for (const path of paths) {
    const { root, keys } = parsePath(path)
    if (root === '**') anywhere.add(keys[0]?.name ?? '')
    else roots[root].push(keys)
  }
  return { metadata: firstStep(roots.metadata), context: firstStep(roots.context), anywhere }
}

/** The step for a key, or undefined when no path leads on from there. */
export function nextStep(step: PathStep, key: string): PathStep | undefined {
  return step.named.get(key) ?? step.other
}

interface Key {
  readonly name: string
  /** `*` and `[*]`, but not `["*"]`. */
  readonly any: boolean
}

// A name, then any of `.name`, `.*`, `[0]`, `[*]`, `["name"]`, `['name']`.
const PART = /(?:^|\.)([^.[\]"']+)|\[(\d+|\*)\]|\[(["'])(.*?)\3\]/y

function parsePath(path: unknown): { root: 'metadata' | 'context' | '**'; keys: Key[] } {
  if (typeof path !== 'string')
    throw optionInvalid(`redact.paths must hold strings, got ${typeof path}.`)
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
function firstStep(paths: readonly Key[][]): PathStep | undefined {
  return paths.length === 0 ? undefined : stepOf(paths)
}

/** A `*` applies to named keys too, so that each value has one position only. */
function stepOf(paths: readonly (readonly Key[])[]): PathStep {
  const ends = paths.some((keys) => keys.length === 0)
  // The values inside a redacted value are removed with it.
  if (ends) return { ends, named: new Map(), other: undefined }
  const following = (name: string | undefined) =>
    paths
      .filter(([first]) => first?.any || (name !== undefined && first?.name === name))
      .map((keys) => keys.slice(1))
  const names = new Set(paths.flatMap(([first]) => (first && !first.any ? [first.name] : [])))
  const any = following(undefined)
  return {
    ends,
    named: new Map([...names].map((name) => [name, stepOf(following(name))])),
    other: any.length === 0 ? undefined : stepOf(any),
  }
}

function refused(path: string, why: string): AuditError {
  return optionInvalid(
    `redact.paths: "${path}" is not a path: ${why}. ` +
      'Valid paths: metadata.card.number, metadata.users[*].ssn, context.ip, **.ssn.',
  )
}
