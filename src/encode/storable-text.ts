// U+0000 to U+001F, and halves of surrogate pairs: no name has them, and Postgres refuses some.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const UNFIT = /[\u0000-\u001f]|\p{Surrogate}/gu
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const MAYBE_UNFIT = /[\u0000-\u001f\ud800-\udfff]/

/** One line of well-formed text: control characters and lone surrogates become U+FFFD. */
export function plainLine(text: string): string {
  return MAYBE_UNFIT.test(text) ? text.replace(UNFIT, '\ufffd') : text
}

// JSON.stringify writes a lone surrogate and NUL as escapes, lower case; whole pairs it writes as
// they are. The second branch eats every other escape, so that in `\\u0000` the backslash that is
// itself escaped is not taken for the beginning of one.
const ESCAPE = /\\(?:(u(?:0000|d[89a-f][0-9a-f]{2}))|.)/g

/**
 * JSON text without what jsonb refuses: U+0000 and lone surrogates become U+FFFD.
 * The same string when there is nothing to mend.
 */
export function mendJson(json: string): string {
  if (!json.includes('\\u')) return json
  return json.replace(ESCAPE, (whole, refused: string | undefined) =>
    refused === undefined ? whole : '\ufffd',
  )
}
