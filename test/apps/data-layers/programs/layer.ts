import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AuditDatabase, type AuditTransaction, createRecorder } from 'audit-outbox'
import { exportToStream } from 'audit-outbox/export'
import { createRelay, readStatus } from 'audit-outbox/relay'
import { tail } from 'audit-outbox/tail'
import { timeline } from 'audit-outbox/timeline'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import pg from 'pg'

export const databaseUrl = process.env['DATABASE_URL'] ?? ''

/** A transaction of a data layer, as an application has it. */
export interface Transaction {
  /** What its `recordIn` is given. */
  readonly given: AuditTransaction
  /** Inserts a row of the application's own. */
  add(name: string): Promise<unknown>
  /** Runs `work` in a savepoint. Undefined where the library has none. */
  nested?: ((work: (inner: Transaction) => Promise<void>) => Promise<unknown>) | undefined
}

export interface Layer {
  readonly name: string
  transaction(work: (tx: Transaction) => Promise<void>): Promise<unknown>
  /** The same handle outside of a transaction. It also reads. */
  readonly outside: AuditDatabase
  /** The library's own objects, with what the refusal of each says. */
  readonly asTheyAre?: readonly (readonly [unknown, RegExp])[]
  /** The same, inside a transaction. */
  readonly transactionAsItIs?: (look: (tx: unknown) => Promise<void>) => Promise<unknown>
  close(): Promise<unknown>
}

const MODES = ['atomic', 'best-effort'] as const
/** What a library's own placeholders could take for theirs. */
const TRICKY = `? ?? \\? $1 $2 :name ::text it's "quoted" é \u2028 {"a":"?"}`

/** Runs what every data layer has to pass. The rows and entries are counted over another way. */
export async function tryLayer(make: () => Promise<Layer> | Layer): Promise<void> {
  const admin = new pg.Pool({ connectionString: databaseUrl, max: 2 })
  await admin.query(`
    create table if not exists public.guest (name text primary key);
    create or replace function public.refuse_entry() returns trigger language plpgsql as $$
      begin if new.action = 'guest.refused' then raise exception 'no'; end if; return new; end $$;
    create or replace trigger refuse_entry before insert on audit.audit_outbox
      for each row execute function public.refuse_entry()`)
  const layer = await make()
  const logger = { debug() {}, info() {}, warn() {}, error: console.error }
  const audit = createRecorder({ databaseUrl, logger, statementTimeoutMs: 5_000 })
  const found = async (query: string) =>
    (await admin.query(query)).rows.map(({ one }) => String(one))
  const state = async () => ({
    guests: await found('select name as one from public.guest order by name'),
    actions: await found('select action as one from audit.audit_outbox order by id'),
  })
  const clean = () => admin.query('delete from public.guest; delete from audit.audit_outbox')
  const { transaction } = layer

  for (const mode of MODES) {
    const done: string[] = []
    const check = async (what: string, work: () => Promise<void>) => {
      await clean()
      try {
        await work()
      } catch (error) {
        throw new Error(`${layer.name}, ${mode}: ${what}`, { cause: error })
      }
      done.push(what)
    }
    await check('commits with its entries', async () => {
      await transaction(async ({ given, add }) => {
        await add('ada')
        assert.equal(await audit.recordIn(given, { action: 'guest.one' }, { mode }), 1)
        const metadata = { text: TRICKY }
        const more = Array.from({ length: 3 }, () => ({ action: 'guest.more' as const, metadata }))
        assert.equal(await audit.recordIn(given, more, { mode }), 3)
      })
      const actions = ['guest.one', 'guest.more', 'guest.more', 'guest.more']
      assert.deepEqual(await state(), { guests: ['ada'], actions })
      const texts = await found(
        `select metadata ->> 'text' as one from audit.audit_outbox where action = 'guest.more'`,
      )
      assert.deepEqual(texts, [TRICKY, TRICKY, TRICKY])
    })
    await check('rolled back with its entries', async () => {
      const work = transaction(async ({ given, add }) => {
        await add('bob')
        assert.equal(await audit.recordIn(given, { action: 'guest.gone' }, { mode }), 1)
        throw new Error('the business says no')
      })
      await assert.rejects(work, /the business says no/)
      assert.deepEqual(await state(), { guests: [], actions: [] })
    })
    await check('an entry that the database refuses', async () => {
      let taken: number | undefined
      const work = transaction(async ({ given, add }) => {
        await add('cy')
        taken = await audit.recordIn(given, { action: 'guest.refused' }, { mode })
        await add('dee')
      })
      if (mode === 'atomic') {
        await assert.rejects(work, {
          code: 'AUDIT_DATABASE_FAILED',
          message: /P0001/,
        })
        assert.deepEqual(await state(), { guests: [], actions: [] })
      } else {
        await work
        assert.equal(taken, 0)
        assert.deepEqual(await state(), { guests: ['cy', 'dee'], actions: [] })
      }
    })
    await check('outside of a transaction', async () => {
      for (let turn = 0; turn < 3; turn += 1) {
        const written = audit.recordIn(layer.outside, { action: 'guest.alone' }, { mode })
        await assert.rejects(written, { code: 'AUDIT_NOT_IN_TRANSACTION' })
      }
      assert.deepEqual(await state(), { guests: [], actions: [] })
    })
    await check('a transaction that is over', async () => {
      let over: AuditTransaction | undefined
      await transaction(async ({ given }) => {
        over = given
        await audit.recordIn(given, { action: 'guest.inside' }, { mode })
      })
      const late = () =>
        audit.recordIn(over as AuditTransaction, { action: 'guest.late' }, { mode })
      await assert.rejects(late(), { code: 'AUDIT_NOT_IN_TRANSACTION' })
      // The next transaction may have its connection.
      await transaction(async ({ given, add }) => {
        await add('eve')
        if (given !== over) await late().catch(() => {})
        await audit.recordIn(given, { action: 'guest.next' }, { mode })
      })
      await sleep(50)
      const actions = ['guest.inside', 'guest.next']
      assert.deepEqual(await state(), { guests: ['eve'], actions })
    })
    let hasNested = false
    await check('a savepoint takes its entries with it', async () => {
      await transaction(async ({ given, add, nested }) => {
        await audit.recordIn(given, { action: 'guest.outer' }, { mode })
        hasNested = nested !== undefined
        const lost = nested?.(async (inner) => {
          await inner.add('fay')
          await audit.recordIn(inner.given, { action: 'guest.inner' }, { mode })
          throw new Error('back to the savepoint')
        })
        if (lost) await assert.rejects(lost, /back to the savepoint/)
        await nested?.(async (inner) => {
          await inner.add('guy')
          await audit.recordIn(inner.given, { action: 'guest.kept' }, { mode })
        })
        await add('hal')
        await audit.recordIn(given, { action: 'guest.after' }, { mode })
      })
      const { guests, actions } = await state()
      assert.deepEqual(guests, hasNested ? ['guy', 'hal'] : ['hal'])
      assert.deepEqual(
        actions,
        hasNested ? ['guest.outer', 'guest.kept', 'guest.after'] : ['guest.outer', 'guest.after'],
      )
    })
    if (!hasNested) done.push('(without a savepoint)')
    await check("the library's objects as they are", async () => {
      const refuse = async (one: unknown, message: RegExp) => {
        const written = audit.recordIn(one as AuditTransaction, { action: 'guest.raw' }, { mode })
        await assert.rejects(written, { code: 'AUDIT_NOT_A_TRANSACTION', message })
      }
      for (const [one, message] of layer.asTheyAre ?? []) await refuse(one, message)
      const [, message] = layer.asTheyAre?.[0] ?? []
      await layer.transactionAsItIs?.((tx) => refuse(tx, message ?? /Nothing was written/))
      assert.deepEqual(await state(), { guests: [], actions: [] })
    })
    console.log(`  ${layer.name}, ${mode}: ${done.join('; ')}`)
  }

  await read(layer.outside, async () => {
    await clean()
    await transaction(async ({ given }) => {
      await audit.recordIn(given, [{ action: 'guest.read', metadata: { text: TRICKY } }])
    })
  })
  await audit.close()
  await layer.close()
  await admin.end()
}

/** Reads the log through the handle. */
async function read(db: AuditDatabase, record: () => Promise<void>): Promise<void> {
  const before = await timeline(db, { limit: 1 })
  await record()
  const relay = createRelay({ databaseUrl })
  await relay.drain({ deadlineMs: 20_000 })
  await relay.stop()
  const { entries } = await timeline(db, { action: 'guest.read', limit: 1 })
  const [entry] = entries
  assert.ok(entry)
  assert.notEqual(entry.seq, before.entries[0]?.seq)
  assert.ok(Math.abs(entry.loggedAt.getTime() - Date.now()) < 60_000)
  assert.equal(entry.metadata['text'], TRICKY)
  const filter = { metadata: { text: TRICKY }, action: 'guest.*', from: entry.occurredAt }
  assert.equal((await timeline(db, filter)).entries[0]?.seq, entry.seq)
  for await (const { seq } of tail(db, { fromSeq: entry.seq })) {
    assert.equal(seq, entry.seq)
    break
  }
  assert.ok((await readStatus(db)).lastSeq >= entry.seq)
  const stream = new PassThrough()
  const written = text(stream)
  const { rows } = await exportToStream(db, stream, { fromSeq: entry.seq })
  stream.end()
  assert.ok(rows >= 1)
  assert.ok((await written).includes('guest.read'))
  console.log('  reads: timeline, tail, readStatus, exportToStream')
}
