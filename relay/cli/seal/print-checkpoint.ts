import { sql } from 'drizzle-orm'
import { Database } from '../../../src/database/connection.ts'
import { type Environment, readConfig } from '../../config.ts'
import { openSeal, quietLogger, sayFailures, withRefusal } from './run-seal.ts'

interface Flags {
  readonly publish?: true
  readonly json?: true
}

interface Checkpoint {
  readonly name: string
  readonly size: number
  readonly note: string
  readonly sealedAt: string
}

const DONE = 0
const FAILED = 1
const NOTHING_SEALED = 6

/** Prints the newest checkpoint; with `publish` it is handed to the anchors before. */
export function printCheckpoint(environment: Environment, flags: Flags): Promise<number> {
  return withRefusal(async () => {
    const failed = flags.publish === true && (await publish(environment))
    const found = await newest(environment)
    if (found === undefined) {
      process.stderr.write('audit-relay: nothing is sealed yet.\n')
      return NOTHING_SEALED
    }
    process.stdout.write(flags.json ? `${JSON.stringify(found)}\n` : found.note)
    return failed ? FAILED : DONE
  })
}

/** @returns whether an anchor did not take it */
async function publish(environment: Environment): Promise<boolean> {
  const seal = await openSeal(environment, quietLogger(), { seals: false })
  try {
    const failures = (await seal.publish()) ?? new Map()
    sayFailures(failures)
    return failures.size > 0
  } finally {
    await seal.stop()
  }
}

/** As a reader where the environment has the URL of one, else as the relay. */
async function newest(environment: Environment): Promise<Checkpoint | undefined> {
  const isReader = Boolean(environment['AUDIT_READER_DATABASE_URL']?.trim())
  const role = isReader ? 'reader' : 'relay'
  const { databaseUrl, limits } = readConfig(environment, role)
  const database = new Database({
    url: databaseUrl,
    role: `audit_${role}`,
    applicationName: 'audit-relay checkpoint',
    statementTimeoutMs: limits.statementTimeoutMs,
    isReader: true,
  })
  try {
    const [row] = await database.execute<Checkpoint>(sql`/* audit-relay checkpoint */
      select c.name, c.size::double precision as size, c.note,
        pg_catalog.to_char(c.sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
          as "sealedAt"
      from audit.newest_checkpoint() as c where c.note is not null`)
    return row
  } finally {
    await database.close()
  }
}
