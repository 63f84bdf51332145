// The functions in SQL that hold the lists of src/redact, so that "audit.record" in SQL reads a name
// as the library does. "npm run schema:make" writes them.
import * as keys from '../src/redact/secret-keys.ts'
import * as words from '../src/redact/secret-words.ts'

/** Which list a word is in, by the letter that `audit.secret_kind` knows it by. */
const LISTS: Readonly<Record<string, ReadonlySet<string>>> = {
  P: words.PASSWORDS,
  Q: words.PASSWORD_PLURALS,
  C: words.CODES,
  O: words.OPENING_CODES,
  T: words.TOKENS,
  M: words.PLURALS,
  K: words.OPENING_KEYS,
  W: words.OWNERS,
  H: words.HARMLESS_TOKENS,
  L: words.CALL_TOKENS,
  D: words.DESCRIBING,
  V: words.VALUES,
  A: words.ASKING,
  U: words.HARMLESS,
  I: words.IDENTIFYING,
}

/** A word's end, and the words that make a name of it when they stand before it, in order. */
const ENDS = [
  ['keys', words.OPENING_KEYS],
  ['key', words.OPENING_KEYS],
  ['codes', words.OPENING_CODES],
  ['code', words.OPENING_CODES],
  ['pass', words.OWNERS],
  ['id', keys.ID_OWNERS],
  ['number', keys.CARDS],
  ['response', keys.SAML],
  ['verifier', keys.VERIFIED],
] as const

/** The characters of a regular expression beyond ASCII as Postgres writes them, in any encoding. */
function ascii(text: string): string {
  const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return text.replaceAll(/[^\0-\x7f]/g, escape)
}

const STEMS = keys.MAY_NAME.source.replace('|[^\\0-\\x7f]', '')
const BEYOND_ASCII = String.raw`[^\u0001-\u007f]`

export function secretFunctions(): Readonly<Record<string, string>> {
  const lists: Record<string, string> = {}
  for (const [letter, list] of Object.entries(LISTS)) {
    for (const word of list) lists[word] = (lists[word] ?? '') + letter
  }
  const data = {
    words: Object.fromEntries(Object.entries(lists).sort(([a], [b]) => (a < b ? -1 : 1))),
    stems: keys.STEMS,
    parts: partsPattern(),
    ends: ENDS.map(([end, before]) => [end, [...before]]),
    foreign: ascii(words.FOREIGN_PASSWORD.source),
    lookalikes: lookalikes(),
  }
  const json = wrapped(JSON.stringify(data))
  return {
    secret_words: `${HEAD}-- The words of which names of secrets are made, each with the letters of its lists. A function that
-- calls this or one of its readers pins its search_path: a setting of their own would cost more than
-- they do.
CREATE OR REPLACE FUNCTION "audit"."secret_words"() RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select $json$${json}$json$::jsonb
$$;
`,
    may_name_secret: `${HEAD}-- Whether a name has to be taken apart, because it holds a part of every name of a secret.
CREATE OR REPLACE FUNCTION "audit"."may_name_secret"("name" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select name ~* $re$${STEMS}|${BEYOND_ASCII}$re$ collate "C"
$$;
`,
    may_hold_secret: `${HEAD}-- Whether a JSON text may hold a key that names a secret. A key with an escape may be any.
CREATE OR REPLACE FUNCTION "audit"."may_hold_secret"("given" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select given ~* $re$(?:${STEMS}|${BEYOND_ASCII}|\\\\u)(?:[^"\\\\]|\\\\.)*"[[:space:]]*:$re$ collate "C"
$$;
`,
  }
}

const HEAD = '-- Made from src/redact by "npm run schema:make".\n'

/** Matches every word that can be taken apart. Nearly no word of a name is one. */
function partsPattern(): string {
  const stems = keys.STEMS.join('|')
  return `^(?:${stems})|(?:${stems}|${ENDS.map(([end]) => end).join('|')})$`
}

/** For translate(): the code points of letters of other scripts, and the Latin ones that they resemble. */
function lookalikes(): { readonly from: readonly number[]; readonly to: string } {
  const pairs = Object.entries(keys.LOOKALIKES).flatMap(([letter, latin]) =>
    [letter, letter.toUpperCase()].map((either) => [either.charCodeAt(0), latin] as const),
  )
  const single = pairs.filter(([code, latin]) => code > 127 && latin.length === 1)
  return { from: single.map(([code]) => code), to: single.map(([, latin]) => latin).join('') }
}

function wrapped(json: string): string {
  return json.replaceAll(/(.{1,96},)(?=")/g, '$1\n')
}
