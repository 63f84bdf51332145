/** Longer words are compared with none. */
const MAX_CHARACTERS = 32

/** Those of some words that a misspelt one is closest to: the same beginning, or two slips away. */
export function nearWords(given: string, words: readonly string[], most = 3): readonly string[] {
  const wanted = given.toLowerCase()
  if (wanted === '' || wanted.length > MAX_CHARACTERS) return []
  return words
    .map((word) => ({ word, slips: slipsTo(wanted, word.toLowerCase()) }))
    .filter(({ word, slips }) => slips <= Math.min(2, Math.floor(word.length / 2)))
    .sort((one, other) => one.slips - other.slips)
    .slice(0, most)
    .map(({ word }) => word)
}

/** How many letters differ, are missing or are too many; 1 where a word goes on as the other began. */
function slipsTo(given: string, word: string): number {
  if (given.length >= 2 && word.startsWith(given)) return 1
  let before = Array.from({ length: word.length + 1 }, (_, at) => at)
  for (let row = 1; row <= given.length; row += 1) {
    const now = [row]
    for (let at = 1; at <= word.length; at += 1) {
      const swap = (before[at - 1] ?? 0) + (given[row - 1] === word[at - 1] ? 0 : 1)
      now.push(Math.min(swap, (before[at] ?? 0) + 1, (now[at - 1] ?? 0) + 1))
    }
    before = now
  }
  return before[word.length] ?? given.length
}
