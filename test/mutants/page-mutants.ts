import type { Mutant } from './mutant.ts'

const TOKENS = 'src/page/auth/tokens.ts'
const VIEWER = 'src/page/auth/viewer.ts'
const NOTE = 'src/page/requests/note-read.ts'

export const PAGE_MUTANTS: readonly Mutant[] = [
  {
    name: 'what jsonb refuses in a query line keeps the read from being written down',
    edits: [
      {
        file: 'src/page/requests/read-notes.ts',
        find: 'mendJson(JSON.stringify(one))',
        replace: 'mendJson(String(JSON.stringify(one))) && JSON.stringify(one)',
      },
    ],
    file: 'page-reading.test.ts',
    test: 'a query line with a character that the log cannot hold is written down, too',
  },
  {
    name: 'an entry leads to those of the same target that the viewer may not see',
    edits: [
      {
        file: 'src/page/requests/around/entry-neighbours.ts',
        find: '{ targetId: entry.targetId, seenBy }',
        replace: '{ targetId: entry.targetId, seenBy: seenBy && undefined }',
      },
    ],
    file: 'page-bars.test.ts',
    test: 'an entry knows those before and after it of the same target',
  },
  {
    name: 'the most frequent values are of the oldest entries',
    edits: [
      {
        file: 'src/page/histogram/tops.ts',
        find: 'order by 1 desc limit',
        replace: 'order by 1 limit',
      },
    ],
    file: 'page-bars.test.ts',
    test: 'the most frequent values are of the newest 5,000 entries, and say so',
  },
  {
    name: 'bars of two conditions obey one of them',
    edits: [
      {
        file: 'src/page/histogram/split-conditions.ts',
        find: 'if (best === undefined && either.length > 0) {',
        replace: 'if (either.length > 0) {',
      },
    ],
    file: 'page-bars.test.ts',
    test: 'bars and most frequent values agree with the entries of the filter',
  },
  {
    name: 'a loss in a high bar is too small to be seen',
    edits: [
      {
        file: 'src/page/view/histogram/histogram-view.ts',
        find: 'failed: 5, lost: 8 }',
        replace: 'failed: 5, lost: 0 }',
      },
    ],
    file: 'page-bars.test.ts',
    test: 'a loss and a refusal are seen in a bar of thousands',
  },
  {
    name: 'a time of day at the end of a range is the minute behind it',
    edits: [
      {
        file: 'src/page/query/range.ts',
        find: 'end.toMs - end.fromMs <= MINUTE_MS ?',
        replace: 'end.toMs - end.fromMs < MINUTE_MS ?',
      },
    ],
    file: 'page-range.test.ts',
    test: 'one control reads days, months, moments and ranges in the zone that is shown',
  },
  {
    name: 'a link by an id that is no UUID asks for the person with that name',
    edits: [
      {
        file: 'src/page/query/narrow.ts',
        find: "name === 'request' || isUuid(value)",
        replace: "name === 'request' || isUuid(value) || value !== ''",
      },
    ],
    file: 'page-range.test.ts',
    test: 'a link adds one value to the query line',
  },
  {
    name: 'another site saves a view',
    edits: [
      {
        file: 'src/page/views/change-views.ts',
        find: 'if (!isFromOwnSite(request)) return FOREIGN',
        replace: '',
      },
    ],
    file: 'page-views.test.ts',
    test: 'nobody else saves a view, and what is wrong is said',
  },
  {
    name: 'a viewer of one event opens any entry',
    edits: [
      {
        file: 'src/page/requests/around/open-entry.ts',
        find: 'await readEntry(db, id, { seenBy })',
        replace: 'await readEntry(db, id, seenBy && {})',
      },
    ],
    file: 'page.test.ts',
    test: 'a viewer of one event sees nothing of another',
  },
  {
    name: 'a viewer of one event lists all of them',
    edits: [
      {
        file: 'src/page/requests/asked/viewer-query.ts',
        find: 'filter: { ...query.filter, seenBy } }',
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
        file: 'src/page/auth/token-strength.ts',
        find: 'const MIN_LENGTH = 16',
        replace: 'const MIN_LENGTH = 15',
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
        file: 'src/page/requests/page-response.ts',
        find: 'noteRead(recording, viewerRequest, {\n    read: query.isLive',
        replace:
          'noteRead({ ...recording, recorder: undefined }, viewerRequest, {\n    read: query.isLive',
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
    test: 'every text of an entry is shown as text',
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
  {
    name: 'a viewer of whom nothing is said sees everything',
    edits: [
      {
        file: VIEWER,
        find: "if (!saysSees && !saysEvent) return unclear('it has neither sees nor onlyEventId')",
        replace:
          "if (!saysSees && !saysEvent) return { kind: 'viewer', viewer: { ...who, sees: 'everything' } }",
      },
    ],
    file: 'page.test.ts',
    test: 'authorize must say what a viewer sees, or nothing is shown',
  },
  {
    name: 'a key that is misspelt is passed over',
    edits: [
      {
        file: VIEWER,
        find: 'Reflect.ownKeys(given).find((key) => !known.has(String(key)))',
        replace: 'Reflect.ownKeys(given).find((key) => known.size === 0 && key !== undefined)',
      },
    ],
    file: 'page.test.ts',
    test: 'authorize must say what a viewer sees, or nothing is shown',
  },
  {
    name: 'both ways of saying it are the first one',
    edits: [
      {
        file: VIEWER,
        find: "if (saysSees && saysEvent) return unclear('it has both sees and onlyEventId')",
        replace: '',
      },
    ],
    file: 'page.test.ts',
    test: 'authorize must say what a viewer sees, or nothing is shown',
  },
  {
    name: 'strict does not wait',
    edits: [
      {
        file: NOTE,
        find: 'await within(WRITE_TIMEOUT_MS, recorder.write?.(entry), () => {',
        replace:
          'void recorder.write?.(entry).catch(() => {})\n    await within(WRITE_TIMEOUT_MS, undefined, () => {',
      },
    ],
    file: 'page-reading.test.ts',
    test: 'with strict, the entry is written before anything goes out',
  },
  {
    name: 'what was not taken is shown all the same',
    edits: [
      {
        file: NOTE,
        find: "if (!recorder.record(entry)) throw notWritten('UNKNOWN')",
        replace: 'recorder.record(entry)',
      },
    ],
    file: 'page-reading.test.ts',
    test: 'a recorder that takes too long, or takes nothing, shows nothing',
  },
  {
    name: 'a stream is not written down',
    edits: [
      {
        file: 'src/page/requests/live-response.ts',
        find: "await noteRead(recording, viewerRequest, { read: 'stream', query, details: { fromSeq } })",
        replace: 'void [noteRead, recording]',
      },
    ],
    file: 'page.test.ts',
    test: 'each stream is recorded, and the bars of a live view are a part of it',
  },
  {
    name: 'each wrong token is an entry',
    edits: [
      {
        file: 'src/page/requests/denied-reads.ts',
        find: 'if (this.#written < MAX_ENTRIES) {',
        replace: 'if (this.#written < MAX_ENTRIES * 1_000) {',
      },
    ],
    file: 'page-reading.test.ts',
    test: 'failed tokens are in the log at a bounded rate, with the number of the others',
  },
  {
    name: 'one viewer takes all the live views',
    edits: [
      {
        file: 'src/page/requests/viewer-share.ts',
        find: "if (own.length >= this.limits.maxOfOne) return 'own'",
        replace: '',
      },
    ],
    file: 'page-reading.test.ts',
    test: 'a viewer has a share of the live views and exports',
  },
  {
    name: 'a client can say that TLS is there',
    edits: [
      {
        file: 'src/page/http/cookies.ts',
        find: 'if (!trustsProxy) return false',
        replace: '',
      },
    ],
    file: 'page-served.test.ts',
    test: 'behind a trusted proxy with TLS the cookie is the host’s own',
  },
  {
    name: 'another site signs a viewer out',
    edits: [
      {
        file: 'src/page/http/foreign.ts',
        find: "if (site !== null) return site === 'same-origin'",
        replace: '',
      },
    ],
    file: 'page-served.test.ts',
    test: 'the button signs out, and nothing but the button',
  },
  {
    name: 'a repeated word is a token',
    edits: [
      {
        file: 'src/page/auth/token-strength.ts',
        find: 'if (isRepeated(token) || isRun(token)) {',
        replace: 'if (isRun(token)) {',
      },
    ],
    file: 'page-served.test.ts',
    test: 'a token that can be guessed is refused at the start, with how to make one',
  },
  {
    name: 'a long name stands in the path of each field below it',
    edits: [
      {
        file: 'src/timeline/changes.ts',
        find: 'const MAX_KEY_CHARACTERS = 128',
        replace: 'const MAX_KEY_CHARACTERS = 10_000_000',
      },
    ],
    file: 'page-detail.test.ts',
    test: 'the page of an entry is bounded in size',
  },
  {
    name: 'a client that asks nothing keeps its connection',
    edits: [
      {
        file: 'relay/http/bounded-connections.ts',
        find: 'const [unlucky] = idle ?? [socket]',
        replace: 'const [unlucky] = idle && this.#max < 0 ? idle : [socket]',
      },
    ],
    file: 'http-bounds.test.ts',
    test: 'connections that ask nothing keep out nobody',
  },
  {
    name: 'of a time that clocks skip the hour before is taken',
    edits: [
      {
        file: 'src/query/zone.ts',
        find: 'return this.#firstWith(after, fromMs, toMs)',
        replace: 'return wallAsUtcMs - after',
      },
    ],
    file: 'zone.test.ts',
    test: 'days begin at their first moment and times are found in every zone, for ten years',
  },
]
