const MIN_LENGTH = 16
const MIN_DIFFERENT = 8
/** A token that begins again after this share of it, or earlier, is a repeated one. */
const MAX_PERIOD = 2 / 3

/**
 * What a token lacks that nobody is to guess, as the end of "AUDIT_PAGE_TOKEN …". It finds what was
 * typed to be replaced later: one character again and again, a repeated word, a run of the alphabet.
 * It cannot find a word that is in a dictionary.
 *
 * @returns undefined where it lacks nothing
 */
export function tokenWeakness(token: string): string | undefined {
  if (token.length < MIN_LENGTH || !/^[\x21-\x7e]+$/.test(token)) {
    return `must have at least ${MIN_LENGTH} printable characters in each token`
  }
  if (new Set(token).size < MIN_DIFFERENT) {
    return `must have at least ${MIN_DIFFERENT} different characters in each token`
  }
  if (isRepeated(token) || isRun(token)) {
    return 'must have tokens that cannot be guessed, without a repeated word or a run such as 12345678'
  }
  return undefined
}

/** Whether it is one text again and again, the last time perhaps in part. */
function isRepeated(token: string): boolean {
  for (let length = 1; length <= token.length * MAX_PERIOD; length += 1) {
    if (token.slice(length) === token.slice(0, -length)) return true
  }
  return false
}

/** Whether more than half of its characters follow the one before them, up or down. */
function isRun(token: string): boolean {
  let steps = 0
  for (let at = 1; at < token.length; at += 1) {
    const step = token.charCodeAt(at) - token.charCodeAt(at - 1)
    if (Math.abs(step) === 1) steps += 1
  }
  return steps > token.length / 2
}
