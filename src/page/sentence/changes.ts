/** A field before and after. `undefined`: the field did not exist. */
export interface Change {
  /** Path in the metadata, such as `settings.colour`. Empty: the entry names no field. */
  readonly path: string
  readonly from: unknown
  readonly to: unknown
}

/** The JSON of the entry, or an export, shows all of them. */
export const MAX_CHANGES = 200
const MAX_DEPTH = 6
/** Of a field in a path. A long one would stand in the path of each field below it. */
const MAX_KEY_CHARACTERS = 128
const PAIRS = [
  ['from', 'to'],
  ['before', 'after'],
] as const

type Fields = Readonly<Record<string, unknown>>

/**
 * The changes in an entry's metadata: pairs `{ from, to }` or `{ before, after }`. A pair is at the
 * top, where `field` may name it, or under the name of its field. If both sides are objects, each
 * field that differs is a change of its own.
 * At most 200 changes are returned.
 */
export function changesOf(metadata: Fields): readonly Change[] {
  const changes: Change[] = []
  const field = metadata['field']
  const pair = pairIn(metadata)
  if (pair) compare(typeof field === 'string' ? short(field) : '', pair.from, pair.to, changes, 0)
  for (const [key, value] of Object.entries(metadata)) {
    if (pair && isPairKey(key)) continue
    find(short(key), value, changes, 1)
  }
  return changes
}

/** Whether `changesOf` covers this top-level key of the metadata. */
export function isPartOfChange(key: string, value: unknown, metadata: Fields): boolean {
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
    find(`${path}.${short(key)}`, inner, changes, depth + 1)
}

function compare(path: string, from: unknown, to: unknown, changes: Change[], depth: number): void {
  if (changes.length >= MAX_CHANGES) return
  if (!isFields(from) || !isFields(to) || depth > MAX_DEPTH) {
    changes.push({ path, from, to })
    return
  }
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [before, after] = [ownValue(from, key), ownValue(to, key)]
    if (isSame(before, after)) continue
    compare(path === '' ? short(key) : `${path}.${short(key)}`, before, after, changes, depth + 1)
  }
}

function short(key: string): string {
  return key.length <= MAX_KEY_CHARACTERS ? key : `${key.slice(0, MAX_KEY_CHARACTERS)}…`
}

/** A pair has both sides; a lone `from` is an ordinary value. */
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
