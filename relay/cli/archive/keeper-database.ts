import { Database } from '../../../src/database/connection.ts'
import { type Environment, readConfig } from '../../config.ts'

/** Comparing and indexing millions of entries takes minutes. */
const LONG_DEADLINE_MS = 3_600_000

/** A connection of the keeper's login for statements that may take long. */
export function openKeeper(environment: Environment): Database {
  const { databaseUrl } = readConfig(environment, 'keeper')
  return new Database({
    url: databaseUrl,
    role: 'audit_keeper',
    applicationName: 'audit-relay archive',
    statementTimeoutMs: LONG_DEADLINE_MS,
  })
}
