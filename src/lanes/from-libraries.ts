import { randomUUID } from 'node:crypto'
import { AuditError, databaseFault } from '../errors.ts'
import type { QueryHandle } from '../database/callers-database.ts'
import { misfitOf } from '../database/recognise.ts'

/** Kysely's transaction, or its database for reading. */
export interface KyselyTransaction {
  executeQuery(query: never): PromiseLike<{ readonly rows: readonly unknown[] }>
}

/** The client that the callback of Prisma's `$transaction` gets, or Prisma's client for reading. */
export interface PrismaTransaction {
  $queryRawUnsafe(text: string, ...params: never[]): PromiseLike<unknown>
}

/** Knex's transaction on its `pg` client, or Knex itself for reading. */
export interface KnexTransaction {
  raw(text: string, params: never): PromiseLike<unknown>
}

/** TypeORM's entity manager or query runner, or its data source for reading. */
export interface TypeormTransaction {
  query(text: string, params: never): PromiseLike<unknown>
}

/** The `sql` that the callback of postgres.js' `begin` gets, or `sql` itself for reading. */
export interface PostgresTransaction {
  unsafe(text: string, params: never): PromiseLike<unknown>
}

/** What `recordIn` takes of Kysely: `audit.recordIn(fromKysely(trx), entry)`. */
export function fromKysely(trx: KyselyTransaction): QueryHandle {
  check('fromKysely', trx, 'executeQuery')
  return handleOf(trx, Reflect.get(trx, 'isTransaction') === true, (sql, parameters) =>
    // As Kysely's own `CompiledQuery.raw` makes it.
    trx.executeQuery({
      sql,
      parameters,
      query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
      queryId: { queryId: randomUUID() },
    } as never),
  )
}

/** What `recordIn` takes of Prisma: `audit.recordIn(fromPrisma(tx), entry)`. */
export function fromPrisma(tx: PrismaTransaction): QueryHandle {
  check('fromPrisma', tx, '$queryRawUnsafe')
  return handleOf(tx, true, async (text, params) => {
    try {
      const rows = await tx.$queryRawUnsafe(text, ...(params as never[]))
      return { rows: rows as readonly unknown[] }
    } catch (error) {
      // Prisma's own error has a code of Prisma's. The SQLSTATE is in its driver adapter's.
      throw Reflect.get(Object(Reflect.get(Object(error), 'meta')), 'driverAdapterError') ?? error
    }
  })
}

/** What `recordIn` takes of Knex: `audit.recordIn(fromKnex(trx), entry)`. */
export function fromKnex(trx: KnexTransaction): QueryHandle {
  check('fromKnex', trx, 'raw')
  return handleOf(trx, Reflect.get(trx, 'isTransaction') === true, async (text, params) => {
    // Knex knows `?` alone, in the order of the text, and takes `\?` for a question mark.
    const inOrder: unknown[] = []
    const marked = text.replaceAll(/\?|\$(\d+)/g, (found, number: string | undefined) => {
      if (number === undefined) return `\\${found}`
      inOrder.push(params[Number(number) - 1])
      return '?'
    })
    return { rows: rowsOf(await trx.raw(marked, inOrder as never)) }
  })
}

/** What `recordIn` takes of TypeORM: `audit.recordIn(fromTypeorm(manager), entry)`. */
export function fromTypeorm(tx: TypeormTransaction): QueryHandle {
  check('fromTypeorm', tx, 'query')
  // A query runner has one transaction after the other.
  return handleOf(tx, false, async (text, params) => ({
    rows: (await tx.query(text, params as never)) as readonly unknown[],
  }))
}

/** What `recordIn` takes of postgres.js: `audit.recordIn(fromPostgres(sql), entry)`. */
export function fromPostgres(sql: PostgresTransaction): QueryHandle {
  check('fromPostgres', sql, 'unsafe')
  const isTransaction = typeof Reflect.get(sql, 'savepoint') === 'function'
  return handleOf(sql, isTransaction, async (text, params) => ({
    rows: (await sql.unsafe(text, params as never)) as readonly unknown[],
  }))
}

const handles = new WeakMap<object, QueryHandle>()
/** The handles of objects that end with their transaction. */
const transactions = new WeakSet<object>()

/** One handle for one object, so that a transaction is recognised when it is wrapped again. */
function handleOf(given: object, isTransaction: boolean, query: QueryHandle['query']): QueryHandle {
  const known = handles.get(given)
  if (known !== undefined) return known
  const handle: QueryHandle = { query }
  handles.set(given, handle)
  if (isTransaction) transactions.add(handle)
  return handle
}

/**
 * Whether an object stands for one transaction and ends with it. A client of a pool does not: it has
 * one transaction after the other.
 */
export function isOneTransaction(tx: object): boolean {
  return transactions.has(tx) || typeof Reflect.get(tx, 'rollback') === 'function'
}

/** What Kysely, Knex, TypeORM, Prisma, Sequelize, MikroORM and pg-promise say in place of a query. */
const IS_OVER =
  /already (?:committed|rolled back|complete|closed|released)|can no longer use it|released or lost/

/** Whether the library refused the query, because its transaction is over. */
export function saysOver(error: unknown): boolean {
  const { code } = databaseFault(error)
  if (code !== 'UNKNOWN' && code !== 'P2028') return false
  // Drizzle's own message repeats the statement and its parameters.
  const told = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return IS_OVER.test(String(Reflect.get(Object(told), 'message')))
}

function rowsOf(answer: unknown): readonly unknown[] {
  return Reflect.get(Object(answer), 'rows') as readonly unknown[]
}

/** @throws {AuditError} `AUDIT_NOT_A_TRANSACTION` */
function check(helper: string, given: unknown, method: string): void {
  if (typeof Reflect.get(Object(given), method) === 'function') return
  const { what, cure } = misfitOf(given) ?? { what: 'another object', cure: '' }
  const message = `${helper} needs an object with ${method}(), got ${what}. Nothing was written.`
  throw new AuditError('AUDIT_NOT_A_TRANSACTION', `${message} ${cure}`.trim())
}
