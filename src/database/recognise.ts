/** What somebody gave in the place of a database or a transaction, and what to give instead. */
export interface Misfit {
  readonly what: string
  readonly cure: string
}

interface Known extends Misfit {
  /** Methods that together only this has. */
  readonly methods: readonly string[]
}

const OTHER_LIBRARY =
  'Pass an object with query(text, params) that answers { rows }: src/lanes/README.md of this ' +
  'package has it for more libraries.'
const NEITHER =
  "Pass Drizzle's object, a client of pg, or what fromKysely, fromPrisma, fromKnex, fromTypeorm or " +
  'fromPostgres make.'
const wrapped = (helper: string) => `Wrap it: ${helper}.`

const OF_LIBRARIES: readonly Known[] = [
  { methods: ['recordIn'], what: 'a recorder', cure: NEITHER },
  {
    methods: ['executeQuery'],
    what: "Kysely's object as it is",
    cure: wrapped('fromKysely(trx)'),
  },
  {
    methods: ['setIsolationLevel', 'execute'],
    what: "Kysely's transaction builder",
    cure: 'Wrap the transaction that its callback gets: fromKysely(trx).',
  },
  {
    methods: ['$queryRawUnsafe'],
    what: "Prisma's client as it is",
    cure: wrapped('fromPrisma(tx)'),
  },
  {
    methods: ['raw', 'transaction'],
    what: "Knex's object as it is",
    cure: wrapped('fromKnex(trx)'),
  },
  {
    methods: ['unsafe', 'notify'],
    what: "postgres.js's sql as it is",
    cure: wrapped('fromPostgres(sql)'),
  },
  {
    methods: ['query', 'getRepository'],
    what: "TypeORM's object as it is",
    cure: wrapped('fromTypeorm(manager)'),
  },
  {
    methods: ['query', 'startTransaction', 'createSchema'],
    what: "TypeORM's query runner as it is",
    cure: wrapped('fromTypeorm(queryRunner)'),
  },
  {
    methods: ['getUnitOfWork'],
    what: "MikroORM's entity manager as it is",
    cure: OTHER_LIBRARY,
  },
  {
    methods: ['prepareEnvironment'],
    what: "Sequelize's transaction as it is",
    cure: OTHER_LIBRARY,
  },
  {
    methods: ['query', 'authenticate', 'define'],
    what: 'Sequelize itself',
    cure: OTHER_LIBRARY,
  },
  { methods: ['query', 'oneOrNone'], what: "pg-promise's object as it is", cure: OTHER_LIBRARY },
]

/**
 * Says what is wrong with a value in the place of a database or a transaction. Undefined where it
 * has Drizzle's `execute(sql)` or `query(text, params)`. It calls nothing of the value.
 */
export function misfitOf(given: unknown): Misfit | undefined {
  if ((typeof given !== 'object' && typeof given !== 'function') || given === null) {
    const what = given === undefined || given === null ? String(given) : `a ${typeof given}`
    return { what, cure: NEITHER }
  }
  try {
    return misfitOfObject(given)
  } catch {
    return { what: 'an object that cannot be read', cure: NEITHER } // for example a revoked proxy
  }
}

function misfitOfObject(given: object): Misfit | undefined {
  const has = (name: string) => typeof Reflect.get(given, name) === 'function'
  // First, because it is the most usual one: the whole list costs a call of recordIn a microsecond.
  const kind: unknown = Reflect.get(Object(given.constructor), Symbol.for('drizzle:entityKind'))
  if (kind !== undefined && has('execute') && !has('then')) return undefined
  const known = OF_LIBRARIES.find(({ methods }) => methods.every(has))
  if (known !== undefined) return known
  if (has('then')) {
    return { what: 'a Promise or a query', cure: 'Await it, and pass what it resolves to.' }
  }
  if (has('execute') || has('query')) return undefined
  if (typeof kind === 'string') {
    const what = `Drizzle's ${kind}, which has no execute(sql)`
    return { what, cure: "Pass the tx that the callback of Drizzle's transaction() gets." }
  }
  if (typeof Reflect.get(given, 'action') === 'string') {
    return { what: 'an entry', cure: 'The transaction comes first, the entry second.' }
  }
  const what = typeof given === 'function' ? 'a function' : 'an object'
  return { what: `${what} without execute(sql) and query(text, params)`, cure: NEITHER }
}
