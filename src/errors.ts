/** Every error of ours that a caller can meet. */
export type AuditErrorCode =
  /** An option has an unknown name, a wrong type, or a value outside its bounds. */
  | 'AUDIT_OPTION_INVALID'
  /** A filter, a cursor or a limit of a read is wrong. The message may be shown to the reader. */
  | 'AUDIT_FILTER_INVALID'
  /** `recordIn` was given a database, or a transaction that is over. Nothing was written. */
  | 'AUDIT_NOT_IN_TRANSACTION'
  /** `recordIn` in mode `atomic` could not shape an entry. Nothing was written. */
  | 'AUDIT_ENTRY_UNSHAPABLE'
  /** The statement failed in the database; `fault` says where. */
  | 'AUDIT_DATABASE_FAILED'
  /** The statement did not answer before its deadline. It may or may not have run. */
  | 'AUDIT_DEADLINE_PASSED'
  /** The database holds no schema of ours, another one of that name, or one of another version. */
  | 'AUDIT_SCHEMA_MISMATCH'

/** An error that names the schema and never quotes an entry. */
export class AuditError extends Error {
  override readonly name = 'AuditError'
  readonly code: AuditErrorCode
  readonly fault: DatabaseFault | undefined

  // No `cause`: Drizzle's error repeats the bound values, and Postgres' own repeats the row.
  constructor(code: AuditErrorCode, message: string, fault?: DatabaseFault) {
    super(message)
    this.code = code
    this.fault = fault
  }
}

const SAFE_FIELDS = [
  'schema_name',
  'table_name',
  'column_name',
  'constraint_name',
  'routine',
] as const

/** The parts of a database error that name the schema, none of those that quote a row. */
export type DatabaseFault = Readonly<
  { code: string } & { [Field in (typeof SAFE_FIELDS)[number]]?: string }
>

/**
 * Reads SQLSTATE (or the driver's own code, such as `CONNECTION_CLOSED`) and schema names out of
 * whatever a driver threw. Built by allowing, not by hiding: messages, details and parameters may
 * repeat the row, so none of them is read.
 */
export function databaseFault(error: unknown): DatabaseFault {
  if (error instanceof AuditError && error.fault) return error.fault
  let code = 'UNKNOWN'
  const fault: Record<string, string> = {}
  let link: unknown = error
  // An error that is its own cause would never end; four links is more than any driver makes.
  for (let depth = 0; depth < 4 && typeof link === 'object' && link !== null; depth += 1) {
    const given: unknown = Reflect.get(link, 'code')
    if (typeof given === 'string' && /^[A-Z0-9_]{3,40}$/.test(given)) code = given
    for (const field of SAFE_FIELDS) {
      const name: unknown = Reflect.get(link, field)
      if (typeof name === 'string') fault[field] = name.slice(0, 128)
    }
    link = Reflect.get(link, 'cause')
  }
  return { code, ...fault }
}

/** The error for an option that is wrong. */
export function optionInvalid(message: string): AuditError {
  return new AuditError('AUDIT_OPTION_INVALID', message)
}

/** The error for a wrong question to the log. Its message may be shown to the one who asked. */
export function filterInvalid(message: string): AuditError {
  return new AuditError('AUDIT_FILTER_INVALID', message)
}

/** The kind of what was thrown, if that is a name and nothing else: its message may quote an entry. */
export function errorName(error: unknown): string {
  try {
    if (!(error instanceof Error)) return typeof error
    const { name } = error
    return typeof name === 'string' && /^[A-Za-z][A-Za-z0-9]{0,39}$/.test(name) ? name : 'Error'
  } catch {
    return 'unknown' // a revoked proxy throws at every question
  }
}

/** An error that is safe to hand on or to log, whatever the caller's driver threw. */
export function safeError(error: unknown): AuditError {
  if (error instanceof AuditError) return error
  const fault = databaseFault(error)
  return new AuditError('AUDIT_DATABASE_FAILED', `The database failed (${fault.code}).`, fault)
}
