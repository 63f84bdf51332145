import { fromKysely } from 'audit-outbox'
import {
  CamelCasePlugin,
  type ControlledTransaction,
  Kysely,
  PostgresDialect,
  type Transaction as Trx,
} from 'kysely'
import pg from 'pg'
import { databaseUrl, type Transaction, tryLayer } from './layer.js'

interface Tables {
  guest: { name: string }
}
for (const plugins of [[], [new CamelCasePlugin()]]) {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 })
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }), plugins })
  const transactionOn = (trx: Trx<Tables>): Transaction => ({
    given: fromKysely(trx),
    add: (name) => trx.insertInto('guest').values({ name }).execute(),
  })
  const controlled = (trx: ControlledTransaction<Tables, string[]>): Transaction => ({
    ...transactionOn(trx),
    nested: async (work) => {
      const inner = await trx.savepoint('inner_one').execute()
      try {
        await work(controlled(inner as ControlledTransaction<Tables, string[]>))
      } catch (error) {
        await inner.rollbackToSavepoint('inner_one').execute()
        throw error
      }
    },
  })
  const layer = {
    outside: fromKysely(db),
    asTheyAre: [
      [db, /fromKysely\(trx\)/],
      [db.transaction(), /callback gets: fromKysely\(trx\)/],
    ] as const,
    transactionAsItIs: (look: (tx: unknown) => Promise<void>) =>
      db.transaction().execute((trx) => look(trx)),
  }
  await tryLayer(() => ({
    name: 'Kysely',
    ...layer,
    transaction: (work) => db.transaction().execute((trx) => work(transactionOn(trx))),
    close: async () => {},
  }))
  await tryLayer(() => ({
    name: 'Kysely, controlled',
    ...layer,
    async transaction(work) {
      const trx = await db.startTransaction().execute()
      try {
        await work(controlled(trx as ControlledTransaction<Tables, string[]>))
      } catch (error) {
        await trx.rollback().execute()
        throw error
      }
      await trx.commit().execute()
    },
    close: () => db.destroy(),
  }))
}
