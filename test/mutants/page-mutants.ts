import type { Mutant } from './mutant.ts'

const ANSWER = 'src/page/requests/answer-viewer.ts'
const TOKENS = 'src/page/auth/tokens.ts'

export const PAGE_MUTANTS: readonly Mutant[] = [
  {
    name: 'a viewer of one event opens any entry',
    edits: [
      {
        file: ANSWER,
        find: 'onlyEventId === undefined || found?.eventId === onlyEventId.toLowerCase()',
        replace: 'onlyEventId === undefined || found !== undefined',
      },
    ],
    file: 'page.test.ts',
    test: 'a viewer of one event sees nothing of another',
  },
  {
    name: 'a viewer of one event lists all of them',
    edits: [
      {
        file: ANSWER,
        find: 'filter: { ...query.filter, eventId: onlyEventId } }',
        replace: 'filter: { eventId: onlyEventId, ...query.filter, ...{ eventId: asked } } }',
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
        find: 'redirect(href(readQuery(searchParams).given), {',
        replace: 'redirect(new URL(request.url).search, {',
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
        find: 'const MIN_TOKEN_CHARACTERS = 16',
        replace: 'const MIN_TOKEN_CHARACTERS = 15',
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
        find: "if (tokens.size < holders.length) throw invalid('gives one token to two names')",
        replace: '',
      },
    ],
    file: 'page-served.test.ts',
    test: 'a wrong configuration is refused at the start, and no token is quoted',
  },
  {
    name: 'nobody writes down who has read',
    edits: [{ file: ANSWER, find: '  writeDown(library, visit, query, found)\n', replace: '' }],
    file: 'page.test.ts',
    test: 'reading is recorded: who, and which filter',
  },
  {
    name: 'the histogram guesses what it could count',
    edits: [
      {
        file: 'src/page/histogram/histogram.ts',
        find: 'const COUNTED_ENTRIES = 10_000',
        replace: 'const COUNTED_ENTRIES = 1_000',
      },
    ],
    file: 'page.test.ts',
    test: 'the histogram counts bursts to the last entry',
  },
  {
    name: 'an address of any kind becomes a link',
    edits: [
      {
        file: 'src/page/view/tree.ts',
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
        file: 'src/page/requests/streams.ts',
        find: 'await lastSeq(db) : Number(given)) + 1',
        replace: 'await lastSeq(db) : Number(given)) + 0',
      },
    ],
    file: 'page.test.ts',
    test: 'the live stream goes on after the last entry that the browser names',
  },
]
