import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { createRecorder, type DrizzleHandle, type Recorder } from '../src/index.ts'
import type { AuditTransaction, RecordInMode } from '../src/lanes/outbox.ts'
import { scratchDatabase } from './support/database.ts'
import { type ApplicationDatabase, applicationDatabase, DRIVERS } from './support/drivers.ts'
import { memoryLogger } from './support/lanes.ts'
import { type PgliteDatabase, pgliteDatabase } from './support/pglite.ts'
import { waitFor } from './support/wait-for.ts'

// Goal: the caller's rows are as promised for every failure of ours and every way to call recordIn.
// Method: every failure × both modes × every way to call it × every driver, on rows and entries
// that each case knows by its name.

interface Failure {
  readonly make: string
  readonly mend: string
  /** Where the other mode does not need what is missing. */
  readonly only?: RecordInMode
}

const trigger = (sqlstate: string, when = 'before'): Failure => ({
  make: `create function public.fail() returns trigger language plpgsql as $$
      begin raise exception 'canary' using errcode = '${sqlstate}', detail = 'canary'; end $$;
    create trigger fail ${when} insert on audit.audit_outbox
      for each row execute function public.fail()`,
  mend: 'drop trigger fail on audit.audit_outbox; drop function public.fail()',
})
const swap = (what: string, from: string, to: string): Failure => ({
  make: `alter ${what} rename ${from}`,
  mend: `alter ${what} rename ${to}`,
})

const FAILURES: Readonly<Record<string, Failure | undefined>> = {
  'nothing fails': undefined,
  'the table is gone': {
    make: 'alter table audit.audit_outbox rename to away',
    mend: 'alter table audit.away rename to audit_outbox',
  },
  'a column is gone': swap(
    'table audit.audit_outbox',
    'column metadata to away',
    'column away to metadata',
  ),
  'a column is of another type': {
    make: `alter table audit.audit_outbox alter column action type integer using 1`,
    mend: `alter table audit.audit_outbox alter column action type text using 'a.b'`,
  },
  'a check refuses': {
    make: `alter table audit.audit_outbox add constraint no check (action <> 'guest.add')`,
    mend: 'alter table audit.audit_outbox drop constraint no',
    // audit.record keeps the entry as a dead letter, and says that it did not take it.
  },
  'a trigger raises': trigger('P0001'),
  'a trigger raises afterwards': trigger('P0001', 'after'),
  'a serialization failure': trigger('40001'),
  'a deadlock': trigger('40P01'),
  'the disk is full': trigger('53100'),
  'a lock is not available': trigger('55P03'),
  'an internal error': trigger('XX000'),
  'a bad value': trigger('22P02'),
  'the function that raises is not granted': {
    make: 'revoke execute on function audit.record_in(text, boolean) from audit_app',
    mend: 'grant execute on function audit.record_in(text, boolean) to audit_app',
    only: 'atomic',
  },
  'the function is gone': {
    make: 'alter function audit.record(text, boolean) rename to away',
    mend: 'alter function audit.away(text, boolean) rename to record',
    only: 'best-effort',
  },
  'what the function calls is gone': {
    make: 'alter function audit.put_entries(text, boolean, boolean) rename to away',
    mend: 'alter function audit.away(text, boolean, boolean) rename to put_entries',
  },
  'the function is not granted': {
    make: 'revoke execute on function audit.record(text, boolean) from audit_app',
    mend: 'grant execute on function audit.record(text, boolean) to audit_app',
    only: 'best-effort',
  },
  'the schema is not granted': {
    make: 'revoke usage on schema audit from audit_app',
    mend: 'grant usage on schema audit to audit_app',
  },
  'the schema is gone': {
    make: 'alter schema audit rename to away',
    mend: 'alter schema away rename to audit',
  },
}

const MODES = ['best-effort', 'atomic'] as const
const USES = [
  'awaited',
  'awaited, then the business fails',
  'not awaited',
  'not awaited, at the end',
  'not awaited, then the business fails',
  'after the callback returned',
] as const
type Use = (typeof USES)[number]

interface Place {
  readonly app: ApplicationDatabase
  admin(statements: string): Promise<readonly Record<string, unknown>[]>
}

const PREPARE = `
  create table public.guest (name text primary key);
  grant select, insert on public.guest to audit_app`

/** Long for a machine that is busy; a driver that waits without end has to be stopped by it. */
const DEADLINE_MS = 1_500

for (const driver of [...DRIVERS, 'pglite'] as const) {
  // PGlite has one session for everybody.
  describe(driver, { concurrency: driver === 'pglite' ? 1 : 4 }, () => {
    const logger = memoryLogger()
    let audit: Recorder
    let pglite: PgliteDatabase | undefined
    before(async () => {
      if (driver === 'pglite') pglite = await pgliteDatabase()
      await pglite?.admin(PREPARE)
      // Used for recordIn alone, it never connects.
      const databaseUrl = 'postgres://nobody@127.0.0.1:1/none'
      audit = createRecorder({ databaseUrl, logger, statementTimeoutMs: DEADLINE_MS })
    })
    after(async () => {
      await audit.close()
      await pglite?.close()
    })

    async function place(t: TestContext): Promise<Place> {
      if (driver === 'pglite') {
        assert.ok(pglite)
        await pglite.admin('delete from audit.audit_outbox; delete from public.guest')
        return pglite
      }
      const { urlAs, sql } = await scratchDatabase(t)
      const app = applicationDatabase(t, driver, urlAs('audit_app'))
      const admin: Place['admin'] = (statements) => sql.unsafe(statements)
      await admin(PREPARE)
      return { app, admin }
    }

    for (const [what, failure] of Object.entries(FAILURES)) {
      test(`${driver}: the caller's rows are as promised where ${what}`, async (t) => {
        const { app, admin } = await place(t)
        if (failure) await admin(failure.make)
        const cases = MODES.flatMap((mode) =>
          USES.map((use) => ({ mode, use, name: `${mode}, ${use}` })),
        )
        const play = async (one: (typeof cases)[number]) => ({
          ...one,
          ...(await played({ app, audit, ...one })),
        })
        // What comes after the end comes to a connection that nobody else has meanwhile.
        const isLate = ({ use }: { use: Use }) => use === 'after the callback returned'
        const outcomes = await Promise.all(cases.filter((one) => !isLate(one)).map(play))
        for (const late of cases.filter(isLate)) outcomes.push(await play(late))
        if (failure) await admin(failure.mend)
        const found = async (select: string) =>
          (await admin(select)).map((row) => String(row['found']))
        const guests = await found('select name as found from public.guest')
        const entries = await found(
          `select metadata ->> 'name' as found from audit.audit_outbox where action = 'guest.add'`,
        )
        for (const outcome of outcomes) {
          const { name, mode } = outcome
          const fails = failure !== undefined && (failure.only ?? mode) === mode
          const rows = guests.filter((guest) => guest.startsWith(`${name}: `)).length
          const logged = entries.filter((entry) => entry === name).length
          judge({ ...outcome, fails, rows, logged })
        }
        assert.doesNotMatch(JSON.stringify(logger.lines), /canary/)
      })
    }
  })
}

interface Outcome {
  /** Whether the caller's transaction says that it committed. */
  readonly committed: boolean
  /** What recordIn came to; undefined while it is not settled. */
  readonly taken: number | 'rejected' | undefined
}

/** Two business rows and one entry in a transaction of the caller's. */
async function played(parts: {
  readonly app: ApplicationDatabase
  readonly audit: Recorder
  readonly mode: RecordInMode
  readonly use: Use
  readonly name: string
}): Promise<Outcome> {
  const { app, audit, mode, use, name } = parts
  let taken: number | 'rejected' | undefined
  let isCalled = false
  const record = async (tx: AuditTransaction) => {
    isCalled = true
    const entry = { action: 'guest.add', metadata: { name, note: 'canary' } } as const
    try {
      taken = await audit.recordIn(tx, entry, { mode })
    } catch (error) {
      taken = 'rejected'
      throw error
    }
  }
  const add = (tx: DrizzleHandle, part: string) =>
    tx.execute(sql`insert into public.guest values (${`${name}: ${part}`})`)
  let over: AuditTransaction | undefined
  const committed = await app
    .transaction(async (tx) => {
      over = tx
      await add(tx, 'before')
      const isAwaited = use.startsWith('awaited')
      if (isAwaited) await record(tx)
      if (use === 'not awaited' || use === 'not awaited, then the business fails') {
        record(tx).catch(() => {})
      }
      await add(tx, 'after')
      if (use.endsWith('the business fails')) throw new Error('the business fails')
      if (use === 'not awaited, at the end') record(tx).catch(() => {})
    })
    .then(
      () => true,
      () => false,
    )
  if (use === 'after the callback returned' && over) await record(over).catch(() => {})
  // It may still be on its way, and then it has nowhere to write to.
  if (isCalled) await waitFor(() => taken !== undefined, { what: `${name}: recordIn to settle` })
  return { committed, taken }
}

interface Played extends Outcome {
  readonly name: string
  readonly mode: RecordInMode
  readonly use: Use
  readonly fails: boolean
  /** Of the caller's own two. */
  readonly rows: number
  readonly logged: number
}

function judge(one: Played): void {
  const { mode, use, fails, rows, logged, taken } = one
  const expect = (expected: Partial<Played>) => assert.deepEqual(one, { ...one, ...expected })
  assert.ok(rows === 0 || rows === 2, `all of the business or none: ${JSON.stringify(one)}`)
  assert.ok(logged <= (rows === 2 ? 1 : 0), `no entry without its rows: ${JSON.stringify(one)}`)
  if (fails) expect({ logged: 0 })
  if (taken === 1 && rows === 2) expect({ logged: 1 })
  if (use.endsWith('the business fails')) {
    expect({ rows: 0, logged: 0, committed: false })
  } else if (use === 'after the callback returned') {
    assert.notEqual(taken, 1, JSON.stringify(one))
    expect({ rows: 2, logged: 0, committed: true })
  } else if (mode === 'best-effort') {
    // Costs the caller nothing, awaited or not.
    expect({ rows: 2, committed: true })
    if (use === 'awaited') expect({ taken: fails ? 0 : 1, logged: fails ? 0 : 1 })
  } else if (use === 'awaited') {
    expect({ rows: fails ? 0 : 2, committed: !fails, logged: fails ? 0 : 1 })
  }
  // Atomic and not awaited: what fails too late cannot be known in time. All or nothing, as above.
}
