import { PassThrough } from 'node:stream'
import { exportToStream } from '../../src/export/index.ts'
import { tail } from '../../src/read/tail.ts'
import { timeline } from '../../src/read/timeline.ts'
import { openDatabase } from '../support/lanes.ts'
import { appendToLog } from '../support/log-entries.ts'
import { pageOn, readerOn } from '../support/pages.ts'
import type { Arena } from './arena.ts'
import { allRefused, type Attack, type Outcome, unless } from './attack.ts'
import { DOORS, type Given, leftIn, put } from './doors.ts'

/** A view that takes longer than this is one that a reader cannot get. */
const VIEW_MS = 10_000

const nested = (levels: number, open: string, close: string) =>
  `${open.repeat(levels)}1${close.repeat(levels)}`
const many = (count: number, value: string) => `[${Array(count).fill(value).join(',')}]`

/** Entries that nobody could read, or that cost their readers much. */
const BOMBS: Readonly<Record<string, () => Given>> = {
  '9,000 numbers of 131,072 digits': () => ({ metadata: `{"a":${many(9_000, '1e131071')}}` }),
  '900 of them': () => ({ metadata: `{"a":${many(900, '1e131071')}}` }),
  'one of them, in the context': () => ({ context: '{"deep":{"a":[{"b":1e131071}]}}' }),
  'a fraction of 16,383 digits': () => ({ metadata: '{"a":-1E-16383}' }),
  'a zero of 16,383 digits': () => ({ metadata: '{"a":0e-16383}' }),
  'an exponent with zeros before it': () => ({ metadata: '{"a":1e+00000000131071}' }),
  'a number of 5,000 digits written out': () => ({ metadata: `{"a":${'9'.repeat(5_000)}}` }),
  '501 and 500 digits around a point': () => ({
    metadata: `{"a":${'9'.repeat(501)}.${'9'.repeat(500)}}`,
  }),
  '100,000 numbers of 999 digits': () => ({ metadata: `{"a":${many(100_000, '1e998')}}` }),
  '40,000 numbers of 24 digits': () => ({ metadata: `{"a":${many(40_000, '1e23')}}` }),
  'a text of 8 MB': () => ({ metadata: `{"a":"${'x'.repeat(8_000_000)}"}` }),
  'escapes of 6 MB': () => ({ metadata: `{"a":"${'\\u00e9'.repeat(1_000_000)}"}` }),
  'a context of 2 MB of keys': () => ({
    context: `{${Array.from({ length: 150_000 }, (_, n) => `"k${n}":${n}`).join(',')}}`,
  }),
  '3,000 levels of objects': () => ({ metadata: nested(3_000, '{"a":', '}') }),
  '3,000 levels of lists': () => ({ metadata: `{"a":${nested(3_000, '[', ']')}}` }),
  'levels by turns': () => ({ metadata: nested(500, '{"a":[', ']}') }),
  '200,000 levels': () => ({ metadata: `{"a":${nested(200_000, '[', ']')}}` }),
  '33 levels, just beyond': () => ({ context: nested(33, '{"a":', '}') }),
  'an action of 1 MB': () => ({ action: `thing.${'x'.repeat(1_000_000)}` }),
  'an entity type of 1 MB': () => ({ entity_type: 'x'.repeat(1_000_000) }),
  'metadata that is a list': () => ({ metadata: '[1,2,3]' }),
  'metadata that is a number': () => ({ metadata: '1e131071' }),
  'metadata twice, the second a bomb': () => ({ metadata: '{"a":1},"metadata":{"a":1e131071}' }),
  'a NUL': () => ({ metadata: '{"a":"\\u0000"}' }),
  'half of a surrogate pair': () => ({ action: 'thing.\ud800', metadata: '{"a":"\\ud800"}' }),
}

/** Everybody reads: who cannot, or reads too much, is a problem. */
async function readersOf(arena: Arena, atLeast: number): Promise<readonly string[]> {
  const problems: string[] = []
  const timed = async (what: string, read: () => Promise<number>) => {
    const beganMs = performance.now()
    const count = await read().catch((error: unknown) => {
      problems.push(`${what} failed: ${error instanceof Error ? error.message : error}`)
      return atLeast
    })
    if (count < atLeast) problems.push(`${what} showed ${count} of ${atLeast} entries`)
    if (performance.now() - beganMs > VIEW_MS) problems.push(`${what} took too long`)
  }
  const db = openDatabase(arena.t, arena.urlAs('audit_reader'))
  const ids: string[] = []
  await timed('timeline', async () => {
    const { entries } = await timeline(db, { limit: 500 })
    ids.push(...entries.map(({ id }) => id))
    return entries.length
  })
  await timed('tail', async () => {
    let count = 0
    const signal = AbortSignal.timeout(VIEW_MS)
    for await (const { seq } of tail(db, { fromSeq: 1, signal })) {
      count += 1
      if (seq >= atLeast) break
    }
    return count
  })
  await timed('export', async () => {
    return (await exportToStream(db, new PassThrough().resume())).rows
  })
  const { get } = pageOn(readerOn(arena.t, arena))
  await timed('page', async () => {
    const response = await get('')
    const body = await response.text()
    if (body.length > 5_000_000) problems.push(`a page has ${body.length} characters`)
    return response.status === 200 ? atLeast : 0
  })
  for (const id of ids.slice(0, 40)) {
    await timed(`the page of one entry`, async () => {
      const response = await get(`?entry=${id}`)
      const body = await response.text()
      if (body.length > 5_000_000) problems.push(`an entry's page has ${body.length} characters`)
      return response.status === 200 ? atLeast : 0
    })
  }
  return problems
}

/** The bombs go through a door, each with an honest entry before and behind it. */
async function bombs(arena: Arena, door: (typeof DOORS)[number]): Promise<Outcome> {
  const app = arena.as('audit_app')
  const problems: string[] = []
  const refused = new Set<string>()
  for (const [name, make] of Object.entries(BOMBS)) {
    const code = await put(app, door, [make()])
    if (code !== undefined) refused.add(code)
    if (code !== undefined && door === 'record') problems.push(`record raised ${code} for ${name}`)
    const honest = await put(app, door, [{ action: 'honest.do', id: undefined }])
    if (honest !== undefined) problems.push(`an honest entry got ${honest} behind ${name}`)
  }
  await arena.moveAll()
  const { letters, refusedWith, waiting } = await leftIn(arena)
  if (waiting > 0) problems.push(`${waiting} entries were not moved`)
  const [row] = await arena.sql`
    select count(*) filter (where action = 'honest.do')::integer as honest,
      count(*)::integer as entries,
      max(octet_length(metadata::text) + octet_length(context::text))::integer as longest
    from audit.audit_log`
  const count = Object.keys(BOMBS).length
  if (row?.['honest'] !== count) problems.push(`${row?.['honest']} of ${count} honest logged`)
  if (Number(row?.['longest']) > 4_000_000) problems.push(`an entry of ${row?.['longest']} bytes`)
  problems.push(...(await readersOf(arena, Number(row?.['entries']))))
  const raised = refused.size > 0 ? `raised ${[...refused].sort().join(', ')}; ` : ''
  return unless(
    problems,
    `${raised}${letters} dead letters (${refusedWith}), rest cut and readable`,
  )
}

const INSERTS = ['audit_staging', 'audit_outbox', 'audit_log', 'audit_log_default'].flatMap(
  (table) => [
    `insert into audit.${table} (id, action) values (gen_random_uuid(), 'audit.gap')`,
    `copy audit.${table} (id, action) from stdin`,
    `insert into audit.${table} default values returning *`,
    `update audit.${table} set action = 'x.y'`,
    `delete from audit.${table}`,
    `truncate audit.${table}`,
    `merge into audit.${table} as l using (select 1) as s on false when not matched then insert (action) values ('x.y')`,
  ],
)

/** Metadata as SQL, of a row that is in the log in spite of all: an older version let it in. */
const PLANTED = [
  `jsonb_build_object('a', (select jsonb_agg('1e131071'::jsonb) from generate_series(1, 9000)))`,
  `jsonb_build_object('a', (select jsonb_agg('1e-16383'::jsonb) from generate_series(1, 9000)))`,
  `jsonb_build_object('a', repeat(md5('1'), 250000))`,
  `(repeat('{"a":', 6000) || '1' || repeat('}', 6000))::jsonb`,
]

export const lanes: readonly Attack[] = [
  ...DOORS.map(
    (door): Attack => ({
      name: `${Object.keys(BOMBS).length} entries that nobody could read, by audit.${door}`,
      by: 'audit_app',
      play: (arena) => bombs(arena, door),
    }),
  ),
  {
    name: 'entries that cannot be read are in the log already',
    by: 'no one',
    async play(arena) {
      await appendToLog(arena.sql, [{}, {}])
      for (const metadata of PLANTED) {
        const [id = ''] = await appendToLog(arena.sql, [{}])
        await arena.sql`alter table audit.audit_log disable trigger all`
        await arena.sql.unsafe(`
          do $$ declare part text; begin
            for part in select relid::regclass from pg_partition_tree('audit.audit_log') where isleaf
            loop execute 'alter table ' || part || ' disable trigger all'; end loop; end $$;
          update audit.audit_log set metadata = ${metadata} where id = '${id}'`)
      }
      await appendToLog(arena.sql, [{}, {}])
      return unless(await readersOf(arena, 4 + PLANTED.length), 'all readers get past them')
    },
  },
  ...(
    ['nobody', 'audit_app', 'audit_relay', 'audit_reader', 'audit_keeper', 'audit_eraser'] as const
  ).map(
    (by): Attack => ({
      name: 'write into lanes and log past the functions',
      by,
      play: async (arena) => {
        const [row] = await arena.sql`select current_setting('server_version_num')::integer as v`
        const has = (statement: string) =>
          !statement.startsWith('copy') &&
          (Number(row?.['v']) >= 150_000 || !/^merge/.test(statement))
        return allRefused(arena.as(by), INSERTS.filter(has))
      },
    }),
  ),
]
