import { randomUUID } from 'node:crypto'
import type { Authorize } from '../../src/page/index.ts'
import { appendToLog } from '../support/log-entries.ts'
import { pageOn, readEvents, readerOn } from '../support/pages.ts'
import type { Arena } from './arena.ts'
import { type Attack, held, type Outcome, succeeded, unless } from './attack.ts'

const MARKUP = [
  '<script>mine()</script>',
  '"><img src=x onerror=mine()>',
  "' onmouseover='mine()",
  '</title></style></textarea><svg onload=mine()>',
  'javascript:mine()',
  '<!--<script>',
  '\u2028<b>\u202e</b>',
  '{{constructor.constructor("mine()")()}}',
  'data: x\n\nevent: entry\ndata: <b>mine</b>',
]

/** What a browser would run, or take for something of ours. */
function runs(html: string): string | undefined {
  const tags = html.replaceAll(/="[^"]*"/g, '=""')
  const found =
    /href="\s*javascript:/i.exec(html) ??
    /<(?:script>mine|img src=x|svg onload|b>mine)|<[a-z][^<>]*\son\w+=/i.exec(tags)
  return found?.[0]
}

async function markup(arena: Arena): Promise<Outcome> {
  const ids: string[] = []
  for (const text of MARKUP) {
    const [id = ''] = await appendToLog(arena.sql, [
      {
        ...{ action: `x.${text}`.slice(0, 128), entityType: text, requestId: text },
        metadata: { [text]: text, from: text, list: [text, { [text]: [text] }] },
        context: { [text]: text, userAgent: text, invalid: { userId: text } },
      },
    ])
    ids.push(id)
  }
  const { get } = pageOn(readerOn(arena.t, arena))
  const ways = [
    ...['', '?live=1', '?part=histogram'],
    ...ids.flatMap((id) => [`?entry=${id}`, `?part=entry&entry=${id}`]),
    ...MARKUP.flatMap((text) =>
      [
        'action',
        'user',
        'event',
        'target',
        'request',
        'from',
        'to',
        'zone',
        'q',
        'entry',
        'cursor',
      ].map((name) => `?${name}=${encodeURIComponent(text)}`),
    ),
  ]
  const problems: string[] = []
  for (const way of ways) {
    const response = await get(way)
    const body = await response.text()
    const found = runs(body)
    if (found) problems.push(`${way}: ${found}`)
    if (response.status >= 500) problems.push(`${way}: ${response.status}`)
    const policy = response.headers.get('content-security-policy') ?? ''
    if (
      /html/.test(response.headers.get('content-type') ?? '') &&
      !/default-src 'none'/.test(policy)
    ) {
      problems.push(`${way}: no policy`)
    }
    if (/[\r\n]/.test(response.headers.get('location') ?? ''))
      problems.push(`${way}: a header split`)
  }
  const stream = await get('?stream=1&after=0')
  const events = await readEvents(stream, { event: 'entry', count: MARKUP.length })
  if (events.some(({ data }) => runs(data ?? '') !== undefined)) problems.push('the stream')
  return unless(problems, `${ways.length} addresses and the stream: escaped`)
}

/** Answers of `authorize` that do not say what a tenant sees. */
const UNCLEAR: readonly unknown[] = [
  ...[{}, true, 'ada', 1, [], { name: 'ada' }, { name: '', sees: 'everything' }],
  ...[undefined, null, '', 0, [], {}, 'x', new String(randomUUID())].map((onlyEventId) => ({
    name: 'ada',
    onlyEventId,
  })),
  ...['onlyEventID', 'eventId', 'only_event_id', 'filter', 'onlyEventIds', 'OnlyEventId'].map(
    (key) => ({
      name: 'ada',
      [key]: randomUUID(),
    }),
  ),
  ...['all', 'Everything', 'everything ', true, undefined, null, ['everything'], {}].map(
    (sees) => ({
      name: 'ada',
      sees,
    }),
  ),
  { name: 'ada', sees: 'everything', onlyEventId: undefined },
  { name: 'ada', sees: 'everything', onlyEventId: randomUUID() },
  { name: 'ada', sees: 'everything', onlyEventID: randomUUID() },
  Object.create({ name: 'ada', sees: 'everything' }),
  { denied: 'x', name: 'ada', sees: 'everything' },
]

async function unclear(arena: Arena): Promise<Outcome> {
  await appendToLog(arena.sql, [{ action: 'secret.do', eventId: randomUUID() }])
  const db = readerOn(arena.t, arena)
  const problems: string[] = []
  const codes = new Set<number>()
  const throwing = [
    () => {
      throw new Error('secret.do')
    },
    () => Promise.reject(new Error('secret.do')),
    () => new Promise((resolve) => setTimeout(resolve, 1, { name: 'ada' })),
  ]
  for (const authorize of [...UNCLEAR.map((answer) => () => answer), ...throwing]) {
    const { get } = pageOn(db, { authorize: authorize as Authorize })
    for (const way of ['', '?stream=1&after=0', '?export=ndjson', '?part=histogram']) {
      const response = await get(way)
      codes.add(response.status)
      if (response.status < 400) {
        problems.push(`${response.status} for ${JSON.stringify(authorize())}`)
        await response.body?.cancel()
      } else if (/secret\.do/.test(await response.text()))
        problems.push(`it shows an entry: ${way}`)
    }
  }
  return unless(problems, `${UNCLEAR.length + throwing.length} answers: ${[...codes].join(', ')}`)
}

/** A tenant asks in every way for what another one's event holds. */
async function otherTenant(arena: Arena): Promise<Outcome> {
  const [mine, theirs] = [randomUUID(), randomUUID()]
  const [, id = ''] = await appendToLog(arena.sql, [
    { action: 'mine.do', eventId: mine },
    {
      ...{ action: 'secret.do', eventId: theirs, userId: theirs, targetId: theirs },
      ...{ requestId: 'theirs', metadata: { treasure: 'ruby' } },
    },
    { action: 'secret.do', eventId: null, metadata: { treasure: 'ruby' } },
  ])
  const { get } = pageOn(readerOn(arena.t, arena), {
    authorize: () => ({ name: 'tenant', onlyEventId: mine.toUpperCase() }),
  })
  const asked = ['event', 'eventId', 'event_id', 'user', 'target', 'EVENT', 'onlyEventId']
  const ways = [
    ...[
      '',
      '?',
      '?sees=everything',
      '?export=ndjson',
      '?export=csv',
      '?stream=1&after=0',
      '?part=histogram',
    ],
    ...asked.flatMap((name) => [
      `?${name}=${theirs}`,
      `?export=ndjson&${name}=${theirs}`,
      `?${name}=${mine}&${name}=${theirs}`,
      `?${name}%00=${theirs}`,
    ]),
    ...[
      `?entry=${id}`,
      `?part=entry&entry=${id}`,
      '?action=secret.*',
      '?action=secret.do',
      '?request=theirs',
    ],
    ...[
      `?entry=${id}&event=${theirs}`,
      '?export=ndjson&action=secret.*',
      `?stream=1&after=0&event=${theirs}`,
    ],
  ]
  const problems: string[] = []
  for (const way of ways) {
    const response = await get(way)
    const reading = response.headers.get('content-type')?.includes('event-stream')
      ? Promise.race([response.text(), new Promise<string>((done) => setTimeout(done, 400, ''))])
      : response.text()
    if (reading !== undefined) {
      const shows = (await reading).includes('ruby')
      if (shows) problems.push(way)
    }
  }
  return unless(problems, `${ways.length} ways: nothing of another's`)
}

const READS = [
  ...['', '?live=1', '?entry=ID', '?part=entry&entry=ID', '?part=histogram', '?stream=1&after=0'],
  ...[
    '?export=ndjson',
    '?export=csv',
    '?action=a.*',
    '?stream=1&after=0.5',
    '?part=histogram&live=1',
  ],
]

async function unnoticed(arena: Arena, strict: boolean): Promise<Outcome> {
  const [id = ''] = await appendToLog(arena.sql, [{ action: 'secret.do' }])
  const { get, close } = pageOn(readerOn(arena.t, arena), { recorder: undefined, strict })
  const count = async () => {
    const [row] = await arena.sql`select count(*)::integer as reads from audit.audit_outbox`
    return Number(row?.['reads'])
  }
  const problems: string[] = []
  for (const way of READS) {
    const before = await count()
    const response = await get(way.replace('ID', id))
    const isShown = response.status < 300
    await response.body?.cancel()
    for (
      let tries = 0;
      isShown && !strict && tries < 50 && (await count()) === before;
      tries += 1
    ) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    if (isShown && (await count()) === before) problems.push(`not written down: ${way}`)
  }
  await arena.sql.unsafe(
    'revoke execute on function audit.note_read(boolean, text, jsonb, jsonb) from audit_reader',
  )
  if (strict) {
    for (const way of READS) {
      const response = await get(way.replace('ID', id))
      if (response.status < 300) problems.push(`shown without being written down: ${way}`)
      await response.body?.cancel()
    }
  }
  await close()
  return unless(problems, `${READS.length} ways to read, each is in the log`)
}

export const page: readonly Attack[] = [
  { name: 'markup in every field of an entry and of an address', by: 'visitor', play: markup },
  { name: 'an application that does not say what a viewer sees', by: 'tenant', play: unclear },
  { name: "another tenant's entries", by: 'tenant', play: otherTenant },
  { name: 'read without being seen', by: 'viewer', play: (arena) => unnoticed(arena, false) },
  {
    name: 'read without being seen, strict',
    by: 'viewer',
    play: (arena) => unnoticed(arena, true),
  },
  {
    name: 'methods that a page has no use for',
    by: 'visitor',
    async play(arena) {
      const { fetch } = pageOn(readerOn(arena.t, arena))
      const problems: string[] = []
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'HEAD']) {
        const response = await fetch(new Request('http://page.test/audit', { method }))
        const isRefused = method === 'HEAD' ? response.body === null : response.status >= 400
        if (!isRefused) problems.push(`${method}: ${response.status}`)
      }
      return problems.length === 0 ? held('4xx, no body for HEAD') : succeeded(problems.join(', '))
    },
  },
]
