import { migrateDatabase } from '../../../src/schema/migrate.ts'
import { migrationSql } from '../../../src/schema/series.ts'
import { type Environment, readConfig } from '../../config.ts'

/** Brings the schema up to date, and says what that took. */
export async function applyMigrations(environment: Environment): Promise<number> {
  const { databaseUrl } = readConfig(environment, 'owner')
  const { applied, repaired, newerVersion } = await migrateDatabase({ databaseUrl })
  let said = applied.length === 0 ? 'The schema is up to date.' : `Applied: ${applied.join(', ')}.`
  if (repaired.length > 0) said += ` Repaired: ${repaired.join(', ')}.`
  if (newerVersion !== undefined) {
    said =
      `A newer package has migrated this database, to version ${newerVersion}. ` +
      'This one works on it. Nothing was changed.'
  }
  process.stdout.write(`${said}\n`)
  return 0
}

/** Prints the SQL of all migrations. */
export function printMigrations(): number {
  process.stdout.write(`${migrationSql()}\n`)
  return 0
}
