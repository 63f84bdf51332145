import { AuditError, type DatabaseFault, databaseFault } from '../errors.ts'

/**
 * What kind of failure a statement met, which decides what to do next.
 *
 * - `entry`: the rows are the cause. A retry with the same rows cannot succeed.
 * - `connection`: it is unknown whether the statement ran. The client must be discarded.
 * - `server`: the statement did not run, and the rows are not the cause. The client can be kept.
 */
export type FaultKind = 'entry' | 'connection' | 'server'

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const ENTRY_CLASSES = new Set([
  '22', // data exception
  '23', // integrity constraint violation
  '54', // program limit exceeded
  'P0', // raised in PL/pgSQL, for example by a trigger that somebody added
])
const SERVER_CLASSES = new Set([
  '25', // invalid transaction state: a demoted primary is read-only
  '28', // invalid authorization
  '3D', // no such database
  '3F', // no such schema
  '40', // rollback: deadlock, serialization
  '42', // not migrated, not granted
  '53', // insufficient resources: connections, disk, memory
  '55', // object not in the needed state, for example lock_timeout
])

/** Unknown codes count as `connection`, because it is always safe to discard a client. */
export function faultKind(error: unknown): FaultKind {
  const { code } = databaseFault(error)
  if (!/^[0-9A-Z]{5}$/.test(code)) return 'connection'
  const codeClass = code.slice(0, 2)
  if (ENTRY_CLASSES.has(codeClass)) return 'entry'
  return SERVER_CLASSES.has(codeClass) ? 'server' : 'connection'
}

const OTHER_VERSION =
  'Run "audit-relay migrate". If the schema is newer than this package, deploy the newer package.'

const UNTRUSTED =
  "Node does not trust the server's certificate. Name the file of its authority in " +
  'NODE_EXTRA_CA_CERTS, or use sslmode=require, which checks no certificate.'

const HUNG_UP =
  'The other side hung up. Where that is always so, check that host and port in the database URL ' +
  'lead to PostgreSQL.'

const HINTS: Readonly<Record<string, string>> = {
  '28P01': 'The password was refused, or the login is unknown. Check the database URL.',
  '28000':
    'The login was refused. Check the database URL and pg_hba.conf; where the server demands TLS, ' +
    'add ?sslmode=require to the URL.',
  '3D000': 'The database does not exist. Check the name at the end of the database URL.',
  '3F000': 'The schema "audit" is missing. Run "audit-relay migrate".',
  '42P01': `A table of the schema "audit" is missing. ${OTHER_VERSION}`,
  '42883': `A function of the schema "audit" is missing. ${OTHER_VERSION}`,
  '42703': `A column of the schema "audit" is missing. ${OTHER_VERSION}`,
  '25006':
    'The server is read-only: a standby, or a demoted primary. Or default_transaction_read_only is ' +
    'on for this login or database, and a pooler does not let us turn it off.',
  '25P04': 'transaction_timeout is shorter than a statement takes. Raise it for this login.',
  '55000':
    'A publication forbids DELETE on a table without a replica identity: ' +
    'run "alter table audit.audit_outbox replica identity full".',
  '55P03':
    'Another session holds a lock for longer than we wait: ' +
    'pg_blocking_pids(pid) names it while one of ours waits.',
  '57P05': 'idle_session_timeout ended the connection. Set it to 0 for this login.',
  '53100': "The server's disk is full. Free some space on it.",
  '53300': 'The server has no free connection. Close other connections, or raise max_connections.',
  '57P03': 'The server starts or stops. Try again.',
  ECONNRESET: HUNG_UP,
  CONNECTION_CLOSED: HUNG_UP,
  CONNECTION_ENDED: HUNG_UP,
  ECONNREFUSED: 'Nothing listens there. Check host and port in the database URL.',
  ENOTFOUND: 'The host name is unknown. Check the database URL.',
  EAI_AGAIN: 'The host name could not be looked up. Check the database URL, and the DNS.',
  EHOSTUNREACH: 'No network leads to the host. Check the database URL, and the network.',
  ENETUNREACH: 'No network leads to the host. Check the database URL, and the network.',
  ETIMEDOUT: 'The host does not answer. Check the database URL, and the firewall before it.',
  CONNECT_TIMEOUT: 'The host does not answer. Check the database URL, and the firewall before it.',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  CERT_HAS_EXPIRED: "The server's certificate has expired. Renew it.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "The server's certificate names another host. Use that name in the database URL.",
}

/** A table that a move writes besides the log, and refused: what that means. */
const TABLE_HINTS: Readonly<Record<string, string>> = {
  audit_dead_letter:
    'A dead letter cannot be written, so the entries wait in their lane. Where its number is taken, ' +
    "run \"select setval(pg_get_serial_sequence('audit.audit_dead_letter', 'number'), " +
    'max(number)) from audit.audit_dead_letter".',
  audit_head:
    'The head of the log or the rows of audit_turn are gone, so nothing can be moved: restore them.',
}

/** What an operator can do about an error. Undefined where there is no advice. */
export function faultHint(error: unknown): string | undefined {
  const { code, table_name } = databaseFault(error)
  const known = error instanceof AuditError ? error.hint : undefined
  return TABLE_HINTS[table_name ?? ''] ?? known ?? HINTS[code]
}

/**
 * The fault of an error, and a hint if there is one. Neither quotes an entry, so both can be
 * logged.
 */
export function explain(error: unknown): { fault: DatabaseFault; hint?: string } {
  const fault = databaseFault(error)
  const ownWords = error instanceof AuditError && !error.fault ? error.message : undefined
  const hint = faultHint(error) ?? ownWords
  return hint === undefined ? { fault } : { fault, hint }
}

/** SQLSTATE classes that a retry does not solve, such as a missing grant or a wrong login. */
const FINAL_READ = /^(?:22|28|3D|3F|42)/

/** A login, a database, a right or TLS that is missing. Waiting brings none of them. */
const FINAL_LOGIN = /^(?:28...|3D000|42501|TLS_NOT_OFFERED)$/

/** Whether the URL or the grants are wrong, so that only a person can help. */
export function isFinalLogin(error: unknown): boolean {
  return FINAL_LOGIN.test(databaseFault(error).code)
}

/** Whether a failed read would fail again. */
export function isFinalFault(error: unknown): boolean {
  if (error instanceof TypeError) return true
  if (error instanceof AuditError && error.code === 'AUDIT_FILTER_INVALID') return true
  return FINAL_READ.test(databaseFault(error).code)
}
