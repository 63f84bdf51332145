import { optionInvalid } from '../../src/errors.ts'
import type { RelayLimits } from '../../src/options.ts'
import type { Environment } from '../config.ts'
import { type Check, examine } from './visit/check.ts'
import { connectAll } from './connections.ts'
import { stateDir } from './environment.ts'
import type { Examined, Report } from './visit/finding.ts'
import { nameSettings } from './names.ts'
import { deadLetters, recorders, waiting } from './flow.ts'
import { follow } from './follow.ts'
import { functions } from './catalogue/functions.ts'
import { seal, sealGuards } from './seal.ts'
import { numbers, reserved, rows } from './log.ts'
import { partitionsAhead, rowsInDefault } from './catalogue/partitions-ahead.ts'
import { logSize, partitionCatalogue, partitionCount } from './catalogue/partition-catalogue.ts'
import { partitions } from './catalogue/partitions.ts'
import { eraser, keeper } from './catalogue/cron-logins.ts'
import { logins, members } from './catalogue/members.ts'
import { grants, owners } from './catalogue/rights.ts'
import { disk, hasSchema, notMigrated, server, versions } from './server.ts'
import { held, logLocks, transactions } from './sessions.ts'
import { strangers } from './catalogue/strangers.ts'
import { tables } from './catalogue/tables.ts'
import { Visit } from './visit/visit.ts'

/** Those that need no schema. */
const ALWAYS: readonly Check[] = [server, disk]
const OF_SCHEMA: readonly Check[] = [
  ...[versions, tables, functions, strangers],
  ...[partitions, partitionCatalogue, partitionCount, partitionsAhead, rowsInDefault, logSize],
  ...[owners, grants, members, logins, keeper, eraser],
  ...[numbers, rows, reserved, sealGuards],
  ...[transactions, held, logLocks],
  ...[waiting, deadLetters, recorders, seal, follow],
]

export interface DoctorOptions {
  readonly environment: Environment
  readonly limits: RelayLimits
  /** Called with what is looked at next. */
  readonly onProgress?: (what: string) => void
}

/**
 * Looks at a database from every side that the URLs of the environment allow. It writes nothing: each
 * query runs in a read-only transaction.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where no URL is set, or one is of another kind
 */
export async function diagnose(options: DoctorOptions): Promise<Report> {
  const { environment, limits, onProgress = () => {} } = options
  const visit = new Visit(environment, limits)
  if (visit.connections.length === 0) {
    throw optionInvalid(
      'No database: set DATABASE_URL, or the URL of a role, such as AUDIT_RELAY_DATABASE_URL.',
    )
  }
  try {
    onProgress('connections')
    const examined: Examined[] = [...(await connectAll(visit))]
    const look = async (checks: readonly Check[]) => {
      for (const check of checks) {
        onProgress(check.what)
        examined.push(await examine(check, visit))
      }
    }
    if (visit.open.length > 0) {
      await look(ALWAYS)
      const { is_there } = await visit.row(hasSchema)
      if (is_there === true) {
        await visit.learn()
        await look(OF_SCHEMA)
      } else examined.push({ area: 'schema', what: 'version', findings: [notMigrated] })
    }
    await look([stateDir, nameSettings])
    return { examined }
  } finally {
    await visit.close()
  }
}
