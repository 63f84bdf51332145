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

export type Fields = Readonly<Record<string, unknown>>

/**
 * The changes in an entry's metadata: pairs `{ from, to }` or `{ before, after }`. A pair is under the
 * name of its field, or `field` next to it names it, also in a list. If both sides are objects, each
 * field that differs is a change of its own.
 *
 * @param max the most changes that are returned. Default: 200
 */
export function changesOf(metadata: Fields, max = MAX_CHANGES): readonly Change[] {
  const changes = new Changes(max)
  const pair = pairIn(metadata)
  if (pair) compare(fieldOf(metadata) ?? '', pair.from, pair.to, changes, 0)
  for (const [key, value] of Object.entries(metadata)) {
    if (pair && isPairKey(key)) continue
    find(short(key), value, changes, 1)
  }
  return changes.found
}

/** What was found, up to a number. */
class Changes {
  readonly found: Change[] = []
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get isFull(): boolean {
    return this.found.length >= this.#max
  }
}

/** Whether `changesOf` covers this top-level key of the metadata. */
export function isPartOfChange(key: string, value: unknown, metadata: Fields): boolean {
  const hasPair = pairIn(metadata) !== undefined
  if (hasPair && (isPairKey(key) || (key === 'field' && typeof value === 'string'))) return true
  return isFields(value) && pairIn(value) !== undefined
}

function find(path: string, value: unknown, changes: Changes, depth: number): void {
  if (depth > MAX_DEPTH || changes.isFull) return
  if (Array.isArray(value)) {
    for (const item of value) {
      if (isFields(item) && fieldOf(item) !== undefined) find(path, item, changes, depth + 1)
    }
    return
  }
  if (!isFields(value)) return
  const pair = pairIn(value)
  if (pair) {
    compare(fieldOf(value) ?? path, pair.from, pair.to, changes, depth)
    return
  }
  for (const [key, inner] of Object.entries(value))
    find(`${path}.${short(key)}`, inner, changes, depth + 1)
}

function compare(path: string, from: unknown, to: unknown, changes: Changes, depth: number): void {
  if (changes.isFull) return
  if (!isFields(from) || !isFields(to) || depth > MAX_DEPTH) {
    changes.found.push({ path, from, to })
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

function fieldOf({ field }: Fields): string | undefined {
  return typeof field === 'string' ? short(field) : undefined
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

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
