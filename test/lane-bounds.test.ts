import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type postgres from 'postgres'
import { scratchDatabase } from './support/database.ts'
import { numberedId, relayOn } from './support/lanes.ts'
import { connectAs, refusalOf } from './support/logins.ts'
import { testLogin } from './support/server.ts'

const MIB = 1_048_576
const DAY_MS = 86_400_000
const KEY = 'the key of a recorder'
const OTHER = randomUUID()

/** A UUIDv7 of this moment. */
function idAt(ms: number): string {
  const hex = Math.max(0, Math.trunc(ms)).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${randomUUID().slice(15)}`
}

interface Entry {
  readonly id?: unknown
  readonly occurred_at?: string
  readonly action?: string | null
  readonly entity_type?: string
  /** JSON text. */
  readonly metadata?: string
  /** JSON text. */
  readonly context?: string
}

const DOORS = ['record', 'record_in', 'stage'] as const
type Door = (typeof DOORS)[number]

function textOf(door: Door, entry: Entry): string {
  const { id = numberedId(1), occurred_at = new Date().toISOString(), action = 'a.b' } = entry
  const { entity_type = null, metadata = '{}', context = '{}' } = entry
  const [idText, at, verb, type] = [id, occurred_at, action, entity_type].map((v) =>
    JSON.stringify(v),
  )
  if (door === 'stage') {
    return `[${idText},${at},1,null,null,null,${verb},${type},null,${metadata},${context}]`
  }
  return (
    `{"id":${idText},"occurred_at":${at},"action":${verb},"entity_type":${type},` +
    `"metadata":${metadata},"context":${context}}`
  )
}

/** What `audit_app` can do, and what came of it. */
async function doors(t: TestContext) {
  const scratch = await scratchDatabase(t)
  const app = connectAs(t, scratch, 'audit_app')
  const recorder = randomUUID()
  const putText = (door: Door, text: string): Promise<postgres.Row[]> =>
    door === 'stage'
      ? app`select audit.stage(${recorder}, ${KEY}, array[${text}])`
      : app.unsafe(`select audit.${door}($1::text)`, [text])
  return {
    ...scratch,
    app,
    recorder,
    put: (door: Door, ...entries: readonly Entry[]) =>
      putText(door, `[${entries.map((entry) => textOf(door, entry)).join(',')}]`),
    async outcome() {
      const rows = await scratch.sql`
        select id, action, entity_type, metadata::text, context, written_by, ours from audit.audit_staging
        union all select id, action, entity_type, metadata::text, context, written_by, ours
        from audit.audit_outbox`
      const letters = await scratch.sql`
        select number::integer, lane, origin, written_by, ours, sqlstate, reason, entry
        from audit.audit_dead_letter order by number`
      await scratch.sql`delete from audit.audit_dead_letter`
      await scratch.sql`truncate audit.audit_staging, audit.audit_outbox`
      return { rows, letters }
    },
  }
}

const nested = (levels: number, open: string, close: string, inner = '1') =>
  open.repeat(levels) + inner + close.repeat(levels)
const digits = (count: number) => '7'.repeat(count)
const padded = (bytes: number, before: string) => {
  const frame = textOf('record', { metadata: `{"p":"${before}"}` })
  return `{"p":"${before}${'x'.repeat(bytes - Buffer.byteLength(frame))}"}`
}

// Goal: what nobody could read gets into neither lane, whichever function is called and whatever
// stands next to it; what is within the bounds is taken as it is.
// Method: each bound from both sides, alone and with good neighbours.
const REFUSED: readonly (readonly [name: string, sqlstate: string, entry: () => Entry])[] = [
  ['a number of 1,001 digits', '22003', () => ({ metadata: `{"n":${digits(1_001)}}` })],
  ['a negative one', '22003', () => ({ metadata: `{"n":-${digits(1_001)}}` })],
  [
    '501 digits before the point, 500 behind',
    '22003',
    () => ({ metadata: `{"n":${digits(501)}.${digits(500)}}` }),
  ],
  ['an exponent of 1000', '22003', () => ({ metadata: '{"n":1e1000}' })],
  ['an exponent with a sign', '22003', () => ({ metadata: '{"n":1E+1000}' })],
  ['an exponent with zeros before it', '22003', () => ({ metadata: '{"n":1e0001000}' })],
  ['digits and an exponent', '22003', () => ({ metadata: `{"n":${digits(500)}e600}` })],
  ['the longest number', '22003', () => ({ metadata: '{"n":1e131071}' })],
  ['a longer one than there is', '22003', () => ({ metadata: '{"n":1e131072}' })],
  ['an exponent beyond all', '22003', () => ({ metadata: '{"n":1e999999999999}' })],
  ['a tiny number', '22003', () => ({ metadata: '{"n":1e-1000}' })],
  ['the tiniest number', '22003', () => ({ metadata: '{"n":-1e-16383}' })],
  ['a tinier one than there is', '22003', () => ({ metadata: '{"n":-1e-99999}' })],
  ['a zero of many digits', '22003', () => ({ metadata: '{"n":0e-5000}' })],
  ['zeros behind the point', '22003', () => ({ metadata: `{"n":0.${'0'.repeat(1_000)}}` })],
  ['a long number in a list', '22003', () => ({ metadata: '{"a":[1,[2,{"b":1e5000}]]}' })],
  ['a long number in the context', '22003', () => ({ context: '{"n":1e5000}' })],
  [
    'a long number among many short ones',
    '22003',
    () => ({ metadata: `{"a":[${Array(2_000).fill('1').join(',')},1e1200]}` }),
  ],
  [
    'a long number given in full among many short ones',
    '22003',
    () => ({ metadata: `{"a":[${Array(2_000).fill('1').join(',')},${digits(1_001)}]}` }),
  ],
  [
    '9,000 of the longest numbers',
    '22003',
    () => ({ metadata: `{"a":[${Array(9_000).fill('1e131071').join(',')}]}` }),
  ],
  [
    '100,000 numbers that are long written out',
    '54000',
    () => ({ metadata: `{"a":[${Array(100_000).fill('1e999').join(',')}]}` }),
  ],
  ['more than 1 MiB', '54000', () => ({ metadata: padded(MIB + 500, '') })],
  ['more than 1 MiB of wide characters', '54000', () => ({ metadata: padded(MIB + 500, '😀') })],
  ['no action', '23502', () => ({ action: null })],
  ['an empty action', '23502', () => ({ action: '' })],
  ['a time that never comes', '22008', () => ({ occurred_at: 'infinity' })],
  ['a time before our era', '22008', () => ({ occurred_at: '4713-01-01 00:00:00+00 BC' })],
  ['a time in the year 10000', '22008', () => ({ occurred_at: '10000-01-01T00:00:00Z' })],
  ['an id of in two days', '22008', () => ({ id: idAt(Date.now() + 2 * DAY_MS) })],
  ['an id a second over a day ahead', '22008', () => ({ id: idAt(Date.now() + DAY_MS + 5_000) })],
  ['an id of the last moment', '22008', () => ({ id: 'ffffffff-ffff-7fff-bfff-ffffffffffff' })],
  ['an id of last year', '22008', () => ({ id: idAt(Date.now() - 366 * DAY_MS) })],
  ['an id of 1970', '22008', () => ({ id: '00000000-0000-7000-8000-000000000000' })],
  ...[
    'audit.gap',
    'audit.drop',
    'audit.read',
    'audit.read_denied',
    'audit.erase',
    'audit.',
    'audit',
  ].map((action) => [`the action "${action}"`, '42501', () => ({ action })] as const),
  ...[
    ...['AUDIT.gap', ' audit.gap', '\u200baudit.gap', 'audit\u200b.gap', 'Audit.Read'],
    // Letters of other alphabets, and what cannot be seen between the letters.
    ...['\u0430udit.gap', 'aud\u0131t.gap', 'AUD\u0130T.gap', '\u0391UDIT.gap', '\uff41udit.gap'],
    ...[
      'a\u200budit.gap',
      'au\u00addit.gap',
      '\u3164audit.gap',
      'audit\u2024gap',
      'audit\u3002gap',
    ],
    '\u{1d41a}\u{1d42e}\u{1d41d}\u{1d422}\u{1d42d}.gap',
  ].map((action) => [`the action ${JSON.stringify(action)}`, '42501', () => ({ action })] as const),
]

// A text with more than 2 KiB an entry is looked at in another way.
const filled = (document: string) => document.replace('{', `{"p":"${'x'.repeat(12_000)}",`)
const LARGE = REFUSED.filter(([, sqlstate]) => sqlstate === '22003').map(
  ([name, sqlstate, make]): (typeof REFUSED)[number] => {
    const { metadata, context } = make()
    const large = metadata ? { metadata: filled(metadata) } : { context: filled(context ?? '{}') }
    return [`${name}, in an entry of 12 KB`, sqlstate, () => large]
  },
)

for (const door of DOORS) {
  test(`audit.${door} takes nothing beyond the bounds, and each of its neighbours`, async (t) => {
    const { put, outcome } = await doors(t)
    for (const [name, sqlstate, make] of [...REFUSED, ...LARGE]) {
      const bad = make()
      // It stores now instead: test/given-names.test.ts.
      if (door === 'record' && 'occurred_at' in bad) continue
      if (door === 'record_in') {
        const refusal = await refusalOf(put(door, {}, bad))
        assert.equal(refusal?.code, sqlstate, name)
        assert.ok(refusal.message.length < 300, 'it quotes nothing')
        const { rows, letters } = await outcome()
        assert.deepEqual([rows.length, letters.length], [0, 0], name)
        continue
      }
      await put(door, { id: numberedId(1) }, bad, { id: numberedId(2) })
      const { rows, letters } = await outcome()
      assert.deepEqual(rows.map(({ id }) => id).sort(), [numberedId(1), numberedId(2)], name)
      assert.deepEqual(
        letters.map((letter) => [letter['sqlstate'], letter['lane'], letter['origin']]),
        [[sqlstate, door === 'stage' ? 'staging' : 'outbox', door]],
        name,
      )
      const [letter] = letters
      assert.equal(letter?.['written_by'], testLogin('audit_app').name)
      assert.ok(letter?.['entry'].length <= MIB, name)
    }
  })
}

const TAKEN: readonly (readonly [name: string, entry: () => Entry])[] = [
  ['a number of 1,000 digits', () => ({ metadata: `{"n": ${digits(1_000)}}` })],
  [
    '500 digits before and behind the point',
    () => ({ metadata: `{"n": ${digits(500)}.${digits(500)}}` }),
  ],
  [
    'a number of 1,000 digits among others',
    () => ({ metadata: `{"a": [1, 2], "n": ${digits(1_000)}}` }),
  ],
  ['a long run of digits in a text', () => ({ metadata: `{"n": "${digits(5_000)}"}` })],
  ['an exponent in a text', () => ({ metadata: '{"m": ", 1e99999", "n": "1e131071"}' })],
  [
    'numbers in an entry of 40 KB',
    () => ({ metadata: `{"n": [1, 2.5], "p": "${'x'.repeat(40_000)}"}` }),
  ],
  [
    'a number of 1,000 digits in an entry of 12 KB',
    () => ({ metadata: `{"n": ${digits(1_000)}, "p": "${'x'.repeat(12_000)}"}` }),
  ],
  ['32 levels', () => ({ metadata: nested(32, '{"a": ', '}') })],
  ['32 levels of context', () => ({ context: nested(32, '{"a": ', '}') })],
  ['31 lists in an object', () => ({ metadata: `{"a": ${nested(31, '[', ']')}}` })],
  ['an action of 128 wide characters', () => ({ action: '😀'.repeat(128) })],
  ['an id of in 23 hours', () => ({ id: idAt(Date.now() + 23 * 3_600_000) })],
  ['an entity that begins like ours', () => ({ action: 'auditing.start' })],
  ['the same word in Russian', () => ({ action: '\u0430\u0443\u0434\u0438\u0442.start' })],
  ['a word that begins with another letter', () => ({ action: '\u00e4nderung.start' })],
  ['an entity that ends like ours', () => ({ action: 'shop-audit.start' })],
  ['the first year', () => ({ occurred_at: '0001-01-01T00:00:00Z' })],
  [
    'a time of in 23 hours',
    () => ({ occurred_at: new Date(Date.now() + 23 * 3_600_000).toISOString() }),
  ],
]

for (const door of DOORS) {
  test(`audit.${door} takes what is within the bounds as it is`, async (t) => {
    const { put, outcome } = await doors(t)
    for (const [name, make] of TAKEN) {
      const entry = make()
      await put(door, entry)
      const { rows, letters } = await outcome()
      assert.deepEqual(
        letters.map(({ reason }) => reason),
        [],
        name,
      )
      assert.equal(rows.length, 1, name)
      const [row] = rows
      assert.equal(row?.['metadata'], entry.metadata ?? '{}', name)
      assert.equal(row?.['action'], entry.action ?? 'a.b', name)
      if (entry.id) assert.equal(row?.['id'], entry.id, name)
      assert.equal(row?.['context'].degraded, undefined, name)
      assert.deepEqual([row?.['written_by'], row?.['ours']], [testLogin('audit_app').name, false])
    }
  })
}

// Goal: an entry that is large for its neighbours is looked at twice, in one statement and alone; both
// have to decide the same, or it is lost or there twice.
// Method: entries on both sides of each size that decides how they are looked at, with few and many
// neighbours, with a number and without, and next to an entry that is not taken.
for (const door of DOORS) {
  test(`audit.${door} takes a large entry once, whatever its neighbours are`, async (t) => {
    const { put, outcome } = await doors(t)
    for (const bytes of [500, 1_500, 10_000, 17_000, 60_000]) {
      for (const neighbours of [0, 1, 60]) {
        for (const number of ['', `"n":${digits(30)},`, '"n":1e900,']) {
          const name = `${bytes} bytes, ${neighbours} neighbours, number ${number}`
          const large = { metadata: `{${number}"p":"${'x'.repeat(bytes)}"}` }
          const others: Entry[] = Array.from({ length: neighbours }, () => ({}))
          if (door !== 'record_in') others.push({ action: '' })
          await put(door, large, ...others)
          const { rows, letters } = await outcome()
          assert.equal(rows.length, neighbours + 1, name)
          assert.equal(letters.length, door === 'record_in' ? 0 : 1, name)
        }
      }
    }
  })
}

test('an entry of exactly 1 MiB of text is taken, of a byte more it is not', async (t) => {
  const { sql, app } = await doors(t)
  const frame = textOf('record', { metadata: '{"p":""}' })
  const sized = (bytes: number) => frame.replace('""}', `"${'x'.repeat(bytes - frame.length)}"}`)
  for (const [bytes, taken] of [
    [MIB, 1],
    [MIB + 1, 0],
    [120_000_000, 0],
  ] as const) {
    const text = sized(bytes)
    assert.equal(Buffer.byteLength(text), bytes)
    const [row] = await app`select audit.record(${text}::text) as taken`
    assert.equal(row?.['taken'], taken, `${bytes} bytes`)
  }
  const letters = await sql`
    select reason, octet_length(entry)::integer as kept, left(entry, 20) as start
    from audit.audit_dead_letter order by number`
  assert.deepEqual(
    letters.map(({ kept, start }) => [kept, start]),
    [
      [65_536, frame.slice(0, 20)],
      [65_536, frame.slice(0, 20)],
    ],
  )
  assert.match(letters[1]?.['reason'], /120000000 bytes/)
})

test('text that is no JSON is kept up to 1 MiB, and only its beginning beyond', async (t) => {
  const { sql, app } = await doors(t)
  for (const length of [MIB, MIB + 1]) await app`select audit.record(${'x'.repeat(length)}::text)`
  const letters =
    await sql`select octet_length(entry)::integer as kept from audit.audit_dead_letter`
  assert.deepEqual(
    letters.map(({ kept }) => kept),
    [MIB, 65_536],
  )
})

test('what is deeper than 32 levels is cut and marked, 33 or 3,000 levels', async (t) => {
  const { put, outcome } = await doors(t)
  const cut = (levels: number, open: string, close: string) =>
    nested(levels, open, close, '"[Depth]"')
  for (const door of DOORS) {
    for (const [metadata, stored] of [
      [nested(33, '{"a": ', '}'), cut(32, '{"a": ', '}')],
      [nested(33, '{"a": ', '}', ''), cut(32, '{"a": ', '}')],
      [`{"a": ${nested(32, '[', ']')}}`, `{"a": ${cut(31, '[', ']')}}`],
      [nested(3_000, '{"a": ', '}'), cut(32, '{"a": ', '}')],
      [
        `{"b": [{"n": 1}, 2], "a": ${nested(40, '[', ']')}}`,
        `{"a": ${cut(31, '[', ']')}, "b": [{"n": 1}, 2]}`,
      ],
    ] as const) {
      await put(door, { metadata: metadata.replace('{"a": }', '{}'), context: '{"ip": "::1"}' })
      const { rows, letters } = await outcome()
      assert.deepEqual(
        letters.map(({ reason }) => reason),
        [],
      )
      assert.equal(rows[0]?.['metadata'], stored, `${door} ${metadata.slice(0, 40)}`)
      assert.deepEqual(rows[0]?.['context'], { ip: '::1', degraded: ['metadata.depth'] })
    }
    await put(door, { context: nested(33, '{"a": ', '}') })
    const { rows } = await outcome()
    assert.deepEqual(rows[0]?.['context'].degraded, ['context.depth'])
  }
})

test('a given id that is no UUIDv7 gives way to one of ours, and the context keeps it', async (t) => {
  const { put, outcome } = await doors(t)
  const given: readonly unknown[] = [
    randomUUID(),
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    `${numberedId(1).slice(0, 14)}8${numberedId(1).slice(15)}`, // another version
    `${numberedId(1).slice(0, 19)}c${numberedId(1).slice(20)}`, // another variant
    ...['my-id', 7, 7.5, 1e300, true, `{${numberedId(1)}}`, 'x'.repeat(300)],
  ]
  for (const door of ['record', 'record_in'] as const) {
    for (const id of given) {
      await put(door, { id })
      const { rows, letters } = await outcome()
      assert.deepEqual(
        letters.map(({ reason }) => reason),
        [],
        String(id),
      )
      assert.match(rows[0]?.['id'], /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
      assert.notEqual(rows[0]?.['id'], id)
      const kept = typeof id === 'string' ? id.slice(0, 256) : JSON.stringify(id)
      assert.equal(rows[0]?.['context'].invalid.id, kept === '1e+300' ? '1e+300' : kept)
    }
  }
})

// Goal: a clock that is ahead loses nothing, and fills nothing with entries of the future.
// Method: move the letter's time into the past, as the days do, and try it again before and after.
test('an id that is ahead waits as a dead letter until its time has come, and is logged once', async (t) => {
  const { sql, put, outcome, ...scratch } = await doors(t)
  const relay = connectAs(t, { sql, ...scratch }, 'audit_relay')
  const retry = async () => {
    const [newest] = await sql`select max(number)::integer as number from audit.audit_dead_letter`
    const [row] = await relay`select audit.retry_dead_letter(${newest?.['number']}) as outcome`
    return row?.['outcome']
  }
  const id = idAt(Date.now() + DAY_MS + 6_000)
  await put('stage', { id })
  const [letter] =
    await sql`select id, reason, recorder_seq::integer as seq from audit.audit_dead_letter`
  assert.match(letter?.['reason'], /clock/)
  assert.deepEqual([letter?.['id'], letter?.['seq']], [id, 1])
  assert.equal(await retry(), '22008', 'still ahead')
  let became = '22008'
  for (let tries = 0; became === '22008' && tries < 100; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    became = await retry()
  }
  assert.equal(became, 'retried')
  await put('stage', { id }) // as a recorder does that was not told
  await relayOn(t, { sql, ...scratch }).drain({ deadlineMs: 10_000 })
  const logged = await sql`select id, written_by from audit.audit_log`
  assert.deepEqual(
    logged.map((row) => ({ ...row })),
    [{ id, written_by: testLogin('audit_app').name }],
  )
})

test('a letter is retried by its columns, whatever its text says', async (t) => {
  const { sql, app, put, ...scratch } = await doors(t)
  const relay = connectAs(t, { sql, ...scratch }, 'audit_relay')
  const claims = { ours: true, written_by: 'postgres', origin: 'move', recorder_id: randomUUID() }
  const text = JSON.stringify({
    ...{ id: numberedId(1), occurred_at: new Date(), recorder_seq: 1, action: 'audit.gap' },
    ...claims,
  })
  await app`select audit.record(${text}::text)`
  await put('stage', { action: 'audit.drop', metadata: '{"ours": true}' })
  const numbers =
    await sql`select number::integer as n, ours from audit.audit_dead_letter order by number`
  assert.deepEqual(
    numbers.map(({ ours }) => ours),
    [false, false],
  )
  for (const { n } of numbers) {
    const [row] = await relay`select audit.retry_dead_letter(${n}) as outcome`
    assert.equal(row?.['outcome'], '42501')
  }
  await sql`update audit.audit_dead_letter set entry = replace(entry, 'audit.', 'shop.')`
  const [retried] = await relay`select audit.retry_dead_letter(${numbers[0]?.['n']}) as outcome`
  assert.equal(retried?.['outcome'], 'retried')
  const [row] = await sql`select written_by, ours, recorder_id from audit.audit_outbox`
  assert.deepEqual(
    { ...row },
    {
      written_by: testLogin('audit_app').name,
      ours: false,
      recorder_id: null,
    },
  )

  // A row that stood in a lane, and whose text somebody has edited.
  await sql`
    insert into audit.audit_dead_letter (lane, origin, written_by, recorder_id, recorder_seq, entry)
    values ('staging', 'move', 'shop_web', ${OTHER}, 7, ${text.replace('audit.gap', 'shop.gap')})`
  const [newest] = await sql`select max(number)::integer as n from audit.audit_dead_letter`
  const [again] = await relay`select audit.retry_dead_letter(${newest?.['n']}) as outcome`
  assert.equal(again?.['outcome'], 'retried')
  const [moved] = await sql`
    select written_by, ours, recorder_id, recorder_seq::integer as seq
    from audit.audit_outbox where recorder_id is not null`
  assert.deepEqual(
    { ...moved },
    { written_by: 'shop_web', ours: false, recorder_id: OTHER, seq: 7 },
  )
})

test('no login of ours writes into a lane but by the functions', async (t) => {
  const scratch = await scratchDatabase(t)
  for (const role of ['audit_app', 'audit_reader', 'audit_relay'] as const) {
    const login = connectAs(t, scratch, role)
    for (const lane of ['audit_staging', 'audit_outbox']) {
      const columns = `(id, occurred_at, action, written_by, ours)`
      const insert = `insert into audit.${lane} ${columns} values (gen_random_uuid(), now(), 'audit.gap', 'x', true)`
      assert.equal((await refusalOf(login.unsafe(insert)))?.code, '42501', `${role}, ${lane}`)
    }
  }
})

test("a recorder's name is its own: with another key nothing is written in it", async (t) => {
  const { sql, app, recorder, put, outcome } = await doors(t)
  await put('stage', {})
  await outcome()
  const row = textOf('stage', { id: numberedId(2) })
  const report = (key: string | null) => app`
    select audit.report(${recorder}, ${key}, now(), 1, 1, '{"full": 3}', true)`
  for (const key of ['the key of another one', '', 'short', 'x'.repeat(300)]) {
    const staged = await refusalOf(
      app`select audit.stage(${recorder}, ${key}, array[${`[${row}]`}])`,
    )
    assert.match(staged?.code ?? '', /^(42501|22023)$/, key)
    const reported = await refusalOf(report(key))
    assert.match(reported?.code ?? '', /^(42501|22023)$/, key)
  }
  assert.equal((await refusalOf(report(null)))?.code, '22023')
  const { rows } = await outcome()
  assert.equal(rows.length, 0)
  await report(KEY)
  const [account] = await sql`
    select dropped, key_hash from audit.audit_report where id = ${recorder}`
  assert.deepEqual(account?.['dropped'], { full: 3 })
  assert.match(account?.['key_hash'], /^[0-9a-f]{64}$/)
  assert.doesNotMatch(account?.['key_hash'], /key/)
})

const NO_REPORTS: readonly (readonly [
  name: string,
  accepted: string,
  staged: string,
  dropped: string,
])[] = [
  ['an unknown reason', '1', '1', '{"boom": 1}'],
  ['a reason of the relay', '1', '1', '{"dead_letter": 1}'],
  ['a text for a count', '1', '1', '{"full": "x"}'],
  ['NaN', '1', '1', '{"full": "NaN"}'],
  ['null', '1', '1', '{"full": null}'],
  ['a list for a count', '1', '1', '{"full": [1]}'],
  ['an object for a count', '1', '1', '{"full": {"n": 1}}'],
  ['a fraction', '1', '1', '{"full": 1.5}'],
  ['a negative count', '1', '1', '{"timeout": -5}'],
  ['a count beyond all', '1', '1', '{"full": 9007199254740992}'],
  ['a count of 131,072 digits', '1', '1', '{"full": 1e131071}'],
  ['a list', '1', '1', '[]'],
  ['a text', '1', '1', '"full"'],
  ['a number', '1', '1', '7'],
  ['nothing', '1', '1', 'null'],
  ['a negative number accepted', '-1', '1', '{}'],
  ['more accepted than can be', '9223372036854775807', '1', '{}'],
  ['more staged than can be', '1', '9007199254740992', '{}'],
  [
    '50,000 reasons',
    '1',
    '1',
    JSON.stringify(Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`r${n}`, 1]))),
  ],
]

test('a report takes counts and known reasons, and nothing else', async (t) => {
  const { sql, app, recorder } = await doors(t)
  for (const [name, accepted, staged, dropped] of NO_REPORTS) {
    const refusal = await refusalOf(app`
      select audit.report(${recorder}, ${KEY}, now(), ${accepted}, ${staged}, ${dropped}::text::jsonb, false)`)
    assert.equal(refusal?.code, '22023', name)
  }
  for (const startedAt of ['infinity', '-infinity', '4713-01-01 BC', '20000-01-01']) {
    const refusal = await refusalOf(app`
      select audit.report(${recorder}, ${KEY}, ${startedAt}::text::timestamptz, 1, 1, '{}', false)`)
    assert.equal(refusal?.code, '22023', startedAt)
  }
  const [count] = await sql`select count(*)::integer as n from audit.audit_report`
  assert.equal(count?.['n'], 0)
  const bare = await refusalOf(
    sql`insert into audit.audit_report (id, dropped) values (${recorder}, '[]')`,
  )
  assert.equal(bare?.code, '23514')
})

test('a report writes what was dropped into the log, once, as an entry of ours', async (t) => {
  const { sql, app, recorder } = await doors(t)
  const report = (dropped: object) => app`
    select audit.report(${recorder}, ${KEY}, now(), 9, 9, ${JSON.stringify(dropped)}::text::jsonb, false)`
  await report({})
  await report({ full: 3, reserved: 1 })
  await report({ full: 3, reserved: 1 })
  await report({ full: 5, reserved: 0 })
  const rows = await sql`
    select action, entity_type, metadata, ours, written_by, recorder_id from audit.audit_outbox order by id`
  const ours = {
    ...{ action: 'audit.drop', entity_type: 'audit', ours: true },
    ...{ written_by: testLogin('audit_app').name, recorder_id: null },
  }
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [
      { ...ours, metadata: { recorderId: recorder, dropped: { full: 3, reserved: 1 } } },
      { ...ours, metadata: { recorderId: recorder, dropped: { full: 2 } } },
    ],
  )
})

test('reading is written down by a login that may read, and by nobody who only records', async (t) => {
  const scratch = await scratchDatabase(t)
  const note = (sql: postgres.Sql, denied: boolean, metadata: string) => sql`
    select audit.note_read(${denied}, ${'user-7'}, ${metadata}::text::jsonb, '{"viewer": "ada"}') as id`
  const refusal = await refusalOf(note(connectAs(t, scratch, 'audit_app'), false, '{}'))
  assert.equal(refusal?.code, '42501')
  await note(connectAs(t, scratch, 'audit_reader'), false, '{"read": "page"}')
  await note(connectAs(t, scratch, 'audit_relay'), true, nested(40, '{"a": ', '}'))
  const bomb = await refusalOf(note(connectAs(t, scratch, 'audit_reader'), false, '{"n": 1e5000}'))
  assert.equal(bomb?.code, '22003')
  const rows = await scratch.sql`
    select action, context, ours, written_by, user_id from audit.audit_outbox order by id`
  const common = { ours: true, user_id: null }
  const invalid = { userId: 'user-7' }
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [
      {
        ...{ ...common, action: 'audit.read' },
        context: { viewer: 'ada', invalid, degraded: ['userId.invalid'] },
        written_by: testLogin('audit_reader').name,
      },
      {
        ...{ ...common, action: 'audit.read_denied' },
        context: { viewer: 'ada', invalid, degraded: ['metadata.depth', 'userId.invalid'] },
        written_by: testLogin('audit_relay').name,
      },
    ],
  )
})

// Goal: change data capture that publishes every table stops nothing.
// Method: such a publication, as Debezium makes it by default, and an entry through each lane.
test('a publication for all tables stops no lane', async (t) => {
  const { sql, put, ...scratch } = await doors(t)
  const [wal] = await sql`select current_setting('wal_level') as level`
  await sql`create publication everything for all tables`
  const tables = await sql`
    select c.relname as name from pg_class as c
    where c.relnamespace = 'audit'::regnamespace and c.relkind = 'r' and c.relpersistence = 'p'
      and c.relreplident <> 'f' and c.relnatts > 0
      and not exists (select from pg_index as i where i.indrelid = c.oid and i.indisprimary)`
  assert.deepEqual([...tables], [], 'every LOGGED table has a replica identity')
  await put('record', { id: numberedId(1) })
  await put('stage', { id: numberedId(2) })
  const { logged } = await relayOn(t, { sql, ...scratch }).drain({ deadlineMs: 10_000 })
  assert.equal(logged, 2, `with wal_level ${wal?.['level']}`)
})

test('a letter whose number is taken is a fault that is told, and takes no entry along', async (t) => {
  const { sql, app, put, ...scratch } = await doors(t)
  await sql`alter table audit.audit_log add constraint theirs check (action <> 'bad.one')`
  await sql`
    insert into audit.audit_dead_letter (number, entry) overriding system value
    select n, 'taken' from generate_series(1, 10000) as n`
  await sql`
    insert into audit.audit_outbox (id, occurred_at, action, metadata, context)
    values (${numberedId(1)}, now(), 'bad.one', '{}', '{}')`
  const relay = relayOn(t, { sql, ...scratch })
  await assert.rejects(relay.drain({ deadlineMs: 5_000 }))
  assert.match(relay.health().hint ?? '', /setval/)
  const [left] = await sql`select count(*)::integer as n from audit.audit_outbox`
  assert.equal(left?.['n'], 1, 'the entry is still in its lane')
  const explicit = connectAs(t, { sql, ...scratch }, 'audit_relay')
  const refusal = await refusalOf(
    explicit`insert into audit.audit_dead_letter (number) values (99)`,
  )
  assert.equal(refusal?.code, '428C9')
})
