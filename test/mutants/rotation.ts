/** A run that tries at least so many gets round to all of them in successive turns. */
const STRIDE = 17

/** The same items, beginning at another one in each turn. */
export function inTurn<Item>(items: readonly Item[], turn: number): Item[] {
  const first = items.length === 0 ? 0 : (turn * STRIDE) % items.length
  return [...items.slice(first), ...items.slice(0, first)]
}
