import { createHash } from 'node:crypto'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import { withOwner } from './database.ts'
import * as tables from './tables.ts'

const SCHEMA = tables.demoSchema.schemaName

/**
 * Makes the site's own tables. It replaces tables of another version of the demo, with their rows,
 * because the rows are only examples.
 *
 * @param login may use the tables; undefined if the owner uses them itself
 */
export async function makeSiteTables(ownerUrl: string, login: string | undefined): Promise<void> {
  const statements = await generateMigration(generateDrizzleJson({}), generateDrizzleJson(tables))
  const fingerprint = createHash('sha256').update(statements.join('\n')).digest('hex')
  await withOwner(ownerUrl, async (sql) => {
    await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtext(${SCHEMA}))` // two demos on one database
      const [found] = await tx`
        select obj_description(oid) as fingerprint from pg_namespace where nspname = ${SCHEMA}`
      if (found?.['fingerprint'] !== fingerprint) {
        await tx`drop schema if exists ${tx(SCHEMA)} cascade`
        for (const statement of statements) await tx.unsafe(statement)
        await tx.unsafe(`comment on schema ${SCHEMA} is '${fingerprint}'`)
      }
      if (login === undefined) return
      await tx`grant usage on schema ${tx(SCHEMA)} to ${tx(login)}`
      await tx`
        grant select, insert, update, delete on all tables in schema ${tx(SCHEMA)} to ${tx(login)}`
    })
  })
}
