const EMPTY = {}

/**
 * Whether somebody put an enumerable key on `Object.prototype`, which every object would seem to
 * have.
 */
export function isPolluted(): boolean {
  for (const _ in EMPTY) return true
  return false
}
