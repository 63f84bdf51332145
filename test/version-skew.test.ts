import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { SCHEMA_VERSION, schemaMisfit } from '../src/schema/version.ts'
import { runRelay } from './support/audit-relay.ts'
import { describeSchema } from './support/catalog.ts'
import { scratchDatabase } from './support/database.ts'
import { encoded, memoryLogger, openDatabase, relayOn, stage } from './support/lanes.ts'
import { migrateToNext } from './support/next-series.ts'
import { recorderOn } from './support/recorders.ts'
import { waitFor } from './support/wait-for.ts'

/** A package that works on its own schema and on the one before it. */
const PACKAGE = { version: 5, oldestVersion: 4 }

const SKEWS = [
  { schema: [5, 5], fits: true, what: 'its own' },
  { schema: [4, 4], fits: true, what: 'one before it' },
  { schema: [6, 5], fits: true, what: 'one after it that allows it' },
  { schema: [9, 2], fits: true, what: 'a much newer one that allows it' },
  {
    schema: [6, 6],
    fits: false,
    what: 'one after it that does not',
    says: /Deploy the newer package/,
  },
  { schema: [3, 3], fits: false, what: 'one that is too old', says: /Run "audit-relay migrate"/ },
] as const

test('a package runs on the schemas that allow it, and says plainly what to do about the others', () => {
  for (const { schema, fits, what, ...rest } of SKEWS) {
    const [version, minReaderVersion] = schema
    const misfit = schemaMisfit({ version, minReaderVersion }, PACKAGE)
    assert.equal(misfit === undefined, fits, what)
    if ('says' in rest) assert.match(misfit ?? '', rest.says)
    if (misfit) for (const number of schema) assert.ok(misfit.includes(String(number)), misfit)
  }
})

/** What a made-up next migration brings: columns that this package knows nothing of. */
const NEXT = [
  'alter table audit.audit_log add column region text;',
  'alter table audit.audit_dead_letter add column again text;',
  `update audit.audit_schema_version set version = ${SCHEMA_VERSION + 1};`,
]

describe('version skew', { concurrency: 3 }, () => {
  test('a relay moves on a newer schema that allows it', async (t) => {
    const scratch = await scratchDatabase(t)
    await migrateToNext(scratch.url, ...NEXT)
    await stage(openDatabase(t, scratch.url), 'outbox', [encoded(), encoded({ action: null })])
    const { logged, deadLetters } = await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
    assert.deepEqual([logged, deadLetters], [1, 1])
  })

  for (const [version, says] of [
    [SCHEMA_VERSION + 1, /too new.*Deploy the newer package/],
    [SCHEMA_VERSION - 1, /too old.*Run "audit-relay migrate"/],
  ] as const) {
    test(`a relay on schema ${version} moves nothing and says why, and goes on when it fits`, async (t) => {
      const scratch = await scratchDatabase(t)
      const setVersion = (to: number) =>
        scratch.sql`update audit.audit_schema_version set version = ${to}, min_reader_version = ${to}`
      await setVersion(version)
      await stage(openDatabase(t, scratch.url), 'outbox', [encoded()])
      const logger = memoryLogger()
      const relay = relayOn(t, scratch, { logger, pollMaxMs: 20 })
      void relay.start()
      await waitFor(() => relay.health().failures >= 2, { what: 'two attempts' })
      const line = logger.lines.find(({ level }) => level === 'warn')
      assert.match(String(line?.fields['hint']), says)
      assert.equal(logger.lines.filter(({ level }) => level === 'warn').length, 1, 'said once')
      const [found] = await scratch.sql`select count(*)::integer as waiting from audit.audit_outbox`
      assert.equal(found?.['waiting'], 1)
      await setVersion(SCHEMA_VERSION)
      await waitFor(() => relay.stats().logged === 1, { what: 'the entry to be logged' })
    })
  }

  for (const [name, break_, mend, code] of [
    [
      'a column',
      'alter table audit.audit_staging rename column context to surroundings',
      'alter table audit.audit_staging rename column surroundings to context',
      '42703',
    ],
    [
      'a function',
      'alter function audit.stage(uuid, text, text[], text[]) rename to put',
      'alter function audit.put(uuid, text, text[], text[]) rename to stage',
      '42883',
    ],
  ] as const) {
    test(`a recorder whose schema lacks ${name} says so, keeps its entries, and stages them later`, async (t) => {
      const scratch = await scratchDatabase(t)
      await scratch.sql.unsafe(break_)
      const logger = memoryLogger()
      const audit = recorderOn(t, scratch, { logger })
      assert.equal(audit.record({ action: 'a.b' }), true)
      await waitFor(() => logger.lines.length > 0, { what: 'the line of the outage' })
      const { fields, message } = logger.lines[0] ?? assert.fail()
      assert.match(message, /entries are buffered/)
      assert.equal(Reflect.get(Object(fields['fault']), 'code'), code)
      assert.match(
        String(fields['hint']),
        /is missing.*audit-relay migrate.*deploy the newer package/,
      )
      assert.equal(audit.stats().bufferedEntries, 1)
      await scratch.sql.unsafe(mend)
      assert.equal(await audit.flush({ timeoutMs: 10_000 }), true)
      assert.deepEqual(audit.stats().dropped, {})
    })
  }

  test('migrate by an older package says so and changes nothing', async (t) => {
    const { sql, url } = await scratchDatabase(t)
    const newerVersion = SCHEMA_VERSION + 1
    await migrateToNext(url, ...NEXT)
    const before = await describeSchema(sql)
    assert.deepEqual(await migrateDatabase({ databaseUrl: url }), {
      applied: [],
      repaired: [],
      newerVersion,
    })
    const environment = { AUDIT_OWNER_DATABASE_URL: url }
    const allowed = await runRelay(t, ['migrate'], environment)
    assert.equal(allowed.code, 0, allowed.stderr)
    assert.match(allowed.stdout, /^A newer package .* to version \d+\. .*Nothing was changed\.\n$/)
    assert.ok(allowed.stdout.includes(`to version ${newerVersion}.`))
    await sql`update audit.audit_schema_version set min_reader_version = ${newerVersion}`
    const refused = await runRelay(t, ['migrate'], environment)
    assert.equal(refused.code, 1)
    assert.ok(
      refused.stderr.includes(`too new: it needs a package of version ${newerVersion}`),
      refused.stderr,
    )
    await sql`update audit.audit_schema_version set min_reader_version = ${SCHEMA_VERSION}`
    assert.deepEqual(await describeSchema(sql), before)
  })
})
