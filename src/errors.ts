/** The `code` of every error that the library throws. */
export type AuditErrorCode =
  /** An option has an unknown name, a wrong type, or a value outside its bounds. */
  | 'AUDIT_OPTION_INVALID'
  /** A filter, a cursor or a limit of a read is wrong. The message may be shown to the reader. */
  | 'AUDIT_FILTER_INVALID'
  /** `recordIn` was given something that is no transaction object. No SQL was sent. */
  | 'AUDIT_NOT_A_TRANSACTION'
  /** `recordIn` was given a database, or a transaction that has ended. Nothing was written. */
  | 'AUDIT_NOT_IN_TRANSACTION'
  /**
   * `recordIn` in mode `atomic` was given a value that is not a readable entry. Nothing was
   * written.
   */
  | 'AUDIT_ENTRY_UNSHAPABLE'
  /** `recordIn` was given an action `audit.*`, which is the product's own. Nothing was written. */
  | 'AUDIT_ACTION_RESERVED'
  /** The statement failed in the database. `fault` names the SQLSTATE and the schema's objects. */
  | 'AUDIT_DATABASE_FAILED'
  /** The statement got no answer before its deadline. It may or may not have run. */
  | 'AUDIT_DEADLINE_PASSED'
  /** An archive differs from the log, or cannot be stored or read. Nothing was removed. */
  | 'AUDIT_ARCHIVE_FAILED'
  /** A line, a proof, a checkpoint or a policy does not prove what it should. */
  | 'AUDIT_NOT_PROVED'
  /** An anchor did not take a checkpoint. It is offered again. */
  | 'AUDIT_ANCHOR_FAILED'
  /** An anchor knows another log under this name: it was cut, restored or sealed again. */
  | 'AUDIT_SEAL_FORKED'
  /** The log is not the one that a cursor or a relay knows, as after a restore. */
  | 'AUDIT_HISTORY_CHANGED'
  /** The database has no `audit` schema, a foreign one, or one of another version. */
  | 'AUDIT_SCHEMA_MISMATCH'

/** The library's error. Its message may name schema objects and never quotes an entry. */
export class AuditError extends Error {
  override readonly name = 'AuditError'
  readonly code: AuditErrorCode
  readonly fault: DatabaseFault | undefined
  /** What an operator can do about it, where more is known than the code of `fault` says. */
  readonly hint: string | undefined

  // No `cause`: Drizzle's error repeats the bound values, and Postgres' own repeats the row.
  constructor(code: AuditErrorCode, message: string, fault?: DatabaseFault, hint?: string) {
    super(message)
    this.code = code
    this.fault = fault
    this.hint = hint
  }
}

const SAFE_FIELDS = [
  'schema_name',
  'table_name',
  'column_name',
  'constraint_name',
  'routine',
] as const

/** The parts of a database error that name a code or schema objects. None of them quotes a row. */
export type DatabaseFault = Readonly<
  { code: string } & { [Field in (typeof SAFE_FIELDS)[number]]?: string }
>

/**
 * Reads the SQLSTATE (or the driver's own code, such as `CONNECTION_CLOSED`) and schema names from
 * any thrown error. It reads only these fields, because messages, details and parameters may repeat
 * the row. The code is `UNKNOWN` where the error has none.
 */
export function databaseFault(error: unknown): DatabaseFault {
  if (error instanceof AuditError && error.fault) return error.fault
  let code = 'UNKNOWN'
  const fault: Record<string, string> = {}
  let link: unknown = error
  // An error can be its own cause, so the loop is bounded. No driver chains more than four errors.
  for (let depth = 0; depth < 4 && typeof link === 'object' && link !== null; depth += 1) {
    const given: unknown = Reflect.get(link, 'code')
    if (typeof given === 'string' && /^[A-Z0-9_]{3,40}$/.test(given)) code = given
    for (const field of SAFE_FIELDS) {
      const name: unknown = Reflect.get(link, field)
      if (typeof name === 'string') fault[field] = name.slice(0, 128)
    }
    link = Reflect.get(link, 'cause') ?? Reflect.get(link, 'original') // Sequelize's name for it
  }
  return { code, ...fault }
}

export function optionInvalid(message: string): AuditError {
  return new AuditError('AUDIT_OPTION_INVALID', message)
}

/** An `AUDIT_FILTER_INVALID` error. Its message may be shown to the reader. */
export function filterInvalid(message: string): AuditError {
  return new AuditError('AUDIT_FILTER_INVALID', message)
}

/**
 * The name of a thrown error's class, or the type of any other thrown value. A name that is not a
 * plain identifier is replaced by `Error`, because it may quote an entry.
 */
export function errorName(error: unknown): string {
  try {
    if (!(error instanceof Error)) return typeof error
    const { name } = error
    return typeof name === 'string' && /^[A-Za-z][A-Za-z0-9]{0,39}$/.test(name) ? name : 'Error'
  } catch {
    return 'unknown' // a revoked proxy throws on every access
  }
}

/**
 * The thrown error as an `AuditError`, without the driver's message: safe to log and to rethrow.
 */
export function safeError(error: unknown, hint?: string): AuditError {
  if (error instanceof AuditError) return error
  const fault = databaseFault(error)
  const message = `The database failed (${fault.code}).`
  return new AuditError('AUDIT_DATABASE_FAILED', message, fault, hint)
}
