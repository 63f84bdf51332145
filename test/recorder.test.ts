import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import net from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AuditContext,
  type AuditEntry,
  createRecorder,
  noopRecorder,
  record,
  setDefaultRecorder,
  withContext,
} from '../src/index.ts'
import { scratchDatabase } from './support/database.ts'
import { memoryLogger, relayOn } from './support/lanes.ts'
import { recorderOn } from './support/recorders.ts'
import { waitFor } from './support/wait-for.ts'

const USER = '11111111-1111-4111-8111-111111111111'
const OTHER_USER = '11111111-1111-4111-8111-222222222222'
const EVENT = '22222222-2222-4222-8222-222222222222'
const TARGET = '33333333-3333-4333-8333-333333333333'

test('what a handler records is in the log, with its own time and everything it said', async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch)
  const beforeMs = Date.now()
  const accepted = audit.record({
    action: 'branding.update',
    userId: USER,
    eventId: EVENT,
    entityType: 'branding',
    targetId: TARGET,
    requestId: 'r-1',
    metadata: { color: { from: 'red', to: 'blue' } },
    context: { ip: '127.0.0.1' },
  })
  const afterMs = Date.now()
  assert.equal(accepted, true)
  assert.equal(await audit.flush(), true)
  await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
  const [row] = await scratch.sql`
    select user_id, event_id, target_id, action, entity_type, request_id, metadata, context,
      recorder_id, recorder_seq::integer as recorder_seq, seq::integer as seq,
      (extract(epoch from occurred_at) * 1000)::float8 as occurred_ms,
      id >= audit.id_floor(occurred_at) and id < audit.id_floor(occurred_at + interval '1 ms') as is_v7,
      logged_at
    from audit.audit_log`
  const { occurred_ms, logged_at, ...rest } = { ...row }
  assert.deepEqual(rest, {
    user_id: USER,
    event_id: EVENT,
    target_id: TARGET,
    action: 'branding.update',
    entity_type: 'branding',
    request_id: 'r-1',
    metadata: { color: { from: 'red', to: 'blue' } },
    context: { ip: '127.0.0.1' },
    recorder_id: audit.stats().recorderId,
    recorder_seq: 1,
    seq: 1,
    is_v7: true,
  })
  assert.ok(occurred_ms >= beforeMs && occurred_ms <= afterMs)
  assert.ok(logged_at instanceof Date)
})

test('everything but the action may be left out, be null, or be empty', async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch)
  audit.record({ action: 'a.absent' })
  audit.record({
    action: 'a.null',
    userId: null,
    eventId: null,
    entityType: null,
    targetId: null,
    metadata: null,
    requestId: null,
    context: null,
    occurredAt: null,
  })
  audit.record({ action: 'a.empty', userId: '', entityType: '', requestId: '' })
  await audit.flush()
  const rows = await scratch.sql`
    select user_id, event_id, target_id, entity_type, request_id, metadata
    from audit.audit_staging`
  const nothing = {
    user_id: null,
    event_id: null,
    target_id: null,
    entity_type: null,
    request_id: null,
  }
  assert.equal(rows.length, 3)
  for (const { metadata, ...row } of rows) {
    assert.deepEqual(row, nothing)
    assert.ok(metadata === null || Object.keys(metadata).length === 0)
  }
})

test('the request id comes from the context, and the entry overrides it', async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch)
  await withContext({ requestId: 'from-context', userId: USER, ip: '10.0.0.1' }, async () => {
    audit.record({ action: 'a.context' })
    await sleep(1)
    audit.record({ action: 'a.entry', requestId: 'from-entry', userId: OTHER_USER })
    audit.child({ requestId: 'from-child', route: '/x' }).record({ action: 'a.child' })
    withContext({ requestId: 'inner' }, () => audit.record({ action: 'a.inner' }))
  })
  audit.record({ action: 'a.outside' })
  await audit.flush()
  const rows = await scratch.sql`
    select action, request_id, user_id, context from audit.audit_staging order by id`
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [
      {
        action: 'a.context',
        request_id: 'from-context',
        user_id: USER,
        context: { ip: '10.0.0.1' },
      },
      {
        action: 'a.entry',
        request_id: 'from-entry',
        user_id: OTHER_USER,
        context: { ip: '10.0.0.1' },
      },
      {
        action: 'a.child',
        request_id: 'from-child',
        user_id: USER,
        context: { ip: '10.0.0.1', route: '/x' },
      },
      { action: 'a.inner', request_id: 'inner', user_id: USER, context: { ip: '10.0.0.1' } },
      { action: 'a.outside', request_id: null, user_id: null, context: {} },
    ],
  )
})

test('the option context is asked at each record, and may throw', async (t) => {
  const scratch = await scratchDatabase(t)
  let answer: () => AuditContext | undefined = () => ({ requestId: 'asked', userId: USER })
  const audit = recorderOn(t, scratch, { context: () => answer() })
  audit.record({ action: 'a.asked' })
  answer = () => {
    throw new Error('no request here')
  }
  assert.equal(audit.record({ action: 'a.threw' }), true)
  await audit.flush()
  const rows = await scratch.sql`select action, request_id from audit.audit_staging order by id`
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [
      { action: 'a.asked', request_id: 'asked' },
      { action: 'a.threw', request_id: null },
    ],
  )
})

test('an entry is a snapshot: changing it after the call changes nothing', async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch)
  const metadata = { list: [{ n: 1 }], nested: { deep: { n: 1 } } }
  const entry: AuditEntry = { action: 'a.snapshot', metadata }
  audit.record(entry)
  metadata.nested.deep.n = 2
  metadata.list.push({ n: 2 })
  Object.assign(entry, { action: 'a.changed' })
  await audit.flush()
  const [row] = await scratch.sql`select action, metadata from audit.audit_staging`
  assert.deepEqual(
    { ...row },
    { action: 'a.snapshot', metadata: { list: [{ n: 1 }], nested: { deep: { n: 1 } } } },
  )
})

test('record() answers false to what is no entry, throws at nothing, and says why in stats', async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch)
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const bad: unknown[] = [undefined, null, 'text', 7, {}, { action: '' }, { action: 7 }, proxy]
  for (const entry of bad) assert.equal(audit.record(entry as AuditEntry), false)
  assert.deepEqual(audit.stats().dropped, { unshapable: bad.length })
  assert.equal(audit.stats().recorded, 0)
})

// Goal: nobody but the product writes what looks like an entry of the product.
// Method: actions of that entity, and such that only look like them, through both ways of a recorder.
test('an action of the entity "audit" is refused before any SQL, with one warning that says what helps', async (t) => {
  const scratch = await scratchDatabase(t)
  const logger = memoryLogger()
  const audit = recorderOn(t, scratch, { logger })
  const reserved = [
    ...['audit.gap', 'audit.x', 'audit', 'AUDIT.gap', ' audit.gap', '\u200baudit .gap'],
    ...['a\u200budit.gap', '\u0430udit.gap', 'AUD\u0130T.gap', 'audit\u2024gap', '\uff41udit.gap'],
  ]
  for (const action of reserved) assert.equal(audit.record({ action: action as 'a.b' }), false)
  const taken = ['auditing.start', 'auditor.add', 'shop-audit.run', 'b.audit']
  for (const action of taken) assert.equal(audit.record({ action: action as 'a.b' }), true)
  assert.deepEqual(audit.stats().dropped, { reserved: reserved.length })
  const tx = { execute: () => assert.fail('SQL was sent') }
  for (const mode of ['best-effort', 'atomic'] as const) {
    for (const action of reserved) {
      await assert.rejects(
        audit.recordIn(tx, [{ action: 'a.b' }, { action: action as 'a.b' }], { mode }),
        { code: 'AUDIT_ACTION_RESERVED' },
      )
    }
  }
  assert.equal(audit.record({ action: 'audit.again' }), false)
  await audit.close()
  const cures = logger.lines.filter(({ message }) => message.includes('another entity name'))
  assert.equal(cures.length, 1)
  const dropped = await scratch.sql`
    select metadata -> 'dropped' as dropped, ours from audit.audit_outbox where action = 'audit.drop'`
  assert.deepEqual(
    dropped.map((row) => ({ ...row })),
    [{ dropped: { reserved: reserved.length + 1 }, ours: true }],
  )
  const staged = await scratch.sql`select action from audit.audit_staging order by recorder_seq`
  assert.deepEqual(
    staged.map(({ action }) => action),
    taken,
  )
})

test('record() called from inside record() is dropped and does not disturb the outer one', async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch)
  let inner: boolean | undefined
  const metadata = {
    get trap() {
      inner = audit.record({ action: 'a.inner' })
      return 'sprung'
    },
  }
  assert.equal(audit.record({ action: 'a.outer', metadata }), true)
  assert.equal(inner, false)
  await audit.flush()
  const rows = await scratch.sql`
    select action, metadata from audit.audit_staging where action like 'a.%'`
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [{ action: 'a.outer', metadata: { trap: 'sprung' } }],
  )
  assert.deepEqual(audit.stats().dropped, { reentrant: 1 })
})

test('secrets are censored at any depth before they are buffered', async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch, { redact: ['metadata.card.holder'] })
  audit.record({
    action: 'user.update',
    metadata: {
      password: 'canary-1',
      nested: [{ headers: { Authorization: 'canary-2', Cookie: 'canary-3' } }],
      apiKey: 'canary-4',
      card: { holder: 'canary-5', brand: 'visa' },
    },
  })
  await audit.flush()
  const [row] = await scratch.sql`select metadata, context from audit.audit_staging`
  assert.doesNotMatch(JSON.stringify(row), /canary/)
  assert.equal(row?.['metadata'].card.brand, 'visa')
  assert.equal(row?.['context'].redacted.length, 5)
})

test('a value that JSON cannot hold is kept in the closest form, marked, counted and warned of', async (t) => {
  const scratch = await scratchDatabase(t)
  const logger = memoryLogger()
  const audit = recorderOn(t, scratch, { logger })
  const circular: Record<string, unknown> = { name: 'loop', big: 10n ** 20n }
  circular['self'] = circular
  audit.record({ action: 'a.circular', metadata: circular })
  await audit.flush()
  const [row] = await scratch.sql`select metadata, context from audit.audit_staging`
  assert.deepEqual(row?.['metadata'], {
    name: 'loop',
    big: '100000000000000000000',
    self: '[Circular]',
  })
  assert.ok(row?.['context'].degraded.includes('metadata.circular'))
  assert.equal(audit.stats().degraded, 1)
  await waitFor(() => logger.lines.some(({ fields }) => fields['degradedTotal'] === 1), {
    what: 'the warning',
  })
})

// Goal: the handler is never harmed by the database.
// Method: a port where nothing listens at first; the server's own address appears behind it later.
test('it keeps accepting while the database is away, and delivers afterwards', async (t) => {
  const scratch = await scratchDatabase(t)
  const logger = memoryLogger()
  const url = new URL(scratch.urlAs('audit_app'))
  const server = { host: url.hostname, port: Number(url.port) }
  const port = await freePort()
  url.port = String(port)
  const audit = recorderOn(t, { urlAs: () => url.href }, { logger })
  for (let n = 0; n < 500; n += 1)
    assert.equal(audit.record({ action: 'a.away', metadata: { n } }), true)
  assert.equal(await audit.flush({ timeoutMs: 300 }), false)
  assert.equal(audit.stats().bufferedEntries, 500)
  const proxy = net.createServer((socket) => {
    const upstream = net.connect(server)
    socket.pipe(upstream).pipe(socket)
    socket.on('error', () => upstream.destroy())
    upstream.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve))
  t.after(() => proxy.close())
  assert.equal(await audit.flush({ timeoutMs: 10_000 }), true)
  assert.deepEqual(
    { ...audit.stats(), recorderId: '' },
    {
      recorderId: '',
      recorded: 500,
      staged: 500,
      dropped: {},
      degraded: 0,
      bufferedEntries: 0,
      bufferedBytes: 0,
    },
  )
  const [count] = await scratch.sql`select count(*)::integer as n from audit.audit_staging`
  assert.equal(count?.['n'], 500)
  const lines = logger.lines.map(({ level, message }) => `${level} ${message}`)
  assert.deepEqual(lines, [
    'warn audit staging is unavailable; entries are buffered',
    'info audit staging is available again',
  ])
  await audit.close()
})

test('a full buffer drops the newest, counts them by reason, and warns at most once a second', async (t) => {
  const logger = memoryLogger()
  const audit = recorderOn(
    t,
    { urlAs: () => 'postgres://127.0.0.1:1/nowhere' },
    { logger, maxBufferEntries: 100, closeTimeoutMs: 0 },
  )
  const answers = Array.from({ length: 250 }, () => audit.record({ action: 'a.full' }))
  assert.equal(answers.filter(Boolean).length, 100)
  assert.equal(answers.lastIndexOf(true), 99)
  assert.deepEqual(audit.stats().dropped, { full: 150 })
  const warnings = () => logger.lines.filter(({ message }) => message === 'audit entries dropped')
  assert.equal(warnings().length, 0, 'nothing is logged inside the call')
  const until = performance.now() + 500
  while (performance.now() < until) {
    audit.record({ action: 'a.full' })
    await sleep(10)
  }
  assert.equal(warnings().length, 1)
  assert.equal(warnings()[0]?.fields['droppedTotal'], 150 + 1)
})

test('the buffer is bounded in bytes too', async (t) => {
  const audit = recorderOn(
    t,
    { urlAs: () => 'postgres://127.0.0.1:1/nowhere' },
    { maxBufferBytes: 64 * 1024, closeTimeoutMs: 0 },
  )
  const text = 'x'.repeat(10_000)
  const accepted = Array.from({ length: 20 }, () =>
    audit.record({ action: 'a.big', metadata: { text } }),
  )
  assert.ok(accepted.filter(Boolean).length <= 6)
  assert.ok(audit.stats().bufferedBytes <= 64 * 1024)
})

test('close() stages what is buffered, reports, and refuses what comes later', async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch, { flushIntervalMs: 60_000 })
  for (let n = 0; n < 10; n += 1) audit.record({ action: 'a.close' })
  assert.deepEqual(await audit.close(), { flushed: 10, dropped: 0 })
  assert.equal(audit.record({ action: 'a.late' }), false)
  assert.deepEqual(await audit.close(), { flushed: 10, dropped: 0 })
  assert.deepEqual(audit.stats().dropped, { closed: 1 })
  const [recorder] = await scratch.sql`
    select accepted::integer as accepted, staged::integer as staged, closed_at is not null as closed
    from audit.audit_report`
  assert.deepEqual({ ...recorder }, { accepted: 10, staged: 10, closed: true })
})

test('close() without a database ends in its time and names what was lost, not what it said', async () => {
  const logger = memoryLogger()
  const audit = createRecorder({ databaseUrl: 'postgres://127.0.0.1:1/nowhere', logger })
  audit.record({
    action: 'branding.update',
    userId: USER,
    eventId: EVENT,
    metadata: { text: 'canary' },
    requestId: 'canary',
  })
  const beganMs = performance.now()
  assert.deepEqual(await audit.close({ timeoutMs: 200 }), { flushed: 0, dropped: 1 })
  assert.ok(performance.now() - beganMs < 3_000)
  const warning = logger.lines.find(({ message }) => message === 'audit entries dropped')
  assert.deepEqual(warning?.fields, {
    dropped: { timeout: 1 },
    droppedTotal: 1,
    entries: [{ action: 'branding.update', eventId: EVENT, userId: USER }],
  })
  assert.doesNotMatch(JSON.stringify(logger.lines), /canary/)
})

// Goal: a row that the database refuses costs itself only, and no log line quotes it.
// Method: a trigger on staging that refuses one action, and Drizzle's real error for it.
test('a refused entry is warned of by action, event and user, and the others are staged', async (t) => {
  const scratch = await scratchDatabase(t)
  await scratch.sql.unsafe(`
    create function public.refuse() returns trigger language plpgsql as $$
    begin raise exception 'refused: %', new.metadata using errcode = '23514', detail = new.metadata::text; end $$;
    create trigger refuse before insert on audit.audit_staging for each row
    when (new.action = 'bad.one') execute function public.refuse()`)
  const logger = memoryLogger()
  const audit = recorderOn(t, scratch, { logger, flushIntervalMs: 20 })
  for (let n = 0; n < 20; n += 1) {
    const action = n === 7 ? 'bad.one' : 'good.one'
    audit.record({ action, userId: USER, eventId: EVENT, metadata: { text: 'canary' } })
  }
  assert.equal(await audit.flush(), true)
  assert.equal(audit.stats().staged, 19)
  assert.deepEqual(audit.stats().dropped, { refused: 1 })
  const warning = logger.lines.find(
    ({ message }) => message === 'audit entry refused by the database',
  )
  assert.equal(warning?.fields['action'], 'bad.one')
  assert.equal(warning?.fields['eventId'], EVENT)
  assert.equal(warning?.fields['userId'], USER)
  assert.equal((warning?.fields['fault'] as { code: string }).code, '23514')
  await audit.close()
  assert.doesNotMatch(JSON.stringify(logger.lines), /canary/)
})

test('with no database it does nothing, says so once, and counts what it was given', async () => {
  const kept = { ...process.env }
  delete process.env['DATABASE_URL']
  delete process.env['AUDIT_APP_DATABASE_URL']
  try {
    const logger = memoryLogger()
    const audit = createRecorder({ logger })
    assert.equal(audit.record({ action: 'a.none' }), false)
    assert.equal(audit.child({ requestId: 'r' }).record({ action: 'a.none' }), false)
    assert.deepEqual(audit.stats().dropped, { disabled: 2 })
    assert.equal(logger.lines.length, 1)
    assert.match(logger.lines[0]?.message ?? '', /audit is off: .*DATABASE_URL/)
    assert.deepEqual(await audit.close(), { flushed: 0, dropped: 0 })
  } finally {
    Object.assign(process.env, kept)
  }
})

test('with no logger given it uses pino itself', () => {
  const script = `
    import { createRecorder } from './src/index.ts'
    createRecorder().record({ action: 'a.none' })`
  const output = execFileSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script],
    { env: { PATH: process.env['PATH'] }, encoding: 'utf8' },
  )
  const line = JSON.parse(output)
  assert.equal(line.name, 'audit-outbox')
  assert.equal(line.level, 40)
  assert.match(line.msg, /audit is off/)
})

test("the package-level record() uses the scope's recorder, else the default one, else none", async (t) => {
  const scratch = await scratchDatabase(t)
  const audit = recorderOn(t, scratch)
  const other = recorderOn(t, scratch)
  assert.equal(record({ action: 'a.none' }), false)
  setDefaultRecorder(other)
  t.after(() => setDefaultRecorder(undefined))
  assert.equal(record({ action: 'a.default' }), true)
  await audit.withContext({ requestId: 'r-1' }, async () => {
    await sleep(1)
    assert.equal(record({ action: 'a.scope' }), true)
  })
  assert.equal(other.stats().recorded, 1)
  assert.equal(audit.stats().recorded, 1)
  assert.equal(noopRecorder.record({ action: 'a.none' }), false)
})

test('a wrong option is refused at construction, by name, with its bounds', () => {
  const databaseUrl = 'postgres://127.0.0.1:1/x'
  const refused = (options: object, message: RegExp) =>
    assert.throws(() => createRecorder({ databaseUrl, ...options }), {
      code: 'AUDIT_OPTION_INVALID',
      message,
    })
  refused({ flushIntervalMs: 0 }, /flushIntervalMs must be a whole number from 1 to 60000, got 0/)
  refused({ maxBufferEntries: 1.5 }, /maxBufferEntries .* got 1.5/)
  refused({ flushInterval: 5 }, /Unknown option "flushInterval"\. Did you mean "flushIntervalMs"\?/)
  refused(
    { databaseUrl: 'mysql://root:hunter2@db' },
    /^databaseUrl must begin with postgres:\/\/\.$/,
  )
})

test('logging that throws or records changes nothing', async (t) => {
  const scratch = await scratchDatabase(t)
  let calls = 0
  const broken = () => {
    calls += 1
    audit.record({ action: 'a.from_logger' })
    throw new Error('logger')
  }
  const logger = { debug: broken, info: broken, warn: broken, error: broken }
  const audit = recorderOn(t, scratch, { logger, maxBufferEntries: 2 })
  const answers = Array.from({ length: 5 }, () => audit.record({ action: 'a.b' }))
  assert.deepEqual(answers, [true, true, false, false, false])
  assert.equal(await audit.flush(), true)
  const staged = (action: string) => scratch.sql`
    select from audit.audit_staging where action = ${action}`
  assert.equal((await staged('a.b')).length, 2)
  // It is told of drops, and there is room for what it records unless the buffer is full again.
  const hasRecorded = async () => {
    for (let n = 0; n < 3; n += 1) audit.record({ action: 'a.again' })
    await audit.flush()
    return (await staged('a.from_logger')).length > 0
  }
  await waitFor(hasRecorded, { what: 'what the logger records' })
  assert.ok(calls > 0)
})

test('a process that ends by itself has staged what it recorded', async (t) => {
  const scratch = await scratchDatabase(t)
  const script = `
    import { createRecorder } from './src/index.ts'
    const audit = createRecorder({ flushIntervalMs: 200 })
    for (let n = 0; n < 100; n += 1) audit.record({ action: 'a.end' })`
  execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    env: { PATH: process.env['PATH'], DATABASE_URL: scratch.urlAs('audit_app') },
    timeout: 40_000,
  })
  const [count] = await scratch.sql`select count(*)::integer as n from audit.audit_staging`
  assert.equal(count?.['n'], 100)
})

async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
