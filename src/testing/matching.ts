/** A value of Vitest's or Jest's `expect.any()`, `expect.objectContaining()` and so on. */
interface AsymmetricMatcher {
  asymmetricMatch(value: unknown): boolean
}

/**
 * Whether a value is what a test expects. An object may have more keys than are expected. A list has
 * as many items. A function is asked, and so is an asymmetric matcher.
 */
export function matches(value: unknown, expected: unknown): boolean {
  if (isAsymmetric(expected)) return expected.asymmetricMatch(value)
  if (typeof expected === 'function') return expected(value) === true
  if (expected instanceof Date) {
    return value instanceof Date
      ? value.getTime() === expected.getTime()
      : value === expected.toISOString()
  }
  if (expected instanceof RegExp) return typeof value === 'string' && expected.test(value)
  if (Array.isArray(expected)) {
    const isList = Array.isArray(value) && value.length === expected.length
    return isList && expected.every((item, at) => matches(value[at], item))
  }
  if (typeof expected !== 'object' || expected === null) return isSame(value, expected)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(expected).every(([key, inner]) => matches(Reflect.get(value, key), inner))
}

/** The log holds an id that is a number, and a bigint, as digits. Null means that there is none. */
function isSame(value: unknown, expected: unknown): boolean {
  if (expected === undefined || expected === null) return value === undefined || value === null
  const isDigits = typeof expected === 'bigint' && typeof value === 'string'
  return isDigits ? value === String(expected) : Object.is(value, expected)
}

function isAsymmetric(value: unknown): value is AsymmetricMatcher {
  return typeof Reflect.get(Object(value), 'asymmetricMatch') === 'function'
}
