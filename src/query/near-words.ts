/** Longer words are compared with none. */
const MAX_CHARACTERS = 32

/** Those of some words that a misspelt one is closest to: the same beginning, or some slips away. */
export function nearWords(
  given: string,
  words: readonly string[],
  most = 3,
  mostSlips = 2,
): readonly string[] {
  const wanted = given.toLowerCase()
  if (wanted === '' || wanted.length > MAX_CHARACTERS) return []
  return words
    .map((word) => ({ word, slips: slipsTo(wanted, word.toLowerCase()) }))
    .filter(({ word, slips }) => slips <= Math.min(mostSlips, Math.floor(word.length / 2)))
    .sort((one, other) => one.slips - other.slips)
    .slice(0, most)
    .map(({ word }) => word)
}

/**
 * How many letters differ, are missing, are too many or have changed places; 1 where a word goes on as
 * the other began.
 */
function slipsTo(given: string, word: string): number {
  if (given.length >= 2 && word.startsWith(given)) return 1
  let earlier: readonly number[] = []
  let before = Array.from({ length: word.length + 1 }, (_, at) => at)
  for (let row = 1; row <= given.length; row += 1) {
    const now = [row]
    for (let at = 1; at <= word.length; at += 1) {
      const swap = (before[at - 1] ?? 0) + (given[row - 1] === word[at - 1] ? 0 : 1)
      const isTwisted = given[row - 1] === word[at - 2] && given[row - 2] === word[at - 1]
      const twist = row > 1 && at > 1 && isTwisted ? (earlier[at - 2] ?? 0) + 1 : swap
      now.push(Math.min(swap, twist, (before[at] ?? 0) + 1, (now[at - 1] ?? 0) + 1))
    }
    earlier = before
    before = now
  }
  return before[word.length] ?? given.length
}
