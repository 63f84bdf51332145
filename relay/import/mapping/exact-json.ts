/** A text in quotes, or a number: what of JSON may hold sixteen digits. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const LONG = /\d{16}/
const WHOLE = /^-?\d+$/

/**
 * Parses JSON. A whole number that JavaScript would round becomes a text of its digits: an id of
 * nineteen digits must not become its neighbour.
 *
 * @throws {SyntaxError}
 */
export function parseExact(json: string): unknown {
  if (!LONG.test(json)) return JSON.parse(json)
  return JSON.parse(
    json.replaceAll(TOKEN, (token) =>
      WHOLE.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
    ),
  )
}
