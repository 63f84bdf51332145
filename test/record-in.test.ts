import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { type AuditTransaction, createRecorder, type DrizzleHandle } from '../src/index.ts'
import { scratchDatabase } from './support/database.ts'
import { applicationDatabase, DRIVERS, type ApplicationDatabase } from './support/drivers.ts'
import { memoryLogger, relayOn } from './support/lanes.ts'
import { recorderOn } from './support/recorders.ts'

const MODES = ['best-effort', 'atomic'] as const
const BEST_EFFORT = { mode: 'best-effort' } as const
const USER = '11111111-1111-4111-8111-111111111111'

for (const driver of DRIVERS) {
  async function setUp(t: Parameters<typeof scratchDatabase>[0]) {
    const scratch = await scratchDatabase(t)
    await scratch.sql`create table public.guest (name text primary key)`
    await scratch.sql`grant select, insert on public.guest to audit_app`
    const logger = memoryLogger()
    const audit = recorderOn(t, scratch, { logger })
    const app = applicationDatabase(t, driver, scratch.urlAs('audit_app'))
    const guests = async () => {
      const rows = await scratch.sql`select name from public.guest order by name`
      return rows.map((row) => String(row['name']))
    }
    const outbox = async () => {
      const rows = await scratch.sql`select action from audit.audit_outbox order by id`
      return rows.map((row) => String(row['action']))
    }
    return { scratch, logger, audit, app, guests, outbox }
  }
  const addGuest = (tx: DrizzleHandle, name: string) =>
    tx.execute(sql`insert into public.guest values (${name})`)

  for (const mode of MODES) {
    test(`${driver}, ${mode}: the entry exists if and only if the transaction commits`, async (t) => {
      const { scratch, audit, app, guests, outbox } = await setUp(t)
      await app.transaction(async (tx) => {
        await addGuest(tx, 'ada')
        const taken = await audit.recordIn(tx, { action: 'guest.commit', userId: USER }, { mode })
        assert.equal(taken, 1)
      })
      await assert.rejects(
        app.transaction(async (tx) => {
          await addGuest(tx, 'bob')
          await audit.recordIn(tx, { action: 'guest.roll_back' }, { mode })
          throw new Error('business says no')
        }),
        /business says no/,
      )
      assert.deepEqual(await guests(), ['ada'])
      assert.deepEqual(await outbox(), ['guest.commit'])
      await relayOn(t, scratch).drain({ deadlineMs: 5_000 })
      const [row] = await scratch.sql`
        select action, user_id, recorder_id, recorder_seq, metadata, context from audit.audit_log`
      assert.deepEqual(
        { ...row },
        {
          action: 'guest.commit',
          user_id: USER,
          recorder_id: null,
          recorder_seq: null,
          metadata: {},
          context: {},
        },
      )
    })

    test(`${driver}, ${mode}: many entries go in one call, in their order, with their context`, async (t) => {
      const { scratch, audit, app } = await setUp(t)
      const entries = Array.from({ length: 1_500 }, (_, n) => ({
        action: 'guest.import' as const,
        metadata: { n, quote: `it's "quoted" \\ \u2028 é` },
      }))
      await app.transaction(async (tx) => {
        const child = audit.child({ requestId: 'r-1', ip: '10.0.0.1' })
        assert.equal(await child.recordIn(tx, entries, { mode }), 1_500)
        assert.equal(await child.recordIn(tx, [], { mode }), 0)
        assert.equal(await child.recordIn(tx, { action: 'guest.after' }, { mode }), 1)
      })
      const rows = await scratch.sql`
        select (metadata ->> 'n')::integer as n, metadata ->> 'quote' as quote, request_id, context
        from audit.audit_outbox where action = 'guest.import' order by id`
      assert.deepEqual(
        rows.map((row) => row['n']),
        entries.map(({ metadata }) => metadata.n),
      )
      assert.deepEqual(
        { ...rows[3] },
        { n: 3, quote: entries[3]?.metadata.quote, request_id: 'r-1', context: { ip: '10.0.0.1' } },
      )
    })

    test(`${driver}, ${mode}: a database handle in place of a transaction is refused, nothing written`, async (t) => {
      const { audit, app, outbox } = await setUp(t)
      const refused = { code: 'AUDIT_NOT_IN_TRANSACTION', message: /Nothing was written/ }
      await assert.rejects(audit.recordIn(app, { action: 'guest.alone' }, { mode }), refused)
      await assert.rejects(audit.recordIn(app, { action: 'guest.alone' }, { mode }), refused)
      assert.deepEqual(await outbox(), [])
    })

    test(`${driver}, ${mode}: after the transaction is over nothing is written outside it`, async (t) => {
      const { audit, app, outbox } = await setUp(t)
      let over: AuditTransaction | undefined
      await app.transaction(async (tx) => {
        over = tx
        await audit.recordIn(tx, { action: 'guest.inside' }, { mode })
      })
      assert.ok(over)
      await assert.rejects(audit.recordIn(over, { action: 'guest.late' }, { mode }))
      // Not awaited: the process must live, and no autocommit may slip in.
      void audit.recordIn(over, { action: 'guest.later' }, { mode })
      await sleep(100)
      assert.deepEqual(await outbox(), ['guest.inside'])
    })

    test(`${driver}, ${mode}: a transaction that is over writes into no other one's`, async (t) => {
      const { scratch, outbox } = await setUp(t)
      const audit = recorderOn(t, scratch, { statementTimeoutMs: 1_000 })
      // With one connection, the next caller has it.
      const app = applicationDatabase(t, driver, scratch.urlAs('audit_app'), { max: 1 })
      let over: AuditTransaction | undefined
      await app.transaction(async (tx) => {
        over = tx
        await audit.recordIn(tx, { action: 'guest.inside' }, { mode })
      })
      const late = await app.transaction(async (tx) => {
        await addGuest(tx, 'ada')
        assert.ok(over)
        const taken = await audit.recordIn(over, { action: 'guest.late' }, { mode }).catch(() => 0)
        await audit.recordIn(tx, { action: 'guest.next' }, { mode })
        return taken
      })
      assert.equal(late, 0)
      assert.deepEqual(await outbox(), ['guest.inside', 'guest.next'])
    })

    test(`${driver}, ${mode}: a savepoint takes its entries with it, and the others stay`, async (t) => {
      const { audit, app, outbox } = await setUp(t)
      await app.transaction(async (tx) => {
        await audit.recordIn(tx, { action: 'guest.outer' }, { mode })
        await assert.rejects(
          tx.transaction(async (inner) => {
            await audit.recordIn(inner, { action: 'guest.inner' }, { mode })
            throw new Error('back to the savepoint')
          }),
          /back to the savepoint/,
        )
        await assert.rejects(
          tx.transaction(async () => {
            // By the outer handle, so that the token itself goes with the savepoint.
            await audit.recordIn(tx, { action: 'guest.lost' }, { mode })
            throw new Error('back again')
          }),
          /back again/,
        )
        await audit.recordIn(tx, { action: 'guest.after' }, { mode })
      })
      assert.deepEqual(await outbox(), ['guest.outer', 'guest.after'])
    })
  }

  const FAILURES: readonly (readonly [string, string])[] = [
    ['the table is gone', 'drop table audit.audit_outbox cascade'],
    ['a column is gone', 'alter table audit.audit_outbox drop column action'],
    [
      'a trigger refuses',
      `create function public.refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
       create trigger refuse before insert on audit.audit_outbox for each row execute function public.refuse()`,
    ],
    ['the function is gone', 'drop function audit.record(text, boolean)'],
    [
      'the function is not granted',
      'revoke execute on function audit.record(text, boolean) from audit_app',
    ],
    ['the schema is not granted', 'revoke usage on schema audit from audit_app'],
    ['the whole schema is gone', 'drop schema audit cascade'],
  ]

  for (const [what, how] of FAILURES) {
    test(`${driver}, best-effort: where ${what}, the caller commits all the same`, async (t) => {
      const { scratch, logger, audit, app, guests } = await setUp(t)
      await scratch.sql.unsafe(how)
      await app.transaction(async (tx) => {
        await addGuest(tx, 'before')
        const entry = { action: 'guest.add', metadata: { text: 'canary' } } as const
        const taken = await audit.recordIn(tx, entry, BEST_EFFORT)
        assert.equal(taken, 0)
        await addGuest(tx, 'after')
      })
      assert.deepEqual(await guests(), ['after', 'before'])
      assert.ok(logger.lines.some(({ level }) => level === 'warn'))
      assert.doesNotMatch(JSON.stringify(logger.lines), /canary/)
    })

    test(`${driver}, atomic: where ${what}, nothing commits`, async (t) => {
      // It calls another function.
      if (what.startsWith('the function')) return
      const { scratch, audit, app, guests } = await setUp(t)
      await scratch.sql.unsafe(how)
      await assert.rejects(
        app.transaction(async (tx) => {
          await addGuest(tx, 'before')
          await audit.recordIn(tx, { action: 'guest.add', metadata: { text: 'canary' } })
        }),
        (error: Error) => !JSON.stringify({ ...error, message: error.message }).includes('canary'),
      )
      assert.deepEqual(await guests(), [])
    })
  }

  test(`${driver}, best-effort: in a read-only transaction nothing is recorded and nothing breaks`, async (t) => {
    const { audit, app, outbox } = await setUp(t)
    const [row] = await app.transaction(
      async (tx) => {
        assert.equal(await audit.recordIn(tx, { action: 'guest.read' }, BEST_EFFORT), 0)
        return rowsOf(await tx.execute(sql`select 1 as one`))
      },
      { accessMode: 'read only' },
    )
    assert.equal(row?.['one'], 1)
    assert.deepEqual(await outbox(), [])
  })

  test(`${driver}, best-effort: a locked outbox costs the caller a second, not the transaction`, async (t) => {
    const { scratch, audit, app, guests } = await setUp(t)
    const lock = await scratch.sql.reserve()
    await lock`begin`
    await lock`lock table audit.audit_outbox in access exclusive mode`
    try {
      await app.transaction(async (tx) => {
        await addGuest(tx, 'ada')
        const beganMs = performance.now()
        assert.equal(await audit.recordIn(tx, { action: 'guest.add' }, BEST_EFFORT), 0)
        assert.ok(performance.now() - beganMs < 3_000)
      })
    } finally {
      await lock`rollback`
      lock.release()
    }
    assert.deepEqual(await guests(), ['ada'])
  })

  test(`${driver}: a call that is not awaited neither ends the process nor writes outside`, async (t) => {
    const { audit, app, guests, outbox } = await setUp(t)
    await app.transaction(async (tx) => {
      await addGuest(tx, 'ada')
      void audit.recordIn(tx, { action: 'guest.forgotten' }, BEST_EFFORT)
    })
    await sleep(100)
    assert.deepEqual(await guests(), ['ada'])
    // In time or too late: both are possible, autocommit is not. Too late means not at all.
    assert.ok((await outbox()).length <= 1)
  })

  test(`${driver}: an entry that cannot be shaped costs itself, or in mode atomic the call`, async (t) => {
    const { audit, app, outbox } = await setUp(t)
    const bad = { action: '' } as unknown as { action: 'a.b' }
    await app.transaction(async (tx) => {
      assert.equal(await audit.recordIn(tx, [bad, { action: 'guest.good' }], BEST_EFFORT), 1)
    })
    await assert.rejects(
      app.transaction((tx) => audit.recordIn(tx, [{ action: 'guest.good' }, bad])),
      { code: 'AUDIT_ENTRY_UNSHAPABLE' },
    )
    assert.deepEqual(await outbox(), ['guest.good'])
  })
}

/** A recorder that is used for `recordIn` alone: it never connects. */
function unconnected(t: TestContext) {
  const databaseUrl = 'postgres://nobody@127.0.0.1:1/none'
  const audit = createRecorder({ databaseUrl, logger: memoryLogger() })
  t.after(() => audit.close())
  return audit
}

test('a transaction that fails at once costs best effort an entry, and mode atomic the call', async (t) => {
  const audit = unconnected(t)
  const tx = { execute: () => Promise.reject(new Error('gone')) }
  const entry = { action: 'guest.add' } as const
  assert.equal(await audit.recordIn(tx, entry, BEST_EFFORT), 0)
  const failed = { code: 'AUDIT_DATABASE_FAILED' }
  await assert.rejects(audit.recordIn(tx, entry), failed, 'atomic, where nothing is said')
  await assert.rejects(audit.recordIn(tx, entry, { mode: 'atomic' }), failed)
})

test('a rejection that nobody awaits ends no process', async (t) => {
  const audit = unconnected(t)
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', onUnhandled)
  t.after(() => process.off('unhandledRejection', onUnhandled))
  const tx = { execute: () => Promise.reject(new Error('gone')) }
  void audit.recordIn(tx, { action: 'guest.forgotten' })
  for (let turn = 0; turn < 5; turn += 1) await nextTurn()
  assert.deepEqual(unhandled, [])
})

function rowsOf(answer: unknown): readonly Record<string, unknown>[] {
  if (Array.isArray(answer)) return answer
  return (answer as { rows: Record<string, unknown>[] }).rows
}

/** The types of both drivers fit without a cast: this must compile. */
export type Fits = ApplicationDatabase extends AuditTransaction ? true : never
