import type { Mutant } from './mutant.ts'

const TOKENS = 'src/page/auth/api-tokens.ts'
// The migration and not src/schema/functions, because a database is made from the migration.
const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'
const WRONG_TOKEN = {
  file: 'tokens.test.ts',
  test: 'no token, an ended one and a wrong one open nothing, and are written down',
}
const RATE = {
  file: 'tokens.test.ts',
  test: 'a token has so many requests in a minute, and its last use is written once in one',
}
const SCOPE = {
  file: 'tokens.test.ts',
  test: 'a token reads what it may see, and each use is an entry with its name',
}
const SHARED = {
  file: 'tokens.test.ts',
  test: 'a token shares nothing with a person or another token of its name',
}
const HISTORY_JSON = {
  file: 'page-history.test.ts',
  test: 'a program gets the history as JSON, as it is described',
}

export const API_MUTANTS: readonly Mutant[] = [
  {
    name: 'a token sees everything, whatever its scope',
    edits: [
      {
        file: TOKENS,
        find: '{ ...Object(scope), name: String',
        replace: "{ ...Object(scope && { sees: 'everything' }), name: String",
      },
    ],
    ...SCOPE,
  },
  {
    name: 'a token that was revoked is taken',
    edits: [
      {
        file: FUNCTIONS,
        find: 'where t.hash = use_token.hash and t.revoked_at is null and',
        replace: 'where t.hash = use_token.hash and',
      },
    ],
    ...WRONG_TOKEN,
  },
  {
    name: 'a token that has ended is taken',
    edits: [
      {
        file: FUNCTIONS,
        find: 't.revoked_at is null and t.expires_at > clock_timestamp();',
        replace: 't.revoked_at is null;',
      },
    ],
    ...WRONG_TOKEN,
  },
  {
    name: 'a token with more behind it is taken as another form of sign-in, and not written down',
    edits: [
      { file: TOKENS, find: "FORM.exec(given)?.[1] ?? ''", replace: 'FORM.exec(given)?.[1]' },
    ],
    ...WRONG_TOKEN,
  },
  {
    name: 'a token has one request more',
    edits: [{ file: TOKENS, find: 'count >= perMinute', replace: 'count > perMinute' }],
    ...RATE,
  },
  {
    name: 'the requests of a minute count in the next one',
    edits: [{ file: TOKENS, find: 'this.#counts.clear()', replace: 'this.#counts.size' }],
    ...RATE,
  },
  {
    name: 'two tokens of one name are one viewer',
    edits: [
      {
        file: 'src/page/requests/viewer-share.ts',
        find: 'tokenId ?? null',
        replace: 'tokenId && null',
      },
    ],
    ...SHARED,
  },
  {
    name: 'a browser that takes JSON, too, gets JSON',
    edits: [
      {
        file: 'src/page/http/refusals.ts',
        find: " && !types.includes('text/html')",
        replace: '',
      },
    ],
    file: 'page-json.test.ts',
    test: 'a stream and a browser each have their own form',
  },
  {
    name: 'a read as JSON is not written down',
    edits: [
      {
        file: 'src/page/requests/json-answer.ts',
        find: "await noteRead(recording, viewerRequest, { read: 'entry', query, details: DETAILS })",
        replace: '',
      },
    ],
    file: 'page-json.test.ts',
    test: 'each read as JSON is an entry, as that of the page is',
  },
  {
    name: 'a history as JSON is not as it is described',
    edits: [
      {
        file: 'src/page/api/history-json.ts',
        find: 'entries: { type: ',
        replace: 'entry: { type: ',
      },
    ],
    ...HISTORY_JSON,
  },
  {
    name: 'another site sets the language',
    edits: [
      {
        file: 'src/page/requests/preferences.ts',
        find: 'if (isSentByOther(request)) return response',
        replace: 'if (isSentByOther(request)) response.headers.delete("x")',
      },
    ],
    file: 'page-embed.test.ts',
    test: 'header, title, columns, language, zone and colours are the application’s',
  },
]
