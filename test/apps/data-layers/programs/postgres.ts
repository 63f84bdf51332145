import { fromPostgres } from 'audit-outbox'
import postgres from 'postgres'
import { databaseUrl, type Transaction, tryLayer } from './layer.js'

const options = { max: 1, onnotice: () => {} }
/** What an application may change: how numbers and arrays are read, and the names of columns. */
const changed = {
  ...options,
  transform: postgres.camel,
  types: {
    numbers: {
      to: 20,
      from: [20, 23, 701, 1700],
      serialize: String,
      parse: (text: string) => BigInt(Math.trunc(Number(text))),
    },
    texts: { to: 1009, from: [1009], serialize: String, parse: () => 'an array' },
  },
}

for (const one of [options, changed]) {
  const sql = postgres(databaseUrl, one as typeof options)
  const transactionOn = (tx: postgres.TransactionSql): Transaction => ({
    given: fromPostgres(tx),
    add: (name) => tx`insert into public.guest values (${name})`,
    nested: (work) => tx.savepoint((inner) => work(transactionOn(inner))),
  })
  await tryLayer(() => ({
    name: 'postgres.js',
    outside: fromPostgres(sql),
    transaction: (work) => sql.begin((tx) => work(transactionOn(tx))),
    asTheyAre: [[sql, /fromPostgres\(sql\)/]],
    transactionAsItIs: (look) => sql.begin((tx) => look(tx)),
    close: () => sql.end(),
  }))
}
