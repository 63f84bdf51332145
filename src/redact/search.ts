import type { SecretKind } from './secret-keys.ts'

/** How a text is searched. */
export interface Search {
  /** Returns the replacement of one secret. */
  readonly replace: (secret: string) => string
  readonly kindOf: (name: string) => SecretKind | undefined
  /** Matches a part of every name that may be one of a secret. Global. */
  readonly stems: RegExp
  /** How many places may still be looked at. Below 0 the rest of the text is replaced. */
  left: number
}

/**
 * Replaces the matches of a global pattern by what `make` returns. Undefined keeps a match. When no
 * place may be looked at any more, the rest of the text is replaced, so that a text that is made of
 * nothing but matches costs a bounded time.
 */
export function replaceMatches(
  text: string,
  pattern: RegExp,
  search: Search,
  make: (match: RegExpExecArray) => string | undefined,
): string {
  let clean = ''
  let done = 0
  // A censor function may record too, and move `lastIndex`.
  let next = 0
  for (;;) {
    pattern.lastIndex = next
    const match = pattern.exec(text)
    if (match === null) return done === 0 ? text : clean + text.slice(done)
    next = Math.max(pattern.lastIndex, match.index + 1)
    search.left -= 1
    if (search.left < 0) {
      return clean + text.slice(done, match.index) + search.replace(text.slice(match.index))
    }
    const made = make(match)
    if (made === undefined) continue
    clean += text.slice(done, match.index) + made
    done = match.index + match[0].length
  }
}
