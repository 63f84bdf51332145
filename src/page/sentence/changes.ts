/** One field before and after. `undefined` on a side: the field was not there. */
export interface Change {
  /** Where in the metadata, `settings.colour`; empty where the entry names no field. */
  readonly path: string
  readonly from: unknown
  readonly to: unknown
}

/** More than anybody reads; the JSON beside it has all of them. */
const MAX_CHANGES = 200
const MAX_DEPTH = 6
const PAIRS = [
  ['from', 'to'],
  ['before', 'after'],
] as const

type Fields = Readonly<Record<string, unknown>>

/**
 * What metadata says was changed: `{ from, to }` and `{ before, after }`, at the top (then `field`
 * may name what) or under each field's own name. Where both sides are objects, their fields are
 * compared, and only what differs is a change.
 */
export function changesOf(metadata: Fields): readonly Change[] {
  const changes: Change[] = []
  const named = metadata['field']
  const pair = pairIn(metadata)
  if (pair) compare(typeof named === 'string' ? named : '', pair.from, pair.to, changes, 0)
  for (const [key, value] of Object.entries(metadata)) {
    if (pair && isPairKey(key)) continue
    find(key, value, changes, 1)
  }
  return changes
}

/** The keys of the metadata's own top that its changes have told already. */
export function isToldByChanges(key: string, value: unknown, metadata: Fields): boolean {
  const hasPair = pairIn(metadata) !== undefined
  if (hasPair && (isPairKey(key) || (key === 'field' && typeof value === 'string'))) return true
  return isFields(value) && pairIn(value) !== undefined
}

function find(path: string, value: unknown, changes: Change[], depth: number): void {
  if (!isFields(value) || depth > MAX_DEPTH || changes.length >= MAX_CHANGES) return
  const pair = pairIn(value)
  if (pair) {
    compare(path, pair.from, pair.to, changes, depth)
    return
  }
  for (const [key, inner] of Object.entries(value))
    find(`${path}.${key}`, inner, changes, depth + 1)
}

function compare(path: string, from: unknown, to: unknown, changes: Change[], depth: number): void {
  if (changes.length >= MAX_CHANGES) return
  if (!isFields(from) || !isFields(to) || depth > MAX_DEPTH) {
    changes.push({ path, from, to })
    return
  }
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [one, other] = [ownValue(from, key), ownValue(to, key)]
    if (isSame(one, other)) continue
    compare(path === '' ? key : `${path}.${key}`, one, other, changes, depth + 1)
  }
}

/** Both sides are there: metadata with a lone `from` is no change but a word that says "from". */
function pairIn(value: Fields): { readonly from: unknown; readonly to: unknown } | undefined {
  for (const [from, to] of PAIRS) {
    if (Object.hasOwn(value, from) && Object.hasOwn(value, to)) {
      return { from: value[from], to: value[to] }
    }
  }
  return undefined
}

function isPairKey(key: string): boolean {
  return PAIRS.some((names) => (names as readonly string[]).includes(key))
}

function ownValue(fields: Fields, key: string): unknown {
  return Object.hasOwn(fields, key) ? fields[key] : undefined
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
