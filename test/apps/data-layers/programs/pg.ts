import pg from 'pg'
import { databaseUrl, type Layer, type Transaction, tryLayer } from './layer.js'

export function layerOn(pool: pg.Pool): Layer {
  const transactionOn = (client: pg.PoolClient): Transaction => ({
    given: client,
    add: (name) => client.query('insert into public.guest values ($1)', [name]),
    nested: async (work) => {
      await client.query('savepoint inner_one')
      try {
        await work(transactionOn(client))
      } catch (error) {
        await client.query('rollback to savepoint inner_one')
        throw error
      }
    },
  })
  return {
    name: 'pg',
    outside: pool,
    async transaction(work) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await work(transactionOn(client))
        await client.query('commit')
      } catch (error) {
        await client.query('rollback')
        throw error
      } finally {
        client.release()
      }
    },
    close: () => pool.end(),
  }
}

if (process.argv[1] === import.meta.filename) {
  await tryLayer(() => layerOn(new pg.Pool({ connectionString: databaseUrl, max: 1 })))
}
