import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type { IdKind } from '../entry.ts'
import { AuditError, safeError } from '../errors.ts'
import {
  askCaller,
  askInText,
  type DrizzleHandle,
  inText,
  type QueryHandle,
} from '../database/callers-database.ts'
import { misfitOf } from '../database/recognise.ts'
import { idKind } from '../schema/id-kind.ts'
import { grantHint, lacksRight, refusalHint } from '../database/refusal.ts'
import { isOneTransaction, saysOver } from './from-libraries.ts'

/**
 * A transaction of the caller's: Drizzle's own, a client of `pg`, PGlite's, or what a `from…` helper
 * makes of another library's.
 */
export type AuditTransaction = DrizzleHandle | QueryHandle

/**
 * - `atomic`: no entry, no commit. Our failure aborts the transaction and rejects.
 * - `best-effort`: our failure never aborts the transaction; it is logged, and the entry is lost.
 *   Not covered, because Postgres leaves no way: cancel and timeout of the statement, and a lost
 *   connection.
 */
export type RecordInMode = 'best-effort' | 'atomic'

export interface HowToWrite {
  readonly mode: RecordInMode
  /** Whether `idsIn` has to be known afterwards. */
  readonly asksIds: boolean
}

/** What a transaction was recognised by. */
interface KnownTransaction {
  /** Lives in the transaction itself, and goes with it, or with the savepoint it was set in. */
  readonly token: string
  /** When it began, by the server's clock: the same until its end, and in all its savepoints. */
  readonly began: unknown
}

const knownTransactions = new WeakMap<AuditTransaction, KnownTransaction>()
/** What the database of each handle last said about its ids. */
const idKinds = new WeakMap<AuditTransaction, IdKind>()

/** What the id columns hold in the database of a transaction that was written in, if it was asked. */
export function idsIn(tx: AuditTransaction): IdKind | undefined {
  return idKinds.get(tx)
}

/**
 * Writes encoded entries into the outbox lane, inside the caller's transaction.
 *
 * A database handle in place of a transaction type-checks, and a statement that is sent after the
 * callback returned runs in a transaction of its own; either would commit alone, silently. So a
 * random token is set for the length of the transaction, and the statement writes only where it
 * finds that token: elsewhere it is gone.
 *
 * @returns how many entries the lane took
 * @throws {AuditError} `AUDIT_NOT_IN_TRANSACTION`, with nothing written
 */
export async function writeToOutbox(
  tx: AuditTransaction,
  encoded: readonly string[],
  how: HowToWrite,
): Promise<number> {
  try {
    return await writeOnce(tx, encoded, how)
  } catch (error) {
    if (saysOver(error)) throw notInTransaction()
    // The transaction is lost with a refusal, so nothing can be asked about its login.
    throw lacksRight(error) ? safeError(error, grantHint('audit_app')) : error
  }
}

async function writeOnce(
  tx: AuditTransaction,
  encoded: readonly string[],
  how: HowToWrite,
): Promise<number> {
  const remembers = isOneTransaction(tx)
  const known = remembers ? knownTransactions.get(tx) : undefined
  if (known !== undefined) {
    const taken = await write(tx, encoded, how, known.token)
    if (taken !== undefined) return taken
    // The token went with a savepoint that was rolled back, or the transaction is over.
  }
  const token = randomUUID()
  const { isReady, began } = await introduce(tx, token)
  // Over, and its connection is in somebody else's transaction by now.
  if (known !== undefined && known.began !== began) throw notInTransaction()
  if (!isReady && how.mode === 'best-effort') {
    const ask = async (text: string) => (await askCaller(tx, sql.raw(text)))[0]
    const hint = (await refusalHint('audit_app', ask)) ?? grantHint('audit_app')
    throw new AuditError('AUDIT_SCHEMA_MISMATCH', `recordIn may not call audit.record. ${hint}`)
  }
  const taken = await write(tx, encoded, how, token)
  if (taken === undefined) throw notInTransaction()
  if (remembers) knownTransactions.set(tx, { token, began })
  return taken
}

/**
 * Refuses what is no transaction object, before any SQL.
 *
 * @throws {AuditError} `AUDIT_NOT_A_TRANSACTION`
 */
export function refuseMisfit(given: unknown): void {
  const misfit = misfitOf(given)
  if (misfit === undefined) return
  throw new AuditError(
    'AUDIT_NOT_A_TRANSACTION',
    `recordIn needs a transaction, got ${misfit.what}. Nothing was written. ${misfit.cure}`,
  )
}

function notInTransaction(): AuditError {
  return new AuditError(
    'AUDIT_NOT_IN_TRANSACTION',
    'recordIn needs an open transaction and was given a database handle, or a transaction that ' +
      "is over. Nothing was written. Call it with the callback's own transaction, and await it there.",
  )
}

/**
 * Sets the token, and asks whether the function is there: calling a missing one would abort. The
 * values are taken in their order, because a caller's driver may rename columns.
 */
async function introduce(
  tx: AuditTransaction,
  token: string,
): Promise<{ readonly isReady: boolean; readonly began: unknown }> {
  const [row] = await askInText(
    tx,
    inText`
    select pg_catalog.set_config('audit.tx', ${token}::pg_catalog.text, true),
      extract(epoch from pg_catalog.transaction_timestamp())::pg_catalog.text as began,
      coalesce((
      select pg_catalog.has_schema_privilege(n.oid, 'usage'::pg_catalog.text)
        and pg_catalog.has_function_privilege(p.oid, 'execute'::pg_catalog.text)
      from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n
        on n.oid operator(pg_catalog.=) p.pronamespace
      where n.nspname operator(pg_catalog.=) 'audit'::pg_catalog.name
        and p.proname operator(pg_catalog.=) 'record'::pg_catalog.name
        and pg_catalog.oidvectortypes(p.proargtypes) operator(pg_catalog.=) 'text, boolean'::pg_catalog.text
    ), false)::pg_catalog.text as ready`,
  )
  if (row === undefined) throw noRows()
  const [, began, ready] = Object.values(row)
  return { isReady: ready === 'true', began }
}

function noRows(): AuditError {
  return new AuditError(
    'AUDIT_NOT_A_TRANSACTION',
    'recordIn was given an object whose query(text, params) does not answer { rows }. Nothing was ' +
      'written.',
  )
}

/**
 * @param asksIds whether one of the entries has an id that is no UUID. To ask each time would make
 *   `recordIn` a tenth dearer.
 * @returns undefined where the token is not found: then nothing was written
 */
async function write(
  tx: AuditTransaction,
  encoded: readonly string[],
  { mode, asksIds }: HowToWrite,
  token: string,
): Promise<number | undefined> {
  const text = `[${encoded.join(',')}]`
  const statement = (asksIds ? WRITE_AND_ASK : WRITE)[mode]
  const [row] = await askInText(tx, inText(statement, text, token))
  if (row === undefined) return undefined
  const [taken, type] = Object.values(row)
  if (asksIds) idKinds.set(tx, idKind(type))
  return Number(taken)
}

const WRITE = { atomic: writing('record_in'), 'best-effort': writing('record') }
const ID_TYPE = `(
    select pg_catalog.format_type(a.atttypid, null) from pg_catalog.pg_attribute as a
    where a.attrelid operator(pg_catalog.=)
        pg_catalog.to_regclass('audit.audit_outbox'::pg_catalog.text)::pg_catalog.oid
      and a.attname operator(pg_catalog.=) 'user_id'::pg_catalog.name)`
const WRITE_AND_ASK = {
  atomic: writing('record_in', ID_TYPE),
  'best-effort': writing('record', ID_TYPE),
}

/** True: the entries are redacted, so the database does not look for secrets in them. */
function writing(name: 'record_in' | 'record', more?: string): readonly string[] {
  return [
    `select audit.${name}(`,
    `::pg_catalog.text, true)::pg_catalog.text as taken${more ? `, ${more} as ids` : ''}
    where pg_catalog.current_setting('audit.tx', true) operator(pg_catalog.=) `,
    '::pg_catalog.text',
  ]
}
