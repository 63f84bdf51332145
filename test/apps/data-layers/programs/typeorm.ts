import 'reflect-metadata'
import { fromTypeorm } from 'audit-outbox'
import { DataSource, type EntityManager, type QueryRunner } from 'typeorm'
import { databaseUrl, type Transaction, tryLayer } from './layer.js'

const source = new DataSource({ type: 'postgres', url: databaseUrl, extra: { max: 1 } })
await source.initialize()
const transactionOn = (
  given: EntityManager | QueryRunner,
  manager: EntityManager,
): Transaction => ({
  given: fromTypeorm(given),
  add: (name) => given.query('insert into public.guest values ($1)', [name]),
  nested: (work) => manager.transaction((inner) => work(transactionOn(inner, inner))),
})
const asTheyAre = [
  [source.manager, /fromTypeorm\(manager\)/],
  [source, /fromTypeorm\(manager\)/],
  [source.createQueryRunner(), /fromTypeorm\(queryRunner\)/],
] as const

await tryLayer(() => ({
  name: 'TypeORM, entity manager',
  outside: fromTypeorm(source.manager),
  transaction: (work) => source.transaction((manager) => work(transactionOn(manager, manager))),
  asTheyAre,
  transactionAsItIs: (look) => source.transaction((manager) => look(manager)),
  close: async () => {},
}))
await tryLayer(() => ({
  name: 'TypeORM, query runner',
  outside: fromTypeorm(source),
  async transaction(work) {
    const runner = source.createQueryRunner()
    try {
      await runner.startTransaction()
      await work(transactionOn(runner, runner.manager))
      await runner.commitTransaction()
    } catch (error) {
      await runner.rollbackTransaction()
      throw error
    } finally {
      await runner.release()
    }
  },
  asTheyAre,
  close: () => source.destroy(),
}))
