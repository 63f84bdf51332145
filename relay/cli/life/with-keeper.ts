import { Database } from '../../../src/database/connection.ts'
import { AuditError } from '../../../src/errors.ts'
import { type Environment, readConfig } from '../../config.ts'
import { unlessRefused } from '../command/unless-refused.ts'

/** Connects as the keeper for one command. @returns 4 where the login is not one */
export function withKeeper(
  environment: Environment,
  act: (database: Database) => Promise<number>,
): Promise<number> {
  return withLogin(environment, 'keeper', act)
}

/** A list is for readers, too: as the reader where no keeper's URL is set. */
export function withKeeperOrReader(
  environment: Environment,
  act: (database: Database) => Promise<number>,
): Promise<number> {
  const isSet = (name: string) => Boolean(environment[name]?.trim())
  const isReader = !isSet('AUDIT_KEEPER_DATABASE_URL') && isSet('AUDIT_READER_DATABASE_URL')
  return withLogin(environment, isReader ? 'reader' : 'keeper', act)
}

async function withLogin(
  environment: Environment,
  role: 'keeper' | 'reader',
  act: (database: Database) => Promise<number>,
): Promise<number> {
  const { databaseUrl, limits } = readConfig(environment, role)
  const database = new Database({
    url: databaseUrl,
    role: `audit_${role}`,
    applicationName: 'audit-relay keeper',
    statementTimeoutMs: Math.max(limits.statementTimeoutMs, LONGEST_WAIT_MS),
  })
  try {
    return await unlessRefused(() => act(database))
  } finally {
    await database.close()
  }
}

/** A hold waits for 10 s for what removes entries at that moment. */
const LONGEST_WAIT_MS = 15_000

/** Whether a function of ours refused what it was given. The message does not reach us. */
export function wasRefused(error: unknown, code: string): boolean {
  const { fault } = error instanceof AuditError ? error : {}
  return fault?.code === code && fault.routine === 'exec_stmt_raise'
}
