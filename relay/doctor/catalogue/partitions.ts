import { resolvePartitionWidth } from '../../../src/options.ts'
import type { Row } from '../visit/connection.ts'
import type { Check } from '../visit/check.ts'
import { answer, type Finding } from '../visit/finding.ts'
import type { Visit } from '../visit/visit.ts'
import { idRange } from './id-range.ts'

const LOG = 'audit.audit_log'
const GUARDS = ['audit_log_append_only', 'audit_log_row_append_only']

/**
 * The log and its partitions: their bounds, guards and storage. Where the log has a valid index, each
 * partition has it, too: Postgres sees to that.
 */
export const PARTITIONS = `
  select c.relname::text as name, n.nspname::text as schema, c.oid::regclass::text as full_name,
    c.relkind::text as kind, c.relpersistence::text as persistence,
    pg_get_expr(c.relpartbound, c.oid) as bound, pg_relation_size(c.oid)::text as bytes,
    (
      select json_agg(g.tgname) from pg_trigger as g
      where g.tgrelid = c.oid and g.tgenabled = 'A'
        and g.tgfoid = (
          select p.oid from pg_proc as p
          where p.pronamespace = l.relnamespace and p.proname = 'refuse_change'
        )
    )::text as guards,
    (
      select json_agg(a.attname order by a.attnum) from pg_attribute as a
      where a.attrelid = l.oid and a.attnum > 0 and not a.attisdropped
    )::text as columns
  from pg_class as l
  left join pg_inherits as i on i.inhparent = l.oid
  join pg_class as c on c.oid = i.inhrelid or c.oid = l.oid
  join pg_namespace as n on n.oid = c.relnamespace
  where l.relnamespace = (select oid from pg_namespace where nspname = 'audit')
    and l.relname = 'audit_log'`
export const partitions: Check = {
  area: 'partitions',
  what: 'partitions of the log',
  as: 'owner',
  async look(visit) {
    const rows = await visit.rows(PARTITIONS)
    const parts = [...new Map(rows.map((row) => [String(row['full_name']), row])).values()]
    const children = parts.filter(({ bound }) => bound !== null)
    const findings = [
      ...defaultOf(children),
      ...parts.flatMap((part) => [...guardsOf(part)]),
      ...children.flatMap((part) => [...storageOf(part), ...boundsOf(part)]),
    ]
    return answer(findings, `${children.length} partitions, each with its guards`)
  },
}

function defaultOf(children: readonly Row[]): readonly Finding[] {
  if (children.some(({ bound }) => bound === 'DEFAULT')) return []
  return [
    {
      kind: 'no-default-partition',
      severity: 'error',
      text: 'The log has no DEFAULT partition: when the months run out, entries cannot be moved.',
      remedy: {
        sql:
          `create table audit.audit_log_default partition of ${LOG} default;\n` +
          `select audit.guard_log_table('audit.audit_log_default');`,
        command: 'audit-relay migrate',
      },
    },
  ]
}

function* guardsOf(part: Row): Generator<Finding> {
  const found: readonly string[] = JSON.parse(String(part['guards'] ?? '[]'))
  const lacking = GUARDS.filter((guard) => !found.includes(guard))
  if (lacking.length === 0) return
  yield {
    kind: 'guard-off',
    severity: 'error',
    text: `${part['full_name']} lacks the trigger ${lacking.join(' and ')}, or it is disabled: rows can be changed or deleted.`,
    remedy: { command: 'audit-relay migrate' },
  }
}

function* storageOf(part: Row): Generator<Finding> {
  const name = String(part['full_name'])
  if (part['persistence'] === 'u') {
    yield {
      kind: 'table-unlogged',
      severity: 'error',
      text: `${name} is UNLOGGED: a crash of the server empties it.`,
      remedy: { sql: `alter table ${name} set logged;` },
    }
  }
}

/** The relay goes by the ranges of ids. What has none, it cannot take into account. */
function* boundsOf(part: Row): Generator<Finding> {
  const name = String(part['name'])
  if (part['bound'] === 'DEFAULT') {
    if (name !== 'audit_log_default') yield byHand(part, 'is DEFAULT under another name')
    return
  }
  if (part['schema'] !== 'audit') yield byHand(part, 'is in another schema')
  else if (idRange(String(part['bound'])) === undefined) {
    yield byHand(part, 'has bounds that are not two ids')
  }
}

function byHand(part: Row, why: string): Finding {
  const [name, columns] = [
    String(part['full_name']),
    JSON.parse(String(part['columns'])).join(', '),
  ]
  const isDefault = part['bound'] === 'DEFAULT'
  return {
    kind: 'partition-by-hand',
    severity: 'warning',
    text: `${name} was made by hand: it ${why}. It cannot be in the catalogue, so each reader reads it.`,
    remedy: {
      sql: isDefault
        ? `alter table ${name} rename to audit_log_default;`
        : `begin;\nalter table ${LOG} detach partition ${name};\n` +
          `insert into ${LOG} (${columns}) select ${columns} from ${name};\ncommit;\n` +
          `drop table ${name};`,
    },
  }
}

/** The statement by which the owner makes what a relay would make, and fills the catalogue. */
export function makingPartitions({ limits, environment }: Visit): string {
  const width = resolvePartitionWidth(undefined, environment)
  return `select audit.ensure_partitions(${limits.monthsAhead}, '${width}', ${limits.maxPartitions});`
}
