import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { PGlite } from '@electric-sql/pglite'
import { drizzle as drizzleNodePostgres } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import postgres from 'postgres'
import { readStatus } from '../relay/index.ts'
import {
  type AuditTransaction,
  createRecorder,
  fromKnex,
  fromKysely,
  fromPostgres,
  fromPrisma,
  fromTypeorm,
  type QueryHandle,
} from '../src/index.ts'
import { tail } from '../src/read/tail.ts'
import { timeline } from '../src/read/timeline.ts'
import { auditLog } from '../src/schema/index.ts'
import { migrationSql } from '../src/schema/printed/print-sql.ts'
import { rolesSql } from '../src/schema/printed/roles-sql.ts'
import { scratchDatabase } from './support/database.ts'
import { memoryLogger, relayOn } from './support/lanes.ts'
import { recorderOn } from './support/recorders.ts'

// Goal: recordIn works in the transactions of every data layer, and refuses what is none.
// Method: here the drivers that this project has, and stand-ins for the others; the real libraries
// are in test/apps/data-layers.

const MODES = ['atomic', 'best-effort'] as const

async function setUp(t: TestContext) {
  const scratch = await scratchDatabase(t)
  await scratch.sql`create table public.guest (name text primary key)`
  await scratch.sql`grant select, insert on public.guest to audit_app`
  const audit = recorderOn(t, scratch)
  const outbox = async () => {
    const rows = await scratch.sql`select action from audit.audit_outbox order by id`
    return rows.map(({ action }) => String(action))
  }
  return { ...scratch, scratch, audit, outbox }
}

function poolOn(t: TestContext, url: string, types?: pg.CustomTypesConfig): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 1, ...(types && { types }) })
  t.after(() => pool.end())
  return pool
}

for (const mode of MODES) {
  test(`pg, ${mode}: one client of a pool serves one transaction after the other`, async (t) => {
    const { audit, urlAs, outbox } = await setUp(t)
    const pool = poolOn(t, urlAs('audit_app'))
    const clients = new Set<pg.PoolClient>()
    for (const [action, end] of [
      ['guest.one', 'commit'],
      ['guest.two', 'rollback'],
      ['guest.three', 'commit'],
    ] as const) {
      const client = await pool.connect()
      clients.add(client)
      await client.query('begin')
      assert.equal(await audit.recordIn(client, { action }, { mode }), 1)
      assert.equal(await audit.recordIn(client, { action }, { mode }), 1)
      await client.query(end)
      // Between two transactions it is a handle as any other.
      const late = audit.recordIn(client, { action: 'guest.late' }, { mode })
      await assert.rejects(late, { code: 'AUDIT_NOT_IN_TRANSACTION' })
      client.release()
    }
    assert.equal(clients.size, 1)
    const given = audit.recordIn(pool, { action: 'guest.alone' }, { mode })
    await assert.rejects(given, { code: 'AUDIT_NOT_IN_TRANSACTION' })
    assert.deepEqual(await outbox(), ['guest.one', 'guest.one', 'guest.three', 'guest.three'])
  })

  test(`Drizzle on a client of pg, ${mode}: the same handle, one transaction after the other`, async (t) => {
    const { audit, urlAs, outbox } = await setUp(t)
    const client = await poolOn(t, urlAs('audit_app')).connect()
    const db = drizzleNodePostgres(client)
    for (const action of ['guest.one', 'guest.two'] as const) {
      await client.query('begin')
      assert.equal(await audit.recordIn(db, { action }, { mode }), 1)
      await client.query('commit')
    }
    client.release()
    assert.deepEqual(await outbox(), ['guest.one', 'guest.two'])
  })

  test(`postgres.js, ${mode}: committed, rolled back, in a savepoint, and too late`, async (t) => {
    const { audit, urlAs, outbox } = await setUp(t)
    const sql = postgres(urlAs('audit_app'), { max: 1, transform: PASCAL })
    t.after(() => sql.end())
    let over: QueryHandle | undefined
    await sql.begin(async (tx) => {
      over = fromPostgres(tx)
      assert.equal(fromPostgres(tx), over)
      assert.equal(await audit.recordIn(over, { action: 'guest.one' }, { mode }), 1)
      const inner = tx.savepoint(async (savepoint) => {
        await audit.recordIn(fromPostgres(savepoint), { action: 'guest.inner' }, { mode })
        throw new Error('back')
      })
      await assert.rejects(inner, /back/)
      assert.equal(await audit.recordIn(over, { action: 'guest.two' }, { mode }), 1)
    })
    await sql.begin(async (tx) => {
      assert.ok(over)
      const late = audit.recordIn(over, { action: 'guest.late' }, { mode })
      await assert.rejects(late, { code: 'AUDIT_NOT_IN_TRANSACTION' })
      await audit.recordIn(fromPostgres(tx), { action: 'guest.three' }, { mode })
    })
    const alone = audit.recordIn(fromPostgres(sql), { action: 'guest.alone' }, { mode })
    await assert.rejects(alone, { code: 'AUDIT_NOT_IN_TRANSACTION' })
    assert.deepEqual(await outbox(), ['guest.one', 'guest.two', 'guest.three'])
  })
}

const PASCAL = { column: { from: postgres.toPascal } }

test('PGlite: its own transaction is one, without a helper', async (t) => {
  const pglite = await PGlite.create()
  t.after(() => pglite.close())
  await pglite.exec(rolesSql('postgres'))
  await pglite.exec(migrationSql())
  const audit = unconnected(t)
  for (const mode of MODES) {
    await pglite.transaction(async (tx) => {
      assert.equal(await audit.recordIn(tx, { action: 'guest.add' }, { mode }), 1)
      assert.equal(await audit.recordIn(tx, { action: 'guest.more' }, { mode }), 1)
    })
    await assert.rejects(audit.recordIn(pglite, { action: 'guest.alone' }, { mode }), {
      code: 'AUDIT_NOT_IN_TRANSACTION',
    })
  }
  const { rows } = await pglite.query('select from audit.audit_outbox')
  assert.equal(rows.length, 4)
})

const TEXT = 25
for (const [what, parse] of [
  ['everything is text', (_: number, text: string) => text],
  ['numbers are objects', (oid: number, text: string) => (oid === TEXT ? text : asObject(text))],
] as const) {
  test(`an application may change how its driver reads values: ${what}`, async (t) => {
    const { audit, scratch, urlAs } = await setUp(t)
    const types = { getTypeParser: (oid: number) => (text: string) => parse(oid, text) }
    const pool = poolOn(t, urlAs('audit_app'), types as pg.CustomTypesConfig)
    const client = await pool.connect()
    for (const mode of MODES) {
      await client.query('begin')
      assert.equal(await audit.recordIn(client, { action: 'guest.add' }, { mode }), 1)
      await client.query('commit')
    }
    client.release()
    await relayOn(t, scratch).drain({ deadlineMs: 10_000 })
    const reader = poolOn(t, urlAs('audit_reader'), types as pg.CustomTypesConfig)
    const { entries } = await timeline(reader, { action: 'guest.*' })
    assert.deepEqual(
      entries.map(({ seq, action }) => [seq, action]),
      [
        [2, 'guest.add'],
        [1, 'guest.add'],
      ],
    )
    for await (const { seq } of tail(reader, { fromSeq: 2 })) {
      assert.equal(seq, 2)
      break
    }
    const operator = poolOn(t, urlAs('audit_relay'), types as pg.CustomTypesConfig)
    const status = await readStatus(operator)
    assert.equal(status.lastSeq, 2)
    assert.deepEqual(status.depth, { staging: 0, outbox: 0 })
  })
}

function asObject(text: string): string | { toString(): string } {
  return /^-?[\d.]+$/.test(text) ? { toString: () => text } : text
}

// ——— stand-ins ———

/** A recorder that never connects. */
function unconnected(t: TestContext) {
  const databaseUrl = 'postgres://nobody@127.0.0.1:1/none'
  const audit = createRecorder({ databaseUrl, logger: memoryLogger() })
  t.after(() => audit.close())
  return audit
}

const sent: unknown[] = []
const send = (...given: unknown[]) => {
  sent.push(given)
  return Promise.resolve({ rows: [] })
}

const NO_TRANSACTIONS: readonly (readonly [string, unknown, RegExp])[] = [
  ['nothing', undefined, /got undefined\. Nothing was written\. Pass Drizzle's object/],
  ['null', null, /got null/],
  ['a text', 'postgres://login:canary@db/shop', /got a string/],
  ['a Promise', Promise.resolve({ query: send }), /got a Promise or a query.*Await it/],
  ['a query', drizzleNodePostgres.mock().select().from(auditLog), /got a Promise or a query/],
  ['a function', () => send, /got a function/],
  ['an entry', { action: 'canary.made' }, /got an entry\. .*The transaction comes first/],
  ['a recorder', { record: send, recordIn: send }, /got a recorder/],
  ['Kysely', { executeQuery: send, selectFrom: send }, /Wrap it: fromKysely\(trx\)/],
  ['its builder', { setIsolationLevel: send, execute: send }, /callback gets: fromKysely\(trx\)/],
  ['Prisma', { $queryRawUnsafe: send, guest: {} }, /Wrap it: fromPrisma\(tx\)/],
  ['Knex', Object.assign(() => {}, { raw: send, transaction: send }), /fromKnex\(trx\)/],
  ['postgres.js', Object.assign(() => {}, { unsafe: send, notify: send }), /fromPostgres\(sql\)/],
  ['TypeORM', { query: send, getRepository: send }, /fromTypeorm\(manager\)/],
  [
    'its runner',
    { query: send, startTransaction: send, createSchema: send },
    /fromTypeorm\(queryRunner\)/,
  ],
  ['MikroORM', { execute: send, getUnitOfWork: send }, /src\/lanes\/README\.md/],
  ['Sequelize', { query: send, authenticate: send, define: send }, /src\/lanes\/README\.md/],
  ['pg-promise', { query: send, oneOrNone: send }, /src\/lanes\/README\.md/],
  [
    'another Drizzle',
    new (drizzleWithoutExecute())(),
    /Drizzle's BetterSQLite3Database, which has/,
  ],
  ['what throws', revoked(), /got an object that cannot be read/],
]

function drizzleWithoutExecute() {
  const kind = Symbol.for('drizzle:entityKind')
  return Object.assign(class {}, { [kind]: 'BetterSQLite3Database' })
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

for (const [what, given, message] of NO_TRANSACTIONS) {
  test(`${what} is no transaction, which is said before any SQL in both modes`, async (t) => {
    const audit = unconnected(t)
    sent.length = 0
    for (const mode of MODES) {
      for (const entries of [{ action: 'guest.add' } as const, []]) {
        const written = audit.recordIn(given as AuditTransaction, entries, { mode })
        await assert.rejects(written, (error: Error & { code: string }) => {
          assert.equal(error.code, 'AUDIT_NOT_A_TRANSACTION')
          assert.match(error.message, message)
          assert.doesNotMatch(error.message, /canary/)
          return true
        })
      }
    }
    assert.deepEqual(sent, [])
  })
}

test('a helper that is given something else says what it was given', () => {
  const knex = Object.assign(() => {}, { raw: send, transaction: send })
  const refused = { code: 'AUDIT_NOT_A_TRANSACTION' }
  const message = /fromKysely needs an object with executeQuery\(\), got Knex's.*fromKnex\(trx\)/
  assert.throws(() => fromKysely(knex as never), { ...refused, message })
  for (const helper of [fromPrisma, fromKnex, fromTypeorm, fromPostgres]) {
    assert.throws(() => helper(undefined as never), { ...refused, message: /got undefined/ })
    assert.throws(() => helper({ execute: send } as never), refused)
  }
})

test('what answers no rows is said to be no transaction', async (t) => {
  const audit = unconnected(t)
  for (const answer of [undefined, [], {}, { rows: [] }, { rows: 1 }]) {
    for (const mode of MODES) {
      const tx = { query: () => Promise.resolve(answer) } as unknown as AuditTransaction
      const written = audit.recordIn(tx, { action: 'guest.add' }, { mode })
      await assert.rejects(written, {
        code: 'AUDIT_NOT_A_TRANSACTION',
        message: /answer \{ rows \}/,
      })
    }
  }
})

test('a mode that is none is refused before any SQL', async (t) => {
  const audit = unconnected(t)
  sent.length = 0
  for (const options of [{ mode: 'best_effort' }, { mode: null }, { mod: 'atomic' }]) {
    const written = audit.recordIn({ query: send }, { action: 'a.b' }, options as never)
    await assert.rejects(written, { code: 'AUDIT_OPTION_INVALID' })
  }
  assert.deepEqual(sent, [])
})

// What each library says was seen in test/apps/data-layers.
for (const [library, message, code] of [
  ['Kysely', 'Transaction is already committed'],
  ['Kysely', 'Transaction is already rolled back'],
  ['Knex', 'Transaction query already complete, run with DEBUG=knex:tx for more info'],
  ['TypeORM', 'Query runner already released. Cannot run queries anymore.'],
  ['Prisma', 'Transaction API error: Transaction already closed: A query …', 'P2028'],
  ['Sequelize', 'commit has been called on this transaction(1), you can no longer use it.'],
  ['pg-promise', 'Querying against a released or lost connection.'],
] as const) {
  test(`that a transaction is over, as ${library} says it ("${message.slice(0, 32)}…")`, async (t) => {
    const audit = unconnected(t)
    const query = () => Promise.reject(Object.assign(new Error(message), code && { code }))
    for (const mode of MODES) {
      await assert.rejects(audit.recordIn({ query }, { action: 'guest.late' }, { mode }), {
        code: 'AUDIT_NOT_IN_TRANSACTION',
      })
    }
  })
}

test('an error that only quotes such words is none of these', async (t) => {
  const audit = unconnected(t)
  const quoting = new Error('Failed query: params: already committed', { cause: new Error('gone') })
  const coded = Object.assign(new Error('already committed'), { code: '23505' })
  for (const error of [quoting, coded]) {
    const query = () => Promise.reject(error)
    await assert.rejects(audit.recordIn({ query }, { action: 'guest.add' }), {
      code: 'AUDIT_DATABASE_FAILED',
    })
  }
})

test("Knex gets its own placeholders, in the text's order, and question marks as they are", async () => {
  const calls: unknown[] = []
  const raw = (...given: unknown[]) => {
    calls.push(given)
    return Promise.resolve({ rows: [{ one: 1 }] })
  }
  const handle = fromKnex({ raw })
  const { rows } = await handle.query(`select $2, '? ??', $1, $2`, ['a', 'b'])
  assert.deepEqual(rows, [{ one: 1 }])
  assert.deepEqual(calls, [[`select ?, '\\? \\?\\?', ?, ?`, ['b', 'a', 'b']]])
})

test('a page or a read on something that is no database says so', async () => {
  const db = { executeQuery: send } as unknown as QueryHandle
  const refused = { code: 'AUDIT_OPTION_INVALID', message: /fromKysely\(trx\)/ }
  await assert.rejects(timeline(db), refused)
})
