import { EntitySchema, MikroORM, type SqlEntityManager } from '@mikro-orm/postgresql'
import { databaseUrl, type Transaction, tryLayer } from './layer.js'

const Guest = new EntitySchema<{ name: string }>({
  name: 'Guest',
  tableName: 'guest',
  properties: { name: { type: 'text', primary: true } },
})
const orm = await MikroORM.init({ clientUrl: databaseUrl, entities: [Guest], pool: { max: 1 } })

// As on the page. A text without parameters is sent as it is.
const fromMikroOrm = (em: SqlEntityManager) => ({
  query: async (text: string, params: unknown[]) => {
    const marked = params.length > 0 ? text.replaceAll('?', '\\?').replaceAll(/\$\d+/g, '?') : text
    return { rows: await em.execute(marked, params) }
  },
})
const transactionOn = (em: SqlEntityManager): Transaction => ({
  given: fromMikroOrm(em),
  add: (name) => em.execute('insert into public.guest values (?)', [name]),
  nested: (work) => em.transactional((inner) => work(transactionOn(inner))),
})

await tryLayer(() => ({
  name: 'MikroORM',
  outside: fromMikroOrm(orm.em.fork()),
  transaction: (work) => orm.em.fork().transactional((em) => work(transactionOn(em))),
  asTheyAre: [[orm.em.fork(), /MikroORM's entity manager/]],
  transactionAsItIs: (look) => orm.em.fork().transactional((em) => look(em)),
  close: () => orm.close(),
}))
