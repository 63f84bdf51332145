import { migrateDatabase } from '../../src/schema/migrate.ts'
import { silentLogger } from '../support/lanes.ts'
import { allRefused, type Attack, held, succeeded } from './attack.ts'
import { RESTORED_WITHOUT_RIGHTS } from '../support/restored-schema.ts'

const ALL_MAY_CALL = 'grant usage on schema audit to public'

const HARMS: Readonly<Record<string, string>> = {
  'a trigger of the log is disabled':
    'alter table audit.audit_log disable trigger audit_log_row_append_only',
  'a trigger of a partition is gone':
    'drop trigger audit_log_append_only on audit.audit_log_default',
  'the reader may no longer read': 'revoke select on audit.audit_log from audit_reader',
  'everybody may call a function':
    'grant execute on function audit.put_ours(text, text, jsonb, jsonb) to public',
  'everybody may read the log': 'grant select on audit.audit_log to public',
  'everybody may see the schema': 'grant usage on schema audit to public',
  'a table belongs to somebody': 'alter table audit.audit_outbox owner to audit_reader',
}

export const restore: readonly Attack[] = [
  {
    name: 'a restore without owners and grants, then a migration',
    by: 'no one',
    async play(arena) {
      await arena.sql.unsafe(RESTORED_WITHOUT_RIGHTS)
      await arena.sql.unsafe(ALL_MAY_CALL)
      const { repaired } = await migrateDatabase({ databaseUrl: arena.url, logger: silentLogger() })
      const [row] = await arena.sql`
        select count(*)::integer as foreign_owned from pg_class
        where relnamespace = 'audit'::regnamespace and relowner <> 'audit_owner'::regrole`
      if (row?.['foreign_owned'] !== 0)
        return succeeded(`${row?.['foreign_owned']} tables are not ours`)
      const refused = await allRefused(arena.as('nobody'), [
        `select audit.put_ours('audit.gap', null, '{}', '{}')`,
        'select * from audit.audit_log',
      ])
      if (!refused.isHeld) return refused
      const [taken] = await arena.as('audit_app')`select audit.record('{"action":"a.b"}') as count`
      const logged = taken?.['count'] === 1 ? await arena.moveAll() : 0
      return logged === 1
        ? held(`repaired: ${repaired.join(', ')}; moves again`)
        : succeeded('it does not move')
    },
  },
  ...Object.entries(HARMS).map(
    ([name, harm]): Attack => ({
      name: `${name}, then a migration`,
      by: 'migrating login',
      async play(arena) {
        await arena.sql.unsafe(harm)
        return await migrateDatabase({ databaseUrl: arena.url, logger: silentLogger() }).then(
          ({ repaired }) =>
            repaired.length > 0
              ? held(`repaired: ${repaired.join(', ')}`)
              : succeeded('"up to date"'),
          (error: unknown) => {
            const code = String(Reflect.get(Object(error), 'code'))
            return code === 'AUDIT_SCHEMA_MISMATCH'
              ? held(`refused ${code}`)
              : succeeded(String(error))
          },
        )
      },
    }),
  ),
]
