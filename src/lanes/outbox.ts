import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { AuditError } from '../errors.ts'
import { type AnyQuery, firstRow } from '../database/callers-database.ts'

/**
 * A transaction of the caller's: anything with Drizzle's `execute(sql)`. Every Postgres driver of
 * Drizzle fits, in its stable and its next major version.
 */
export interface AuditTransaction {
  execute(query: AnyQuery): PromiseLike<unknown>
}

/**
 * - `best-effort`: our failure never aborts the transaction; it is logged, and the entry is lost.
 *   Not covered, because Postgres leaves no way: cancel and timeout of the statement, and a lost
 *   connection.
 * - `atomic`: no entry, no commit. Our failure aborts the transaction and rejects.
 */
export type RecordInMode = 'best-effort' | 'atomic'

/** What a transaction was recognised by. */
interface KnownTransaction {
  /** Lives in the transaction itself, and goes with it, or with the savepoint it was set in. */
  readonly token: string
  /** When it began, by the server's clock: the same until its end, and in all its savepoints. */
  readonly began: unknown
}

const knownTransactions = new WeakMap<AuditTransaction, KnownTransaction>()

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
  mode: RecordInMode,
): Promise<number> {
  const known = knownTransactions.get(tx)
  if (known !== undefined) {
    const taken = await write(tx, encoded, mode, known.token)
    if (taken !== undefined) return taken
    // The token went with a savepoint that was rolled back, or the transaction is over.
  }
  const token = randomUUID()
  const { isReady, began } = await introduce(tx, token)
  // Over, and its connection is in somebody else's transaction by now.
  if (known !== undefined && known.began !== began) throw notInTransaction()
  if (!isReady && mode === 'best-effort') {
    throw new AuditError(
      'AUDIT_SCHEMA_MISMATCH',
      'The function audit.record(text, boolean) is missing or not granted: run "audit-relay migrate", and ' +
        "grant audit_app to the application's login.",
    )
  }
  const taken = await write(tx, encoded, mode, token)
  if (taken === undefined) throw notInTransaction()
  knownTransactions.set(tx, { token, began })
  return taken
}

function notInTransaction(): AuditError {
  return new AuditError(
    'AUDIT_NOT_IN_TRANSACTION',
    'recordIn needs an open transaction and was given a database handle, or a transaction that ' +
      'is over. Nothing was written. Call it with the callback\'s own "tx", and await it there.',
  )
}

/** Sets the token, and asks whether the function is there: calling a missing one would abort. */
async function introduce(
  tx: AuditTransaction,
  token: string,
): Promise<{ readonly isReady: boolean; readonly began: unknown }> {
  const answer = await tx.execute(sql`
    select pg_catalog.set_config('audit.tx', ${token}::pg_catalog.text, true),
      extract(epoch from pg_catalog.transaction_timestamp())::pg_catalog.text as began, coalesce((
      select pg_catalog.has_schema_privilege(n.oid, 'usage'::pg_catalog.text)
        and pg_catalog.has_function_privilege(p.oid, 'execute'::pg_catalog.text)
      from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n
        on n.oid operator(pg_catalog.=) p.pronamespace
      where n.nspname operator(pg_catalog.=) 'audit'::pg_catalog.name
        and p.proname operator(pg_catalog.=) 'record'::pg_catalog.name
        and pg_catalog.oidvectortypes(p.proargtypes) operator(pg_catalog.=) 'text, boolean'::pg_catalog.text
    ), false) as ready`)
  const row = firstRow(answer)
  return { isReady: row?.['ready'] === true, began: row?.['began'] }
}

/** @returns undefined where the token is not found: then nothing was written */
async function write(
  tx: AuditTransaction,
  encoded: readonly string[],
  mode: RecordInMode,
  token: string,
): Promise<number | undefined> {
  const text = `[${encoded.join(',')}]`
  // True: the entries are redacted, so the database does not look for secrets in them.
  const call = mode === 'atomic' ? sql`audit.record_in` : sql`audit.record`
  const answer = await tx.execute(sql`
    select ${call}(${text}::pg_catalog.text, true) as taken
    where pg_catalog.current_setting('audit.tx', true) operator(pg_catalog.=) ${token}::pg_catalog.text`)
  const taken = firstRow(answer)?.['taken']
  return taken === undefined ? undefined : Number(taken)
}
