import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { databaseUrl, type Transaction, tryLayer } from './layer.js'

const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 })
const db = drizzle({ client: pool })
type Tx = Parameters<Parameters<typeof db.transaction>[0]>[0]
const transactionOn = (tx: Tx): Transaction => ({
  given: tx,
  add: (name) => tx.execute(sql`insert into public.guest values (${name})`),
  nested: (work) => tx.transaction((inner) => work(transactionOn(inner))),
})

await tryLayer(() => ({
  name: 'Drizzle',
  outside: db,
  transaction: (work) => db.transaction((tx) => work(transactionOn(tx))),
  close: () => pool.end(),
}))
