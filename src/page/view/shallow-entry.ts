import type { LoggedEntry } from '../../read/logged-entry.ts'

/** The most levels that the recorder and the database let an entry have. */
const MAX_LEVELS = 32
const CUT = `[deeper than ${MAX_LEVELS} levels]`

/**
 * Cuts an entry below 32 levels, so that its page is in proportion to its size. With indentation a
 * thousand levels take a million spaces, and at some depth `JSON.stringify` fails.
 */
export function shallowEntry(entry: LoggedEntry): LoggedEntry {
  const { metadata, context } = entry
  if (!isDeeper(metadata, MAX_LEVELS) && !isDeeper(context, MAX_LEVELS)) return entry
  return {
    ...entry,
    metadata: cut(metadata, MAX_LEVELS) as LoggedEntry['metadata'],
    context: cut(context, MAX_LEVELS) as LoggedEntry['context'],
  }
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  const inside: unknown[] = Array.isArray(value) ? value : Object.values(value)
  return inside.some((inner) => isDeeper(inner, levels - 1))
}

function cut(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (levels === 0) return CUT
  if (Array.isArray(value)) return value.map((inner) => cut(inner, levels - 1))
  // Made with defineProperty inside, so that a key "__proto__" stays one.
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, cut(inner, levels - 1)]),
  )
}
