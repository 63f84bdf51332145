import type { IdKind } from '../../../src/entry.ts'
import { migrateDatabase } from '../../../src/schema/migrate.ts'
import { migrationSql } from '../../../src/schema/printed/print-sql.ts'
import { type GivenRoles, settleRoles } from '../../../src/database/role-settings.ts'
import { rolesSql } from '../../../src/schema/printed/roles-sql.ts'
import { AuditError } from '../../../src/errors.ts'
import { type Environment, readConfig } from '../../config.ts'
import { misuse } from '../command/misuse.ts'
import { RewriteDialogue } from './rewrite-dialogue.ts'

export interface Asked extends GivenRoles {
  readonly ids?: IdKind | undefined
  /** Whether a log that holds entries may be rewritten. */
  readonly rewrites?: boolean | undefined
  /** Whether to rewrite it without asking. */
  readonly isSure?: boolean | undefined
}

/** Brings the schema up to date, and says what that took. */
export async function applyMigrations(
  environment: Environment,
  { ids, rewrites = false, isSure = false, ...given }: Asked = {},
): Promise<number> {
  const { databaseUrl } = readConfig(environment, 'owner')
  const dialogue = rewrites ? new RewriteDialogue({ isSure }) : undefined
  const { applied, repaired, newerVersion, idsChanged, hasTurnedRolesOn } = await withOptionNames(
    () =>
      migrateDatabase({
        databaseUrl,
        ...given,
        ids,
        rewrite: dialogue?.agree,
        onProgress: dialogue?.progress,
      }),
  ).finally(() => dialogue?.end())
  let said = applied.length === 0 ? 'The schema is up to date.' : `Applied: ${applied.join(', ')}.`
  if (idsChanged !== undefined) said += ` The ids are ${idsChanged} now.`
  if (repaired.length > 0) said += ` Repaired: ${repaired.join(', ')}.`
  if (hasTurnedRolesOn) said += ' The roles are on now.'
  if (newerVersion !== undefined) {
    said =
      `A newer package has migrated this database, to version ${newerVersion}. ` +
      'This one works on it. Nothing was changed.'
  }
  process.stdout.write(`${said}\n`)
  return 0
}

/** Prints the SQL of all migrations after a version of the schema. */
export async function printMigrations(
  { ids, ...given }: Omit<Asked, 'rewrites' | 'isSure'>,
  from?: number,
): Promise<number> {
  const text = await withOptionNames(() =>
    migrationSql({ ids, from, ...settleRoles(given, undefined) }),
  )
  process.stdout.write(`${text}\n`)
  return 0
}

/** Prints the SQL that gives the login that migrates its roles. It connects to nothing. */
export async function printRoles(environment: Environment, given: GivenRoles): Promise<number> {
  const { databaseUrl } = readConfig(environment, 'owner')
  const login = loginOf(databaseUrl) || environment['PGUSERNAME'] || environment['PGUSER']
  if (!login) {
    throw misuse(
      'The database URL names no login: write it as postgres://login@host:5432/database.',
    )
  }
  const settings = await withOptionNames(() => settleRoles(given, undefined))
  process.stdout.write(`${rolesSql(login, settings)}\n`)
  return 0
}

/** What the library calls the options of the command. */
const OPTION_NAMES: Readonly<Record<string, string>> = {
  rolePrefix: '--role-prefix',
  roles: '--roles',
  from: '--from',
}

async function withOptionNames<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AuditError) || error.code !== 'AUDIT_OPTION_INVALID') throw error
    throw misuse(
      error.message.replace(/^(?:rolePrefix|roles|from)\b/, (name) => OPTION_NAMES[name] ?? name),
    )
  }
}

/** Without `new URL`, which refuses a URL of several hosts. */
function loginOf(databaseUrl: string): string {
  const [, login = ''] = /^postgres(?:ql)?:\/\/([^:@/]*)[^@/]*@/.exec(databaseUrl) ?? []
  return decodeURIComponent(login)
}
