// U+0000 to U+001F and lone surrogates. Names hold none of them, and Postgres refuses some.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const UNFIT = /[\u0000-\u001f]|\p{Surrogate}/gu
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const MAYBE_UNFIT = /[\u0000-\u001f\ud800-\udfff]/

/** One line of well-formed text: control characters and lone surrogates become U+FFFD. */
export function plainLine(text: string): string {
  return MAYBE_UNFIT.test(text) ? text.replace(UNFIT, '\ufffd') : text
}

// JSON.stringify writes NUL and a lone surrogate as escapes in lower case, and whole pairs as they
// are. The second branch consumes every other escape. Otherwise the escaped backslash of `\\u0000`
// would be read as the beginning of an escape.
const ESCAPE = /\\(?:(u(?:0000|d[89a-f][0-9a-f]{2}))|.)/g

/**
 * JSON text without the characters that jsonb refuses: U+0000 and lone surrogates become U+FFFD.
 * Returns the same string if there are none.
 */
export function mendJson(json: string): string {
  if (!json.includes('\\u')) return json
  return json.replace(ESCAPE, (whole, refused: string | undefined) =>
    refused === undefined ? whole : '\ufffd',
  )
}
