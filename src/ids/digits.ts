/** Larger integers are not written out, because the time grows with the square of their digits. */
export const MAX_BIGINT = 10n ** 1_000n

/**
 * The digits of a whole number that stands for an id. Undefined for everything else: for a fraction,
 * -0, and a number beyond 2^53, which JavaScript may have rounded to that of another id.
 */
export function digitsOf(given: unknown): string | undefined {
  if (typeof given === 'number') {
    return Number.isSafeInteger(given) && !Object.is(given, -0) ? String(given) : undefined
  }
  if (typeof given !== 'bigint') return undefined
  return given < MAX_BIGINT && given > -MAX_BIGINT ? String(given) : undefined
}
