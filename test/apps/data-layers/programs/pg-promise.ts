import pgPromise, { type IBaseProtocol, type ITask } from 'pg-promise'
import { databaseUrl, type Transaction, tryLayer } from './layer.js'

const db = pgPromise()({ connectionString: databaseUrl, max: 1 })

// The two lines of the page.
const fromPgPromise = (t: IBaseProtocol<object>) => ({
  query: (text: string, params: unknown[]) => t.result(text, params),
})
const transactionOn = (t: ITask<object>): Transaction => ({
  given: fromPgPromise(t),
  add: (name) => t.none('insert into public.guest values ($1)', [name]),
  nested: (work) => t.tx((inner) => work(transactionOn(inner))),
})

await tryLayer(() => ({
  name: 'pg-promise',
  outside: fromPgPromise(db),
  transaction: (work) => db.tx((t) => work(transactionOn(t))),
  asTheyAre: [[db, /pg-promise's object/]],
  transactionAsItIs: (look) => db.tx((t) => look(t)),
  close: () => db.$pool.end(),
}))
