import { fromKnex } from 'audit-outbox'
import knexModule from 'knex'
import { databaseUrl, type Transaction, tryLayer } from './layer.js'

const knex = knexModule.default({
  client: 'pg',
  connection: databaseUrl,
  pool: { min: 0, max: 1 },
})
const transactionOn = (trx: knexModule.Knex.Transaction): Transaction => ({
  given: fromKnex(trx),
  add: async (name) => await trx('guest').insert({ name }),
  nested: (work) => trx.transaction((inner) => work(transactionOn(inner))),
})

await tryLayer(() => ({
  name: 'Knex',
  outside: fromKnex(knex),
  transaction: (work) => knex.transaction((trx) => work(transactionOn(trx))),
  asTheyAre: [[knex, /fromKnex\(trx\)/]],
  transactionAsItIs: (look) => knex.transaction((trx) => look(trx)),
  close: () => knex.destroy(),
}))
