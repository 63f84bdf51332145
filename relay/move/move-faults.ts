import { databaseFault } from '../../src/errors.ts'
import { faultKind } from '../../src/database/faults.ts'

/**
 * Tables that a move writes besides the log. If one of them refuses a row, no entry is at fault.
 */
const BOOKKEEPING = ['audit_head', 'audit_recorder', 'audit_dead_letter']

/** The log and its partitions. */
const LOG_TABLE = /^audit_log(_|$)/

/** The primary key of the log and of its partitions. */
const LOG_KEY = /^audit_log(_.*)?_pkey$/

/**
 * True when another relay was in the way. The statement did nothing, and its next attempt sees what
 * the other relay did: an entry with a duplicate id is in the log by then.
 */
export function isClash(error: unknown): boolean {
  const { code, constraint_name, table_name } = databaseFault(error)
  if (code === '40P01' || code === '40001') return true
  // The row's partition was attached meanwhile. The bounds of a partition have no constraint name.
  if (code === '23514' && LOG_TABLE.test(table_name ?? '')) {
    return constraint_name === undefined || constraint_name === 'audit_log_bounds'
  }
  return code === '23505' && (constraint_name === undefined || LOG_KEY.test(constraint_name))
}

/** True when an entry of the batch is at fault, so that moving the other entries would work. */
export function isPoison(error: unknown): boolean {
  if (faultKind(error) !== 'entry' || isClash(error)) return false
  const { table_name, column_name } = databaseFault(error)
  if (table_name !== undefined && BOOKKEEPING.includes(table_name)) return false
  return column_name !== 'seq' // the log's head gave no number
}

/**
 * True for a failed move in turn whose entries are moved again, one batch at a time. Its numbers
 * were taken, another relay logged an id, or an entry was refused.
 */
export function isMovedAgain(error: unknown): boolean {
  return faultKind(error) === 'entry' || isClash(error)
}
