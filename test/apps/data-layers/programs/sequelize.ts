import { QueryTypes, Sequelize, type Transaction as SequelizeTransaction } from 'sequelize'
import { databaseUrl, type Transaction, tryLayer } from './layer.js'

const sequelize = new Sequelize(databaseUrl, { logging: false, pool: { max: 1 } })

// The two lines of the page.
const fromSequelize = (transaction?: SequelizeTransaction) => ({
  query: async (text: string, bind: unknown[]) => ({
    rows: await sequelize.query(text, {
      bind,
      type: QueryTypes.SELECT,
      transaction: transaction ?? null,
    }),
  }),
})
const transactionOn = (transaction: SequelizeTransaction): Transaction => ({
  given: fromSequelize(transaction),
  add: (name) =>
    sequelize.query('insert into public.guest values ($1)', { bind: [name], transaction }),
  nested: (work) => sequelize.transaction({ transaction }, (inner) => work(transactionOn(inner))),
})

await tryLayer(() => ({
  name: 'Sequelize',
  outside: fromSequelize(),
  transaction: (work) => sequelize.transaction((transaction) => work(transactionOn(transaction))),
  asTheyAre: [[sequelize, /Sequelize itself/]],
  close: () => sequelize.close(),
}))
