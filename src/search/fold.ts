// What Postgres takes for the same letter, in capitals or not, becomes the same character here, whatever its
// locale. It works on each character alone: so where a text holds a word, the folded text holds the folded word.

/** Combining dot above: some locales make `İ` an `i` with this dot, others an `i`. */
const DOT = '\u0307'
const ASCII = /^[\0-\x7f]*$/

export function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase()
  let folded = ''
  for (const character of text) folded += foldOne(character)
  return folded
}

function foldOne(character: string): string {
  if (character === DOT) return ''
  if (character === 'İ') return 'i'
  const upper = character.toUpperCase()
  const lower = (upper.length === character.length ? upper : character).toLowerCase()
  return lower.length === character.length ? lower : character
}
