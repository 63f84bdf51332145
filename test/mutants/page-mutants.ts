import type { Mutant } from './mutant.ts'

const RESPOND = 'src/page/requests/respond-to-viewer.ts'
const TOKENS = 'src/page/auth/tokens.ts'

export const PAGE_MUTANTS: readonly Mutant[] = [
  {
    name: 'a viewer of one event opens any entry',
    edits: [
      {
        file: RESPOND,
        find: 'onlyEventId === undefined || entry?.eventId === onlyEventId.toLowerCase()',
        replace: 'onlyEventId === undefined || entry !== undefined',
      },
    ],
    file: 'page.test.ts',
    test: 'a viewer of one event sees nothing of another',
  },
  {
    name: 'a viewer of one event lists all of them',
    edits: [
      {
        file: RESPOND,
        find: 'filter: { ...query.filter, eventId: onlyEventId } }',
        replace: 'filter: { ...query.filter, eventId } }',
      },
    ],
    file: 'page.test.ts',
    test: 'a viewer of one event sees nothing of another',
  },
  {
    name: 'a cookie never ends',
    edits: [{ file: TOKENS, find: 'Number(until) * 1_000 > nowMs ?', replace: 'nowMs > 0 ?' }],
    file: 'page-served.test.ts',
    test: 'a cookie ends with its time, and with its token',
  },
  {
    name: 'a cookie outlives its token',
    edits: [
      {
        file: TOKENS,
        find: "createHmac('sha256', token)",
        replace: "createHmac('sha256', token && 'key')",
      },
    ],
    file: 'page-served.test.ts',
    test: 'a cookie ends with its time, and with its token',
  },
  {
    name: 'the token stays in the address',
    edits: [
      {
        file: TOKENS,
        find: 'redirectResponse(href(readQuery(searchParams).given), {',
        replace: 'redirectResponse(new URL(request.url).search, {',
      },
    ],
    file: 'page-served.test.ts',
    test: 'a token opens the page once, a cookie afterwards',
  },
  {
    name: 'a token of 15 characters is good enough',
    edits: [
      {
        file: TOKENS,
        find: 'const MIN_TOKEN_LENGTH = 16',
        replace: 'const MIN_TOKEN_LENGTH = 15',
      },
    ],
    file: 'bounds.test.ts',
    test: 'a token has 16 characters or more, and a name 1 to 64',
  },
  {
    name: 'one token is given to two names',
    edits: [
      {
        file: TOKENS,
        find: "if (tokens.size < holders.length) throw invalid('must not give one token to two names')",
        replace: '',
      },
    ],
    file: 'page-served.test.ts',
    test: 'a wrong configuration is refused at the start, and no token is quoted',
  },
  {
    name: 'nobody writes down who has read',
    edits: [
      {
        file: RESPOND,
        find: 'recordRead(recorder, viewerRequest, {\n    read: query.isLive',
        replace: 'recordRead(undefined, viewerRequest, {\n    read: query.isLive',
      },
    ],
    file: 'page.test.ts',
    test: 'reading is recorded: who, and which filter',
  },
  {
    name: 'the histogram guesses what it could count',
    edits: [
      {
        file: 'src/page/histogram/histogram.ts',
        find: 'const MAX_COUNTED_ENTRIES = 10_000',
        replace: 'const MAX_COUNTED_ENTRIES = 1_000',
      },
    ],
    file: 'page.test.ts',
    test: 'the histogram counts bursts to the last entry',
  },
  {
    name: 'an address of any kind becomes a link',
    edits: [
      {
        file: 'src/page/view/json-tree.ts',
        find: 'if (!/^https?:\\/\\/[^\\s]{1,2000}$/i.test(value)) return undefined',
        replace: "if (value.startsWith('javascript:')) return value",
      },
    ],
    file: 'page.test.ts',
    test: 'whatever stands in an entry is shown as text',
  },
  {
    name: 'a live view that connects again begins with the entry that it has',
    edits: [
      {
        file: 'src/page/requests/live-response.ts',
        find: 'await lastSeq(db) : Number(after)) + 1',
        replace: 'await lastSeq(db) : Number(after)) + 0',
      },
    ],
    file: 'page.test.ts',
    test: 'the live stream goes on after the last entry that the browser names',
  },
]
