import { findStrangers } from '../../../src/schema/examine.ts'
import type { Check } from '../visit/check.ts'
import { answer, type Finding } from '../visit/finding.ts'

/** What is in the schema, or is called from it, and is not of this package. */
export const strangers: Check = {
  area: 'schema',
  what: 'foreign objects',
  as: 'owner',
  async look(visit) {
    const found = await visit.as(['owner', 'relay', 'reader', 'app'], (connection) =>
      connection.read((tx) => findStrangers(tx, visit.roleName('owner'))),
    )
    const triggers = await visit.rows(FOREIGN_TRIGGERS)
    const named = triggers.map(
      ({ name, full_name }): Finding => ({
        kind: 'trigger-strange',
        severity: 'error',
        text: `The trigger ${name} on ${full_name} is not of this package: it runs with each move, and can stop it.`,
        remedy: { sql: `drop trigger ${name} on ${full_name};` },
      }),
    )
    const others = found
      .filter((what) => !triggers.some(({ name }) => what.startsWith(`trigger ${name} `)))
      .map(
        (what): Finding => ({
          kind: 'object-strange',
          severity: 'warning',
          text: `In the schema audit, and not of this package: ${what}.`,
          remedy: {
            sql: `drop ${what.replace(/ \((?:owner|calls) .*\)$/, '')};`,
            advice: 'Only if you know what it is: it runs with the rights of the owner.',
          },
        }),
      )
    return answer([...named, ...others], 'none')
  },
}

/** Triggers other than the guards of partitions, which have a copy of each, and of the seal's tables. */
const FOREIGN_TRIGGERS = `
  select quote_ident(g.tgname) as name, c.oid::regclass::text as full_name
  from pg_trigger as g join pg_class as c on c.oid = g.tgrelid
  join pg_namespace as n on n.oid = c.relnamespace
  where n.nspname = 'audit' and not g.tgisinternal and g.tgparentid = 0
    and g.tgname not in ('audit_log_append_only', 'audit_log_row_append_only')
    and not (g.tgname in ('audit_seal_row', 'audit_seal_truncate')
      and g.tgfoid = to_regprocedure('audit.guard_seal()'))
  order by 2, 1 limit 20`
