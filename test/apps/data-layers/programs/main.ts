// Runs the program of each library on the migrated database of DATABASE_URL.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PROGRAMS = [
  ...['pg', 'pg-parsers', 'postgres', 'drizzle', 'kysely', 'knex', 'typeorm'],
  ...['prisma', 'sequelize', 'mikro-orm', 'pg-promise'],
]

if (!process.env['DATABASE_URL']) {
  console.error('Set DATABASE_URL: the owner of a migrated database.')
  process.exit(2)
}
const failed = PROGRAMS.filter((name) => {
  console.log(name)
  const file = fileURLToPath(new URL(`${name}.js`, import.meta.url))
  return spawnSync(process.execPath, [file], { stdio: 'inherit', timeout: 120_000 }).status !== 0
})
console.log(failed.length === 0 ? 'All is well' : `Failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
